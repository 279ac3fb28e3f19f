#pragma once
/// \file Proof that what is fitted does not know what is asked. Layer 6. Two kinds of proof: checks of
/// what a model is about to be given (cheap, at run time), and a probe that changes the answers and
/// nothing else, and demands that everything fitted stays the same bit by bit (in tests, for any model).
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "penchant/base/executor.h"
#include "penchant/base/result.h"
#include "penchant/evaluate/model.h"
#include "penchant/evaluate/split/split.h"

namespace penchant::evaluate {

/// Validation targets that a fit may look at: those asked straight after the user's training events,
/// and no held-out item. Histories live as long as the split.
[[nodiscard]] std::vector<ValidationQuery> fit_validation(const Split& split);

/// ok when the input holds the training part of the split and nothing besides: every sequence event by
/// event, no held-out item, and validation targets out of fit_validation alone. O(events).
/// \return internal, naming the user and the item
Status check_fit_input(const Split& split, const FitInput& input);

/// The same log with other answers: the item of every event that the test stage alone may know is
/// replaced by another one, drawn with the seed. Times, users and everything before stay.
/// \return invalid_argument for cold items by first appearance, which the answers themselves decide
Result<EventLog> with_other_answers(const EventLog& log, const Protocol& protocol, std::uint64_t seed);

/// Makes an unfitted model for a split, as a ModelSource does.
using MakeModel = std::function<Result<std::unique_ptr<Model>>(const Split&)>;

struct ProbeOptions {
  Protocol protocol;
  std::uint64_t seed = 1;           ///< of the changed answers and of the fits
  std::size_t queries = 64;         ///< validation histories that both fits are asked
  MatrixView<const float> content;  ///< as in FitInput
};

/// Fits the model twice, on `log` and on the same log with other answers, and compares the scores of all
/// items after the same histories.
/// \return internal, "… saw the answers", naming model, user and item, when a single bit differs; the
/// error of the split or of the model
Status probe_leaks(const EventLog& log, const MakeModel& make, const ProbeOptions& options, Executor& executor);

}  // namespace penchant::evaluate
