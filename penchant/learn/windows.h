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

/// Whether the order of events of one moment says anything: items that stood side by side in one basket and meet in
/// another of m items, how often are they neighbours again? In 2 of m by chance; 1.2 times as often is asked, of 100
/// meetings or more. Where it tells (a log written in the order of its catalogue does too), redrawing it would unteach
/// what histories to come will show. Memory: the pairs of neighbours; looks at 200,000 meetings at most.
[[nodiscard]] bool ties_tell(const Histories& histories);

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

/// Histories one after another, none padded: history s holds rows [offsets[s], offsets[s + 1]).
struct PackedEvents {
  std::vector<std::int64_t> offsets{0};            ///< [histories + 1]
  std::vector<std::int64_t> items, actions, gaps;  ///< [rows]
  std::vector<std::int64_t> requests;  ///< [rows], bucket of the time from this event to what is asked after it; 0: not known
  [[nodiscard]] std::size_t rows() const noexcept { return items.size(); }
};

/// One step's input.
struct Batch {
  PackedEvents events;
  std::vector<std::int64_t> positions;  ///< rows learned from, ascending
  std::vector<std::int64_t> targets;    ///< [positions, multi_token], item rows; padded with 0
  std::vector<float> weights;           ///< [positions, multi_token], in sum what the position counts for
  std::vector<std::int64_t> next_actions, next_gaps;  ///< [positions], of the event after each
};

/// Random batches of windows: [batches] of window numbers. With batches of like length every step would see
/// one kind of user, and a position of a short history would weigh many times one of a long
/// (docs/decisions/0010).
[[nodiscard]] std::vector<std::vector<std::uint32_t>> plan_batches(const std::vector<Window>& windows,
                                                                   std::uint32_t batch, Rng& rng);

/// The windows of one step that rank `rank` of `size` learns from: the longest first, each to the rank that has fewest
/// events so far, so that no rank waits long for another. The shares of all ranks are `chosen`, each window once.
[[nodiscard]] std::vector<std::uint32_t> shard_of(const std::vector<Window>& windows, std::span<const std::uint32_t> chosen,
                                                  std::uint32_t rank, std::uint32_t size);

/// Packs the windows `chosen`. Positions whose next event is no target are left out.
/// \param strengths [actions], what a target of this action counts for; empty: 1
[[nodiscard]] Batch pack(const Histories& histories, const std::vector<std::uint64_t>& order,
                         const std::vector<Window>& windows, std::span<const std::uint32_t> chosen,
                         const TrainOptions& options, std::span<const float> strengths = {});

/// The same for Objective::cloze: inputs are the window's newest max_len events, of which some are
/// replaced by the mask (item row `mask`); the masked ones are predicted. One window in ten masks its
/// newest event alone, as a query does.
[[nodiscard]] Batch pack_cloze(const Histories& histories, const std::vector<Window>& windows,
                               std::span<const std::uint32_t> chosen, const TrainOptions& options, std::int64_t mask,
                               Rng& rng);

/// Inputs of whole histories as serving reads them: the newest max_len events of each user of `users`.
/// \param asked_ms [users], moments of the requests; empty: not known
[[nodiscard]] PackedEvents pack_histories(const Histories& histories, std::span<const std::uint32_t> users,
                                          std::uint32_t max_len, std::uint32_t gaps, std::span<const std::int64_t> asked_ms = {});

}  // namespace penchant::learn
