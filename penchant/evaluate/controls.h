#pragma once
/// \file Controls that must destroy a gain: a gain that survives its control is not explained by its
/// mechanism. Layer 6.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "penchant/base/result.h"
#include "penchant/evaluate/event_log.h"
#include "penchant/evaluate/split/split.h"

namespace penchant::evaluate {

enum class Control : std::uint8_t {
  none,
  shuffled_history,  ///< the history of every query in random order: does order matter?
  truncated_history, ///< the newest kKeptEvents events of every query alone: does what lies further back matter?
  another_user,      ///< the history of another user, drawn without fixed points: does the user matter?
  shuffled_codes,    ///< semantic IDs permuted among the items of a release: do the codes carry meaning?
  no_cold_lane,      ///< items a release never saw get no guesses: are they found by their codes alone?
};
/// Events that Control::truncated_history leaves.
inline constexpr std::size_t kKeptEvents = 3;
[[nodiscard]] std::string_view name_of(Control control) noexcept;  ///< "none", "shuffled-history", …
/// invalid_argument naming the allowed words.
Result<Control> parse_control(std::string_view word);

/// ok when the control changes anything here: another_user needs two users among the cases.
/// (shuffled_codes and no_cold_lane are matters of the release: recommend::ScorerOptions.)
Status check_control(std::span<const Case> cases, Control control);

/// The histories that models are shown under a control; seen items, targets and slices stay those of
/// the true user. Threads: const access is safe.
class ControlledHistories {
 public:
  /// `split` and `cases` (of that split, in order of user) must outlive this. Deterministic for a
  /// seed; what one user is shown does not depend on the number of the others, another_user apart.
  ControlledHistories(const Split& split, std::span<const Case> cases, Control control, std::uint64_t seed);
  /// History shown for case i of `cases`; oldest first, never empty. A shuffled history keeps its
  /// moments and permutes what happened at them.
  [[nodiscard]] std::span<const Interaction> history(std::size_t i) const;

 private:
  void shuffle(std::uint64_t seed);
  void exchange(std::uint64_t seed);

  const Split& split_;           ///< of the caller
  std::span<const Case> cases_;  ///< of the split
  Control control_;
  std::vector<std::size_t> begin_;      ///< shuffled_history: [cases] first event in shuffled_
  std::vector<Interaction> shuffled_;   ///< cases of one user with one history share it
  std::vector<std::uint32_t> donor_;    ///< another_user: [cases] whose history is shown
};

}  // namespace penchant::evaluate
