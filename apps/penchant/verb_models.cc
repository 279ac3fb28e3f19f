/// \file models list, models promote: releases of a home.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <cstdio>
#include <ctime>

#include "context.h"
#include "terminal.h"

namespace penchant::app {
namespace {

std::string when(std::int64_t ms) {
  const std::time_t seconds = static_cast<std::time_t>(ms / 1000);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", &parts);
  return text;
}

Status list(Context& context) {
  PENCHANT_TRY(store, context.store());
  PENCHANT_TRY(releases, store->releases());
  if (context.globals().json) {
    boost::json::array rows;
    for (const auto& r : releases) rows.push_back({{"name", r.name}, {"created_ms", r.created_ms}, {"live", r.live}});
    std::printf("%s\n", boost::json::serialize(rows).c_str());
    return {};
  }
  if (releases.empty()) std::printf("no release yet; train one: penchant --home %s train\n", context.globals().home.c_str());
  for (const auto& r : releases)
    std::printf(" %s %s  %s\n", r.live ? green("●").c_str() : " ", fit(r.name, 32).c_str(), when(r.created_ms).c_str());
  return {};
}

Status promote(Context& context, const std::string& name) {
  PENCHANT_TRY(folder, context.release_folder(name));
  PENCHANT_TRY(engine, context.engine(/*live_release=*/false));  // it may be what is broken
  PENCHANT_DO(engine->promote(name));
  std::printf("%s is live\n", name.c_str());
  return {};
}

}  // namespace

void add_models(CLI::App& app, Run& run) {
  auto* models = app.add_subcommand("models", "releases: what is there, which one is live");
  models->require_subcommand(1);
  models->add_subcommand("list", "all releases")->callback([&run] { run = [](Context& c) { return list(c); }; });
  auto name = std::make_shared<std::string>();
  auto* promote_verb = models->add_subcommand("promote", "verify a release and make it live");
  promote_verb->add_option("name", *name, "release name")->required();
  promote_verb->callback([&run, name] { run = [name](Context& c) { return promote(c, *name); }; });
}

}  // namespace penchant::app
