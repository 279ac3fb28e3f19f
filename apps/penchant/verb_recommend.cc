/// \file recommend, search, explain: the online pipeline for one request.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "context.h"
#include "listing.h"
#include "terminal.h"

namespace penchant::app {
namespace {

/// Options that the three verbs share, as given on the command line.
struct Options {
  recommend::Request request;
  std::vector<std::string> session;
  bool reasons = false;
  bool seen = false, unseen = false;
  std::string item;
};

void add_options(CLI::App& verb, Options& o) {
  verb.add_option("--user", o.request.user, "user id");
  verb.add_option("--session", o.session, "item ids of a session that is not stored, oldest first")->delimiter(',');
  verb.add_option("--similar-to", o.request.similar_to, "item ids")->delimiter(',');
  verb.add_option("-n", o.request.n, "length of the list, 1 to 1000")->capture_default_str();
  verb.add_option("--filter", o.request.filter, "filter expression, e.g. 'year >= 1990 AND genre IN (\"comedy\")'");
  verb.add_option("--exclude", o.request.exclude, "item ids never to return")->delimiter(',');
  verb.add_option("--diversity", o.request.diversity, "0 to 1");
  auto* seen = verb.add_flag("--include-seen", o.seen, "items of the history may return");
  verb.add_flag("--exclude-seen", o.unseen, "items of the history never return")->excludes(seen);
}

recommend::Request request_of(const Options& o, bool explain) {
  recommend::Request request = o.request;
  for (const auto& id : o.session) request.session.push_back({.item = id});
  if (o.seen) request.include_seen = true;
  if (o.unseen) request.include_seen = false;
  request.explain = explain ? recommend::Explain::brief : recommend::Explain::none;
  return request;
}

Status run_list(Context& context, const Options& options) {
  PENCHANT_TRY(engine, context.engine());
  PENCHANT_TRY(response, engine->recommend(request_of(options, true)));
  if (context.globals().json) {
    std::printf("%s\n", to_json(response).c_str());
    return {};
  }
  print_list(response);
  return {};
}

Status run_explain(Context& context, const Options& options) {
  PENCHANT_TRY(engine, context.engine());
  PENCHANT_TRY(scored, engine->explain(request_of(options, true), options.item));
  if (context.globals().json) {
    recommend::Response one;
    one.items.push_back(std::move(scored));
    std::printf("%s\n", to_json(one).c_str());
    return {};
  }
  std::printf("%s  score %.3f\n%s\n", bold(scored.title.empty() ? scored.id : scored.title).c_str(), scored.score,
              scored.explanation.c_str());
  for (const auto& reason : scored.reasons) {
    std::string evidence;
    for (const auto& e : reason.evidence) evidence += (evidence.empty() ? "" : "; ") + (e.text.empty() ? e.id : e.text);
    std::printf("  %+7.3f  %-10s %s\n", reason.weight, reason.type.c_str(),
                fit(evidence, terminal_width() - 24).c_str());
  }
  for (const auto& [name, value] : scored.features) std::printf("  %s\n", dim(name + " = " + std::to_string(value)).c_str());
  return {};
}

}  // namespace

void add_recommend(CLI::App& app, Run& run) {
  auto options = std::make_shared<Options>();
  auto* recommend = app.add_subcommand("recommend", "a list for a user, a session or items, with reasons");
  add_options(*recommend, *options);
  recommend->add_option("--query", options->request.query, "free text");
  recommend->callback([&run, options] { run = [options](Context& c) { return run_list(c, *options); }; });

  auto* search = app.add_subcommand("search", "items for a text, ranked for a user where one is given");
  search->add_option("text", options->request.query, "what to look for")->required();
  add_options(*search, *options);
  search->callback([&run, options] { run = [options](Context& c) { return run_list(c, *options); }; });

  auto* explain = app.add_subcommand("explain", "why one item, for a user or session");
  explain->add_option("item", options->item, "item id")->required();
  add_options(*explain, *options);
  explain->callback([&run, options] { run = [options](Context& c) { return run_explain(c, *options); }; });
}

}  // namespace penchant::app
