// The published effect on data where content decides, and that nothing of the judged part is fitted.
#include "penchant/evaluate/clicks/ranking_use.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>

#include "penchant/evaluate/clicks/examples.h"
#include "penchant/evaluate/split/split.h"
#include "penchant/semantic_id/topical_testing.h"

namespace penchant::evaluate {
namespace {

using ::testing::HasSubstr;

constexpr std::int64_t kT = 1'600'041'600'000;
constexpr std::uint32_t kItems = 240, kUsers = 60, kTopics = 8, kDays = 24;

/// Items of eight topics, ten new ones a day; a person likes two topics and rates what is shown.
OutcomeLog topical_log(std::uint64_t seed, std::uint32_t per_day = 400) {
  Rng rng(seed);
  OutcomeLog log;
  log.users = kUsers;
  for (std::uint32_t i = 0; i < kItems; ++i) log.item_ids.push_back("item " + std::to_string(i));
  for (std::uint32_t day = 0; day < kDays; ++day)
    for (std::uint32_t n = 0; n < per_day; ++n) {
      const auto user = static_cast<std::uint32_t>(rng.below(kUsers));
      const std::uint32_t known = 10 * day;
      const auto item = static_cast<std::uint32_t>(n % 4 == 0 || known == 0 ? known + rng.below(10) : rng.below(known));
      const bool likes = item % kTopics == user % kTopics || item % kTopics == (user + 3) % kTopics;
      log.outcomes.push_back({user, item, kT + day * kDayMs + n * std::int64_t{1000}, rng.uniform() < (likes ? 0.9 : 0.15), false});
    }
  return log;
}

Matrix<float> content() { return semantic_id::topical(kItems, 24, kTopics, 3); }

RankingUseOptions options() {
  RankingUseOptions how;
  how.items.dim = 8;
  how.items.table_bytes = 256 * 8 * 4;
  how.items.quantise.levels = 3;
  how.items.quantise.codebook = 8;
  how.items.vocabulary.pieces = 32;
  how.resamples = 200;
  how.seeds = {1, 2};
  return how;
}

const RankedVariant& of(const RankingUse& found, std::string_view name) {
  return *std::ranges::find(found.variants, name, &RankedVariant::name);
}

TEST(RankingUse, CodesBeatHashedIdsOnNewItemsAndShuffledOnesDoNot) {
  Executor executor(2);
  auto how = options();
  how.variants = {"hash", "prefix", "sentencepiece", "prefix-shuffled", "sentencepiece-shuffled", "content"};
  const auto found = measure_ranking_use(topical_log(1), content().view(), how, executor);
  ASSERT_TRUE(found.ok()) << found.error().message;
  for (const auto* name : {"prefix", "sentencepiece"}) {
    const auto& variant = of(*found, name);
    EXPECT_GT(variant.difference[1].low, 0.02) << name << " on new items";
    EXPECT_GT(variant.difference[0].value, -0.001) << name << " overall";
    const auto& shuffled = of(*found, std::string(name) + "-shuffled");
    EXPECT_LT(shuffled.difference[1].value, variant.difference[1].value / 3) << name;
    EXPECT_LT(shuffled.auc[1].value, 0.6) << name;
  }
  EXPECT_GT(of(*found, "content").difference[1].low, 0.05);
  EXPECT_EQ(found->slices[0].outcomes, found->slices[1].outcomes + found->slices[2].outcomes + found->slices[3].outcomes + found->slices[4].outcomes);
  EXPECT_FALSE(found->sampled);
  for (const auto part : {"hash", "new", "1-5", "sentencepiece-shuffled"}) EXPECT_THAT(to_text(*found), HasSubstr(part));
  EXPECT_THAT(to_json(*found), HasSubstr("\"against_first\""));
}

TEST(RankingUse, EveryVariantHasTheSameBytes) {
  Executor executor(2);
  auto how = options();
  how.variants = {"hash", "unigram", "bigram", "prefix", "sentencepiece", "sentencepiece-shuffled", "content+hash", "content"};
  how.seeds = {1};
  how.resamples = 20;
  const auto found = measure_ranking_use(topical_log(2), content().view(), how, executor).value();
  for (const auto& variant : found.variants) {
    const bool no_rows = variant.name == "content";  // a projection alone
    EXPECT_EQ(variant.table_bytes, no_rows ? 24U * 8 * 4 : how.items.table_bytes) << variant.name;
    EXPECT_LE(variant.used_rows, how.items.table_bytes / 32) << variant.name;
  }
}

TEST(RankingUse, SaysTheSameOnAnyNumberOfThreads) {
  Executor one(1), two(2);
  auto how = options();
  how.variants = {"hash", "sentencepiece", "content+hash"};
  how.resamples = 20;
  EXPECT_EQ(to_json(measure_ranking_use(topical_log(3), content().view(), how, one).value()),
            to_json(measure_ranking_use(topical_log(3), content().view(), how, two).value()));
}

/// Everything fitted before the first judged outcome, and the scores of that first period.
struct Fitted {
  FittedItems items;
  std::vector<std::vector<std::uint32_t>> pieces;
  std::vector<float> scores;
};
Fitted fit(const OutcomeLog& log) {
  Executor executor(1);
  const auto how = options();
  const auto periods = cut_periods(log.outcomes, {}).value();
  Fitted out{.items = fit_items(periods.training(), content().view(), log.item_ids, how.items, executor).value()};
  for (const auto* name : {"hash", "prefix", "sentencepiece", "content+hash"}) {
    const auto items = make_variant(parse_item_variant(name).value(), out.items, how.items, 1).value();
    out.pieces.push_back(items.pieces->whole.rows);
    out.pieces.push_back(items.pieces->varied.rows);
    const auto data = click_data(periods, log.users);
    learn::ClickModel model(items.inputs(), data.context.cols(), {.dim = how.items.dim});
    std::vector<std::uint32_t> rows(periods.training().size());
    for (std::uint32_t r = 0; r < rows.size(); ++r) rows[r] = r;
    model.learn(data, rows, executor);
    std::vector<float> scores(rows.size());
    model.score(data, rows, scores, executor);
    out.scores.insert(out.scores.end(), scores.begin(), scores.end());
  }
  return out;
}

TEST(RankingUse, PlantedTestEventsChangeNothingThatIsFitted) {
  const auto log = topical_log(4);
  auto planted = log;
  const auto first = cut_periods(log.outcomes, {}).value().training().size();
  Rng rng(8);
  for (std::size_t i = first; i < planted.outcomes.size(); ++i) {
    planted.outcomes[i].item = static_cast<std::uint32_t>(rng.below(kItems));
    planted.outcomes[i].user = static_cast<std::uint32_t>(rng.below(kUsers));
    planted.outcomes[i].positive = rng.below(2) == 1;
  }
  const auto a = fit(log), b = fit(planted);
  EXPECT_EQ(a.items.codes.values(), b.items.codes.values());
  EXPECT_EQ(a.items.content.values(), b.items.content.values());
  EXPECT_EQ(a.items.impressions, b.items.impressions);
  EXPECT_EQ(a.pieces, b.pieces);
  EXPECT_EQ(a.scores, b.scores);
  // The proof is worth something only if a planted training event is seen.
  auto earlier = log;
  for (std::size_t i = 0; i < 40; ++i) earlier.outcomes[first - 1 - i].item = 5;
  EXPECT_NE(fit(earlier).scores, a.scores);
}

TEST(RankingUse, DrawsNegativesWhereThereAreNone) {
  Executor executor(2);
  auto log = topical_log(5, 1500);
  std::erase_if(log.outcomes, [](const Outcome& o) { return !o.positive; });
  auto how = options();
  how.variants = {"hash", "prefix"};
  const auto found = measure_ranking_use(log, content().view(), how, executor).value();
  EXPECT_TRUE(found.sampled);
  EXPECT_GT(of(found, "prefix").difference[1].low, 0.02);
  EXPECT_THAT(to_text(found), HasSubstr("negatives are drawn"));
  how.negatives = 0;
  EXPECT_THAT(measure_ranking_use(log, content().view(), how, executor).error().message, HasSubstr("--negative"));
}

TEST(RankingUse, SaysWhatIsWrong) {
  Executor executor(1);
  const auto log = topical_log(6);
  const auto refused = [&](auto change) {
    auto how = options();
    change(how);
    const auto found = measure_ranking_use(log, content().view(), how, executor);
    EXPECT_FALSE(found.ok());
    return found.ok() ? "" : found.error().message;
  };
  EXPECT_THAT(refused([](auto& o) { o.variants = {"hash", "words"}; }), HasSubstr("content+hash"));
  EXPECT_THAT(refused([](auto& o) { o.variants = {"hash-shuffled"}; }), HasSubstr("-shuffled"));
  EXPECT_THAT(refused([](auto& o) { o.variants = {"hash", "hash"}; }), HasSubstr("twice"));
  EXPECT_THAT(refused([](auto& o) { o.variants = {"content"}; o.items.table_bytes = 512; }), HasSubstr("768 bytes"));
  EXPECT_THAT(refused([](auto& o) { o.variants = {"sentencepiece"}; o.items.table_bytes = 320; }), HasSubstr("each of the 24 codes"));
  EXPECT_THAT(refused([](auto& o) { o.items.table_bytes = 3; }), HasSubstr("3 bytes"));
  EXPECT_THAT(refused([](auto& o) { o.seeds.clear(); }), HasSubstr("seed"));
  EXPECT_THAT(refused([](auto& o) { o.items.dim = 0; }), HasSubstr("1 to 1024"));
  EXPECT_THAT(refused([](auto& o) { o.items.quantiser = "magic"; }), HasSubstr("residual-kmeans"));
  std::atomic<int> calls{0};
  EXPECT_THAT(refused([&](auto& o) { o.progress = [&](const Progress&) { return ++calls < 3; }; }), HasSubstr("cancelled"));
}

}  // namespace
}  // namespace penchant::evaluate
