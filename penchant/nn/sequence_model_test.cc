#include "penchant/nn/sequence_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "penchant/nn/random_network_testing.h"

namespace penchant::nn {
namespace {
using ::testing::HasSubstr;
namespace slow = penchant::nn::testing;

// Tolerance of float against exact arithmetic. Each block is six roundings-deep chains of products
// with inner length <= 160 (gamma_160 = 1e-5 of the magnitudes in the worst case, sqrt(160) u =
// 8e-7 when errors are independent). The residual stream here stays below 10 and passes 2 blocks
// of about 6 such steps: 10 * 12 * 8e-7 = 1e-4 would hold for a random walk that always grows; the
// norms divide it again. 5e-5 leaves no room for a wrong term (the smallest weight is worth 1e-3).
constexpr double kTolerance = 5e-5;
// Two float evaluations that only group rows differently: the same steps, half the distance.
constexpr double kRegrouped = 2e-5;

struct History {
  std::vector<std::vector<float>> vectors;
  std::vector<EventInput> events;
  History(const artifact::ModelShape& s, std::size_t n, std::uint64_t seed) {
    Rng rng(seed);
    for (std::size_t i = 0; i < n; ++i) {
      vectors.emplace_back(s.dim);
      for (auto& v : vectors.back()) v = static_cast<float>(2 * rng.uniform() - 1);
    }
    for (const auto& v : vectors)
      events.push_back({v, static_cast<std::uint32_t>(rng.below(s.actions)),
                        static_cast<std::uint32_t>(rng.below(s.gaps))});
  }
};

std::unique_ptr<SequenceModel> model_of(const slow::Tensors& t, const artifact::ModelShape& s) {
  return SequenceModel::load(slow::stored(t), s).value();
}

void expect_near(std::span<const float> found, const slow::Vector& expected, double tolerance) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i)
    ASSERT_NEAR(found[i], expected[i], tolerance) << "value " << i;
}

TEST(GapBucket, FollowsTheFormat) {
  EXPECT_EQ(gap_bucket(-1, 32), 0U);
  EXPECT_EQ(gap_bucket(std::numeric_limits<double>::quiet_NaN(), 32), 0U);
  EXPECT_EQ(gap_bucket(0, 32), 1U);
  EXPECT_EQ(gap_bucket(0.99, 32), 1U);
  EXPECT_EQ(gap_bucket(1, 32), 2U);
  EXPECT_EQ(gap_bucket(2.99, 32), 2U);
  EXPECT_EQ(gap_bucket(3, 32), 3U);
  EXPECT_EQ(gap_bucket(1e300, 32), 31U);
  EXPECT_EQ(gap_bucket(std::numeric_limits<double>::infinity(), 32), 31U);
  EXPECT_EQ(gap_bucket(100, 1), 0U);
  EXPECT_EQ(gap_bucket(100, 2), 1U);
}

TEST(SequenceModel, EveryLayerEqualsTheSlowNetwork) {
  const auto s = slow::small_shape();
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    const auto t = slow::random_tensors(s, seed);
    const auto model = model_of(t, s);
    const History h(s, 1 + 9 * seed, seed + 100);  // up to 37 rows: own kernel and oneDNN
    slow::Rows x;
    for (const auto& e : h.events) {
      x.emplace_back(e.vector.begin(), e.vector.end());
      const auto a = t.row("event.action", e.action), g = t.row("event.gap", e.gap);
      for (std::size_t i = 0; i < s.dim; ++i) x.back()[i] += a[i] + g[i];
    }
    std::vector<Matrix<float>> layers;
    const auto hidden = model->forward(h.events, &layers).value();
    ASSERT_EQ(layers.size(), s.layers);
    for (std::uint32_t b = 0; b < s.layers; ++b) {
      x = slow::block(t, "block." + std::to_string(b), x, s.heads, /*rotary=*/true);
      for (std::size_t p = 0; p < x.size(); ++p) expect_near(layers[b].row(p), x[p], kTolerance);
    }
    for (std::size_t p = 0; p < x.size(); ++p)
      expect_near(hidden.row(p), slow::norm(t, "final_norm", x[p]), kTolerance);
  }
}

TEST(SequenceModel, AppendInAnyPiecesEqualsOneForwardPass) {
  const auto s = slow::small_shape();
  const auto model = model_of(slow::random_tensors(s, 7), s);
  const History h(s, s.max_len, 8);
  const auto all = model->forward(h.events).value();
  Rng rng(9);
  for (int round = 0; round < 20; ++round) {
    UserState state;
    while (state.length < h.events.size()) {
      const std::size_t left = h.events.size() - state.length;
      const std::size_t step = round == 0 ? 1 : round == 1 ? left : 1 + rng.below(left);
      ASSERT_TRUE(model->append(state, std::span(h.events).subspan(state.length, step)).ok());
      const auto row = all.row(state.length - 1);
      expect_near(state.hidden, slow::Vector(row.begin(), row.end()), kRegrouped);
      ASSERT_EQ(state.keys[0].size(), state.length * s.dim);
    }
  }
}

TEST(SequenceModel, ACopiedStateIsABranch) {
  const auto s = slow::small_shape();
  const auto model = model_of(slow::random_tensors(s, 1), s);
  const History h(s, 3, 2);
  UserState state;
  ASSERT_TRUE(model->append(state, std::span(h.events).first(2)).ok());
  UserState branch = state;
  ASSERT_TRUE(model->append(branch, std::span(h.events).last(1)).ok());
  EXPECT_EQ(state.length, 2U);
  ASSERT_TRUE(model->append(state, std::span(h.events).last(1)).ok());
  EXPECT_EQ(state.hidden, branch.hidden);
}

TEST(SequenceModel, NothingAppendedChangesNothing) {
  const auto s = slow::small_shape();
  const auto model = model_of(slow::random_tensors(s, 1), s);
  UserState state;
  EXPECT_TRUE(model->append(state, {}).ok());
  EXPECT_TRUE(state.hidden.empty());
  EXPECT_EQ(model->forward({}).value().rows(), 0U);
}

TEST(SequenceModel, BadEventsAreNamedAndLeaveTheStateAlone) {
  const auto s = slow::small_shape();
  const auto model = model_of(slow::random_tensors(s, 1), s);
  History h(s, s.max_len + 1, 2);
  UserState state;
  const auto message = [&](std::span<const EventInput> events) {
    const auto status = model->append(state, events);
    EXPECT_EQ(status.ok() ? ErrorCode::internal : status.error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(state.length, 0U);
    return status.ok() ? "" : status.error().message;
  };
  EXPECT_THAT(message(h.events), HasSubstr("41 events passes max_len 40"));
  h.events.resize(3);
  auto bad = h.events;
  bad[1].action = s.actions;
  EXPECT_THAT(message(bad), HasSubstr("event 1: action 4 is not below 4"));
  bad = h.events;
  bad[2].gap = 99;
  EXPECT_THAT(message(bad), HasSubstr("event 2: gap 99"));
  bad = h.events;
  bad[0].vector = bad[0].vector.first(5);
  EXPECT_THAT(message(bad), HasSubstr("event 0: vector of 5 values"));
  h.vectors[2][3] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(message(h.events), HasSubstr("event 2: vector is not finite"));
  state.length = 2;  // says two events, holds none
  const auto foreign = model->append(state, std::span(h.events).first(1));
  ASSERT_FALSE(foreign.ok());
  EXPECT_THAT(foreign.error().message, HasSubstr("another model"));
}

// --- hostile weights --------------------------------------------------------------------------

/// Loads every part; the first error.
Status load_all(const slow::Tensors& t, const artifact::ModelShape& s) {
  const auto tensors = slow::stored(t);
  PENCHANT_DO(SequenceModel::load(tensors, s));
  PENCHANT_DO(DepthDecoder::load(tensors, s));
  artifact::Manifest manifest;
  manifest.model = s;
  manifest.modalities = {{"text", 10, "given", ""}, {"image", 7, "given", ""}};
  PENCHANT_DO(ItemEmbedder::load(tensors, manifest));
  return {};
}

TEST(Weights, EachTensorMissingMisshapenOrNotFiniteIsNamed) {
  const auto s = slow::small_shape();
  const auto good = slow::random_tensors(s, 3);
  ASSERT_TRUE(load_all(good, s).ok());
  for (const auto& [name, entry] : good.entries) {
    for (const char* damage : {"missing", "row less", "flat", "nan", "infinite"}) {
      auto bad = good;
      auto& e = bad.entries.at(name);
      if (damage == std::string("missing")) bad.entries.erase(name);
      if (damage == std::string("row less")) {
        e.shape[0] -= 1;
        e.values.resize(e.values.size() - (e.shape.size() > 1 ? e.shape[1] : 1));
      }
      if (damage == std::string("flat")) e.shape = {1, 1, e.values.size()};
      if (damage == std::string("nan")) e.values.back() = std::numeric_limits<float>::quiet_NaN();
      if (damage == std::string("infinite")) e.values.front() = std::numeric_limits<float>::infinity();
      const auto status = load_all(bad, s);
      ASSERT_FALSE(status.ok()) << name << " " << damage;
      EXPECT_EQ(status.error().code, ErrorCode::corrupt) << name << " " << damage;
      EXPECT_THAT(status.error().message, HasSubstr(name)) << damage;
    }
  }
}

TEST(Weights, AHostileShapeIsRefusedBeforeAnythingIsAllocated) {
  const auto tensors = slow::stored(slow::random_tensors(slow::small_shape(), 3));
  const auto refused = [&](const auto& change, const char* field) {
    auto s = slow::small_shape();
    change(s);
    const auto loaded = SequenceModel::load(tensors, s);
    ASSERT_FALSE(loaded.ok());
    EXPECT_EQ(loaded.error().code, ErrorCode::corrupt);
    EXPECT_THAT(loaded.error().message, HasSubstr(field));
    EXPECT_FALSE(DepthDecoder::load(tensors, s).ok());
  };
  refused([](auto& s) { s.dim = 0; }, "model.dim");
  refused([](auto& s) { s.dim = 0xffffffff; }, "model.dim");
  refused([](auto& s) { s.heads = 0; }, "model.heads");
  refused([](auto& s) { s.heads = 5; }, "model.heads");
  refused([](auto& s) { s.heads = 8; }, "even");
  refused([](auto& s) { s.max_len = 0xffffffff; }, "model.max_len");
  refused([](auto& s) { s.layers = 0xffffffff; }, "model.layers");
  refused([](auto& s) { s.levels = 0; }, "model.levels");
  refused([](auto& s) { s.codebook = 1U << 20; }, "model.codebook");
}

}  // namespace
}  // namespace penchant::nn
