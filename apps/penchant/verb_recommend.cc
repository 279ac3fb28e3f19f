/// \file recommend, search, explain: the online pipeline for one request.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <cstdio>

#include "context.h"
#include "listing.h"
#include "penchant/service/local_tasks.h"
#include "penchant/service/service.h"
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

/// The request as the body of its REST call.
boost::json::object body_of(const Options& o) {
  boost::json::object body{{"n", o.request.n}, {"explain", "short"}, {"diversity", o.request.diversity}};
  if (!o.request.user.empty()) body["user"] = o.request.user;
  if (!o.request.query.empty()) body["query"] = o.request.query;
  if (!o.request.filter.empty()) body["filter"] = o.request.filter;
  if (!o.session.empty()) body["session"] = boost::json::value_from(o.session);
  if (!o.request.similar_to.empty()) body["similar_to"] = boost::json::value_from(o.request.similar_to);
  if (!o.request.exclude.empty()) body["exclude"] = boost::json::value_from(o.request.exclude);
  if (o.seen || o.unseen) body["include_seen"] = o.seen;
  return body;
}

/// --json prints what the server would answer to the same call, so there is one format.
Status print_rest_answer(Context& context, const char* path, const boost::json::object& body) {
  PENCHANT_TRY(store, context.store());
  PENCHANT_TRY(engine, context.engine());
  service::LocalTasks tasks({.home = context.globals().home});
  service::Service service({.home = context.globals().home, .version = PENCHANT_VERSION}, tasks, context.clock());
  service.attach(*store, *engine);
  net::Request request;
  request.method = "POST";
  request.path = path;
  request.body = boost::json::serialize(body);
  const net::Response answer = service.handle(request);
  std::printf("%s\n", answer.body.c_str());
  if (answer.status == 200) return {};
  return Error{answer.status == 404 ? ErrorCode::not_found : ErrorCode::invalid_argument,
               "the request was refused; the JSON says why"};
}

Status run_list(Context& context, const Options& options) {
  if (context.globals().json) return print_rest_answer(context, "/v1/recommend", body_of(options));
  PENCHANT_TRY(engine, context.engine());
  PENCHANT_TRY(response, engine->recommend(request_of(options, true)));
  print_list(response);
  return {};
}

Status run_explain(Context& context, const Options& options) {
  if (context.globals().json) {
    boost::json::object body = body_of(options);
    for (const char* name : {"n", "diversity"}) body.erase(name);
    body["item"] = options.item;
    return print_rest_answer(context, "/v1/explain", body);
  }
  PENCHANT_TRY(engine, context.engine());
  PENCHANT_TRY(scored, engine->explain(request_of(options, true), options.item));
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
