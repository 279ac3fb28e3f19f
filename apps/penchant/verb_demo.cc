/// \file demo: the whole loop on MovieLens 100K, printed for a person to read, then served.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <cstdio>
#include <filesystem>

#include "context.h"
#include "listing.h"
#include "penchant/artifact/files.h"
#include "penchant/artifact/manifest.h"
#include "penchant/import/import.h"
#include "penchant/service/training.h"
#include "terminal.h"

namespace penchant::app {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

struct Options {
  std::string data;
  std::string console;
  std::uint16_t port = 7600;
  std::uint64_t seed = 1;
  bool no_serve = false, fresh = false;
};

/// The newcomer of the demo: stored like anybody else, with three events.
constexpr const char* kNewcomer = "newcomer";
constexpr const char* kNewFilm = "demo-paper-lanterns";

void heading(const std::string& text) { std::printf("\n%s\n", bold(text).c_str()); }

/// Titles of the ids, in order, joined by ", ".
std::string titles(recommend::Engine& engine, const std::vector<std::string>& ids) {
  std::string text;
  for (const auto& id : ids) {
    auto card = engine.item_card(id);
    text += (text.empty() ? "" : ", ") + (card.ok() && !card->item.title.empty() ? card->item.title : id);
  }
  return text;
}

Status import_data(Context& context, const Options& options) {
  PENCHANT_TRY(store, context.store(true));
  PENCHANT_TRY(counts, store->counts());
  if (counts.events > 0) return {};
  if (options.data.empty() || !fs::is_directory(options.data))
    return Error{ErrorCode::not_found, "the demo needs MovieLens 100K: run ./demo, or give its folder with --data"};
  const std::vector<std::string> paths{options.data};
  import::ImportOptions how;
  how.rejects_path = context.globals().home + "/rejects.csv";
  ProgressLine line(context.globals().quiet);
  PENCHANT_TRY(report, import::import_paths(paths, how, *store, line.sink()));
  line.finish();
  PENCHANT_DO(store->put_setting("item_noun", "\"films\""));  // what explanation lines call an item here
  std::printf("   %s events of %s users on %s items, %s rows rejected\n",
              with_commas(report.events).c_str(), with_commas(report.users).c_str(),
              with_commas(report.items).c_str(), with_commas(report.rejected).c_str());
  return {};
}

Status train(Context& context, const Options& options) {
  // A release that this program does not read, of another version of it, is made anew.
  if (const auto folder = context.release_folder(); folder.ok() && artifact::verify_release(*folder).ok()) return {};
  PENCHANT_TRY(store, context.store());
  service::TrainingOptions how;
  how.home = context.globals().home;
  how.trainer = context.trainer();
  how.encoder_dir = context.globals().encoder_dir;
  how.seed = options.seed;
  how.name = "demo-1";
  how.threads = context.globals().threads;
  std::error_code ignored;
  fs::remove_all(context.models_dir() + "/" + how.name, ignored);  // left by an interrupted run
  ProgressLine line(context.globals().quiet);
  PENCHANT_TRY(outcome, service::train_release(how, *store, context.executor(), line.sink()));
  line.finish();
  return {};
}

/// The user with the longest history that leaves most of the catalogue to discover: at most an
/// eighth of it.
Result<std::string> busy_user(store::Store& store, std::size_t& events) {
  PENCHANT_TRY(counts, store.counts());
  std::vector<std::size_t> histories;
  PENCHANT_DO(store.scan_events_by_user([&](const store::StoredEvent& event) {
    histories.resize(std::max<std::size_t>(histories.size(), catalog::index(event.user) + 1));
    ++histories[catalog::index(event.user)];
    return true;
  }));
  std::size_t best = 0;
  events = 0;
  for (std::size_t user = 0; user < histories.size(); ++user) {
    if (histories[user] > counts.items / 8 || histories[user] <= events) continue;
    best = user;
    events = histories[user];
  }
  std::string id;
  PENCHANT_DO(store.scan_users([&](catalog::UserId row, catalog::User&& user) {
    if (catalog::index(row) == best) id = user.id;
    return id.empty();
  }));
  if (id.empty()) return Error{ErrorCode::not_found, "no events"};
  return id;
}

Status show_people(Context& context) {
  PENCHANT_TRY(store, context.store());
  PENCHANT_TRY(engine, context.engine());
  std::size_t events = 0;
  PENCHANT_TRY(busy, busy_user(*store, events));
  recommend::Request request;
  request.n = 5;
  request.explain = recommend::Explain::brief;

  heading("A long history: user " + busy + ", " + std::to_string(events) + " ratings");
  request.user = busy;
  PENCHANT_TRY(long_list, engine->recommend(request));
  print_list(long_list);

  const std::vector<std::string> liked{"1", "95", "71"};
  std::vector<catalog::Event> three;
  for (std::size_t i = 0; i < liked.size(); ++i) {
    catalog::Event event;
    event.user = kNewcomer;
    event.item = liked[i];
    event.type = "rating";
    event.value = 5;
    event.time_ms = context.clock().now_ms() - static_cast<std::int64_t>(liked.size() - i) * 60'000;
    event.idempotency_key = "demo-newcomer-" + liked[i];
    three.push_back(event);
  }
  PENCHANT_TRY(appended, engine->append_events(three, {}));
  static_cast<void>(appended);
  heading("Three events: user newcomer rated " + titles(*engine, liked) + " with 5");
  request.user = kNewcomer;
  PENCHANT_TRY(short_list, engine->recommend(request));
  print_list(short_list);

  const std::vector<std::string> session{"183", "89"};
  heading("A guest whose session holds " + titles(*engine, session));
  request.user.clear();
  for (const auto& id : session) request.session.push_back({.item = id});
  PENCHANT_TRY(guest_list, engine->recommend(request));
  print_list(guest_list);
  return {};
}

/// Puts a film with title and genres only, and shows it in the list of somebody it fits.
Status show_new_film(Context& context) {
  PENCHANT_TRY(engine, context.engine());
  catalog::Item film;
  film.id = kNewFilm;
  film.title = "Paper Lanterns";
  film.attributes["class"] = std::vector<std::string>{"Animation", "Children's", "Musical"};
  film.created_ms = context.clock().now_ms();
  const auto begin = std::chrono::steady_clock::now();
  PENCHANT_DO(engine->put_items(std::span(&film, 1)));
  recommend::Request request;
  request.user = kNewcomer;
  request.n = 100;
  request.explain = recommend::Explain::none;
  PENCHANT_TRY(list, engine->recommend(request));
  const double ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
  const auto found = std::find_if(list.items.begin(), list.items.end(), [](const auto& i) { return i.id == kNewFilm; });
  heading("A film added a moment ago: Paper Lanterns (Animation, Children's, Musical), nothing but title and genres");
  if (found == list.items.end()) {
    std::printf("   not among the first 100 films for newcomer\n");
    return {};
  }
  request.explain = recommend::Explain::brief;
  PENCHANT_TRY(why, engine->explain(request, kNewFilm));
  std::printf("   for newcomer it is number %zu of %zu, %.0f ms after it was put\n   %s\n", found->rank,
              list.items.size(), ms, dim(why.explanation).c_str());
  return {};
}

/// "NDCG@10 0.0712 [0.0610, 0.0820]; popularity 0.03, …" from the release card.
Status show_evaluation(Context& context) {
  PENCHANT_TRY(folder, context.release_folder());
  PENCHANT_TRY(text, artifact::read_file(folder + "/card.json", 64ULL << 20));
  json::error_code error;
  const auto card = json::parse(text, error);
  const auto* summary = error ? nullptr : card.find_pointer("/evaluation/summary", error);
  if (summary == nullptr || !summary->is_string())
    return Error{ErrorCode::corrupt, folder + "/card.json has no /evaluation/summary; train again: ./demo --fresh"};
  const std::string line(summary->get_string());
  heading("Measured on events the model has not seen");
  std::printf("%s\n", wrapped(line, 3).c_str());
  return {};
}

void show_calls(const Options& options) {
  const std::string base = "http://127.0.0.1:" + std::to_string(options.port);
  heading("Console: " + base);
  const std::string url = base.substr(7);
  std::printf(
      "   curl -s %s/v1/recommend -d '{\"user\":\"196\",\"n\":5,\"explain\":\"short\"}'\n"
      "   curl -s %s/v1/recommend -d '{\"user\":\"196\",\"n\":5,\"query\":\"space\"}'\n"
      "   curl -s %s/v1/recommend -d '{\"user\":\"196\",\"n\":5,\"filter\":\"release_year >= 1995\"}'\n"
      "   curl -s %s/v1/events -d '{\"user\":\"196\",\"item\":\"50\",\"type\":\"rating\",\"value\":5}'   # then the first again\n",
      url.c_str(), url.c_str(), url.c_str(), url.c_str());
}

Status demo(Context& context, const Options& options) {
  const auto started = std::chrono::steady_clock::now();
  if (options.fresh) {
    // Only what a demo makes; --home may name a folder with other things in it.
    std::error_code error;
    for (const char* name : {"penchant.db", "penchant.db-wal", "penchant.db-shm", "models"})
      fs::remove_all(context.globals().home + "/" + name, error);
  }
  PENCHANT_DO(import_data(context, options));
  PENCHANT_DO(train(context, options));
  PENCHANT_DO(show_people(context));
  PENCHANT_DO(show_new_film(context));
  PENCHANT_DO(show_evaluation(context));
  show_calls(options);
  std::printf("\n   %s\n", dim("from files to lists in " + duration(std::chrono::duration<double>(
                                   std::chrono::steady_clock::now() - started).count())).c_str());
  std::fflush(stdout);
  if (options.no_serve) {
    // Without a console to play in, the home is left as imported, so that `eval` asks MovieLens users only.
    PENCHANT_TRY(engine, context.engine());
    return engine->delete_user(kNewcomer);
  }
  ServeOptions serving;
  serving.port = options.port;
  serving.console_dir = options.console.empty() ? find_console(context.globals()) : options.console;
  return serve(context, serving);
}

}  // namespace

void add_demo(CLI::App& app, Run& run) {
  auto options = std::make_shared<Options>();
  auto* verb = app.add_subcommand("demo", "MovieLens 100K from files to explained lists, then the console");
  verb->add_option("--data", options->data, "folder with ml-100k.inter, .item and .user");
  verb->add_option("--console", options->console, "folder of the built console");
  verb->add_option("--port", options->port)->capture_default_str();
  verb->add_option("--seed", options->seed, "of training")->capture_default_str();
  verb->add_flag("--no-serve", options->no_serve, "stop after printing");
  verb->add_flag("--fresh", options->fresh, "forget data and models of an earlier demo in this home");
  verb->callback([&run, options] { run = [options](Context& c) { return demo(c, *options); }; });
}

}  // namespace penchant::app
