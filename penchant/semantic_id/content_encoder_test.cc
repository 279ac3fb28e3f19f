#include "penchant/semantic_id/content_encoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "penchant/base/random_matrix_testing.h"

namespace penchant::semantic_id {
namespace {

using ::testing::HasSubstr;

std::vector<DenseLayer> random_layers(std::span<const std::size_t> widths, std::uint64_t seed) {
  std::vector<DenseLayer> layers;
  for (std::size_t k = 0; k + 1 < widths.size(); ++k)
    layers.push_back({random_matrix(widths[k + 1], widths[k], seed + k),
                      random_matrix(1, widths[k + 1], seed + 100 + k).values()});
  return layers;
}

TEST(ContentEncoder, IsItsFormula) {
  Executor executor(1);
  const std::size_t widths[] = {5, 7, 3};
  const auto layers = random_layers(widths, 1);
  const auto encoder = ContentEncoder::create(layers).value();
  auto vectors = random_matrix(40, 5, 9);
  std::ranges::fill(vectors.row(11), 0.0F);
  const auto out = encoder.encode(vectors.view(), executor).value();
  ASSERT_EQ(out.cols(), 3u);
  for (std::size_t i = 0; i < 40; ++i) {
    if (i == 11) {
      for (const float v : out.row(i)) EXPECT_EQ(v, 0) << "an item without content has no direction";
      continue;
    }
    std::vector<double> h(7), z(3);
    for (std::size_t o = 0; o < 7; ++o) {
      h[o] = layers[0].bias[o];
      for (std::size_t j = 0; j < 5; ++j) h[o] += double{layers[0].weight(o, j)} * vectors(i, j);
      h[o] = std::max(h[o], 0.0);
    }
    double square = 0;
    for (std::size_t o = 0; o < 3; ++o) {
      z[o] = layers[1].bias[o];
      for (std::size_t j = 0; j < 7; ++j) z[o] += layers[1].weight(o, j) * h[j];
      square += z[o] * z[o];
    }
    for (std::size_t o = 0; o < 3; ++o) EXPECT_NEAR(out(i, o), z[o] / std::sqrt(square), 1e-5);
  }
}

TEST(ContentEncoder, ARowIsTheSameAloneAndAmongOthersOnAnyThreads) {
  const std::size_t widths[] = {97, 130, 66, 33};
  const auto encoder = ContentEncoder::create(random_layers(widths, 2)).value();
  const auto vectors = random_matrix(1000, 97, 3);
  Executor one(1), two(2);
  const auto all = encoder.encode(vectors.view(), one).value();
  EXPECT_EQ(encoder.encode(vectors.view(), two).value().values(), all.values());
  for (std::size_t i = 0; i < 1000; i += 37) {
    const auto alone = encoder.encode(vectors.view().rows_from(i, 1), one).value();
    EXPECT_TRUE(std::ranges::equal(alone.row(0), all.row(i))) << i;
  }
  EXPECT_EQ(encoder.encode({vectors.values().data(), 0, 97}, one).value().rows(), 0u);
}

TEST(ContentEncoder, RefusesWhatIsNoNetwork) {
  const auto refused = [](std::vector<DenseLayer> layers) {
    const auto made = ContentEncoder::create(std::move(layers));
    return made.ok() ? std::string() : made.error().message;
  };
  const std::size_t widths[] = {4, 3, 2};
  const auto layers = random_layers(widths, 4);
  EXPECT_EQ(refused(layers), "");
  EXPECT_THAT(refused({}), HasSubstr("0 layers"));
  EXPECT_THAT(refused(std::vector<DenseLayer>(9, layers[0])), HasSubstr("9 layers"));
  EXPECT_EQ(refused({layers[1], layers[1]}),
            "encoder.1.weight has shape [2, 3]; the layer before gives 2 numbers");
  auto bad = layers;
  bad[1].bias.pop_back();
  EXPECT_EQ(refused(bad), "encoder.1.bias has 1 numbers, expected 2");
  bad = layers;
  bad[0].weight(1, 1) = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(refused(bad), "encoder.0 holds a number that is not finite or above 1e15");
  EXPECT_THAT(refused({{Matrix<float>(0, 4), {}}}), HasSubstr("encoder.0.weight has shape [0, 4]"));
}

TEST(ContentEncoder, NamesTheRowOfABadVector) {
  Executor executor(1);
  const std::size_t widths[] = {3, 4, 2};
  auto layers = random_layers(widths, 5);
  auto vectors = random_matrix(12, 3, 6);
  vectors(7, 2) = std::numeric_limits<float>::infinity();
  const auto encoder = ContentEncoder::create(layers).value();
  EXPECT_EQ(encoder.encode(vectors.view(), executor).error().message,
            "content vector of row 7 holds a number that is not finite or above 1e15");
  EXPECT_THAT(encoder.encode(random_matrix(1, 2, 1).view(), executor).error().message,
              HasSubstr("2 numbers, the content encoder reads 3"));
  for (auto& layer : layers)
    for (float& w : layer.weight.values()) w = 1e15F;
  vectors(7, 2) = 1e15F;
  EXPECT_EQ(ContentEncoder::create(layers)->encode(vectors.view(), executor).error().message,
            "content vector of row 7 is too large for the content encoder");
}

}  // namespace
}  // namespace penchant::semantic_id
