/// \file A network goes on where a release stands, and nothing worse than the release comes out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>

#include "penchant/learn/test_data.h"
#include "penchant/learn/torch/network.h"
#include "penchant/learn/torch/tensors.h"
#include "penchant/learn/trainer.h"

namespace penchant::learn {
namespace {

using ::testing::HasSubstr;
using torch::Tensor;

StartWeights start_of(const TrainedModel& model) { return {{"before", 24, 0, 0}, model.tensors, model.shape.logit_scale}; }

/// A network with random weights all over, biases and norms included.
Network random_network(const TrainingData& data, const TrainOptions& o, Executor& executor, std::int64_t seed) {
  torch::manual_seed(seed);
  Network network(shape_of(o, data.items, 2, 2, data.codebook_size), o.architecture, {{"text", tensor_of(data.modalities[0].vectors)}},
                  tensor_of(data.codes), tensor_of(std::vector<float>(data.train_count.begin(), data.train_count.end())), executor);
  torch::NoGradGuard no_grad;
  for (const auto& w : network.weights())
    if (w.name != "logit_scale") w.value.detach().add_(torch::randn_like(w.value) * 0.3);
  return network;
}

StartWeights exported(const Network& network) {
  StartWeights out{{"before"}, {}, network.logit_scale()};
  for (const auto& [name, value] : network.exported()) out.tensors.push_back(named(name, value));
  return out;
}

EventTensors three_histories() {
  return {torch::tensor({1, 5, 9, 2, 4, 23}, torch::kInt64), torch::tensor({1, 0, 1, 1, 1, 1}, torch::kInt64),
          torch::tensor({0, 3, 1, 0, 0, 2}, torch::kInt64), torch::tensor({0, 3, 4, 6}, torch::kInt64), torch::tensor({3, 1, 0, 2, 2, 5}, torch::kInt64)};
}

double largest_difference(const Tensor& a, const Tensor& b) { return (a - b).abs().max().item<double>(); }

TEST(NetworkStart, IsTheInverseOfTheExport) {
  TrainingData data = ring_data();
  for (float& v : data.modalities[0].vectors.row(5)) v = 0;  // a missing modality
  Executor executor(1);
  for (const bool normalised : {true, false}) {
    TrainOptions o = small_options();
    o.normalised = normalised, o.mix_layers = o.read_request = normalised;
    const Network a = random_network(data, o, executor, 1);
    Network b = random_network(data, o, executor, 2);
    torch::NoGradGuard no_grad;
    const auto outputs = [&](const Network& network) {
      const Tensor vectors = network.item_vectors(), states = network.states(vectors, three_histories());
      const Tensor logits = torch::mm(network.dense_users(states), network.dense_items(vectors).t()) + network.bias();
      const auto codes = network.code_logits(states, network.codes().slice(0, 0, 6));
      return std::vector<Tensor>{vectors, states, logits, codes[0], codes[1]};
    };
    const auto wanted = outputs(a);
    EXPECT_GT(largest_difference(wanted[2], outputs(b)[2]), 0.1);
    ASSERT_TRUE(b.start_from(exported(a)).ok());
    const auto got = outputs(b);
    // Values of size 10 at most, and a handful of further roundings of 6e-8 on the way through the release.
    for (std::size_t i = 0; i < got.size(); ++i) EXPECT_LT(largest_difference(wanted[i], got[i]), 2e-4) << i << (normalised ? " cosine" : " dot");
    EXPECT_NEAR(a.logit_scale(), b.logit_scale(), 1e-5);
  }
}

/// The mean and size of content change with the catalogue; what an item's content gives does not.
TEST(NetworkStart, ContentMeansTheSameInAnotherCatalogue) {
  const TrainingData before = ring_data();
  TrainingData now = before;
  for (std::uint32_t i = 12; i < 24; ++i)
    for (float& v : now.modalities[0].vectors.row(i)) v = v * 3 + 0.4F;
  Executor executor(1);
  const TrainOptions o = small_options();
  const Network a = random_network(before, o, executor, 1);
  Network b = random_network(now, o, executor, 2);
  ASSERT_TRUE(b.start_from(exported(a)).ok());
  torch::NoGradGuard no_grad;
  EXPECT_LT(largest_difference(a.content_vectors().slice(0, 0, 12), b.content_vectors().slice(0, 0, 12)), 1e-4);
  EXPECT_GT(largest_difference(a.content_vectors().slice(0, 12), b.content_vectors().slice(0, 12)), 0.1);
}

TEST(NetworkStart, AnAgeThatWasSetStaysAndAMissingTensorIsNamed) {
  const TrainingData data = ring_data();
  Executor executor(1);
  const TrainOptions o = small_options();
  const Network a = random_network(data, o, executor, 1);
  Network b = random_network(data, o, executor, 2);
  b.set_age(3);
  StartWeights start = exported(a);
  ASSERT_TRUE(b.start_from(start).ok());
  double age = 0;
  for (const auto& [name, value] : b.exported())
    if (name == "item.age") age = value.item<double>();
  EXPECT_NEAR(age, 3, 1e-5);
  std::erase_if(start.tensors, [](const NamedTensor& t) { return t.name == "event.gap"; });
  EXPECT_THAT(b.start_from(start).error().message, HasSubstr("release \"before\" has no tensor event.gap"));
  TrainOptions wider = o;
  wider.ffn = 64;
  Network c = random_network(data, wider, executor, 3);
  EXPECT_THAT(c.start_from(exported(a)).error().message, HasSubstr("block.0.ffn.up.weight is [32, 16], this training needs [64, 16]"));
}

const std::vector<float>& values_of(const TrainedModel& model, const std::string& name) {
  for (const NamedTensor& t : model.tensors)
    if (t.name == name) return t.values;
  throw std::runtime_error("no tensor " + name);
}

TEST(WarmTraining, GoesOnFromTheReleaseAndKeepsItWhereNoEpochIsBetter) {
  const TrainingData data = ring_data();
  TrainOptions o = small_options();
  o.epochs = 12;
  const TrainedModel before = train(data, o).value();
  EXPECT_TRUE(std::isnan(before.start_ndcg10));
  const StartWeights start = start_of(before);

  TrainOptions more = o;
  more.epochs = 2, more.learning_rate = 1e-3;
  const TrainedModel after = train_from({.start = &start}, data, more).value();
  EXPECT_NEAR(after.start_ndcg10, before.best_ndcg10, 1e-3);
  EXPECT_GE(after.best_ndcg10, after.start_ndcg10);
  EXPECT_LT(after.epochs[0].loss, before.epochs[1].loss) << "it did not begin anew";

  TrainOptions bad = more;
  bad.learning_rate = 5, bad.warmup_steps = 0, bad.generator_epochs = 0;
  const TrainedModel kept = train_from({.start = &start}, data, bad).value();
  EXPECT_EQ(kept.best_epoch, 0u);
  EXPECT_EQ(kept.best_ndcg10, kept.start_ndcg10);
  const auto &x = values_of(before, "item.vector"), &y = values_of(kept, "item.vector");
  for (std::size_t i = 0; i < x.size(); ++i) EXPECT_NEAR(x[i], y[i], 1e-4);
}

TEST(WarmTraining, AResumedRunEndsWithTheSameBytesAndAnotherStartIsAnotherRun) {
  const TrainingData data = ring_data();
  TrainOptions o = small_options();
  const StartWeights start = start_of(train(data, o).value());
  const TrainedModel whole = train_from({.start = &start}, data, o).value();
  o.checkpoint = (std::filesystem::temp_directory_path() / ("penchant-warm-" + std::to_string(::getpid()))).string();
  ASSERT_FALSE(train_from({.start = &start}, data, o, [](const TrainProgress& p) { return !(p.epoch == 2 && p.step == 2); }).ok());
  o.resume = true;
  EXPECT_THAT(train(data, o).error().message, HasSubstr("other data or options")) << "a run without the start";
  const auto resumed = train_from({.start = &start}, data, o);
  std::filesystem::remove(o.checkpoint);
  ASSERT_TRUE(resumed.ok()) << resumed.error().message;
  EXPECT_EQ(resumed->start_ndcg10, whole.start_ndcg10);
  EXPECT_EQ(resumed->best_epoch, whole.best_epoch);
  for (std::size_t i = 0; i < whole.tensors.size(); ++i) EXPECT_EQ(whole.tensors[i].values, resumed->tensors[i].values) << whole.tensors[i].name;
}

}  // namespace
}  // namespace penchant::learn
