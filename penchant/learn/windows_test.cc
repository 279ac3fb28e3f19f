#include "penchant/learn/windows.h"

#include <gtest/gtest.h>

#include <numeric>
#include <algorithm>
#include <map>
#include <set>

#include "penchant/learn/test_data.h"

namespace penchant::learn {
namespace {

Histories histories_of(const std::vector<std::vector<std::int64_t>>& times) {
  Histories h;
  for (const auto& user : times) {
    for (const std::int64_t t : user) {
      h.items.push_back(static_cast<std::uint32_t>(h.items.size()));
      h.actions.push_back(0);
      h.times_ms.push_back(t);
      h.is_target.push_back(1);
    }
    h.offsets.push_back(h.items.size());
  }
  return h;
}

TEST(Windows, LearnFromEveryPositionExactlyOnceAtAnyLength) {
  for (std::uint32_t max_len = 2; max_len <= 9; ++max_len)
    for (std::uint32_t stride = 1; stride <= max_len; ++stride) {
      std::vector<std::vector<std::int64_t>> users;
      for (int n = 0; n < 40; ++n) users.emplace_back(n, 0);
      const Histories h = histories_of(users);
      std::map<std::uint64_t, int> learned;
      for (const Window& w : make_windows(h, max_len, stride)) {
        EXPECT_LE(w.end - 1 - w.begin, max_len);
        EXPECT_LE(w.begin, w.first);
        for (std::uint64_t p = w.first; p + 1 < w.end; ++p) ++learned[p];
      }
      for (std::size_t u = 0; u < h.users(); ++u)
        for (std::uint64_t p = h.offsets[u]; p + 1 < h.offsets[u + 1]; ++p)
          ASSERT_EQ(learned[p], 1) << "position " << p << ", max_len " << max_len << ", stride " << stride;
      EXPECT_EQ(learned.size() - static_cast<std::size_t>(std::ranges::count(learned, 0, &std::pair<const std::uint64_t, int>::second)),
                h.events() - h.users() + 1);  // + 1: the user without events has none to lose
    }
}

TEST(Windows, GiveEveryFurtherWindowContextOfTheNeighbour) {
  const Histories h = histories_of({std::vector<std::int64_t>(250, 0)});
  for (const Window& w : make_windows(h, 100, 50)) EXPECT_EQ(w.first - w.begin, w.begin == 0 ? 0u : 50u);
}

TEST(EventOrder, ShufflesOnlyInsideOneMomentOfOneUser) {
  const Histories h = histories_of({{1, 1, 1, 2, 3, 3}, {3, 3, 4}});
  std::set<std::vector<std::uint64_t>> seen;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Rng rng(seed);
    const auto order = event_order(h, true, rng);
    for (std::size_t e = 0; e < order.size(); ++e) {
      EXPECT_EQ(h.times_ms[order[e]], h.times_ms[e]);
      EXPECT_EQ(order[e] < 6, e < 6);
    }
    seen.insert(order);
  }
  EXPECT_GT(seen.size(), 10u);
  Rng rng(1);
  const auto same = event_order(h, false, rng);
  EXPECT_TRUE(std::ranges::is_sorted(same));
}

TEST(Batches, HoldEveryWindowOnceAndAreTheSameForASeed) {
  const TrainingData d = ring_data(24, 50, 14);
  const auto windows = make_windows(d.train, 5, 3);
  Rng a(7), b(7);
  const auto plan = plan_batches(windows, 8, a);
  EXPECT_EQ(plan, plan_batches(windows, 8, b));
  std::vector<int> used(windows.size(), 0);
  for (const auto& batch : plan) {
    EXPECT_LE(batch.size(), 8u);
    for (const std::uint32_t w : batch) ++used[w];
  }
  EXPECT_TRUE(std::ranges::all_of(used, [](int n) { return n == 1; }));
}

TEST(PlanBatches, MixLongAndShortHistories) {
  Histories h;
  for (int u = 0; u < 256; ++u) {
    const int events = u % 2 == 0 ? 3 : 40;
    for (int e = 0; e < events; ++e) h.items.push_back(0);
    h.offsets.push_back(h.items.size());
  }
  const auto windows = make_windows(h, 50, 50);
  const auto length = [&](std::uint32_t w) { return windows[w].end - windows[w].begin; };
  Rng rng(3);
  for (const auto& batch : plan_batches(windows, 64, rng)) {
    const auto longer = std::ranges::count_if(batch, [&](auto w) { return length(w) > 10; });
    EXPECT_GT(longer, 10) << "a batch of short histories alone weighs them more";
    EXPECT_LT(longer, 54);
  }
}

TEST(Shards, GiveEveryWindowToOneRankAndAllRanksLikeManyEvents) {
  std::vector<std::vector<std::int64_t>> users;
  Rng rng(3);
  for (int u = 0; u < 200; ++u) users.emplace_back(2 + rng.below(100), 0);
  const auto windows = make_windows(histories_of(users), 50, 25);
  std::vector<std::uint32_t> chosen;
  for (std::uint32_t w = 0; w < windows.size(); w += 2) chosen.push_back(w);
  EXPECT_EQ(shard_of(windows, chosen, 0, 1), chosen) << "one rank takes them as they are";
  std::vector<std::uint32_t> all;
  std::vector<std::uint64_t> events;
  for (std::uint32_t r = 0; r < 3; ++r) {
    std::uint64_t sum = 0;
    for (const std::uint32_t w : shard_of(windows, chosen, r, 3)) all.push_back(w), sum += windows[w].end - windows[w].begin;
    events.push_back(sum);
  }
  std::ranges::sort(all);
  EXPECT_EQ(all, chosen);
  EXPECT_LE(std::ranges::max(events) - std::ranges::min(events), 51u) << "at most one window more";
  EXPECT_TRUE(shard_of(windows, std::span(chosen).first(1), 2, 3).empty());
}

TEST(Pack, TargetsAreTheNextEventsWithWeightsThatSumToOne) {
  Histories h = histories_of({{0, 5000, 5000, 65000}});
  h.is_target = {1, 1, 0, 1};
  const std::vector<std::uint64_t> order{0, 1, 2, 3};
  TrainOptions options;
  options.multi_token = 2;
  options.multi_token_decay = 0.5;
  const auto windows = make_windows(h, 10, 5);
  const std::vector<std::uint32_t> all{0};
  const Batch b = pack(h, order, windows, all, options);
  EXPECT_EQ(b.events.offsets, (std::vector<std::int64_t>{0, 3}));
  EXPECT_EQ(b.events.items, (std::vector<std::int64_t>{0, 1, 2}));
  EXPECT_EQ(b.events.gaps, (std::vector<std::int64_t>{0, 1 + 2, 1}));  // first; floor(log2(6)) = 2; 0 s
  EXPECT_EQ(b.positions, (std::vector<std::int64_t>{0, 2}));    // event 2 is no target
  EXPECT_EQ(b.targets, (std::vector<std::int64_t>{1, 0, 3, 0}));
  EXPECT_EQ(b.weights, (std::vector<float>{1, 0, 1, 0}));
  h.is_target = {1, 1, 1, 1};
  const Batch full = pack(h, order, windows, all, options);
  EXPECT_EQ(full.targets, (std::vector<std::int64_t>{1, 2, 2, 3, 3, 0}));
  EXPECT_FLOAT_EQ(full.weights[0], 2.0f / 3);
  EXPECT_FLOAT_EQ(full.weights[1], 1.0f / 3);
}

TEST(Pack, KnowsWhatIsDoneNextHowLongUntilThenAndWhatItCounts) {
  Histories h = histories_of({{0, 1000, 4000}});
  h.actions = {0, 1, 2};
  TrainOptions options = small_options();
  Rng rng(1);
  const auto order = event_order(h, false, rng);
  const auto windows = make_windows(h, 10, 5);
  const std::vector<std::uint32_t> all{0};
  const std::vector<float> strengths{1, 0.5f, 3};
  Batch b = pack(h, order, windows, all, options, strengths);
  EXPECT_EQ(b.next_actions, (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(b.next_gaps, (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(b.events.requests, b.next_gaps);
  EXPECT_EQ(b.weights, (std::vector<float>{0.5f, 3}));
  options.multi_token = 2, options.multi_token_decay = 0.5;
  b = pack(h, order, windows, all, options, strengths);
  EXPECT_FLOAT_EQ(b.weights[0], 2.0f / 3 * 0.5f);
  EXPECT_FLOAT_EQ(b.weights[1], 1.0f / 3 * 3);
  EXPECT_FLOAT_EQ(b.weights[2], 3);
}

TEST(TiesTell, WhereItemsStandSideBySideAgainMoreOftenThanByChance) {
  Rng rng(3);
  enum class Order { random, pairs, catalogue };
  const auto made = [&](Order order, std::int64_t step) {  // baskets of 3 of 15 pairs of items that belong together
    Histories h;
    for (int u = 0; u < 400; ++u) {
      std::vector<std::uint32_t> pairs(15), basket;
      std::iota(pairs.begin(), pairs.end(), 0U);
      rng.shuffle(std::span(pairs));
      for (std::size_t p = 0; p < 3; ++p) {
        const std::uint32_t first = rng.uniform() < 0.5 ? 0 : 1;  // either may come first
        basket.insert(basket.end(), {2 * pairs[p] + first, 2 * pairs[p] + 1 - first});
      }
      if (order == Order::random) rng.shuffle(std::span(basket));
      if (order == Order::catalogue) std::ranges::sort(basket);
      for (std::size_t e = 0; e < basket.size(); ++e) {
        h.items.push_back(basket[e]);
        h.times_ms.push_back(1000 + static_cast<std::int64_t>(e) * step);
      }
      h.offsets.push_back(h.items.size());
    }
    return ties_tell(h);
  };
  EXPECT_TRUE(made(Order::pairs, 0));
  EXPECT_TRUE(made(Order::catalogue, 0));
  EXPECT_FALSE(made(Order::random, 0));
  EXPECT_FALSE(made(Order::pairs, 1)) << "no two events share a moment";
  EXPECT_FALSE(ties_tell({}));
}

TEST(PackHistories, KeepTheNewestEventsAndTheirGaps) {
  const Histories h = histories_of({{0, 1000, 4000, 8000}, {0}});
  const std::vector<std::uint32_t> users{0, 1};
  const PackedEvents b = pack_histories(h, users, 2, 32);
  EXPECT_EQ(b.offsets, (std::vector<std::int64_t>{0, 2, 3}));
  EXPECT_EQ(b.items, (std::vector<std::int64_t>{2, 3, 4}));
  EXPECT_EQ(b.gaps, (std::vector<std::int64_t>{3, 3, 0}));  // a cut window still knows the gap before it
  EXPECT_EQ(b.requests, (std::vector<std::int64_t>{3, 0, 0})) << "nobody said when it is asked";
  const std::vector<std::int64_t> asked{9000, 0};
  EXPECT_EQ(pack_histories(h, users, 2, 32, asked).requests, (std::vector<std::int64_t>{3, 2, 1}));
}

}  // namespace
}  // namespace penchant::learn
