/// \file Steps that are computed in parts are the steps of the whole.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "penchant/learn/test_data.h"
#include "penchant/learn/trainer.h"

namespace penchant::learn {
namespace {

const std::vector<float>& values_of(const TrainedModel& model, const std::string& name) {
  for (const NamedTensor& t : model.tensors)
    if (t.name == name) return t.values;
  throw std::runtime_error("no tensor " + name);
}

TrainOptions without_chance() {
  TrainOptions o = small_options();
  o.epochs = 2, o.learning_rate = 2e-3;
  o.dropout = o.input_dropout = o.id_dropout = 0;
  return o;
}

/// Histories of unlike length, so that parts of one step hold unlike numbers of positions.
TrainingData uneven_ring() {
  TrainingData data = ring_data(24, 60, 14);
  for (std::size_t u = 0; u < data.train.users(); u += 3)
    for (std::uint64_t e = data.train.offsets[u]; e + 1 + u % 9 < data.train.offsets[u + 1]; ++e) data.train.is_target[e] = 0;
  return data;
}

TEST(Accumulation, AStepInPartsIsTheStepOfTheWhole) {
  const TrainingData data = uneven_ring();
  TrainOptions whole = without_chance(), parts = without_chance();
  whole.batch = 32;
  parts.batch = 8, parts.accumulate = 4;
  const auto a = train(data, whole), b = train(data, parts);
  ASSERT_TRUE(a.ok() && b.ok()) << a.error().message << b.error().message;
  for (std::size_t e = 0; e < a->epochs.size(); ++e) {
    EXPECT_NEAR(a->epochs[e].loss, b->epochs[e].loss, 2e-4);
    EXPECT_EQ(a->epochs[e].learning_rate, b->epochs[e].learning_rate) << "as many steps";
  }
  const auto &x = values_of(*a, "item.vector"), &y = values_of(*b, "item.vector");
  ASSERT_EQ(x.size(), y.size());
  // Sums in another order, some of them in bfloat16: a quarter of one of the steps.
  for (std::size_t i = 0; i < x.size(); ++i) EXPECT_NEAR(x[i], y[i], 0.25 * whole.learning_rate) << i;
  whole.batch = 8;
  const auto small = train(data, whole);
  ASSERT_TRUE(small.ok());
  EXPECT_GT(std::abs(small->epochs.back().loss - a->epochs.back().loss), 1e-2) << "batches of another size learn otherwise";
}

TEST(Accumulation, IsASettingThatIsChecked) {
  TrainOptions o;
  EXPECT_TRUE(apply_setting(o, "accumulate=4").ok());
  EXPECT_EQ(o.accumulate, 4u);
  EXPECT_TRUE(validate(o).ok());
  o.accumulate = 0;
  EXPECT_THAT(validate(o).error().message, ::testing::HasSubstr("accumulate"));
}

}  // namespace
}  // namespace penchant::learn
