/// \file embeddings push, show, export: user vectors of the user model, for other models.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <cstdio>
#include <optional>

#include "context.h"
#include "penchant/catalog/time.h"
#include "penchant/recommend/user_embeddings.h"
#include "terminal.h"

namespace penchant::app {
namespace {

struct PushOptions {
  std::string release, align_to;
};

/// The release in whose coordinates to push; empty: its own.
Result<std::string> anchor_of(const PushOptions& options, store::Store& store) {
  if (options.align_to == "none") return std::string();
  if (!options.align_to.empty()) return options.align_to;
  return recommend::space_of_embeddings(store);
}

Status push(Context& context, const PushOptions& options) {
  PENCHANT_TRY(store, context.store());
  PENCHANT_TRY(folder, context.release_folder(options.release));
  PENCHANT_TRY(model, recommend::UserModel::load(folder));
  const std::string release = model->manifest().name;
  PENCHANT_TRY(anchor, anchor_of(options, *store));
  std::optional<recommend::Alignment> alignment;
  if (!anchor.empty() && anchor != release) {
    auto anchor_folder = context.release_folder(anchor);
    if (!anchor_folder.ok())
      return Error{ErrorCode::not_found, "the vectors are to come in the coordinates of release \"" + anchor +
                                             "\", which is not there, so nothing can be aligned to it; bring it back, or start anew with --align-to none and retrain what reads them"};
    PENCHANT_TRY(other, recommend::UserModel::load(*anchor_folder));
    PENCHANT_TRY(found, recommend::alignment_on(*store, *model, *other, context.executor()));
    alignment = found;
    model->align(std::move(found), context.executor());
  }
  ProgressLine line(context.globals().quiet);
  const std::string space = alignment ? anchor : release;
  PENCHANT_TRY(report, recommend::push_user_embeddings(*model, space, *store, context.clock(), context.executor(), line.sink()));
  line.finish();
  if (context.globals().json) {
    boost::json::object json{{"release", report.release}, {"space", report.space}, {"users", report.users},
                             {"unread", report.unread}, {"unusable", report.unusable}};
    if (alignment)
      json["alignment"] = boost::json::object{{"shared", alignment->shared}, {"cosine_before", alignment->cosine_before},
                                              {"cosine", alignment->cosine}};
    std::printf("%s\n", boost::json::serialize(json).c_str());
    return {};
  }
  std::printf("%llu user vectors of release %s, in the coordinates of %s\n", static_cast<unsigned long long>(report.users),
              report.release.c_str(), report.space.c_str());
  if (alignment)
    std::printf("aligned on %zu vectors of items and users: mean cosine to the old ones %.2f, unaligned %.2f\n", alignment->shared,
                alignment->cosine, alignment->cosine_before);
  if (report.unread + report.unusable > 0)
    std::printf("%llu users keep what they had: no event that the release can read, or no finite vector\n",
                static_cast<unsigned long long>(report.unread + report.unusable));
  return {};
}

Status show(Context& context, const std::string& user) {
  PENCHANT_TRY(store, context.store());
  PENCHANT_TRY(found, recommend::read_user_embedding(*store, user, context.clock()));
  const auto& e = found.embedding;
  if (context.globals().json) {
    const boost::json::object json{{"user", found.user}, {"release", e.release}, {"space", e.space}, {"made", catalog::format_time(e.made_ms)},
                                   {"until", catalog::format_time(e.until_ms)}, {"events", e.events}, {"age_s", static_cast<double>(found.age_ms) / 1000},
                                   {"events_since", found.events_since}, {"stale", boost::json::array(found.stale.begin(), found.stale.end())},
                                   {"vector", boost::json::array(e.vector.begin(), e.vector.end())}};
    std::printf("%s\n", boost::json::serialize(json).c_str());
    return {};
  }
  std::printf("user %s: %zu numbers of release %s, in the coordinates of %s\n", bold(found.user).c_str(), e.vector.size(), e.release.c_str(), e.space.c_str());
  std::printf("made %s, %s ago, from %llu events up to %s\n", catalog::format_time(e.made_ms).c_str(), duration(static_cast<double>(found.age_ms) / 1000).c_str(),
              static_cast<unsigned long long>(e.events), catalog::format_time(e.until_ms).c_str());
  for (const auto& why : found.stale) std::printf("stale: %s\n", why.c_str());
  for (std::size_t j = 0; j < e.vector.size(); ++j) std::printf("%s%8.4f", j % 10 == 0 ? "\n " : " ", static_cast<double>(e.vector[j]));
  std::printf("\n");
  return {};
}

Status write(Context& context, const std::string& path) {
  PENCHANT_TRY(store, context.store());
  PENCHANT_TRY(users, recommend::export_user_embeddings(*store, path));
  if (context.globals().json) std::printf("{\"users\":%llu}\n", static_cast<unsigned long long>(users));
  else std::printf("%llu user vectors; ids and stamps beside them\n", static_cast<unsigned long long>(users));
  return {};
}

}  // namespace

void add_embeddings(CLI::App& app, Run& run) {
  auto* embeddings = app.add_subcommand("embeddings", "user vectors of the user model, for other models");
  embeddings->require_subcommand(1);
  auto options = std::make_shared<PushOptions>();
  auto* push_verb = embeddings->add_subcommand("push", "compute the vector of every user and keep it in the store");
  push_verb->add_option("--release", options->release, "whose user model (default: the live one)");
  push_verb->add_option("--align-to", options->align_to, "release in whose coordinates the vectors come, or none (default: that of the stored ones)");
  push_verb->callback([&run, options] { run = [options](Context& c) { return push(c, *options); }; });
  auto user = std::make_shared<std::string>();
  auto* show_verb = embeddings->add_subcommand("show", "the vector of a user, which release made it, and how stale it is");
  show_verb->add_option("user", *user, "user id")->required();
  show_verb->callback([&run, user] { run = [user](Context& c) { return show(c, *user); }; });
  auto path = std::make_shared<std::string>();
  auto* export_verb = embeddings->add_subcommand("export", "all vectors as FILE.npy, FILE.ids and FILE.stamps.csv");
  export_verb->add_option("file", *path, "path, with or without .npy")->required();
  export_verb->callback([&run, path] { run = [path](Context& c) { return write(c, *path); }; });
  add_embeddings_evaluate(*embeddings, run);
}

}  // namespace penchant::app
