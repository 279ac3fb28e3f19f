/// \file The keystone: penchant/nn against LibTorch on one release, at every layer.
#include "penchant/learn/torch/parity.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <tuple>

#include "penchant/artifact/manifest.h"
#include "penchant/artifact/safetensors.h"
#include "penchant/learn/release_writer.h"
#include "penchant/learn/test_data.h"
#include "penchant/learn/windows.h"
#include "penchant/metrics/ranking.h"
#include "penchant/nn/sequence_model.h"

namespace penchant::learn {
namespace {

constexpr std::uint32_t kDim = 32, kLayers = 3, kFfn = 64;

/// Bound for a value that has gone through `stages` dot products of length k: each rounds its sum of
/// k terms by at most k/2 half-units on average signs (sqrt(k) of them), and layer norm keeps the
/// size of what goes in near 1, so errors add up over the stages relative to the largest value.
double bound(std::size_t stages, double largest) {
  const double k = std::max(kDim, kFfn);
  return 8 * double(stages) * std::sqrt(k) * std::numeric_limits<float>::epsilon() * std::max(1.0, largest);
}

double largest(const Matrix<double>& m) {
  double top = 0;
  for (const double v : m.values()) top = std::max(top, std::abs(v));
  return top;
}

void expect_close(const Matrix<float>& got, const Matrix<double>& exact, std::size_t stages, const std::string& what) {
  ASSERT_EQ(got.rows(), exact.rows()) << what;
  ASSERT_EQ(got.cols(), exact.cols()) << what;
  const double allowed = bound(stages, largest(exact));
  double worst = 0;
  for (std::size_t i = 0; i < got.values().size(); ++i)
    worst = std::max(worst, std::abs(got.values()[i] - exact.values()[i]));
  EXPECT_LE(worst, allowed) << what;
}

class Parity : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new std::string((std::filesystem::temp_directory_path() / ("penchant-parity-" + std::to_string(::getpid()))).string());
    std::filesystem::remove_all(*folder_);
    Dataset dataset;
    dataset.data = ring_data(24, 60, 20);
    for (std::uint32_t i = 0; i < dataset.data.items; ++i) dataset.item_ids.push_back(std::to_string(i));
    TrainOptions o;
    o.dim = kDim, o.heads = 4, o.ffn = kFfn, o.layers = kLayers, o.max_len = 16, o.stride = 8, o.batch = 16;
    o.depth_layers = 2, o.epochs = 3, o.warmup_steps = 3, o.learning_rate = 1e-2;
    o.mix_layers = o.read_request = true;
    const auto model = train(dataset.data, o);
    ASSERT_TRUE(model.ok()) << model.error().message;
    ASSERT_TRUE(write_release(*folder_, {"parity", "2026-01-01T00:00:00Z", "tiny", 1}, dataset, o, *model).ok());
  }
  static void TearDownTestSuite() {
    std::filesystem::remove_all(*folder_);
    delete folder_;
  }
  void SetUp() override {
    auto exact = ReferenceModel::load(*folder_, Precision::f64);
    ASSERT_TRUE(exact.ok()) << exact.error().message;
    exact_ = std::move(exact).value();
    auto file = artifact::SafeTensors::open(*folder_ + "/model.safetensors");
    ASSERT_TRUE(file.ok());
    file_ = std::make_unique<artifact::SafeTensors>(std::move(file).value());
  }

  /// A sequence of `n` events, and the same as input of nn.
  [[nodiscard]] ReferenceSequence sequence(std::size_t n, std::uint64_t seed) const {
    Rng rng(seed);
    ReferenceSequence s;
    for (std::size_t e = 0; e < n; ++e) {
      s.items.push_back(static_cast<std::int64_t>(rng.below(24)));
      s.actions.push_back(static_cast<std::int64_t>(rng.below(2)));
      s.gaps.push_back(static_cast<std::int64_t>(rng.below(32)));
      s.requests.push_back(static_cast<std::int64_t>(rng.below(32)));
    }
    return s;
  }
  [[nodiscard]] std::vector<nn::EventInput> inputs(const ReferenceSequence& s) const {
    const auto vectors = file_->matrix_f32("item.vector").value();
    std::vector<nn::EventInput> out;
    for (std::size_t e = 0; e < s.items.size(); ++e)
      out.push_back({vectors.row(static_cast<std::size_t>(s.items[e])), static_cast<std::uint32_t>(s.actions[e]),
                     static_cast<std::uint32_t>(s.gaps[e]), static_cast<std::uint32_t>(s.requests[e])});
    return out;
  }

  static inline std::string* folder_ = nullptr;
  std::unique_ptr<ReferenceModel> exact_;
  std::unique_ptr<artifact::SafeTensors> file_;
};

TEST_F(Parity, EveryBlockOfTheSequenceModelAgrees) {
  const auto model = nn::SequenceModel::load(*file_, exact_->manifest().model);
  ASSERT_TRUE(model.ok()) << model.error().message;
  for (const std::size_t n : {1, 2, 7, 15, 16}) {
    const ReferenceSequence s = sequence(n, n);
    const auto expected = exact_->forward(s);
    ASSERT_TRUE(expected.ok());
    std::vector<Matrix<float>> layers;
    const auto events = inputs(s);
    const auto states = (*model)->forward(events, &layers);
    ASSERT_TRUE(states.ok()) << states.error().message;
    ASSERT_EQ(layers.size(), kLayers);
    for (std::size_t b = 0; b < kLayers; ++b)
      expect_close(layers[b], expected->blocks[b], 6 * (b + 1), "block " + std::to_string(b) + ", " + std::to_string(n) + " events");
    expect_close(*states, expected->states, 6 * kLayers + 1, "states");
  }
}

TEST_F(Parity, TheCacheGivesTheSameStateOneEventAtATime) {
  const auto model = nn::SequenceModel::load(*file_, exact_->manifest().model);
  ASSERT_TRUE(model.ok());
  const ReferenceSequence s = sequence(16, 3);
  const auto expected = exact_->forward(s);
  const auto events = inputs(s);
  nn::UserState state;
  for (std::size_t e = 0; e < events.size(); ++e) {
    ASSERT_TRUE((*model)->append(state, std::span(events).subspan(e, 1)).ok());
    const double allowed = bound(6 * kLayers + 1, largest(expected->states));
    for (std::size_t k = 0; k < kDim; ++k) EXPECT_NEAR(state.hidden[k], expected->states(e, k), allowed) << "event " << e;
  }
}

TEST_F(Parity, AUserAskedLaterIsTheUserReadWithThatMoment) {
  const auto model = nn::SequenceModel::load(*file_, exact_->manifest().model);
  ASSERT_TRUE(model.ok());
  ReferenceSequence s = sequence(9, 5);
  auto events = inputs(s);
  nn::UserState state;
  ASSERT_TRUE((*model)->append(state, events).ok());
  for (const std::int64_t request : {1, 4, 5}) {  // 0, 10 and 20 seconds later
    const std::vector<float> before = state.hidden;
    s.requests.back() = request;
    const auto expected = exact_->forward(s);
    (*model)->ask(state, static_cast<std::uint32_t>(request));
    const double allowed = bound(6 * kLayers + 1, largest(expected->states));
    for (std::size_t k = 0; k < kDim; ++k) EXPECT_NEAR(state.hidden[k], expected->states(8, k), allowed) << "request " << request;
    EXPECT_NE(state.hidden, before) << "the moment says nothing";
  }
}

TEST_F(Parity, EveryLevelOfTheDepthDecoderAgrees) {
  const auto decoder = nn::DepthDecoder::load(*file_, exact_->manifest().model);
  ASSERT_TRUE(decoder.ok()) << decoder.error().message;
  Rng rng(4);
  std::vector<double> state(kDim);
  for (double& v : state) v = static_cast<float>(rng.uniform() * 4 - 2);
  const std::vector<float> hidden(state.begin(), state.end());
  for (std::uint16_t first = 0; first < 8; ++first) {
    const std::vector<std::int64_t> codes{first, 0};
    const auto expected = exact_->code_log_probs(state, codes);
    ASSERT_TRUE(expected.ok()) << expected.error().message;
    nn::DepthDecoder::Cache cache;
    const Matrix<float> level0 = (*decoder)->start(hidden, cache);
    const std::vector<std::uint32_t> parents{0};
    const std::vector<std::uint16_t> chosen{first};
    const Matrix<float> level1 = (*decoder)->next(parents, chosen, cache);
    const double allowed = bound(2 * 6 + 3, largest(*expected));
    for (std::size_t c = 0; c < 8; ++c) {
      EXPECT_NEAR(level0(0, c), (*expected)(0, c), allowed);
      EXPECT_NEAR(level1(0, c), (*expected)(1, c), allowed);
    }
  }
}

TEST_F(Parity, ANewItemGetsTheVectorThatTrainingWouldGiveIt) {
  const auto embedder = nn::ItemEmbedder::load(*file_, exact_->manifest());
  ASSERT_TRUE(embedder.ok()) << embedder.error().message;
  const std::vector<std::uint16_t> codes{3, 6};
  const std::vector<float> text{0.5f, -0.5f, 0.5f, 0.1f, -0.3f, 0.2f};
  for (const bool has_text : {true, false}) {
    const std::vector<std::vector<float>> owned{has_text ? text : std::vector<float>{}};
    const std::vector<std::span<const float>> spans{owned[0]};
    const auto got = (*embedder)->content_vector(codes, spans);
    const auto expected = exact_->content_vector(std::vector<std::int64_t>{3, 6}, owned);
    ASSERT_TRUE(got.ok() && expected.ok());
    for (std::size_t k = 0; k < kDim; ++k) EXPECT_NEAR((*got)[k], (*expected)[k], bound(1, 4));
  }
}

/// Input scale and head are folded differently into what is written.
class EveryHead : public ::testing::TestWithParam<std::tuple<bool, bool, bool>> {};

TEST_P(EveryHead, TheReleaseRanksAsTheNetworkDidInTraining) {
  const auto [normalised, scaled, knows_more] = GetParam();
  const std::string folder = (std::filesystem::temp_directory_path() / ("penchant-heads-" + std::to_string(::getpid()))).string();
  std::filesystem::remove_all(folder);
  Dataset dataset;
  dataset.data = ring_data(24, 60, 20);
  for (std::uint32_t i = 0; i < dataset.data.items; ++i) dataset.item_ids.push_back(std::to_string(i));
  TrainOptions o = small_options();
  o.normalised = normalised;
  o.architecture.scaled_input = scaled;
  o.mix_layers = o.read_request = knows_more;
  o.epochs = 2;
  const auto model = train(dataset.data, o);
  ASSERT_TRUE(model.ok()) << model.error().message;
  ASSERT_TRUE(write_release(folder, {"heads", "2026-01-01T00:00:00Z", "tiny", 1}, dataset, o, *model).ok());
  const auto release = ReferenceModel::load(folder, Precision::f64);
  ASSERT_TRUE(release.ok()) << release.error().message;
  double ndcg = 0;
  const auto& cases = dataset.data.validation;
  for (const auto& c : cases) {
    const std::vector<std::uint32_t> user{c.user};
    const PackedEvents events = pack_histories(dataset.data.train, user, o.max_len, o.gaps, std::span(&c.time_ms, 1));
    const auto logits = (*release)->forward({events.items, events.actions, events.gaps, events.requests});
    ASSERT_TRUE(logits.ok()) << logits.error().message;
    const std::vector<float> scores(logits->dense_logits.row(0).begin(), logits->dense_logits.row(0).end());
    ndcg += metrics::ndcg_at(metrics::pessimistic_rank(scores, c.target), 10) / double(cases.size());
  }
  EXPECT_NEAR(ndcg, model->best_ndcg10, 1e-3);
  EXPECT_GT(model->best_ndcg10, 0.2) << "worth comparing";
  std::filesystem::remove_all(folder);
}

INSTANTIATE_TEST_SUITE_P(All, EveryHead, ::testing::Combine(::testing::Bool(), ::testing::Bool(), ::testing::Bool()));

}  // namespace
}  // namespace penchant::learn
