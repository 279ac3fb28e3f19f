#pragma once
/// \file What a model may learn from and what it is asked: the protocols of evaluation. Layer 6.
/// Leave-last-out: a user's last event is the test target, the one before it the validation target,
/// the rest is training; users with fewer than three events are training only. The history of a test
/// target includes the validation event.
/// Global time cut: training < t0 <= validation < t1 <= test; the history of a target holds only
/// events strictly older than it, so events of the same moment never help to guess each other.
/// Cold items: leave-last-out after some items were held out: their events are in no training
/// sequence and in no history, as if they had joined the catalogue just now. Targets that are such
/// items form the group "cold", the others "in-set".
/// Given: parts named by the event type ("train", "valid" or "validation", "test"), for data that come
/// with a split of their own. A user's training events are the history of all targets of the user,
/// and the targets of one stage are relevant together.
/// Windows: how a model ages. Training < t0; histories frozen at t1; targets up to 14 days later, in
/// groups by how much later.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "penchant/catalog/cold_items.h"
#include "penchant/base/result.h"
#include "penchant/evaluate/event_log.h"

namespace penchant::evaluate {

enum class Kind : std::uint8_t { last_out, time, cold, windows, given };
enum class Stage : std::uint8_t { validation, test };
enum class Ties : std::uint8_t { given, shuffled };
enum class Seen : std::uint8_t { kept, removed };
/// Time cut and windows: the first event of a user in the window, or every one.
enum class Targets : std::uint8_t { first, all };
using catalog::ColdBy;

/// Ends of the windows after t1, and of the whole: a target at t1 + 1 day exactly is in the second.
inline constexpr std::int64_t kDayMs = 86'400'000;
inline constexpr std::int64_t kWindowEndsMs[] = {kDayMs, 7 * kDayMs, 14 * kDayMs};

[[nodiscard]] std::string_view name_of(Kind kind) noexcept;  ///< "last-out", "time", "cold", "windows", "given"
[[nodiscard]] std::string_view name_of(Ties ties) noexcept;  ///< "given", "shuffled"
[[nodiscard]] std::string_view name_of(Seen seen) noexcept;  ///< "kept", "removed"
/// invalid_argument naming the allowed words.
Result<Kind> parse_kind(std::string_view word);

struct Protocol {
  Kind kind = Kind::last_out;
  Ties ties = Ties::given;
  std::uint64_t seed = 1;  ///< of the tie shuffle
  Targets targets = Targets::first;
  double validation_quantile = 0.8;           ///< of all event times, where no cut is given; in (0, 1)
  double test_quantile = 0.9;                 ///< above validation_quantile, below 1
  /// t0: training is older. Windows: 7 days before t1 where none is given.
  std::optional<std::int64_t> validation_ms;
  /// t1: validation is older. Windows: histories end before it; where none is given, the quantile, or
  /// 14 days before the last event where that is earlier.
  std::optional<std::int64_t> test_ms;
  double cold_share = 0.05;        ///< of the items, in (0, 0.5]
  ColdBy cold_by;
  std::uint64_t cold_seed = 1;     ///< of the draw; apart from `seed`, so that all runs ask the same
};

/// One question: what comes after this history?
struct Case {
  std::uint32_t user = 0;
  std::uint32_t target = 0;     ///< item row
  std::size_t history_end = 0;  ///< history = log.events[offsets[user], history_end)
  std::int64_t at_ms = 0;       ///< time of the target
  std::uint8_t group = 0;       ///< index into Split::groups()
  std::uint32_t together = 1;   ///< targets of this history that are relevant together; they follow each other
};

/// The training part of a log and nothing else.
struct TrainingData {
  std::size_t items = 0;                            ///< rows of the catalogue
  std::vector<std::span<const Interaction>> users;  ///< [users], oldest first; lives with the split
  bool world_times = true;                          ///< times are moments, not positions inside a user
  [[nodiscard]] std::vector<std::uint32_t> item_counts() const;  ///< events per item, [items]
  [[nodiscard]] std::size_t events() const noexcept;
};

/// A log cut by a protocol. Owns its copy of the log (ties may be shuffled). Threads: const calls
/// are safe together.
class Split {
 public:
  /// \return invalid_argument, saying what to do, when nothing is left to train on or to ask, when
  /// the cuts are out of order, or when a time cut is asked of data without times
  static Result<Split> make(EventLog log, const Protocol& protocol);

  /// A copy of what was given; cold: without the events of held-out items; given: each user's training
  /// events first. With shuffled ties where asked.
  [[nodiscard]] const EventLog& log() const noexcept { return *log_; }
  /// With the cuts that were used filled in.
  [[nodiscard]] const Protocol& protocol() const noexcept { return protocol_; }
  [[nodiscard]] TrainingData training() const;
  /// In order of user, then time.
  [[nodiscard]] std::span<const Case> cases(Stage stage) const noexcept {
    return stage == Stage::test ? test_ : validation_;
  }
  [[nodiscard]] std::span<const Interaction> history(const Case& c) const {
    const std::size_t first = log_->offsets[c.user];
    return std::span(log_->events).subspan(first, c.history_end - first);
  }
  /// The slices that a protocol itself speaks of ("cold", "in-set"; "+1 day", …); empty: one group.
  [[nodiscard]] std::span<const std::string> groups() const noexcept { return groups_; }
  /// Cold: [items], 1 = nothing may be fitted on it or on its content; empty under other protocols.
  [[nodiscard]] std::span<const std::uint8_t> held_out_items() const noexcept { return held_out_; }
  /// Users whose test targets have no history to be asked with; they are not asked.
  [[nodiscard]] std::size_t users_without_history() const noexcept { return without_history_; }
  /// Proves that nothing that is asked, in either stage, lies in training or in its own history, and
  /// that no held-out item is in any sequence; internal, naming the user, else.
  [[nodiscard]] Status check() const;

 private:
  friend class SplitTampering;  // tests move the cut to show that check() and the leak guard see it
  Split() = default;
  Status cut_last_out();
  Status cut_by_time();
  Status cut_cold(EventLog log);
  Status cut_windows();
  Status cut_given(EventLog log);
  [[nodiscard]] Status check_times(std::size_t user) const;
  [[nodiscard]] Status check_cold(std::size_t user) const;
  [[nodiscard]] Status check_given() const;
  /// One case; without a history it is not asked. `history_end` absolute.
  bool ask(std::size_t user, const Interaction& target, std::size_t history_end, Stage stage,
           std::uint8_t group = 0);

  std::shared_ptr<const EventLog> log_;
  Protocol protocol_;
  std::vector<std::size_t> training_end_;  ///< [users], absolute
  std::vector<std::uint8_t> held_out_;     ///< cold: [items]
  std::vector<std::uint32_t> place_;       ///< cold: [events] number among all events of the user
  std::vector<std::uint32_t> length_;      ///< cold: [users] number of all events of the user
  std::vector<Case> validation_, test_;
  std::size_t without_history_ = 0;
  std::vector<std::string> groups_;
};

}  // namespace penchant::evaluate
