#include "penchant/semantic_id/pieces/vocabulary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sentencepiece_processor.h>
#include <sentencepiece_trainer.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>

#include "penchant/artifact/files.h"
#include "penchant/artifact/safetensors.h"
#include "penchant/semantic_id/pieces/train_vocabulary.h"

namespace penchant::semantic_id {
namespace {

using ::testing::HasSubstr;
using Cut = std::vector<std::uint32_t>;

std::string temporary(const char* name) {
  return (std::filesystem::temp_directory_path() / ("penchant-vocabulary-" + std::to_string(::getpid()) + "-" + name)).string();
}

/// Single codes and every run that the draw takes, with random scores.
Vocabulary random_vocabulary(std::uint64_t seed, const std::vector<std::uint32_t>& books) {
  Rng rng(seed);
  std::vector<CodePiece> pieces;
  std::map<std::pair<std::uint32_t, std::vector<Code>>, bool> there;
  const auto score = [&] { return static_cast<float>(-1 - 9 * rng.uniform()); };
  for (std::uint32_t l = 0; l < books.size(); ++l)
    for (Code c = 0; c < books[l]; ++c) pieces.push_back({l, {c}, score()});
  for (int run = 0; run < 60; ++run) {
    CodePiece piece{static_cast<std::uint32_t>(rng.below(books.size() - 1)), {}, score()};
    const std::size_t length = 2 + rng.below(books.size() - piece.start - 1);
    for (std::size_t i = 0; i < length; ++i) piece.codes.push_back(static_cast<Code>(rng.below(books[piece.start + i])));
    if (std::exchange(there[{piece.start, piece.codes}], true)) continue;
    pieces.push_back(std::move(piece));
  }
  return Vocabulary::create(books, std::move(pieces)).value();
}

std::vector<Code> random_path(Rng& rng, const std::vector<std::uint32_t>& books) {
  std::vector<Code> path;
  for (const auto size : books) path.push_back(static_cast<Code>(rng.below(size)));
  return path;
}

/// Calls visit(cut, sum of scores) for every way to cut the path.
void each_cut(const Vocabulary& v, const std::vector<Code>& path, Cut& so_far, double score, std::size_t at,
              const std::function<void(const Cut&, double)>& visit) {
  if (at == path.size()) return visit(so_far, score);
  for (std::uint32_t row = 0; row < v.pieces().size(); ++row) {
    const auto& piece = v.pieces()[row];
    if (piece.start != at || !std::equal(piece.codes.begin(), piece.codes.end(), path.begin() + static_cast<std::ptrdiff_t>(at))) continue;
    so_far.push_back(row);
    each_cut(v, path, so_far, score + double{piece.score}, at + piece.codes.size(), visit);
    so_far.pop_back();
  }
}

TEST(Vocabulary, TheCutIsTheBestOfAllCuts) {
  const std::vector<std::uint32_t> books{3, 2, 3, 2};
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const auto v = random_vocabulary(seed, books);
    Rng rng(seed + 100);
    for (int n = 0; n < 20; ++n) {
      const auto path = random_path(rng, books);
      double best = -1e9, found = 0;
      Cut so_far, cut;
      each_cut(v, path, so_far, 0, 0, [&](const Cut&, double score) { best = std::max(best, score); });
      v.cut(path, cut);
      std::vector<Code> back;
      for (const auto row : cut) {
        found += double{v.pieces()[row].score};
        back.insert(back.end(), v.pieces()[row].codes.begin(), v.pieces()[row].codes.end());
      }
      EXPECT_EQ(back, path) << "the pieces of a cut put together are the path";
      EXPECT_NEAR(found, best, 1e-4);
    }
  }
}

TEST(Vocabulary, CutsAreDrawnInProportionToTheirLikelihood) {
  const std::vector<std::uint32_t> books{2, 2, 2};
  const auto v = random_vocabulary(5, books);
  const std::vector<Code> path{1, 0, 1};
  for (const double smoothing : {0.0, 0.5}) {
    std::map<Cut, double> expected, drawn;
    double mass = 0;
    Cut so_far;
    each_cut(v, path, so_far, 0, 0, [&](const Cut& cut, double score) { mass += expected[cut] = std::exp(smoothing * score); });
    ASSERT_GT(expected.size(), 2u);
    Rng rng(3);
    constexpr int kDraws = 20'000;
    for (int n = 0; n < kDraws; ++n) {
      Cut cut;
      v.draw_cut(path, smoothing, rng, cut);
      drawn[cut] += 1.0 / kDraws;
    }
    for (const auto& [cut, weight] : expected) EXPECT_NEAR(drawn[cut], weight / mass, 0.02);
    EXPECT_EQ(drawn.size(), expected.size());
  }
}

TEST(Vocabulary, RefusesWhatCannotBe) {
  const auto refused = [](std::vector<std::uint32_t> books, std::vector<CodePiece> pieces) {
    const auto made = Vocabulary::create(std::move(books), std::move(pieces));
    EXPECT_FALSE(made.ok());
    return made.ok() ? "" : made.error().message;
  };
  const CodePiece a{0, {0}, -1}, b{0, {1}, -2}, c{1, {0}, -1};
  EXPECT_TRUE(Vocabulary::create({2, 1}, {a, b, c}).ok());
  EXPECT_THAT(refused({2, 1}, {a, c}), HasSubstr("code 1 of level 0 is no piece"));
  EXPECT_THAT(refused({2, 1}, {a, b, c, a}), HasSubstr("piece 3 is the same as piece 0"));
  EXPECT_THAT(refused({2, 1}, {a, b, c, {0, {0, 1}, -1}}), HasSubstr("piece 3 has code 1 at level 1"));
  EXPECT_THAT(refused({2, 1}, {a, b, c, {1, {0, 0}, -1}}), HasSubstr("2 codes from level 1"));
  EXPECT_THAT(refused({2, 1}, {a, b, c, {9, {0}, -1}}), HasSubstr("from level 9"));
  EXPECT_THAT(refused({2, 1}, {a, b, {1, {0}, NAN}}), HasSubstr("piece 2"));
  EXPECT_THAT(refused({}, {}), HasSubstr("levels"));
  EXPECT_THAT(refused(std::vector<std::uint32_t>(17, 1), {}), HasSubstr("17"));
  EXPECT_THAT(refused(std::vector<std::uint32_t>(3, 65536), {}), HasSubstr("196608"));
  EXPECT_FALSE(vocabulary_pieces(Vocabulary::create({2, 1}, {a, b, c}).value(), 2).ok());
}

TEST(Vocabulary, WhatIsSavedIsLoaded) {
  const std::vector<std::uint32_t> books{5, 3, 4};
  const auto v = random_vocabulary(8, books);
  const auto path = temporary("whole");
  ASSERT_TRUE(save_vocabulary(path, v).ok());
  const auto back = load_vocabulary(path);
  ASSERT_TRUE(back.ok()) << back.error().message;
  EXPECT_EQ(back->codebooks(), books);
  ASSERT_EQ(back->pieces().size(), v.pieces().size());
  Rng rng(1);
  for (int n = 0; n < 50; ++n) {
    const auto codes = random_path(rng, books);
    Cut before, after;
    v.cut(codes, before);
    back->cut(codes, after);
    EXPECT_EQ(before, after);
  }
  std::filesystem::remove(path);
}

/// A file of one vocabulary in which one thing is wrong.
struct Broken {
  std::string format = "penchant.code_vocabulary", version = "1";
  std::vector<std::int32_t> codebooks{2, 1}, starts{0, 0, 1}, lengths{1, 1, 1}, codes{0, 1, 0};
  std::vector<float> scores{-1, -2, -1};
  std::string read() const {
    const auto path = temporary("broken");
    artifact::SafeTensorsWriter writer;
    writer.set_metadata("format", format);
    writer.set_metadata("version", version);
    writer.add("codebooks", std::span<const std::int32_t>(codebooks));
    writer.add("piece.start", std::span<const std::int32_t>(starts));
    writer.add("piece.length", std::span<const std::int32_t>(lengths));
    writer.add("piece.codes", std::span<const std::int32_t>(codes));
    writer.add("piece.score", std::span<const float>(scores));
    EXPECT_TRUE(writer.write(path).ok());
    const auto read = load_vocabulary(path);
    std::filesystem::remove(path);
    EXPECT_TRUE(read.ok() || read.error().code == ErrorCode::corrupt);
    return read.ok() ? "" : read.error().message;
  }
};

TEST(Vocabulary, HostileFilesAreRefusedByName) {
  EXPECT_EQ(Broken{}.read(), "");
  EXPECT_THAT(Broken{.format = "other"}.read(), HasSubstr("no vocabulary"));
  EXPECT_THAT(Broken{.version = "2"}.read(), HasSubstr("version 2"));
  EXPECT_THAT((Broken{.codebooks = {2, -1}}.read()), HasSubstr("codebooks holds -1"));
  EXPECT_THAT((Broken{.codebooks = {2, 70000}}.read()), HasSubstr("70000"));
  EXPECT_THAT((Broken{.starts = {0, 0, -1}}.read()), HasSubstr("piece 2"));
  EXPECT_THAT((Broken{.starts = {0, 0, 2'000'000'000}}.read()), HasSubstr("piece 2"));
  EXPECT_THAT((Broken{.lengths = {1, 1}}.read()), HasSubstr("piece.length"));
  EXPECT_THAT((Broken{.lengths = {1, 1, 2}}.read()), HasSubstr("piece 2"));
  EXPECT_THAT((Broken{.lengths = {1, 0, 1}}.read()), HasSubstr("piece 1"));
  EXPECT_THAT((Broken{.lengths = {1, 1, 2'000'000'000}}.read()), HasSubstr("piece 2"));
  EXPECT_THAT((Broken{.codes = {0, 1, 0, 0}}.read()), HasSubstr("too many"));
  EXPECT_THAT((Broken{.codes = {0, 70000, 0}}.read()), HasSubstr("70000"));
  EXPECT_THAT((Broken{.codes = {0, 0, 0}}.read()), HasSubstr("the same"));
  EXPECT_THAT((Broken{.scores = {-1, NAN, -1}}.read()), HasSubstr("piece 1"));
  EXPECT_THAT((Broken{.scores = {-1, -1}}.read()), HasSubstr("piece.score"));
}

TEST(Vocabulary, EveryTruncatedFileIsRefused) {
  const auto path = temporary("truncated");
  ASSERT_TRUE(save_vocabulary(path, random_vocabulary(2, {3, 2})).ok());
  const auto whole = artifact::read_file(path, 1 << 20).value();
  for (std::size_t size = 0; size < whole.size(); size += 7) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << whole.substr(0, size);
    EXPECT_FALSE(load_vocabulary(path).ok()) << size;
  }
  std::filesystem::remove(path);
  EXPECT_EQ(load_vocabulary(path).error().code, ErrorCode::not_found);
}

/// Text of symbols, private-use characters as the library reads them.
std::string text_of(std::span<const std::uint32_t> symbols) {
  std::string text;
  for (const auto symbol : symbols) {
    const char32_t c = 0xF0000 + symbol;
    for (const int shift : {18, 12, 6, 0}) text += static_cast<char>(shift == 18 ? 0xF0 | (c >> 18) : 0x80 | ((c >> shift) & 0x3F));
  }
  return text;
}

class Sentences final : public sentencepiece::SentenceIterator {
 public:
  explicit Sentences(std::vector<std::string> all) : all_(std::move(all)) {}
  bool done() const override { return at_ >= all_.size(); }
  void Next() override { ++at_; }
  const std::string& value() const override { return all_[at_]; }
  sentencepiece::util::Status status() const override { return {}; }

 private:
  std::vector<std::string> all_;
  std::size_t at_ = 0;
};

TEST(Vocabulary, CutsAsTheLibraryCuts) {
  const std::vector<std::uint32_t> books{6, 4, 6, 6};  // symbols 6 l + code
  Rng rng(4);
  std::vector<std::vector<Code>> paths;
  std::vector<std::string> lines;
  const auto text = [&](const std::vector<Code>& path) {
    std::vector<std::uint32_t> symbols;
    for (std::uint32_t l = 0; l < 4; ++l) symbols.push_back(6 * l + path[l]);
    return text_of(symbols);
  };
  for (int n = 0; n < 300; ++n) {
    auto path = random_path(rng, books);
    path[1] = static_cast<Code>(path[0] % 3 + rng.below(2));
    lines.push_back(text(path));
    paths.push_back(std::move(path));
  }
  Sentences sentences(lines);
  std::string model;
  ASSERT_TRUE(sentencepiece::SentencePieceTrainer::Train(
                  {{"model_type", "unigram"}, {"vocab_size", "90"}, {"hard_vocab_limit", "false"}, {"character_coverage", "1.0"},
                   {"normalization_rule_name", "identity"}, {"add_dummy_prefix", "false"}, {"remove_extra_whitespaces", "false"},
                   {"split_by_unicode_script", "false"}, {"bos_id", "-1"}, {"eos_id", "-1"}, {"num_threads", "1"}, {"minloglevel", "2"}},
                  &sentences, &model)
                  .ok());
  sentencepiece::SentencePieceProcessor library;
  ASSERT_TRUE(library.LoadFromSerializedProto(model).ok());
  std::vector<CodePiece> pieces;
  for (int id = 1; id < library.GetPieceSize(); ++id) {
    const auto& piece = library.IdToPiece(id);
    CodePiece made{.score = library.GetScore(id)};
    for (std::size_t i = 0; i < piece.size(); i += 4) {
      const auto symbol = static_cast<std::uint32_t>(((piece[i + 2] & 0x3F) << 6) | (piece[i + 3] & 0x3F));
      if (i == 0) made.start = symbol / 6;
      made.codes.push_back(static_cast<Code>(symbol % 6));
    }
    pieces.push_back(std::move(made));
  }
  const auto ours = Vocabulary::create(books, std::move(pieces)).value();
  ASSERT_GT(ours.pieces().size(), 60u);
  std::size_t joined = 0;
  for (std::size_t n = 0; n < paths.size(); ++n) {
    std::vector<int> theirs;
    ASSERT_TRUE(library.Encode(lines[n], &theirs).ok());
    Cut cut;
    ours.cut(paths[n], cut);
    ASSERT_EQ(cut.size(), theirs.size()) << n;
    for (std::size_t i = 0; i < cut.size(); ++i) EXPECT_EQ(static_cast<int>(cut[i]) + 1, theirs[i]);
    joined += cut.size() < 4 ? 1 : 0;
  }
  EXPECT_GT(joined, 100u);
}

}  // namespace
}  // namespace penchant::semantic_id
