#include "penchant/learn/torch/auxiliary.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "penchant/learn/release_writer.h"
#include "penchant/learn/test_data.h"
#include "penchant/learn/torch/parity.h"
#include "penchant/learn/trainer.h"

namespace penchant::learn {
namespace {

using torch::Tensor;

TrainingData data_with_attributes() {
  TrainingData d = ring_data();
  d.attribute_values = 3;
  for (std::uint32_t i = 0; i < d.items; ++i)
    d.attributes.push_back(i == 0 ? std::vector<std::uint32_t>{} : i % 2 == 0 ? std::vector<std::uint32_t>{0, 2} : std::vector<std::uint32_t>{1});
  return d;
}

Batch three_positions() {
  Batch b;
  b.targets = {0, 2, 3};
  b.next_actions = {1, 0, 1};
  b.next_gaps = {0, 5, 31};
  return b;
}

TEST(AuxiliaryHeads, LossIsTheDefinition) {
  torch::manual_seed(3);
  const TrainingData data = data_with_attributes();
  const Batch batch = three_positions();
  const auto log_p = [](const AuxiliaryHeads& heads, const Tensor& states) {
    return torch::log_softmax(torch::linear(states, heads.weights()[0].value, heads.weights()[1].value), 1);
  };
  TrainOptions o = small_options();
  const Tensor states = torch::randn({3, 16}).set_requires_grad(true);
  EXPECT_FALSE(AuxiliaryHeads(data, o).loss(states, batch).defined()) << "no head is asked for";
  o.next_action = 0.5;
  const AuxiliaryHeads action(data, o);
  const Tensor a = log_p(action, states);
  EXPECT_NEAR(action.loss(states, batch).item<double>(), -0.5 * (a[0][1] + a[1][0] + a[2][1]).item<double>() / 3, 1e-6);
  o.next_action = 0, o.next_gap = 2;
  const AuxiliaryHeads gap(data, o);
  const Tensor g = log_p(gap, states);
  EXPECT_NEAR(gap.loss(states, batch).item<double>(), -2 * (g[0][0] + g[1][5] + g[2][31]).item<double>() / 3, 1e-5);
  o.next_gap = 0, o.next_attributes = 1;
  const AuxiliaryHeads attributes(data, o);
  const Tensor v = log_p(attributes, states);  // item 0 has none, item 2 has two, item 3 has one
  const Tensor loss = attributes.loss(states, batch);
  EXPECT_NEAR(loss.item<double>(), -(0.5 * v[1][0] + 0.5 * v[1][2] + v[2][1]).item<double>() / 3, 1e-6);
  loss.backward();
  EXPECT_EQ(states.grad()[0].abs().sum().item<double>(), 0);
  EXPECT_GT(states.grad()[1].abs().sum().item<double>(), 0);
}

TEST(AuxiliaryHeads, ShapeTheStatesAndStayOutOfTheRelease) {
  const TrainingData data = data_with_attributes();
  TrainOptions o = small_options();
  o.epochs = 2;
  const auto plain = train(data, o);
  o.next_action = o.next_gap = o.next_attributes = 0.3;
  const auto taught = train(data, o);
  ASSERT_TRUE(plain.ok() && taught.ok());
  ASSERT_EQ(taught->tensors.size(), plain->tensors.size());
  bool differ = false;
  for (std::size_t t = 0; t < plain->tensors.size(); ++t) {
    EXPECT_EQ(taught->tensors[t].name, plain->tensors[t].name);
    differ |= taught->tensors[t].values != plain->tensors[t].values;
  }
  EXPECT_TRUE(differ);
  EXPECT_EQ(taught->parameters, plain->parameters);
}

TEST(AuxiliaryHeads, AreResumedWithTheRest) {
  const TrainingData data = data_with_attributes();
  const auto folder = std::filesystem::temp_directory_path() / ("penchant-auxiliary-" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  TrainOptions o = small_options();
  o.epochs = 3, o.next_action = o.next_gap = o.next_attributes = 0.3;
  const auto whole = train(data, o);
  o.checkpoint = (folder / "checkpoint").string();
  const auto stopped = train(data, o, [](const TrainProgress& p) { return p.epoch < 2; });
  EXPECT_FALSE(stopped.ok());
  o.resume = true;
  const auto resumed = train(data, o);
  std::filesystem::remove_all(folder);
  ASSERT_TRUE(whole.ok() && resumed.ok());
  for (std::size_t t = 0; t < whole->tensors.size(); ++t) EXPECT_EQ(resumed->tensors[t].values, whole->tensors[t].values) << whole->tensors[t].name;
}

TEST(Objectives, AskOfTheDataOnlyWhatTheyHold) {
  TrainOptions o = small_options();
  o.read_request = true;
  TrainingData positions = ring_data();
  positions.has_clock = false;
  EXPECT_NE(train(positions, o).error().message.find("read_request"), std::string::npos);
  o.read_request = false;
  o.next_attributes = 1;
  EXPECT_NE(train(ring_data(), o).error().message.find("next_attributes"), std::string::npos);
}

/// After item 0 two of three people look at item 1 and one buys item 2.
TrainingData seen_and_bought() {
  TrainingData d = ring_data(8, 1, 2);
  d.train = {};
  d.validation.clear();
  d.actions = {{.type = "unknown"}, {.type = "view"}, {.type = "purchase"}};
  d.strengths = {1, 1, 8};
  for (std::uint32_t u = 0; u < 90; ++u) {
    const bool buys = u % 3 == 0;
    d.train.items.insert(d.train.items.end(), {0, buys ? 2U : 1U});
    d.train.actions.insert(d.train.actions.end(), {1, static_cast<std::uint16_t>(buys ? 2 : 1)});
    d.train.times_ms.insert(d.train.times_ms.end(), {1'000'000, 2'000'000});
    d.train.is_target.insert(d.train.is_target.end(), {1, 1});
    d.train.offsets.push_back(d.train.items.size());
  }
  count_events(d);
  return d;
}

TEST(Engagement, WhatIsWantedMoreComesFirst) {
  Dataset dataset;
  dataset.data = seen_and_bought();
  for (std::uint32_t i = 0; i < dataset.data.items; ++i) dataset.item_ids.push_back(std::to_string(i));
  TrainOptions o = small_options();
  o.epochs = 30, o.dropout = o.input_dropout = o.id_dropout = 0;
  for (const double engagement : {0.0, 1.0}) {
    o.engagement = engagement;
    const auto model = train(dataset.data, o);
    ASSERT_TRUE(model.ok()) << model.error().message;
    const std::string folder = (std::filesystem::temp_directory_path() / ("penchant-engagement-" + std::to_string(::getpid()))).string();
    ASSERT_TRUE(write_release(folder, {"engagement", "2026-01-01T00:00:00Z", "tiny", 1}, dataset, o, *model).ok());
    const auto release = ReferenceModel::load(folder, Precision::f64);
    const auto logits = (*release)->forward({{0}, {1}, {0}}).value().dense_logits;
    std::filesystem::remove_all(folder);
    // The weight of a purchase is 8 times that of a view: e to the difference is 2 without and 1/4 with it.
    EXPECT_NEAR(logits(0, 1) - logits(0, 2), engagement == 0 ? std::log(2.0) : std::log(0.25), 0.25) << engagement;
  }
  dataset.data.strengths.clear();
  EXPECT_NE(train(dataset.data, o).error().message.find("engagement"), std::string::npos);
}

}  // namespace
}  // namespace penchant::learn
