#include "penchant/learn/baseline_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "penchant/artifact/safetensors.h"
#include "penchant/learn/test_data.h"
#include "penchant/metrics/ranking.h"

namespace penchant::learn {
namespace {

using ::testing::HasSubstr;

/// The ring without content: ids alone.
TrainingData bare_ring() {
  TrainingData d = ring_data(24, 200, 16);
  d.modalities.clear();
  d.codebooks.clear();
  d.codes = {};
  d.codebook_size = 0;
  d.actions.resize(1);
  std::ranges::fill(d.train.actions, 0);
  return d;
}

TrainOptions quick(std::string_view model) {
  TrainOptions o = baseline_options(model).value();
  o.dim = 16, o.heads = 1, o.ffn = 32, o.max_len = 10, o.stride = 5, o.batch = 16;
  o.dropout = o.input_dropout = 0.1;
  o.learning_rate = 1e-2, o.warmup_steps = 10, o.patience = 0;
  o.epochs = model == "bert4rec" ? 90 : 30;
  o.negatives = std::min(o.negatives, 8U);
  return o;
}

class Folder {
 public:
  explicit Folder(const std::string& name)
      : path_(std::filesystem::temp_directory_path() / ("penchant-baseline-" + std::to_string(::getpid()) + name)) {
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  [[nodiscard]] std::string operator/(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

void write_histories(const std::string& path, const std::vector<std::vector<std::int32_t>>& histories) {
  std::vector<std::int64_t> offsets{0};
  std::vector<std::int32_t> items;
  for (const auto& h : histories) {
    items.insert(items.end(), h.begin(), h.end());
    offsets.push_back(static_cast<std::int64_t>(items.size()));
  }
  artifact::SafeTensorsWriter writer;
  writer.add("offsets", std::span<const std::int64_t>(offsets));
  writer.add("items", std::span<const std::int32_t>(items));
  ASSERT_TRUE(writer.write(path).ok());
}

class EveryBaseline : public ::testing::TestWithParam<std::string_view> {};

TEST_P(EveryBaseline, LearnsTheRingAndSaysTheSameFromItsFiles) {
  const TrainingData data = bare_ring();
  const TrainOptions o = quick(GetParam());
  const auto model = train(data, o);
  ASSERT_TRUE(model.ok()) << model.error().message;
  // Nine steps of ten are the same: the right item stands first about that often. Chance is 0.19.
  EXPECT_GT(model->best_ndcg10, 0.5) << GetParam();

  const Folder folder{std::string(GetParam())};
  ASSERT_TRUE(write_baseline(folder / "model", std::string(GetParam()), o, *model, 1).ok());
  std::vector<std::vector<std::int32_t>> histories;
  for (const auto& c : data.validation) {
    std::vector<std::int32_t> h;
    for (auto e = data.train.offsets[c.user]; e < data.train.offsets[c.user + 1]; ++e)
      h.push_back(static_cast<std::int32_t>(data.train.items[e]));
    histories.push_back(h);
  }
  write_histories(folder / "histories", histories);
  const auto encoded = encode(folder / "model", folder / "histories", 1);
  ASSERT_TRUE(encoded.ok()) << encoded.error().message;
  ASSERT_EQ(encoded->users.rows(), histories.size());
  double ndcg = 0;
  std::vector<float> scores(data.items);
  for (std::size_t k = 0; k < histories.size(); ++k) {
    for (std::uint32_t i = 0; i < data.items; ++i) {
      scores[i] = encoded->bias[i];
      for (std::size_t c = 0; c < encoded->users.cols(); ++c) scores[i] += encoded->users(k, c) * encoded->items(i, c);
    }
    ndcg += metrics::ndcg_at(metrics::pessimistic_rank(scores, data.validation[k].target), 10) / double(histories.size());
  }
  EXPECT_NEAR(ndcg, model->best_ndcg10, 1e-3) << "what was written is not what was measured";
}

INSTANTIATE_TEST_SUITE_P(All, EveryBaseline, ::testing::ValuesIn(baseline_model_names()), [](const auto& info) {
  std::string name(info.param);
  std::ranges::replace(name, '-', '_');
  return name;
});

TEST(BaselineFiles, ADamagedModelIsRefusedByName) {
  const TrainingData data = bare_ring();
  TrainOptions o = quick("sasrec");
  o.epochs = 1;
  const auto model = train(data, o);
  const Folder folder("damaged");
  ASSERT_TRUE(write_baseline(folder / "model", "sasrec", o, *model, 1).ok());
  write_histories(folder / "histories", {{0, 1}});
  o.dim = 32;  // a description of another network
  TrainedModel other = *model;
  other.tensors.clear();
  ASSERT_TRUE(write_baseline(folder / "other", "sasrec", o, other, 1).ok());
  std::filesystem::copy_file(folder / "other/model.json", folder / "model/model.json",
                             std::filesystem::copy_options::overwrite_existing);
  const auto encoded = encode(folder / "model", folder / "histories", 1);
  ASSERT_FALSE(encoded.ok());
  EXPECT_THAT(encoded.error().message, HasSubstr("tensor item.id"));
  write_histories(folder / "histories", {{0, 99}});
  EXPECT_FALSE(encode(folder / "other", folder / "histories", 1).ok());
}

TEST(BaselineNames, AreListedInTheError) {
  EXPECT_THAT(baseline_options("bert5rec").error().message, HasSubstr("gsasrec, bert4rec"));
}

}  // namespace
}  // namespace penchant::learn
