#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "penchant/nn/random_network_testing.h"
#include "penchant/nn/sequence_model.h"

namespace penchant::nn {
namespace {
using ::testing::HasSubstr;
namespace slow = penchant::nn::testing;

constexpr double kTolerance = 5e-5;  // derived in sequence_model_test.cc; the decoder is as deep

/// log p(c_l = . | hidden, codes) by running the whole sequence from scratch in double.
slow::Vector log_p(const slow::Tensors& t, const artifact::ModelShape& s, const std::vector<float>& hidden,
                   const std::vector<std::uint16_t>& codes) {
  slow::Rows x{slow::linear(t, "depth.in", slow::Vector(hidden.begin(), hidden.end()))};
  for (std::size_t l = 0; l < codes.size(); ++l)
    x.push_back(t.row("depth.code." + std::to_string(l), codes[l]));
  for (std::size_t l = 0; l < x.size(); ++l) {
    const auto step = t.row("depth.step", l);
    for (std::size_t i = 0; i < s.dim; ++i) x[l][i] += step[i];
  }
  for (std::uint32_t b = 0; b < s.depth_layers; ++b)
    x = slow::block(t, "depth.block." + std::to_string(b), x, s.heads, /*rotary=*/false);
  return slow::log_softmax(
      slow::linear(t, "depth.out." + std::to_string(codes.size()), slow::norm(t, "depth.norm", x.back())));
}

std::vector<float> random_hidden(const artifact::ModelShape& s, std::uint64_t seed) {
  Rng rng(seed);
  std::vector<float> hidden(s.dim);
  for (auto& v : hidden) v = static_cast<float>(4 * rng.uniform() - 2);
  return hidden;
}

void expect_near(std::span<const float> found, const slow::Vector& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) ASSERT_NEAR(found[i], expected[i], kTolerance);
}

TEST(DepthDecoder, ReorderedBeamsEqualRecomputationFromScratch) {
  const auto s = slow::small_shape();
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    const auto t = slow::random_tensors(s, seed);
    const auto decoder = DepthDecoder::load(slow::stored(t), s).value();
    const auto hidden = random_hidden(s, seed);
    Rng rng(seed);
    DepthDecoder::Cache cache;
    const auto first = decoder->start(hidden, cache);
    ASSERT_EQ(first.rows(), 1U);
    expect_near(first.row(0), log_p(t, s, hidden, {}));
    std::vector<std::vector<std::uint16_t>> paths{{}};
    for (std::uint32_t level = 1; level < s.levels; ++level) {
      // Beams double, vanish and change places; 40 of them reach oneDNN's row blocks.
      const std::size_t beams = level == 1 ? 40 : 1 + rng.below(60);
      std::vector<std::uint32_t> parents;
      std::vector<std::uint16_t> codes;
      std::vector<std::vector<std::uint16_t>> next;
      for (std::size_t b = 0; b < beams; ++b) {
        parents.push_back(static_cast<std::uint32_t>(rng.below(paths.size())));
        codes.push_back(static_cast<std::uint16_t>(rng.below(s.codebook)));
        next.push_back(paths[parents.back()]);
        next.back().push_back(codes.back());
      }
      paths = next;
      const auto p = decoder->next(parents, codes, cache);
      ASSERT_EQ(p.rows(), beams);
      for (std::size_t b = 0; b < beams; ++b) expect_near(p.row(b), log_p(t, s, hidden, paths[b]));
    }
  }
}

TEST(DepthDecoder, ProbabilitiesAddUpToOne) {
  const auto s = slow::small_shape();
  const auto decoder = DepthDecoder::load(slow::stored(slow::random_tensors(s, 5)), s).value();
  DepthDecoder::Cache cache;
  const auto p = decoder->start(random_hidden(s, 6), cache);
  double sum = 0;
  for (const float v : p.row(0)) sum += std::exp(static_cast<double>(v));
  EXPECT_NEAR(sum, 1.0, 1e-5);
}

TEST(DepthDecoder, ACacheStartsAgain) {
  const auto s = slow::small_shape();
  const auto decoder = DepthDecoder::load(slow::stored(slow::random_tensors(s, 5)), s).value();
  DepthDecoder::Cache used, fresh;
  const std::vector<std::uint32_t> parents{0, 0};
  const std::vector<std::uint16_t> codes{3, 4};
  (void)decoder->start(random_hidden(s, 1), used);
  (void)decoder->next(parents, codes, used);
  const auto again = decoder->start(random_hidden(s, 2), used);
  const auto clean = decoder->start(random_hidden(s, 2), fresh);
  EXPECT_EQ(again.values(), clean.values());
  EXPECT_EQ(decoder->next(parents, codes, used).values(), decoder->next(parents, codes, fresh).values());
}

TEST(DepthDecoder, NoBeamsGiveNoRows) {
  const auto s = slow::small_shape();
  const auto decoder = DepthDecoder::load(slow::stored(slow::random_tensors(s, 5)), s).value();
  DepthDecoder::Cache cache;
  (void)decoder->start(random_hidden(s, 1), cache);
  EXPECT_EQ(decoder->next({}, {}, cache).rows(), 0U);
}

TEST(DepthDecoder, MisuseIsOurBug) {
  const auto s = slow::small_shape();
  const auto decoder = DepthDecoder::load(slow::stored(slow::random_tensors(s, 5)), s).value();
  DepthDecoder::Cache cache;
  const std::vector<std::uint32_t> zero{0}, one{1};
  const std::vector<std::uint16_t> code{0}, large{19};
  EXPECT_THROW((void)decoder->next(zero, code, cache), InternalError);  // not started
  (void)decoder->start(random_hidden(s, 1), cache);
  EXPECT_THROW((void)decoder->next(one, code, cache), InternalError);
  EXPECT_THROW((void)decoder->next(zero, large, cache), InternalError);
  (void)decoder->next(zero, code, cache);
  (void)decoder->next(zero, code, cache);
  EXPECT_THROW((void)decoder->next(zero, code, cache), InternalError);  // past the last level
  EXPECT_THROW((void)decoder->start(std::vector<float>(3), cache), InternalError);
}

TEST(ItemEmbedder, AddsCodesAndTheModalitiesThatAreThere) {
  const auto s = slow::small_shape();
  const auto t = slow::random_tensors(s, 11);
  artifact::Manifest manifest;
  manifest.model = s;
  manifest.modalities = {{"text", 10, "given", ""}, {"image", 7, "given", ""}};
  const auto embedder = ItemEmbedder::load(slow::stored(t), manifest).value();
  const std::vector<std::uint16_t> codes{1, 18, 7};
  const std::vector<float> text(10, 0.25F), image(7, -0.5F);
  for (const bool with_text : {false, true})
    for (const bool with_image : {false, true}) {
      slow::Vector expected(s.dim);
      const auto add = [&](const slow::Vector& x) {
        for (std::size_t i = 0; i < s.dim; ++i) expected[i] += x[i];
      };
      for (std::uint32_t l = 0; l < s.levels; ++l) add(t.row("item.code." + std::to_string(l), codes[l]));
      if (with_text) add(slow::linear(t, "item.modality.text", slow::Vector(10, 0.25)));
      if (with_image) add(slow::linear(t, "item.modality.image", slow::Vector(7, -0.5)));
      const std::vector<std::span<const float>> given{
          with_text ? std::span<const float>(text) : std::span<const float>(),
          with_image ? std::span<const float>(image) : std::span<const float>()};
      const auto found = embedder->content_vector(codes, given).value();
      for (std::size_t i = 0; i < s.dim; ++i) EXPECT_NEAR(found[i], expected[i], 2e-6);
    }
}

TEST(ItemEmbedder, BadInputIsNamed) {
  const auto s = slow::small_shape();
  artifact::Manifest manifest;
  manifest.model = s;
  manifest.modalities = {{"text", 10, "given", ""}};
  const auto embedder = ItemEmbedder::load(slow::stored(slow::random_tensors(s, 1)), manifest).value();
  const std::vector<float> text(10), shorter(9), broken(10, std::numeric_limits<float>::infinity());
  const auto message = [&](std::vector<std::uint16_t> codes, std::vector<std::span<const float>> m) {
    const auto found = embedder->content_vector(codes, m);
    EXPECT_FALSE(found.ok());
    return found.ok() ? "" : found.error().message;
  };
  EXPECT_THAT(message({1, 2}, {text}), HasSubstr("3 codes, not 2"));
  EXPECT_THAT(message({1, 2, 19}, {text}), HasSubstr("code 19 of level 2"));
  EXPECT_THAT(message({1, 2, 3}, {}), HasSubstr("1 modalities, not 0"));
  EXPECT_THAT(message({1, 2, 3}, {shorter}), HasSubstr("modality \"text\" needs 10"));
  EXPECT_THAT(message({1, 2, 3}, {broken}), HasSubstr("modality \"text\""));
}

}  // namespace
}  // namespace penchant::nn
