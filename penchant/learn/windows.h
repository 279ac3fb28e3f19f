#pragma once
/// \file Histories cut into training windows and packed into batches. Layer 5.
#include <cstdint>
#include <vector>

#include "penchant/base/rng.h"
#include "penchant/learn/options.h"
#include "penchant/learn/training_data.h"

namespace penchant::learn {

/// Order of all events of `data.train` for one epoch: a permutation in which only events of one
/// user at one moment have changed places (identity when `shuffle` is false).
[[nodiscard]] std::vector<std::uint64_t> event_order(const Histories& histories, bool shuffle, Rng& rng);

/// Events [begin, end) of the epoch's order: inputs are [begin, end - 1), position p predicts event
/// p + 1. Positions before `first` were learned from in a neighbouring window and only give context.
struct Window {
  std::uint64_t begin = 0, end = 0;
  std::uint64_t first = 0;       ///< first position (event number) that is learned from
  std::uint64_t user_begin = 0;  ///< first event of the user, for time gaps
};

/// Overlapping windows of max_len inputs, newest aligned to the end of the history; every position
/// is learned from exactly once. Users with fewer than two events give none.
[[nodiscard]] std::vector<Window> make_windows(const Histories& histories, std::uint32_t max_len,
                                               std::uint32_t stride);

/// One step's input, padded to the longest window: [rows, cols] row-major.
struct Batch {
  std::size_t rows = 0, cols = 0;
  std::vector<std::int64_t> items, actions, gaps;  ///< [rows * cols]
  std::vector<std::int64_t> lengths;               ///< [rows] columns in use
  /// Positions learned from (row * cols + column), ascending.
  std::vector<std::int64_t> positions;
  std::vector<std::int64_t> targets;   ///< [positions, multi_token], item rows; padded with 0
  std::vector<float> weights;          ///< [positions, multi_token], each row sums to 1
};

/// Random batches of windows, each ordered by length: [batches] of window numbers. Batches of like length
/// would pad less, but every step would see one kind of user, and a position of a short history would
/// weigh many times one of a long (docs/decisions/0010).
[[nodiscard]] std::vector<std::vector<std::uint32_t>> plan_batches(const std::vector<Window>& windows,
                                                                   std::uint32_t batch, Rng& rng);

/// Cuts a batch into parts of like length, each packed by itself so that it pads little.
[[nodiscard]] std::vector<std::span<const std::uint32_t>> parts_of(std::span<const std::uint32_t> batch);

/// Packs the windows `chosen`. Positions whose next event is no target are left out.
[[nodiscard]] Batch pack(const Histories& histories, const std::vector<std::uint64_t>& order,
                         const std::vector<Window>& windows, std::span<const std::uint32_t> chosen,
                         const TrainOptions& options);

/// The same for Objective::cloze: inputs are the window's newest max_len events, of which some are
/// replaced by the mask (item row `mask`); the masked ones are predicted. One window in ten masks its
/// newest event alone, as a query does.
[[nodiscard]] Batch pack_cloze(const Histories& histories, const std::vector<Window>& windows,
                               std::span<const std::uint32_t> chosen, const TrainOptions& options, std::int64_t mask,
                               Rng& rng);

/// Inputs of whole histories as serving reads them: the newest max_len events of each user of
/// `users`, left-aligned; `last[r]` is the column of the newest event.
struct HistoryBatch {
  std::size_t rows = 0, cols = 0;
  std::vector<std::int64_t> items, actions, gaps;  ///< [rows * cols]
  std::vector<std::int64_t> last;                  ///< [rows]
};
[[nodiscard]] HistoryBatch pack_histories(const Histories& histories, std::span<const std::uint32_t> users,
                                          std::uint32_t max_len, std::uint32_t gaps);

}  // namespace penchant::learn
