/// \file describe, validate: what is stored, and what looks wrong with it.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "context.h"
#include "penchant/store/describe.h"
#include "penchant/store/validate.h"
#include "terminal.h"

namespace penchant::app {
namespace {

/// Prints a struct that the store module can write as JSON and as a table.
template <class T>
void print(const Context& context, const T& value) {
  std::printf("%s\n", context.globals().json ? store::to_json(value).c_str() : store::to_table(value).c_str());
}

Status run_describe(Context& context) {
  PENCHANT_TRY(opened, context.store());
  PENCHANT_TRY(description, store::describe(*opened));
  print(context, description);
  return {};
}

Status run_validate(Context& context) {
  PENCHANT_TRY(opened, context.store());
  PENCHANT_TRY(findings, store::validate(*opened, context.clock()));
  print(context, findings);
  for (const auto& finding : findings)
    if (finding.severity == store::Severity::error)
      return invalid("the data cannot be used as they are: " + finding.what);
  return {};
}

}  // namespace

void add_describe(CLI::App& app, Run& run) {
  app.add_subcommand("describe", "what is stored: counts, times, attributes, how histories look")->callback([&run] {
    run = [](Context& c) { return run_describe(c); };
  });
  app.add_subcommand("validate", "what looks wrong and what to do; exit code 1 where nothing sensible can be learned")
      ->callback([&run] { run = [](Context& c) { return run_validate(c); }; });
}

}  // namespace penchant::app
