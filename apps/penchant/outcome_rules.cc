#include "outcome_rules.h"

namespace penchant::app {
namespace {

Result<std::vector<evaluate::OutcomeRule>> rules_of(const std::vector<std::string>& texts) {
  std::vector<evaluate::OutcomeRule> rules;
  for (const auto& text : texts) {
    PENCHANT_TRY(rule, evaluate::parse_outcome_rule(text));
    rules.push_back(std::move(rule));
  }
  return rules;
}

}  // namespace

void add_outcome_rules(CLI::App& verb, OutcomeArguments& arguments) {
  verb.add_option("--positive", arguments.positive, "what is predicted, e.g. click or rating>=4 (default: every learned event)");
  verb.add_option("--negative", arguments.negative, "what is not, e.g. impression (default: where --positive compares values, the other ones; else drawn)");
}

void add_judged_periods(CLI::App& verb, OutcomeArguments& arguments, evaluate::PeriodOptions& periods) {
  verb.add_option("--period", arguments.period, "day or week: learned in order, judged before it is learned")->capture_default_str();
  verb.add_option("--judge", arguments.judged, "validation (to choose settings on) or test")->capture_default_str();
  verb.add_option("--validation-from", periods.validation_from, "share of the outcomes before validation")->capture_default_str();
  verb.add_option("--test-from", periods.test_from, "share of the outcomes before the test")->capture_default_str();
}

Result<evaluate::OutcomeOptions> outcome_options(const OutcomeArguments& arguments) {
  evaluate::OutcomeOptions out;
  PENCHANT_TRY(positive, rules_of(arguments.positive));
  PENCHANT_TRY(negative, rules_of(arguments.negative));
  out.positive = std::move(positive);
  out.negative = std::move(negative);
  return out;
}

Status set_judged_periods(const OutcomeArguments& arguments, evaluate::PeriodOptions& periods) {
  PENCHANT_TRY(length, evaluate::parse_period(arguments.period));
  periods.length = length;
  if (arguments.judged != "test" && arguments.judged != "validation") return invalid("--judge " + arguments.judged + ": validation or test");
  periods.judged = arguments.judged == "test" ? evaluate::JudgedPart::test : evaluate::JudgedPart::validation;
  return {};
}

}  // namespace penchant::app
