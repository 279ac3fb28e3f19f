#include "penchant/semantic_id/codebooks.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <functional>
#include <limits>
#include <random>

#include "penchant/artifact/safetensors.h"
#include "penchant/base/random_matrix_testing.h"
#include "penchant/semantic_id/residual_kmeans.h"

namespace penchant::semantic_id {
namespace {

class CodebookFile : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() /
              ("penchant_codebooks_" + std::to_string(std::random_device{}()));
    std::filesystem::create_directories(folder_);
    path_ = (folder_ / "codebooks.safetensors").string();
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string load_error(const ExpectedCodebooks& expected = {}) {
    const auto loaded = load_codebooks(path_, expected);
    if (loaded.ok()) return "loaded";
    EXPECT_EQ(loaded.error().code, ErrorCode::corrupt) << loaded.error().message;
    const auto& message = loaded.error().message;
    return message.starts_with(path_ + ": ") ? message.substr(path_.size() + 2) : message;
  }
  std::filesystem::path folder_;
  std::string path_;
};

TEST(ChooseCodebook, FollowsTheCatalogue) {
  EXPECT_EQ(choose_codebook(0), 4u);
  EXPECT_EQ(choose_codebook(1), 4u);
  EXPECT_EQ(choose_codebook(20), 4u);
  EXPECT_EQ(choose_codebook(1682), 32u);
  EXPECT_EQ(choose_codebook(3416), 64u);
  EXPECT_EQ(choose_codebook(12101), 128u);
  EXPECT_EQ(choose_codebook(1000000), 1024u);
  EXPECT_EQ(choose_codebook(100000000), 1024u);
}

TEST(Codebooks, AssignsWhatResidualSearchByHandAssigns) {
  Executor executor(2);
  const auto vectors = random_matrix(300, 11, 1);
  const auto fit = train_residual_kmeans(vectors.view(), {.codebook = 16}, executor).value();
  std::vector<double> errors(3);
  for (std::size_t i = 0; i < 300; ++i) {
    std::vector<float> left(vectors.row(i).begin(), vectors.row(i).end());
    const auto one = fit.codebooks.assign(vectors.row(i)).value();
    for (std::size_t l = 0; l < 3; ++l) {
      float best = INFINITY;
      for (Code k = 0; k < 16; ++k)
        best = std::min(best, squared_distance(left, fit.codebooks.codeword(l, k)));
      const auto word = fit.codebooks.codeword(l, fit.codes(i, l));
      EXPECT_NEAR(squared_distance(left, word), best, 1e-5);
      for (std::size_t j = 0; j < 11; ++j) left[j] -= word[j];
      EXPECT_EQ(one.codes[l], fit.codes(i, l));
      EXPECT_NEAR(one.distances[l], best, 1e-5);
      errors[l] += best / 300.0;
    }
    std::vector<float> rest(11);
    fit.codebooks.residual(vectors.row(i), one.codes, 3, rest);
    for (std::size_t j = 0; j < 11; ++j) EXPECT_FLOAT_EQ(rest[j], left[j]);
  }
  for (std::size_t l = 0; l < 3; ++l) EXPECT_NEAR(fit.level_error[l], errors[l], 1e-5);
  EXPECT_LT(fit.level_error[1], fit.level_error[0]);
  EXPECT_LT(fit.level_error[2], fit.level_error[1]);
}

TEST(ResidualKMeans, SampledTrainingStillCodesEveryRow) {
  Executor executor(1);
  const auto vectors = random_matrix(5000, 6, 2);
  const auto fit =
      train_residual_kmeans(vectors.view(), {.codebook = 8, .rows_per_codeword = 20}, executor).value();
  const auto full = train_residual_kmeans(vectors.view(), {.codebook = 8}, executor).value();
  EXPECT_EQ(fit.codes.rows(), 5000u);
  EXPECT_LT(fit.level_error[2], full.level_error[2] * 1.3);
}

TEST(ResidualKMeans, RefusesABadVectorByTheNameOfItsItem) {
  Executor executor(1);
  auto vectors = random_matrix(3, 2, 3);
  vectors(1, 1) = std::numeric_limits<float>::quiet_NaN();
  const std::vector<std::string> names{"a", "tt0111161", "c"};
  const auto named = train_residual_kmeans(vectors.view(), {.names = names}, executor);
  ASSERT_FALSE(named.ok());
  EXPECT_EQ(named.error().message,
            "content vector of item \"tt0111161\" (row 1): number 1 is not finite; correct or leave out this "
            "vector");
  const auto unnamed = train_residual_kmeans(vectors.view(), {}, executor);
  EXPECT_EQ(unnamed.error().message,
            "content vector of row 1: number 1 is not finite; correct or leave out this vector");
  EXPECT_FALSE(train_residual_kmeans({nullptr, 0, 2}, {}, executor).ok());
  EXPECT_FALSE(train_residual_kmeans({nullptr, 3, 0}, {}, executor).ok());
  EXPECT_FALSE(train_residual_kmeans(random_matrix(3, 2, 1).view(), {.levels = 17}, executor).ok());
}

TEST(ResidualKMeans, HandlesOneItemConstantItemsAndNothingButZeros) {
  Executor executor(1);
  for (const float value : {0.0f, 1.0f})
    for (const std::size_t n : {1, 2, 50}) {
      Matrix<float> vectors(n, 3);
      for (auto& v : vectors.values()) v = value;
      const auto fit = train_residual_kmeans(vectors.view(), {}, executor).value();
      EXPECT_EQ(fit.codebooks.codebook(), choose_codebook(n));
      EXPECT_EQ(fit.codes.rows(), n);
      EXPECT_NEAR(fit.level_error[0], 0, 1e-12);
    }
}

TEST(ResidualKMeans, ReportsProgressAndStops) {
  Executor executor(1);
  const auto vectors = random_matrix(500, 4, 4);
  std::uint64_t last = 0, total = 0;
  const auto fit = train_residual_kmeans(vectors.view(),
                                         {.progress =
                                              [&](const Progress& p) {
                                                EXPECT_GE(p.done, last);
                                                last = p.done;
                                                total = p.total;
                                                return true;
                                              }},
                                         executor);
  EXPECT_TRUE(fit.ok());
  EXPECT_LT(last, total);
  const auto stopped =
      train_residual_kmeans(vectors.view(), {.progress = [](const Progress&) { return false; }}, executor);
  ASSERT_FALSE(stopped.ok());
  EXPECT_EQ(stopped.error().code, ErrorCode::cancelled);
}

TEST(NewItem, GetsItsCodesAtOnceAndMovesNobody) {
  Executor executor(1);
  const auto vectors = random_matrix(200, 5, 5);
  const auto fit = train_residual_kmeans(vectors.view(), {.codebook = 8}, executor).value();
  std::vector<ItemId> items;
  for (std::uint32_t i = 0; i < 200; ++i) items.push_back(ItemId{i});
  const auto trie = ItemTrie::build(fit.codes.view(), items, 8).value();
  const auto twin = place_new_item(fit.codebooks, trie, vectors.row(17)).value();
  EXPECT_TRUE(std::ranges::equal(twin.id.codes, fit.codes.row(17)));
  EXPECT_GE(twin.shares_with, 1u);
  EXPECT_EQ(twin.known_levels, 3u);
  const auto nobody = place_new_item(fit.codebooks, ItemTrie{}, vectors.row(17)).value();
  EXPECT_EQ(nobody.id.codes, twin.id.codes);
  EXPECT_EQ(nobody.shares_with, 0u);
  EXPECT_EQ(nobody.known_levels, 0u);
  EXPECT_FALSE(place_new_item(fit.codebooks, trie, std::vector<float>(4)).ok());
  EXPECT_FALSE(fit.codebooks.assign(std::vector<float>(5, NAN)).ok());
}

TEST_F(CodebookFile, SaveThenLoadIsTheIdentity) {
  Executor executor(1);
  const auto vectors = random_matrix(100, 5, 6);
  const auto fit = train_residual_kmeans(vectors.view(), {.codebook = 8}, executor).value();
  ASSERT_TRUE(save_codebooks(path_, fit.codebooks, fit.codes.view()).ok());
  const auto loaded = load_codebooks(path_, {.levels = 3, .codebook = 8, .dim = 5, .items = 100}).value();
  EXPECT_EQ(loaded.codes.values(), fit.codes.values());
  for (std::size_t l = 0; l < 3; ++l)
    for (Code k = 0; k < 8; ++k)
      EXPECT_TRUE(std::ranges::equal(loaded.codebooks.codeword(l, k), fit.codebooks.codeword(l, k)));
  EXPECT_EQ(load_error({.levels = 4}), "codes has 3 levels, expected 4");
  EXPECT_EQ(load_error({.items = 99}), "codes has 100 rows for 99 items");
  EXPECT_EQ(load_error({.codebook = 16, .dim = 5}), "the largest codebook has 8 codewords, expected 16");
  EXPECT_EQ(load_error({.codebook = 8, .dim = 6}), "codebook.0 has shape [8, 5], expected 6 columns");
}

TEST_F(CodebookFile, LevelsMayHaveDifferentSizes) {
  Executor executor(2);
  const auto vectors = random_matrix(400, 6, 8);
  const auto fit = train_residual_kmeans(vectors.view(), {.codebooks = {4, 16, 2}}, executor).value();
  EXPECT_EQ(fit.codebooks.levels(), 3u);
  EXPECT_EQ(fit.codebooks.codebook(), 16u);
  const std::vector<std::uint32_t> sizes{4, 16, 2};
  for (std::size_t l = 0; l < 3; ++l) {
    EXPECT_EQ(fit.codebooks.codebook(l), sizes[l]);
    Code largest = 0;
    for (std::size_t i = 0; i < 400; ++i) largest = std::max(largest, fit.codes(i, l));
    EXPECT_EQ(largest, sizes[l] - 1) << "level " << l;
  }
  auto outside = fit.codes;
  outside(7, 2) = 2;  // below the largest level's size, not below its own
  const auto refused = fit.codebooks.check_codes(outside.view());
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().message, "codes row 7, level 2: code 2 is not below 2");

  ASSERT_TRUE(save_codebooks(path_, fit.codebooks, fit.codes.view()).ok());
  const auto loaded = load_codebooks(path_, {.levels = 3, .codebook = 16, .dim = 6, .items = 400}).value();
  EXPECT_EQ(loaded.codes.values(), fit.codes.values());
  EXPECT_EQ(loaded.codebooks.assign(vectors.view(), executor).value().values(), fit.codes.values());
  ASSERT_TRUE(save_codebooks(path_, fit.codebooks, outside.view()).ok());
  EXPECT_EQ(load_error(), "codes row 7, level 2: code 2 is not below 2");

  std::vector<ItemId> items;
  for (std::uint32_t i = 0; i < 400; ++i) items.push_back(ItemId{i});
  const auto trie = ItemTrie::build(fit.codes.view(), items, fit.codebooks.codebook()).value();
  EXPECT_EQ(place_new_item(fit.codebooks, trie, vectors.row(17)).value().known_levels, 3u);
}

/// Codebooks behind a small encoder, and content for them.
struct Encoded {
  Matrix<float> content = random_matrix(200, 9, 1);
  Codebooks books = Codebooks::create({random_matrix(8, 4, 2), random_matrix(4, 4, 3)}, encoder()).value();

  static std::shared_ptr<const ContentEncoder> encoder() {
    return std::make_shared<const ContentEncoder>(
        ContentEncoder::create({{random_matrix(6, 9, 4), std::vector<float>(6, 0.1F)},
                                {random_matrix(4, 6, 5), std::vector<float>(4, -0.1F)}})
            .value());
  }
};

TEST_F(CodebookFile, KeepsTheEncoderInFrontOfTheLevels) {
  Executor executor(1);
  const Encoded e;
  EXPECT_EQ(e.books.dim(), 4u);
  EXPECT_EQ(e.books.content_dim(), 9u);
  const auto codes = e.books.assign(e.content.view(), executor).value();
  const auto encoded = e.books.encode(e.content.view(), executor).value();
  const auto bare = Codebooks::create({random_matrix(8, 4, 2), random_matrix(4, 4, 3)}).value();
  EXPECT_EQ(bare.assign(encoded.rows, executor).value().values(), codes.values());

  ASSERT_TRUE(save_codebooks(path_, e.books, codes.view()).ok());
  const auto loaded = load_codebooks(path_, {.levels = 2, .codebook = 8, .dim = 9, .items = 200}).value();
  ASSERT_NE(loaded.codebooks.encoder(), nullptr);
  EXPECT_EQ(loaded.codebooks.assign(e.content.view(), executor).value().values(), codes.values());
  EXPECT_EQ(loaded.codebooks.encode(e.content.view(), executor)->made.values(), encoded.made.values());
  EXPECT_EQ(load_error({.dim = 4}), "the content encoder reads 9 numbers, a content vector has 4");
  EXPECT_EQ(e.books.assign(random_matrix(1, 4, 1).view(), executor).error().message,
            "a content vector has 4 numbers, the codebooks 9");
}

TEST_F(CodebookFile, RefusesAnEncoderThatDoesNotFit) {
  const Encoded e;
  const auto write = [&](std::size_t width, std::size_t bias, float number) {
    artifact::SafeTensorsWriter writer;
    writer.add("codebook.0", random_matrix(8, 4, 2).view());
    writer.add("codes", MatrixView<const Code>(Matrix<Code>(5, 1).view()));
    auto weight = random_matrix(width, 9, 3);
    weight(0, 0) = number;
    writer.add("encoder.0.weight", weight.view());
    writer.add("encoder.0.bias", std::span<const float>(std::vector<float>(bias, 0.0F)));
    ASSERT_TRUE(writer.write(path_).ok());
  };
  write(4, 4, 1);
  EXPECT_TRUE(load_codebooks(path_).ok());
  write(5, 5, 1);
  EXPECT_EQ(load_error(), "codewords have 4 numbers, the content encoder gives 5");
  write(4, 4, std::numeric_limits<float>::quiet_NaN());
  EXPECT_EQ(load_error(), "encoder.0 holds a number that is not finite or above 1e15");
  write(4, 3, 1);
  EXPECT_EQ(load_codebooks(path_).error().code, ErrorCode::corrupt);
}

TEST(ResidualKMeans, EqualSizesAreTheSameBytesHoweverTheyAreGiven) {
  Executor executor(1);
  const auto vectors = random_matrix(200, 5, 9);
  const auto a = train_residual_kmeans(vectors.view(), {.levels = 2, .codebook = 8}, executor).value();
  const auto b = train_residual_kmeans(vectors.view(), {.codebooks = {8, 8}}, executor).value();
  EXPECT_EQ(a.codes.values(), b.codes.values());
  EXPECT_EQ(a.level_error, b.level_error);
  EXPECT_EQ(train_residual_kmeans(vectors.view(), {.codebooks = {8, 0}}, executor).error().message,
            "codebook: 0 is not in 1..65536");
  EXPECT_EQ(train_residual_kmeans(vectors.view(), {.codebooks = {8, 65537}}, executor).error().message,
            "codebook: 65537 is not in 1..65536");
  EXPECT_FALSE(
      train_residual_kmeans(vectors.view(), {.codebooks = std::vector<std::uint32_t>(17, 4)}, executor).ok());
}

TEST_F(CodebookFile, RefusesWhatCannotBeTrue) {
  const auto write = [&](const std::function<void(artifact::SafeTensorsWriter&)>& fill) {
    artifact::SafeTensorsWriter writer;
    fill(writer);
    ASSERT_TRUE(writer.write(path_).ok());
  };
  const auto book = random_matrix(4, 3, 7);
  Matrix<Code> codes(5, 2);
  auto bad_codes = codes;
  bad_codes(3, 1) = 4;
  auto bad_book = book;
  bad_book(2, 1) = std::numeric_limits<float>::infinity();

  write([&](auto& w) {
    w.add("codebook.0", book.view());
    w.add("codes", codes.view());
  });
  EXPECT_FALSE(load_codebooks(path_).ok());  // level 1 is missing
  write([&](auto& w) { w.add("codebook.0", book.view()); });
  EXPECT_FALSE(load_codebooks(path_).ok());
  write([&](auto& w) {
    w.add("codebook.0", book.view());
    w.add("codebook.1", book.view());
    w.add("codes", bad_codes.view());
  });
  EXPECT_EQ(load_error(), "codes row 3, level 1: code 4 is not below 4");
  write([&](auto& w) {
    w.add("codebook.0", book.view());
    w.add("codebook.1", bad_book.view());
    w.add("codes", codes.view());
  });
  EXPECT_EQ(load_error(), "codebook.1: codeword 2 holds a number that is not finite or above 1e15");
  write([&](auto& w) {
    w.add("codebook.0", book.view());
    w.add("codebook.1", random_matrix(4, 2, 1).view());
    w.add("codes", codes.view());
  });
  EXPECT_EQ(load_error(), "codebook.1 has shape [4, 2], codebook.0 has [4, 3]");
  write([&](auto& w) {
    w.add("codebook.0", book.view());
    w.add("codes", MatrixView<const Code>(codes.values().data(), 0, 0));
  });
  EXPECT_FALSE(load_codebooks(path_).ok());
  write([&](auto& w) {
    w.add("codebook.0", book.view());
    w.add("codes", book.view());
  });
  EXPECT_FALSE(load_codebooks(path_).ok());  // F32 where U16 is promised
  EXPECT_EQ(load_codebooks((folder_ / "absent").string()).error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace penchant::semantic_id
