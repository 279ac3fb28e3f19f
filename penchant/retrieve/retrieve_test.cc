#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <map>
#include <thread>

#include "penchant/base/rng.h"
#include "penchant/retrieve/lexical.h"
#include "penchant/retrieve/popularity.h"
#include "penchant/retrieve/transitions.h"
#include "penchant/retrieve/vector_table.h"

namespace penchant::retrieve {
namespace {

using catalog::Item;

std::vector<std::vector<ItemId>> random_sequences(std::uint64_t seed, std::size_t users, std::uint32_t items) {
  Rng rng(seed);
  std::vector<std::vector<ItemId>> sequences(users);
  for (auto& sequence : sequences)
    for (std::uint64_t length = rng.below(12); length > 0; --length)
      sequence.push_back(ItemId{static_cast<std::uint32_t>(rng.below(items))});
  return sequences;
}

TransitionModel build(const std::vector<std::vector<ItemId>>& sequences, std::size_t items) {
  std::vector<std::uint32_t> flat;
  std::vector<std::uint64_t> offsets{0};
  for (const auto& sequence : sequences) {
    for (const ItemId item : sequence) flat.push_back(index(item));
    offsets.push_back(flat.size());
  }
  return TransitionModel::build({flat, offsets}, items);
}

/// The formula of the header word by word, in dense double matrices.
struct NaiveTransitions {
  std::vector<std::vector<double>> t;
  std::vector<double> pop;
  NaiveTransitions(const std::vector<std::vector<ItemId>>& sequences, std::size_t n)
      : t(n, std::vector<double>(n, 0)), pop(n, 0) {
    for (const auto& s : sequences)
      for (std::size_t b = 0; b < s.size(); ++b) {
        pop[index(s[b])] += 1;
        for (std::size_t a = 0; a < b; ++a) {
          const auto k = static_cast<double>(b - a);
          if (k > 3) continue;
          t[index(s[a])][index(s[b])] += 1 / k;
          t[index(s[b])][index(s[a])] += 0.5 / k;
        }
      }
  }
  [[nodiscard]] double score(const std::vector<ItemId>& history, std::size_t j) const {
    double sum = 0;
    for (std::size_t h = 0; h < history.size(); ++h) {
      const auto& row = t[index(history[h])];
      double row_sum = 0;
      for (const double w : row) row_sum += w;
      if (row_sum == 0) continue;
      sum += std::pow(0.7, static_cast<double>(history.size() - 1 - h)) * row[j] /
             (std::sqrt(row_sum) * std::sqrt(std::max(pop[j], 1.0)));
    }
    return sum;
  }
};

void expect_same(const TransitionModel& model, const NaiveTransitions& naive, std::uint64_t seed) {
  Rng rng(seed);
  std::vector<ItemId> history;
  for (int i = 0; i < 8; ++i) history.push_back(ItemId{static_cast<std::uint32_t>(rng.below(model.items()))});
  std::vector<float> scores(model.items());
  model.score(history, scores);
  for (std::size_t j = 0; j < model.items(); ++j) {
    EXPECT_NEAR(static_cast<double>(scores[j]), naive.score(history, j), 1e-5) << "seed " << seed << " item " << j;
    double parts = 0;
    for (std::size_t p = 0; p < history.size(); ++p)
      parts += model.contribution(history, p, ItemId{static_cast<std::uint32_t>(j)});
    EXPECT_NEAR(parts, naive.score(history, j), 1e-9);
    for (std::size_t i = 0; i < model.items(); ++i)
      EXPECT_NEAR(model.weight(ItemId{static_cast<std::uint32_t>(i)}, ItemId{static_cast<std::uint32_t>(j)}), naive.t[i][j], 1e-9);
  }
}

TEST(Transitions, EqualTheFormulaOfTheProtocol) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const auto sequences = random_sequences(seed, 1 + seed, 9);
    expect_same(build(sequences, 9), NaiveTransitions(sequences, 9), seed);
  }
}

TEST(Transitions, EventByEventEqualsBuiltAtOnce) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    auto sequences = random_sequences(seed, 10, 9);
    const auto half = random_sequences(seed + 100, 10, 9);
    TransitionModel model = build(sequences, 9);
    for (std::size_t u = 0; u < 10; ++u)
      for (const ItemId item : half[u]) {
        model.append(sequences[u], item);
        sequences[u].push_back(item);
      }
    expect_same(model, NaiveTransitions(sequences, 9), seed);
  }
}

TEST(Transitions, ATakenBackSequenceLeavesNothing) {
  auto sequences = random_sequences(3, 12, 9);
  TransitionModel model = build(sequences, 9);
  model.remove_sequence(sequences.back());
  model.add_sequence(sequences.front());
  model.remove_sequence(sequences.front());
  sequences.pop_back();
  expect_same(model, NaiveTransitions(sequences, 9), 3);
}

TEST(Transitions, AForgottenItemWasNeverCountedAndTheOthersKeepTheirs) {
  constexpr std::uint32_t kItems = 15;
  auto model = build(random_sequences(21, 60, kItems), kItems);
  for (const auto& sequence : random_sequences(22, 20, kItems)) model.add_sequence(sequence);  // changes since the build
  const auto before = model;
  std::vector<std::uint8_t> gone(kItems, 0);
  gone[3] = gone[9] = 1;
  model.forget(gone);
  for (std::uint32_t i = 0; i < kItems; ++i) {
    double sum = 0;
    for (std::uint32_t j = 0; j < kItems; ++j) {
      const bool forgotten = gone[i] != 0 || gone[j] != 0;
      EXPECT_EQ(model.weight(ItemId{i}, ItemId{j}), forgotten ? 0 : before.weight(ItemId{i}, ItemId{j})) << i << " " << j;
      sum += model.weight(ItemId{i}, ItemId{j});
    }
    EXPECT_NEAR(model.row_sum(ItemId{i}), sum, 1e-9);
    EXPECT_EQ(model.count(ItemId{i}), gone[i] != 0 ? 0 : before.count(ItemId{i}));
  }
}

TEST(Transitions, ANewRowCountsFromItsFirstEvent) {
  TransitionModel model = build({{ItemId{0}, ItemId{1}}}, 2);
  model.append(std::vector{ItemId{0}, ItemId{1}}, ItemId{5});
  EXPECT_EQ(model.items(), 6U);
  EXPECT_DOUBLE_EQ(model.weight(ItemId{1}, ItemId{5}), 1);
  EXPECT_DOUBLE_EQ(model.weight(ItemId{0}, ItemId{5}), 0.5);
  EXPECT_EQ(model.count(ItemId{5}), 1);
}

class CountsFile : public testing::Test {
 protected:
  void SetUp() override {
    folder = std::filesystem::temp_directory_path() /
             ("penchant_counts_" + std::to_string(testing::UnitTest::GetInstance()->random_seed()) + "_" +
              testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::create_directories(folder);
    file = (folder / "counts.safetensors").string();
  }
  void TearDown() override { std::filesystem::remove_all(folder); }
  std::filesystem::path folder;
  std::string file;
};

TEST_F(CountsFile, SaveAndLoadIsTheIdentity) {
  auto sequences = random_sequences(7, 20, 9);
  TransitionModel model = build(sequences, 9);
  model.append(sequences[0], ItemId{8});
  sequences[0].push_back(ItemId{8});
  artifact::SafeTensorsWriter writer;
  model.write(writer);
  ASSERT_TRUE(writer.write(file).ok());
  auto tensors = artifact::SafeTensors::open(file);
  ASSERT_TRUE(tensors.ok());
  auto read = TransitionModel::read(tensors.value(), 9);
  ASSERT_TRUE(read.ok()) << read.error().message;
  expect_same(read.value(), NaiveTransitions(sequences, 9), 7);
}

TEST_F(CountsFile, ImpossibleCountsAreRefusedByName) {
  const auto refused = [&](std::vector<std::int64_t> offsets, std::vector<std::int32_t> items,
                           std::vector<float> weights, std::vector<float> sums) {
    artifact::SafeTensorsWriter writer;
    const std::vector<std::int32_t> counts{1, 1};
    writer.add("train_count", std::span<const std::int32_t>(counts));
    writer.add("transition.offsets", std::span<const std::int64_t>(offsets));
    writer.add("transition.items", std::span<const std::int32_t>(items));
    writer.add("transition.weights", std::span<const float>(weights));
    writer.add("transition.row_sum", std::span<const float>(sums));
    EXPECT_TRUE(writer.write(file).ok());
    auto tensors = artifact::SafeTensors::open(file);
    EXPECT_TRUE(tensors.ok());
    auto read = TransitionModel::read(tensors.value(), 2);
    return read.ok() ? std::string("accepted") : read.error().message;
  };
  EXPECT_EQ(refused({0, 1, 2}, {1, 0}, {1, 0.5F}, {1, 0.5F}), "accepted");
  EXPECT_THAT(refused({0, 1, 2}, {7, 0}, {1, 0.5F}, {1, 0.5F}), testing::HasSubstr("names item row 7"));
  EXPECT_THAT(refused({0, 1, 2}, {-1, 0}, {1, 0.5F}, {1, 0.5F}), testing::HasSubstr("names item row -1"));
  EXPECT_THAT(refused({0, 2, 1}, {1, 0}, {1, 0.5F}, {1, 0.5F}), testing::HasSubstr("transition.offsets"));
  EXPECT_THAT(refused({0, 2, 2}, {1, 0}, {1, 0.5F}, {1.5F, 0}), testing::HasSubstr("not ascending"));
  EXPECT_THAT(refused({0, 1, 2}, {1, 0}, {NAN, 0.5F}, {1, 0.5F}), testing::HasSubstr("impossible count"));
  EXPECT_THAT(refused({0, 1, 2}, {1, 0}, {-1, 0.5F}, {1, 0.5F}), testing::HasSubstr("impossible count"));
  EXPECT_THAT(refused({0, 1, 2}, {1, 0}, {1, 0.5F}, {3, 0.5F}), testing::HasSubstr("row_sum of row 0"));
  EXPECT_THAT(refused({0, 1}, {1}, {1}, {1, 0}), testing::HasSubstr("transition.offsets"));
}

TEST(Popularity, TheWindowPrefersWhatIsChosenLately) {
  constexpr std::int64_t day = 24LL * 3600 * 1000;
  Popularity popularity(3);
  for (int i = 0; i < 10; ++i) popularity.add(ItemId{0}, 1000 * day);
  for (int i = 0; i < 5; ++i) popularity.add(ItemId{1}, 1060 * day);
  std::vector<float> all(3), window(3);
  popularity.all_time(all);
  popularity.window(window);
  EXPECT_GT(all[0], all[1]);
  EXPECT_GT(window[1], window[0]);
  EXPECT_NEAR(window[1], std::log1p(5.0), 1e-6);
  EXPECT_EQ(popularity.last_seen_ms(ItemId{1}), 1060 * day);
  EXPECT_EQ(popularity.last_seen_ms(ItemId{2}), 0);
}

TEST(Popularity, RemovingIsTheInverseAndTimesFarApartStayFinite) {
  Popularity popularity(2);
  popularity.add(ItemId{0}, 5);
  popularity.add(ItemId{1}, std::int64_t{1} << 60);
  popularity.add(ItemId{1}, -(std::int64_t{1} << 60));
  popularity.add(ItemId{0}, 9);
  popularity.remove(ItemId{0}, 5);
  popularity.remove(ItemId{0}, 9);
  popularity.remove(ItemId{0}, 9);
  EXPECT_EQ(popularity.count(ItemId{0}), 0);
  EXPECT_EQ(popularity.recent(ItemId{0}), 0);
  EXPECT_EQ(popularity.total(), 2);
  std::vector<float> window(2);
  popularity.window(window);
  EXPECT_TRUE(std::isfinite(window[0]) && std::isfinite(window[1]));
}

Item film(std::string title, std::vector<std::string> genres) {
  return {.id = title, .title = title, .attributes = {{"genres", std::move(genres)}}};
}

std::unique_ptr<LexicalIndex> films() {
  auto index = LexicalIndex::create();
  EXPECT_TRUE(index.ok()) << index.error().message;
  EXPECT_TRUE(index.value()->put(ItemId{0}, film("Alien", {"Horror", "Sci-Fi"})).ok());
  EXPECT_TRUE(index.value()->put(ItemId{1}, film("Aliens", {"Action", "Sci-Fi"})).ok());
  EXPECT_TRUE(index.value()->put(ItemId{2}, film("Amélie", {"Comedy", "Romance"})).ok());
  EXPECT_TRUE(index.value()->put(ItemId{3}, film("Horror Hotel", {"Drama"})).ok());
  EXPECT_TRUE(index.value()->put(ItemId{4}, film("Space Jam", {"Children's"})).ok());
  return std::move(index).value();
}

std::vector<std::uint32_t> found(const LexicalIndex& index, std::string_view query) {
  auto hits = index.search(query, 10);
  EXPECT_TRUE(hits.ok()) << query << ": " << hits.error().message;
  std::vector<std::uint32_t> rows;
  for (const auto& hit : hits.value()) {
    rows.push_back(catalog::index(hit.item));
    EXPECT_GT(hit.score, 0) << query;
  }
  return rows;
}

TEST(Lexical, TitleWeighsAboveAttributes) {
  const auto index = films();
  EXPECT_EQ(found(*index, "horror"), (std::vector<std::uint32_t>{3, 0}));
  EXPECT_EQ(found(*index, "space jam").front(), 4U);
}

TEST(Lexical, TheLastWordIsAPrefixAndAccentsDoNotMatter) {
  const auto index = films();
  EXPECT_EQ(found(*index, "come"), (std::vector<std::uint32_t>{2}));
  EXPECT_EQ(found(*index, "amelie"), (std::vector<std::uint32_t>{2}));
  EXPECT_THAT(found(*index, "ali"), testing::UnorderedElementsAre(0, 1));
  EXPECT_THAT(found(*index, "ali jam"), testing::ElementsAre(4)) << "only the last word is a prefix";
}

TEST(Lexical, AnyUserTextIsSafe) {
  const auto index = films();
  for (const std::string_view query : {"", " ", "\"", "alien\"", "title:alien", "alien AND", "NOT", "* * *", "(", "NEAR(a b, 3)",
                                       "-alien", "^alien", "'; DROP TABLE items; --", "{title}: x", "\xff\xfe", "a\"\"b*"})
    (void)found(*index, query);
  EXPECT_THAT(found(*index, "alien\" OR \"jam"), testing::UnorderedElementsAre(0, 1, 4)) << "words, not syntax";
  EXPECT_TRUE(found(*index, std::string_view("\0\0", 2)).empty());
  EXPECT_EQ(index->search(std::string(5'000'000, 'x') + " alien", 5).value().size(), 0U);
  Rng rng(11);
  for (int round = 0; round < 2000; ++round) {
    std::string query;
    for (std::uint64_t n = rng.below(40); n > 0; --n) query += static_cast<char>(rng.below(256));
    ASSERT_TRUE(index->search(query, 5).ok()) << round;
  }
  EXPECT_EQ(index->size(), 5U);
}

TEST(Lexical, ReplacedTextIsFoundAndOldOrRemovedTextIsNot) {
  const auto index = films();
  ASSERT_TRUE(index->put(ItemId{4}, film("Looney Film", {})).ok());
  EXPECT_TRUE(found(*index, "jam").empty());
  EXPECT_EQ(found(*index, "looney"), (std::vector<std::uint32_t>{4}));
  ASSERT_TRUE(index->remove(ItemId{4}).ok());
  EXPECT_TRUE(found(*index, "looney").empty());
}

TEST(Lexical, ReadsAndWritesMayRunTogether) {
  const auto index = films();
  std::jthread writer([&] {
    for (std::uint32_t i = 0; i < 200; ++i) ASSERT_TRUE(index->put(ItemId{10 + i}, film("Alien copy", {})).ok());
  });
  for (int i = 0; i < 200; ++i) ASSERT_GE(index->search("alien", 500).value().size(), 2U);
}

TEST(VectorTable, MissingRowsHaveNoCosineAndProfilesFollowTheNewest) {
  VectorTable table(2, true);
  table.set(0, std::vector<float>{3, 0});
  table.set(1, std::vector<float>{0, 5});
  table.set(2, {});
  EXPECT_NEAR(table.cosine(0, 0), 1, 1e-6);
  EXPECT_EQ(table.cosine(0, 2), 0);
  EXPECT_FALSE(table.present(2));
  const auto profile = content_profile(table, std::vector{ItemId{0}, ItemId{2}, ItemId{1}});
  ASSERT_EQ(profile.size(), 2U);
  EXPECT_GT(profile[1], profile[0]);
  EXPECT_TRUE(content_profile(table, std::vector{ItemId{2}, ItemId{9}}).empty());
}

}  // namespace
}  // namespace penchant::retrieve
