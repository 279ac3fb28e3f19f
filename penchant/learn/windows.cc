#include "penchant/learn/windows.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <unordered_map>

#include "penchant/catalog/ties.h"
#include "penchant/nn/sequence_model.h"  // gap_bucket: training and serving must agree

namespace penchant::learn {
namespace {

/// Bucket of event e of the order `order`, whose user begins at `user_begin`.
std::int64_t gap_of(const Histories& h, std::uint64_t previous, std::uint64_t current, bool first,
                    std::uint32_t buckets) {
  if (first) return 0;
  const double seconds = static_cast<double>(h.times_ms[current] - h.times_ms[previous]) / 1000.0;
  return nn::gap_bucket(seconds, buckets);
}

}  // namespace

std::vector<std::uint64_t> event_order(const Histories& h, bool shuffle, Rng& rng) {
  std::vector<std::uint64_t> order(h.events());
  std::iota(order.begin(), order.end(), std::uint64_t{0});
  if (!shuffle) return order;
  for (std::size_t u = 0; u < h.users(); ++u)
    catalog::each_moment(h.offsets[u], h.offsets[u + 1], [&](std::size_t e) { return h.times_ms[e]; },
                         [&](std::size_t from, std::size_t to) { rng.shuffle(std::span(order).subspan(from, to - from)); });
  return order;
}

bool ties_tell(const Histories& h) {
  constexpr double kMoreThanChance = 1.2;
  constexpr std::size_t kLeastMeetings = 100, kMostMeetings = 200'000;
  std::unordered_map<std::uint32_t, std::vector<std::uint32_t>> neighbours;  ///< sorted
  std::unordered_map<std::uint32_t, std::size_t> place;                      ///< of the items of one basket
  std::size_t meetings = 0, again = 0;
  double by_chance = 0;
  const auto add = [&](std::uint32_t item, std::uint32_t neighbour) {
    auto& of_item = neighbours[item];
    const auto at = std::ranges::lower_bound(of_item, neighbour);
    if (at == of_item.end() || *at != neighbour) of_item.insert(at, neighbour);
  };
  const auto read = [&](std::span<const std::uint32_t> basket) {
    place.clear();
    for (std::size_t k = 0; k < basket.size(); ++k) place.emplace(basket[k], k);
    for (std::size_t k = 0; k < basket.size(); ++k)
      if (const auto known = neighbours.find(basket[k]); known != neighbours.end())
        for (const std::uint32_t other : known->second) {
          const auto met = other > basket[k] ? place.find(other) : place.end();  // each pair once
          if (met == place.end()) continue;
          ++meetings;
          again += std::max(met->second, k) - std::min(met->second, k) == 1 ? 1 : 0;
          by_chance += 2 / static_cast<double>(basket.size());
        }
    for (std::size_t k = 0; k + 1 < basket.size(); ++k)
      if (basket[k] != basket[k + 1]) add(basket[k], basket[k + 1]), add(basket[k + 1], basket[k]);
  };
  for (std::size_t u = 0; u < h.users(); ++u)
    catalog::each_moment(h.offsets[u], h.offsets[u + 1], [&](std::size_t e) { return h.times_ms[e]; }, [&](std::size_t from, std::size_t to) {
      if (to - from > 2 && meetings < kMostMeetings)  // two are always neighbours
        read(std::span(h.items).subspan(from, to - from));
    });
  return meetings >= kLeastMeetings && static_cast<double>(again) >= kMoreThanChance * by_chance;
}

std::vector<Window> make_windows(const Histories& h, std::uint32_t max_len, std::uint32_t stride) {
  std::vector<Window> windows;
  for (std::size_t u = 0; u < h.users(); ++u) {
    const std::uint64_t begin = h.offsets[u];
    std::uint64_t end = h.offsets[u + 1];
    if (end - begin < 2) continue;
    // From the newest backwards: a window of max_len inputs and its last target; each earlier
    // window ends `stride` events before, and learns only from what no later window learned.
    while (true) {
      const std::uint64_t inputs = std::min<std::uint64_t>(end - 1 - begin, max_len);
      const std::uint64_t window_begin = end - 1 - inputs;
      const bool oldest = window_begin == begin;
      const std::uint64_t first = oldest ? begin : end - 1 - std::min<std::uint64_t>(stride, inputs);
      windows.push_back({window_begin, end, first, begin});
      if (oldest) break;
      end = first + 1;
    }
  }
  return windows;
}

std::vector<std::vector<std::uint32_t>> plan_batches(const std::vector<Window>& windows,
                                                     std::uint32_t batch, Rng& rng) {
  std::vector<std::uint32_t> order(windows.size());
  std::iota(order.begin(), order.end(), std::uint32_t{0});
  rng.shuffle(std::span(order));
  std::vector<std::vector<std::uint32_t>> batches;
  for (std::size_t at = 0; at < order.size(); at += batch) {
    const auto rows = std::span(order).subspan(at, std::min<std::size_t>(batch, order.size() - at));
    batches.emplace_back(rows.begin(), rows.end());
  }
  return batches;
}

std::vector<std::uint32_t> shard_of(const std::vector<Window>& windows, std::span<const std::uint32_t> chosen, std::uint32_t rank,
                                    std::uint32_t size) {
  std::vector<std::uint32_t> all(chosen.begin(), chosen.end());
  if (size == 1) return all;
  const auto length = [&](std::uint32_t w) { return windows[w].end - windows[w].begin; };
  std::ranges::stable_sort(all, std::ranges::greater{}, length);
  std::vector<std::uint64_t> events(size, 0);
  std::vector<std::uint32_t> mine;
  for (const std::uint32_t w : all) {
    const auto least = std::ranges::min_element(events);
    *least += length(w);
    if (static_cast<std::uint32_t>(least - events.begin()) == rank) mine.push_back(w);
  }
  return mine;
}

Batch pack(const Histories& h, const std::vector<std::uint64_t>& order,
           const std::vector<Window>& windows, std::span<const std::uint32_t> chosen,
           const TrainOptions& options, std::span<const float> strengths) {
  Batch batch;
  PackedEvents& events = batch.events;
  const std::size_t ahead = options.multi_token;
  for (const std::uint32_t w : chosen) {
    const Window& window = windows[w];
    const bool oldest = window.begin == window.user_begin;
    std::int64_t gap = gap_of(h, order[oldest ? window.begin : window.begin - 1], order[window.begin], oldest, options.gaps);
    for (std::uint64_t p = window.begin; p + 1 < window.end; ++p) {
      const std::uint64_t event = order[p];
      events.items.push_back(h.items[event]);
      events.actions.push_back(h.actions[event]);
      events.gaps.push_back(gap);
      gap = gap_of(h, event, order[p + 1], false, options.gaps);
      events.requests.push_back(gap);
      if (p < window.first || h.is_target[order[p + 1]] == 0) continue;
      batch.next_actions.push_back(h.actions[order[p + 1]]);
      batch.next_gaps.push_back(gap);
      batch.positions.push_back(static_cast<std::int64_t>(events.rows() - 1));
      double total = 0, weight = 1;
      const std::size_t at = batch.targets.size();
      batch.targets.resize(at + ahead, 0);
      batch.weights.resize(at + ahead, 0);
      for (std::size_t k = 0; k < ahead && p + 1 + k < window.end; ++k, weight *= options.multi_token_decay) {
        const std::uint64_t next = order[p + 1 + k];
        if (h.is_target[next] == 0) continue;
        batch.targets[at + k] = h.items[next];
        batch.weights[at + k] = static_cast<float>(weight) * (strengths.empty() ? 1.0F : strengths[h.actions[next]]);
        total += weight;
      }
      for (std::size_t k = 0; k < ahead; ++k)
        batch.weights[at + k] = static_cast<float>(batch.weights[at + k] / total);
    }
    events.offsets.push_back(static_cast<std::int64_t>(events.rows()));
  }
  return batch;
}

Batch pack_cloze(const Histories& h, const std::vector<Window>& windows, std::span<const std::uint32_t> chosen,
                 const TrainOptions& options, std::int64_t mask, Rng& rng) {
  constexpr double kNewestAlone = 0.1;
  Batch batch;
  for (const std::uint32_t w : chosen) {
    const std::uint64_t count = std::min<std::uint64_t>(windows[w].end - windows[w].begin, options.max_len);
    const std::uint64_t begin = windows[w].end - count;
    const bool newest_alone = rng.uniform() < kNewestAlone;
    const std::uint64_t surely = rng.below(count);  // at least one event is asked
    for (std::uint64_t e = 0; e < count; ++e) {
      const std::int64_t item = h.items[begin + e];
      const bool masked = newest_alone ? e + 1 == count : e == surely || rng.uniform() < options.mask_share;
      if (masked) {
        batch.positions.push_back(static_cast<std::int64_t>(batch.events.rows()));
        batch.targets.push_back(item);
        batch.weights.push_back(1);
      }
      batch.events.items.push_back(masked ? mask : item);
    }
    batch.events.offsets.push_back(static_cast<std::int64_t>(batch.events.rows()));
  }
  batch.events.actions.assign(batch.events.rows(), 0);
  batch.events.gaps.assign(batch.events.rows(), 0);
  return batch;
}

PackedEvents pack_histories(const Histories& h, std::span<const std::uint32_t> users,
                            std::uint32_t max_len, std::uint32_t gaps, std::span<const std::int64_t> asked_ms) {
  PackedEvents events;
  for (std::size_t k = 0; k < users.size(); ++k) {
    const std::uint32_t u = users[k];
    const std::uint64_t user_begin = h.offsets[u], end = h.offsets[u + 1];
    for (std::uint64_t e = end - std::min<std::uint64_t>(end - user_begin, max_len); e < end; ++e) {
      const bool first = e == user_begin;
      events.items.push_back(h.items[e]);
      events.actions.push_back(h.actions[e]);
      events.gaps.push_back(gap_of(h, first ? e : e - 1, e, first, gaps));
      const std::int64_t asked = e + 1 < end ? h.times_ms[e + 1] : asked_ms.empty() ? h.times_ms[e] - 1 : asked_ms[k];
      events.requests.push_back(nn::gap_bucket(static_cast<double>(asked - h.times_ms[e]) / 1000.0, gaps));
    }
    events.offsets.push_back(static_cast<std::int64_t>(events.rows()));
  }
  return events;
}

}  // namespace penchant::learn
