#pragma once
/// \file What a model may learn from and what it is asked: the protocols of evaluation. Layer 6.
/// Leave-last-out: a user's last event is the test target, the one before it the validation target,
/// the rest is training; users with fewer than three events are training only. The history of a test
/// target includes the validation event.
/// Global time cut: training < t0 <= validation < t1 <= test; the history of a target holds only
/// events strictly older than it, so events of the same moment never help to guess each other.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "penchant/base/result.h"
#include "penchant/evaluate/event_log.h"

namespace penchant::evaluate {

enum class Kind : std::uint8_t { last_out, time };
enum class Stage : std::uint8_t { validation, test };
enum class Ties : std::uint8_t { given, shuffled };
enum class Seen : std::uint8_t { kept, removed };
/// Time cut only: the first event of a user in the window, or every one.
enum class Targets : std::uint8_t { first, all };

[[nodiscard]] std::string_view name_of(Kind kind) noexcept;  ///< "last-out", "time"
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
  std::optional<std::int64_t> validation_ms;  ///< t0: training is older
  std::optional<std::int64_t> test_ms;        ///< t1: validation is older
};

/// One question: what comes after this history?
struct Case {
  std::uint32_t user = 0;
  std::uint32_t target = 0;     ///< item row
  std::size_t history_end = 0;  ///< history = log.events[offsets[user], history_end)
  std::int64_t at_ms = 0;       ///< time of the target
};

/// The training part of a log and nothing else.
struct TrainingData {
  std::size_t items = 0;                            ///< rows of the catalogue
  std::vector<std::span<const Interaction>> users;  ///< [users], oldest first; lives with the split
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
  /// Users with events in the test window but none before it; their first moment is not asked.
  [[nodiscard]] std::size_t users_without_history() const noexcept { return without_history_; }
  /// Proves that training ends before every target of both stages; internal, naming the user, else.
  [[nodiscard]] Status check() const;

 private:
  Split() = default;
  void cut_last_out();
  Status cut_by_time();
  void ask(std::size_t user, std::size_t event, Stage stage);

  std::shared_ptr<const EventLog> log_;
  Protocol protocol_;
  std::vector<std::size_t> training_end_;  ///< [users], absolute
  std::vector<Case> validation_, test_;
  std::size_t without_history_ = 0;
};

}  // namespace penchant::evaluate
