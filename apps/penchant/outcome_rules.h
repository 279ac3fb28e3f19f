#pragma once
/// \file --positive and --negative of the verbs that predict outcomes.
#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "penchant/evaluate/clicks/outcomes.h"
#include "penchant/evaluate/clicks/periods.h"

namespace penchant::app {

struct OutcomeArguments {
  std::vector<std::string> positive, negative;
  std::string period = "day", judged = "test";
};
/// Declares --positive and --negative.
void add_outcome_rules(CLI::App& verb, OutcomeArguments& arguments);
/// Declares --period, --judge, --validation-from and --test-from.
void add_judged_periods(CLI::App& verb, OutcomeArguments& arguments, evaluate::PeriodOptions& periods);

/// \return invalid_argument naming the rule
Result<evaluate::OutcomeOptions> outcome_options(const OutcomeArguments& arguments);
/// \return invalid_argument naming the option
Status set_judged_periods(const OutcomeArguments& arguments, evaluate::PeriodOptions& periods);

}  // namespace penchant::app
