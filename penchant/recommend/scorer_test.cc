#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <numeric>

#include "penchant/generate/beam_search.h"
#include "penchant/recommend/paths.h"
#include "penchant/kernels/top_k.h"
#include "penchant/recommend/history_input.h"
#include "penchant/recommend/scorer.h"
#include "penchant/recommend/signals.h"
#include "penchant/recommend/test_release.h"

namespace penchant::recommend {
namespace {

class ReleaseFiles : public testing::Test {
 protected:
  void write(const TestReleaseOptions& options = {}, std::size_t users = 24) {
    options_ = options;
    items_ = test_items(options);
    events_ = test_events(options, users);
    const auto written = write_test_release(home_.path(), options, items_, events_);
    ASSERT_TRUE(written.ok()) << written.error().message;
  }
  [[nodiscard]] std::string folder() const { return home_.path() + "/models/" + options_.name; }
  std::vector<HistoryEvent> history(std::initializer_list<std::uint32_t> rows) const {
    std::vector<HistoryEvent> out;
    for (const auto row : rows) out.push_back({ItemId{row}, "rating", 5, 1'600'000'000'000 + 1000 * static_cast<std::int64_t>(out.size())});
    return out;
  }
  TestFolder home_;
  TestReleaseOptions options_;
  std::vector<catalog::Item> items_;
  std::vector<catalog::Event> events_;
};

std::size_t best(const std::vector<float>& scores) {
  return static_cast<std::size_t>(std::max_element(scores.begin(), scores.end()) - scores.begin());
}

std::vector<float> scores_of(const Scorer& scorer, std::span<const HistoryEvent> history) {
  return fused_scores(rank::Ranker(), rank::Task::recommend, scorer.features(history, 0).value());
}

TEST_F(ReleaseFiles, TheBestAreExactThoughMostPathsAreNeverScored) {
  TestReleaseOptions options;
  options.random = true;
  write(options);
  const auto scorer = Scorer::load(folder()).value();
  const std::size_t generator = rank::column(rank::Feature::generator);
  for (const double weight : {0.1, 1.0, 0.0, -0.5}) {
    rank::Ranker ranker;
    auto weights = ranker.weights(rank::Task::recommend);
    weights[generator] = weight;
    ranker.set_weights(rank::Task::recommend, weights);
    for (const std::uint32_t start : {0U, 7U, 19U}) {
      const auto events = history({start, start + 1, start + 2});
      const auto all = scorer->features(events, 0).value();
      const auto some = scorer->features(events, 0, best_rows(ranker, rank::Task::recommend, 3)).value();
      const auto wanted = fused_scores(ranker, rank::Task::recommend, all), got = fused_scores(ranker, rank::Task::recommend, some);
      EXPECT_EQ(kernels::top_k(got, 3), kernels::top_k(wanted, 3)) << weight;
      std::size_t left_out = 0;
      for (std::size_t i = 0; i < all.rows(); ++i) left_out += some(i, generator) == 0 ? 1 : 0;
      if (weight == 0 || weight == 0.1) {
        EXPECT_GT(left_out, 0u) << weight;
      }
    }
  }
}

TEST_F(ReleaseFiles, AHistoryOfOneGenreRanksThatGenreFirst) {
  write();
  auto scorer = Scorer::load(folder());
  ASSERT_TRUE(scorer.ok()) << scorer.error().message;
  for (std::uint32_t genre = 0; genre < 4; ++genre) {
    const auto scores = scores_of(*scorer.value(), history({genre * 10, genre * 10 + 1, genre * 10 + 2}));
    EXPECT_EQ(best(scores) / 10, genre);
  }
}

TEST_F(ReleaseFiles, FeaturesHoldWhatTheirNamesSay) {
  write();
  auto scorer = Scorer::load(folder());
  ASSERT_TRUE(scorer.ok()) << scorer.error().message;
  EXPECT_THAT(scorer.value()->feature_names(),
              testing::ElementsAre("dense", "generator", "transitions", "popularity", "recency", "content", "seen", "cold", "towers", "alike"));
  const auto features = scorer.value()->features(history({3, 12}), 0).value();
  double dense = 0;
  for (std::size_t i = 0; i < features.rows(); ++i) dense += std::exp(static_cast<double>(features(i, 0)));
  EXPECT_NEAR(dense, 1, 1e-4) << "dense is a log-softmax over all items";
  for (std::size_t i = 0; i < features.rows(); ++i) {
    EXPECT_LE(features(i, 1), 0);
    EXPECT_EQ(features(i, 6), i == 3 || i == 12 ? 1 : 0);
    for (std::size_t f = 0; f < features.cols(); ++f) EXPECT_TRUE(std::isfinite(features(i, f)));
  }
  EXPECT_EQ(features(0, 8), 0) << "the release has no towers";
  write({.with_towers = true});
  const auto with_towers = Scorer::load(folder()).value()->features(history({3, 12}), 0).value();
  double towers = 0;
  for (std::size_t i = 0; i < with_towers.rows(); ++i) towers += std::exp(static_cast<double>(with_towers(i, 8)));
  EXPECT_NEAR(towers, 1, 1e-4) << "towers is a log-softmax over all items";
  const auto without = scorer.value()->features(history({3, 12}), 0, no_rows()).value();
  for (std::size_t i = 0; i < features.rows(); ++i)
    for (std::size_t f = 0; f < features.cols(); ++f) EXPECT_EQ(without(i, f), f == 1 ? 0 : features(i, f));
  const auto none = scorer.value()->features({}, 0).value();
  EXPECT_EQ(none(0, 0), 0) << "nothing is known without a history";
}

TEST_F(ReleaseFiles, PathScoresEqualTheExhaustiveSearch) {
  TestReleaseOptions options;
  options.random = true;
  options.per_genre = 60;
  options.codebook = 6;
  write(options);
  auto release = load_release(folder());
  ASSERT_TRUE(release.ok()) << release.error().message;
  const auto& model = *release.value().model;
  const auto state = encode_history(model, release.value().tables, history({1, 2, 3})).value();
  std::vector<std::uint32_t> rows(240);
  std::iota(rows.begin(), rows.end(), 0U);
  Executor executor(1);
  const Paths paths = make_paths(model, release.value().tables, executor).value();
  const auto generator = generator_of(model, release.value().tables, paths);
  const auto expected = generate::exhaustive_scores(generator, state.hidden, 240).value();
  Rng rng(3);
  rng.shuffle(std::span(rows));
  rows.push_back(rows.front());
  std::vector<float> scores(rows.size());
  generate::path_log_probs(generator, state.hidden, release.value().tables.codes.view(), rows, scores);
  for (std::size_t r = 0; r < rows.size(); ++r) EXPECT_NEAR(scores[r], expected[rows[r]], 1e-4);
}

TEST_F(ReleaseFiles, PermutedCodesMoveTheGeneratorColumnAndNothingElse) {
  TestReleaseOptions options;
  options.random = true;
  write(options);
  const auto given = Scorer::load(folder()).value();
  const auto moved = Scorer::load(folder(), {.code_permutation_seed = 5}).value();
  const auto again = Scorer::load(folder(), {.code_permutation_seed = 5}).value();
  const auto a = given->features(history({1, 2, 3}), 0).value(), b = moved->features(history({1, 2, 3}), 0).value();
  EXPECT_EQ(b.values(), again->features(history({1, 2, 3}), 0).value().values());
  const std::size_t generator = rank::column(rank::Feature::generator);
  const auto release = load_release(folder()).value();
  std::vector<float> before, after;
  std::size_t same = 0;
  for (std::size_t i = 0; i < a.rows(); ++i) {
    for (std::size_t f = 0; f < a.cols(); ++f) {
      if (f == generator) continue;
      EXPECT_EQ(a(i, f), b(i, f)) << "item " << i << " column " << f;
    }
    same += a(i, generator) == b(i, generator) ? 1 : 0;
    if (release.tables.untrained[i] != 0) continue;
    before.push_back(a(i, generator));
    after.push_back(b(i, generator));
  }
  EXPECT_LT(same, a.rows() / 4) << "items that share a code path may meet the same score";
  std::ranges::sort(before);
  std::ranges::sort(after);
  if (before.size() == a.rows()) {
    EXPECT_EQ(before, after);
  }
}

TEST_F(ReleaseFiles, WithoutTheColdLaneOnlyUnseenItemsLoseAndOnlyWhatWasGuessed) {
  TestReleaseOptions options;
  options.random = true;
  write(options, 3);  // too few people to touch every item
  const auto release = load_release(folder()).value();
  const auto with = Scorer::load(folder()).value()->features(history({1, 2, 3}), 0).value();
  const auto without = Scorer::load(folder(), {.cold_lane = false}).value()->features(history({1, 2, 3}), 0).value();
  std::size_t lower = 0, untrained = 0;
  for (std::size_t i = 0; i < with.rows(); ++i) {
    untrained += release.tables.untrained[i];
    for (std::size_t f = 0; f < with.cols(); ++f) {
      EXPECT_LE(without(i, f), with(i, f)) << "item " << i << " column " << f;
      lower += without(i, f) < with(i, f) ? 1 : 0;
      if (release.tables.untrained[i] == 0 || f == rank::column(rank::Feature::dense) || f == rank::column(rank::Feature::content)) {
        EXPECT_EQ(without(i, f), with(i, f)) << "item " << i << " column " << f;
      }
    }
  }
  ASSERT_GT(untrained, 0u);
  EXPECT_GT(lower, 0u);
}

TEST_F(ReleaseFiles, ARehearsedItemIsKnownByItsContentAlone) {
  write();
  std::vector<std::uint8_t> as_new(items_.size(), 0);
  as_new[2] = as_new[17] = 1;
  const auto known = Scorer::load(folder()).value();
  const auto rehearsed = Scorer::load(folder(), {.as_new = as_new}).value();
  const auto a = known->features(history({10, 11, 12}), 0).value(), b = rehearsed->features(history({10, 11, 12}), 0).value();
  const auto at = [](rank::Feature f) { return rank::column(f); };
  for (std::size_t i = 0; i < a.rows(); ++i) {
    EXPECT_EQ(b(i, at(rank::Feature::cold)), as_new[i]);
    EXPECT_EQ(b(i, at(rank::Feature::content)), a(i, at(rank::Feature::content)));
  }
  EXPECT_NE(b(17, at(rank::Feature::dense)), a(17, at(rank::Feature::dense)));
  EXPECT_GT(b(17, at(rank::Feature::dense)), b(2, at(rank::Feature::dense))) << "17 is of the genre of the history, 2 is not";
  EXPECT_EQ(Scorer::load(folder(), {.as_new = std::span(as_new).first(3)}).error().code, ErrorCode::invalid_argument);
}

TEST_F(ReleaseFiles, AYoungItemBorrowsItsVectorAndWhatWasCounted) {
  write();
  std::vector<std::uint8_t> as_new(items_.size(), 0);
  as_new[2] = as_new[17] = 1;
  auto release = load_release(folder()).value();
  ASSERT_TRUE(make_new(release, as_new).ok());
  const ItemTables& tables = release.tables;
  const auto events = history({10, 11, 12});
  const auto features = Scorer::load(folder(), {.as_new = as_new}).value()->features(events, 0).value();
  const std::vector<ItemId> items{ItemId{10}, ItemId{11}, ItemId{12}};
  std::vector<float> counted(items_.size()), held(items_.size(), 0);
  release.transitions.score(items, counted);
  held[10] = 0.49F, held[11] = 0.7F, held[12] = 1;
  float largest = 0;
  for (std::uint32_t i = 0; i < items_.size(); ++i) {
    ASSERT_FALSE(tables.lenders.rows(i).empty()) << i;
    for (const std::uint32_t lender : tables.lenders.rows(i)) EXPECT_EQ(as_new[lender], 0) << "nothing is known of it";
    const auto own = static_cast<float>(release.transitions.count(ItemId{i}));
    const float share = own >= 64 ? 1 : own / (own + 4);
    const float score = share * counted[i] + (1 - share) * tables.lenders.mean(i, counted);
    EXPECT_NEAR(features(i, rank::column(rank::Feature::transitions)), score == 0 ? 0 : transition_feature(score), 1e-4) << i;
    EXPECT_NEAR(features(i, rank::column(rank::Feature::alike)), tables.lenders.mean(i, held), 1e-5) << i;
    largest = std::max(largest, features(i, rank::column(rank::Feature::alike)));
  }
  EXPECT_GT(largest, 0);
  for (const std::uint32_t i : {2U, 17U}) {
    const auto content = release.model->embedder->content_vector(tables.codes.row(i), std::vector<std::span<const float>>(1)).value();
    const auto ids = tables.lenders.mean(i, tables.own_ids);  // the projections of this release are zero: content is codes
    for (std::size_t c = 0; c < ids.size(); ++c) EXPECT_NEAR(tables.vectors.row(i)[c], content[c] + ids[c], 1e-6) << i;
    EXPECT_EQ(release.transitions.count(ItemId{i}), 0);
  }
}

TEST_F(ReleaseFiles, TowersScoreAnItemThatNobodyIsLikeAsTheyDo) {
  write({.random = true, .with_towers = true, .tower_bias = -20}, 3);  // no lenders in the file; too few people to touch every item
  const auto release = load_release(folder()).value();
  const std::vector<ItemId> items{ItemId{1}, ItemId{2}, ItemId{3}};
  std::vector<float> scores(items_.size());
  tower_scores(*release.model, release.tables, items, scores);
  const auto features = Scorer::load(folder()).value()->features(history({1, 2, 3}), 0).value();
  std::size_t below = 0;
  for (std::size_t i = 0; i < items_.size(); ++i) {
    below += release.tables.untrained[i] != 0 && scores[i] < 0 ? 1 : 0;
    EXPECT_NEAR(features(i, rank::column(rank::Feature::towers)), scores[i] - log_sum_exp(scores), 1e-4) << i;
  }
  EXPECT_GT(below, 0u) << "or nothing is shown";
}

TEST_F(ReleaseFiles, CodesThatTellNothingApartCannotBePermuted) {
  write({.genres = 1, .per_genre = 1});
  const auto refused = Scorer::load(folder(), {.code_permutation_seed = 1});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::invalid_argument);
  EXPECT_THAT(refused.error().message, testing::HasSubstr("needs a release with codes"));
}

TEST_F(ReleaseFiles, ALongHistoryIsReadFromItsNewestEvents) {
  TestReleaseOptions options;
  options.random = true;
  options.max_len = 4;
  write(options);
  auto release = load_release(folder());
  ASSERT_TRUE(release.ok()) << release.error().message;
  const auto& model = *release.value().model;
  const auto all = history({9, 8, 7, 6, 5, 4, 3});
  const auto state = encode_history(model, release.value().tables, all).value();
  EXPECT_EQ(state.length, 4U);
  const auto inputs = event_inputs(model, release.value().tables, all, 3);
  ASSERT_EQ(inputs.size(), 4U);
  EXPECT_GT(inputs[0].gap, 0U) << "the gap counts from the event before the window";
}

TEST_F(ReleaseFiles, AFullWindowMovesInHopsSoThatANewEventIsOneStep) {
  TestReleaseOptions options;
  options.random = true;
  options.max_len = 32;
  write(options);
  auto release = load_release(folder());
  ASSERT_TRUE(release.ok()) << release.error().message;
  const auto& model = *release.value().model;
  const std::size_t hop = options.max_len / kHops;
  for (std::size_t events = 0; events <= options.max_len; ++events) EXPECT_EQ(window_begin(model, events), 0U);
  std::size_t moves = 0;
  for (std::size_t events = options.max_len + 1; events <= options.max_len + 40 * hop; ++events) {
    const std::size_t begin = window_begin(model, events), length = events - begin;
    EXPECT_LE(length, options.max_len);
    EXPECT_GT(length, options.max_len - hop);
    moves += begin != window_begin(model, events - 1) ? 1 : 0;
  }
  EXPECT_EQ(moves, 40U);
}

TEST_F(ReleaseFiles, PrefixesOfAStateContinueToTheSameState) {
  TestReleaseOptions options;
  options.random = true;
  options.layers = 2;
  write(options);
  auto release = load_release(folder());
  ASSERT_TRUE(release.ok()) << release.error().message;
  const auto& model = *release.value().model;
  const auto all = history({9, 8, 7, 6, 5});
  const auto whole = encode_history(model, release.value().tables, all).value();
  auto part = prefix_of(whole, 2, options.dim);
  ASSERT_TRUE(model.sequence->append(part, event_inputs(model, release.value().tables, all, 2)).ok());
  for (std::size_t j = 0; j < options.dim; ++j) EXPECT_NEAR(part.hidden[j], whole.hidden[j], 1e-4);
}

TEST_F(ReleaseFiles, ActionsFollowTypeAndValue) {
  const std::vector<artifact::ActionRow> rows{{"", 0, 0, false}, {"view", 0, 0, false}, {"rating", 0, 3, true}, {"rating", 3, 6, true}};
  const ActionTable table(rows);
  EXPECT_EQ(table.row("view", NAN), 1U);
  EXPECT_EQ(table.row("view", 7), 1U);
  EXPECT_EQ(table.row("rating", 2.5), 2U);
  EXPECT_EQ(table.row("rating", 3), 3U);
  EXPECT_EQ(table.row("rating", 6), 0U);
  EXPECT_EQ(table.row("rating", NAN), 0U);
  EXPECT_EQ(table.row("other", 1), 0U);
}

TEST_F(ReleaseFiles, ItemsWithoutTrainingEventsCompeteByContent) {
  TestReleaseOptions options;
  items_ = test_items(options);
  auto events = test_events(options, 24);
  std::erase_if(events, [](const catalog::Event& event) { return event.item == test_item_id(0, 7); });
  ASSERT_TRUE(write_test_release(home_.path(), options, items_, events).ok());
  auto scorer = Scorer::load(home_.path() + "/models/r1");
  ASSERT_TRUE(scorer.ok()) << scorer.error().message;
  const auto scores = scores_of(*scorer.value(), history({0, 1, 2}));
  std::size_t better = 0, other_genre = 0;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (scores[i] > scores[7]) ++better;
    if (i >= 10 && scores[i] > scores[7]) ++other_genre;
  }
  EXPECT_EQ(scorer.value()->features(history({0}), 0).value()(7, 7), 1);
  EXPECT_LT(better, 10U);
  EXPECT_EQ(other_genre, 0U) << "an unseen comedy comes before everything that is no comedy";
}

TEST_F(ReleaseFiles, DamagedReleasesAreRefusedByFile) {
  for (const std::string file : {"items.json", "model.safetensors", "counts.safetensors", "codebooks.safetensors", "content.safetensors"}) {
    write();
    const std::string path = folder() + "/" + file;
    std::filesystem::resize_file(path, std::filesystem::file_size(path) / 2);
    const auto scorer = Scorer::load(folder());
    ASSERT_FALSE(scorer.ok()) << file;
    EXPECT_THAT(scorer.error().message, testing::HasSubstr(file));
  }
  const auto absent = Scorer::load(home_.path() + "/models/none");
  ASSERT_FALSE(absent.ok());
  EXPECT_EQ(absent.error().code, ErrorCode::not_found);
}

TEST_F(ReleaseFiles, WholeFilesWithForeignNumbersAreRefused) {
  const auto reseal = [&](const std::function<void(artifact::Manifest&)>& change) {
    write();
    auto manifest = artifact::verify_release(folder()).value();
    change(manifest);
    EXPECT_TRUE(artifact::seal_release(folder(), manifest).ok());
    return Scorer::load(folder()).ok();
  };
  EXPECT_TRUE(reseal([](artifact::Manifest&) {}));
  EXPECT_FALSE(reseal([](artifact::Manifest& m) { m.model.items += 1; }));
  EXPECT_FALSE(reseal([](artifact::Manifest& m) { m.model.codebook += 1; }));
  EXPECT_FALSE(reseal([](artifact::Manifest& m) { m.model.levels -= 1; }));
  EXPECT_FALSE(reseal([](artifact::Manifest& m) { m.modalities[0].dim += 1; }));
  EXPECT_FALSE(reseal([](artifact::Manifest& m) { m.model.dim *= 2; }));
}

TEST_F(ReleaseFiles, AnEventOfARowThatDoesNotExistIsNamed) {
  write();
  auto scorer = Scorer::load(folder());
  const auto scores = scorer.value()->features(history({1, 400}), 0);
  ASSERT_FALSE(scores.ok());
  EXPECT_THAT(scores.error().message, testing::HasSubstr("event 1: item row 400"));
}

}  // namespace
}  // namespace penchant::recommend
