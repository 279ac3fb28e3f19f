#include "penchant/learn/windows.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "penchant/nn/sequence_model.h"  // gap_bucket: training and serving must agree

namespace penchant::learn {
namespace {

constexpr std::size_t kMostParts = 8;   ///< of a batch
constexpr std::size_t kLeastRows = 8;   ///< of a part: smaller ones cost more in calls than they save in padding

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
  for (std::size_t u = 0; u < h.users(); ++u) {
    for (std::uint64_t begin = h.offsets[u]; begin < h.offsets[u + 1];) {
      std::uint64_t end = begin + 1;
      while (end < h.offsets[u + 1] && h.times_ms[end] == h.times_ms[begin]) ++end;
      rng.shuffle(std::span(order).subspan(begin, end - begin));
      begin = end;
    }
  }
  return order;
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
  const auto length = [&](std::uint32_t w) { return windows[w].end - windows[w].begin; };
  std::vector<std::vector<std::uint32_t>> batches;
  for (std::size_t at = 0; at < order.size(); at += batch) {
    const auto rows = std::span(order).subspan(at, std::min<std::size_t>(batch, order.size() - at));
    std::ranges::stable_sort(rows, {}, length);
    batches.emplace_back(rows.begin(), rows.end());
  }
  return batches;
}

std::vector<std::span<const std::uint32_t>> parts_of(std::span<const std::uint32_t> batch) {
  const std::size_t rows = std::max(kLeastRows, (batch.size() + kMostParts - 1) / kMostParts);
  std::vector<std::span<const std::uint32_t>> parts;
  for (std::size_t at = 0; at < batch.size(); at += rows) parts.push_back(batch.subspan(at, std::min(rows, batch.size() - at)));
  return parts;
}

Batch pack(const Histories& h, const std::vector<std::uint64_t>& order,
           const std::vector<Window>& windows, std::span<const std::uint32_t> chosen,
           const TrainOptions& options) {
  Batch batch;
  batch.rows = chosen.size();
  for (const std::uint32_t w : chosen)
    batch.cols = std::max<std::size_t>(batch.cols, windows[w].end - 1 - windows[w].begin);
  const std::size_t cells = batch.rows * batch.cols, ahead = options.multi_token;
  batch.items.assign(cells, 0);
  batch.actions.assign(cells, 0);
  batch.gaps.assign(cells, 0);
  for (std::size_t r = 0; r < batch.rows; ++r) {
    const Window& window = windows[chosen[r]];
    batch.lengths.push_back(static_cast<std::int64_t>(window.end - 1 - window.begin));
    for (std::uint64_t p = window.begin; p + 1 < window.end; ++p) {
      const std::size_t cell = r * batch.cols + static_cast<std::size_t>(p - window.begin);
      const std::uint64_t event = order[p];
      const bool first = p == window.user_begin;
      batch.items[cell] = h.items[event];
      batch.actions[cell] = h.actions[event];
      batch.gaps[cell] = gap_of(h, first ? event : order[p - 1], event, first, options.gaps);
      if (p < window.first || h.is_target[order[p + 1]] == 0) continue;
      batch.positions.push_back(static_cast<std::int64_t>(cell));
      double total = 0, weight = 1;
      const std::size_t at = batch.targets.size();
      batch.targets.resize(at + ahead, 0);
      batch.weights.resize(at + ahead, 0);
      for (std::size_t k = 0; k < ahead && p + 1 + k < window.end; ++k, weight *= options.multi_token_decay) {
        const std::uint64_t next = order[p + 1 + k];
        if (h.is_target[next] == 0) continue;
        batch.targets[at + k] = h.items[next];
        batch.weights[at + k] = static_cast<float>(weight);
        total += weight;
      }
      for (std::size_t k = 0; k < ahead; ++k)
        batch.weights[at + k] = static_cast<float>(batch.weights[at + k] / total);
    }
  }
  return batch;
}

Batch pack_cloze(const Histories& h, const std::vector<Window>& windows, std::span<const std::uint32_t> chosen,
                 const TrainOptions& options, std::int64_t mask, Rng& rng) {
  constexpr double kNewestAlone = 0.1;
  Batch batch;
  batch.rows = chosen.size();
  const auto length = [&](std::uint32_t w) {
    return std::min<std::uint64_t>(windows[w].end - windows[w].begin, options.max_len);
  };
  for (const std::uint32_t w : chosen) batch.cols = std::max<std::size_t>(batch.cols, length(w));
  const std::size_t cells = batch.rows * batch.cols;
  batch.items.assign(cells, 0);
  batch.actions.assign(cells, 0);
  batch.gaps.assign(cells, 0);
  for (std::size_t r = 0; r < batch.rows; ++r) {
    const std::uint64_t events = length(chosen[r]), begin = windows[chosen[r]].end - events;
    batch.lengths.push_back(static_cast<std::int64_t>(events));
    const bool newest_alone = rng.uniform() < kNewestAlone;
    const std::uint64_t surely = rng.below(events);  // at least one event is asked
    for (std::uint64_t e = 0; e < events; ++e) {
      const std::size_t cell = r * batch.cols + e;
      batch.items[cell] = h.items[begin + e];
      const bool masked = newest_alone ? e + 1 == events : e == surely || rng.uniform() < options.mask_share;
      if (!masked) continue;
      batch.positions.push_back(static_cast<std::int64_t>(cell));
      batch.targets.push_back(batch.items[cell]);
      batch.weights.push_back(1);
      batch.items[cell] = mask;
    }
  }
  return batch;
}

HistoryBatch pack_histories(const Histories& h, std::span<const std::uint32_t> users,
                            std::uint32_t max_len, std::uint32_t gaps) {
  HistoryBatch batch;
  batch.rows = users.size();
  for (const std::uint32_t u : users) batch.cols = std::max(batch.cols, std::min<std::size_t>(h.length(u), max_len));
  const std::size_t cells = batch.rows * batch.cols;
  batch.items.assign(cells, 0);
  batch.actions.assign(cells, 0);
  batch.gaps.assign(cells, 0);
  for (std::size_t r = 0; r < users.size(); ++r) {
    const std::uint64_t user_begin = h.offsets[users[r]], end = h.offsets[users[r] + 1];
    const std::uint64_t begin = end - std::min<std::uint64_t>(end - user_begin, max_len);
    for (std::uint64_t e = begin; e < end; ++e) {
      const std::size_t cell = r * batch.cols + static_cast<std::size_t>(e - begin);
      const bool first = e == user_begin;
      batch.items[cell] = h.items[e];
      batch.actions[cell] = h.actions[e];
      batch.gaps[cell] = gap_of(h, first ? e : e - 1, e, first, gaps);
    }
    batch.last.push_back(static_cast<std::int64_t>(end - begin) - 1);
  }
  return batch;
}

}  // namespace penchant::learn
