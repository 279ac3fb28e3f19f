#include "penchant/evaluate/report/card.h"

#include <boost/json.hpp>

#include "penchant/artifact/files.h"
#include "penchant/artifact/manifest.h"
#include "penchant/evaluate/release/columns.h"
#include "penchant/evaluate/release/holdout.h"
#include "penchant/evaluate/report/report.h"
#include "penchant/evaluate/runner.h"

namespace penchant::evaluate {
namespace {

namespace json = boost::json;
constexpr std::uint64_t kMaxCardBytes = 64ULL << 20;
/// The generator's exact scores cost milliseconds per user: a card is to be made in less than a minute
/// or so, and 5,000 users give intervals of NDCG@10 that are a few thousandths wide.
constexpr std::size_t kCardUsers = 5000;

/// The card as it is, or an empty one.
Result<json::object> read_card(const std::string& path) {
  auto text = artifact::read_file(path, kMaxCardBytes);
  if (!text.ok()) {
    if (text.error().code == ErrorCode::not_found) return json::object{};
    return std::move(text).error();
  }
  boost::system::error_code error;
  auto value = json::parse(*text, error);
  if (error || !value.is_object())
    return Error{ErrorCode::corrupt, path + ": not a JSON object" + (error ? ": " + error.message() : "")};
  return std::move(value.get_object());
}

Status merge(const std::string& folder, const Repeats& repeats, json::value evaluation,
             artifact::Manifest manifest) {
  const std::string path = folder + "/card.json";
  PENCHANT_TRY(card, read_card(path));
  if (!card["data"].is_object()) card["data"] = json::object{};
  auto& data = card["data"].get_object();
  data["repeat_share"] = repeats.share();
  data["remove_seen"] = repeats.remove_seen();
  card["evaluation"] = std::move(evaluation);
  PENCHANT_DO(artifact::write_file(path, json::serialize(card)));
  return artifact::seal_release(folder, std::move(manifest));
}

Repeats repeats_of(const EventLog& log) {
  std::vector<std::span<const Interaction>> users;
  for (std::size_t u = 0; u < log.users(); ++u) users.push_back(log.of(u));
  return count_repeats(users);
}

}  // namespace

Result<std::string> write_card(const std::string& release_folder, store::Store& store, Executor& executor,
                               const ProgressSink& progress) {
  PENCHANT_TRY(release, read_release_facts(release_folder));
  const auto protocol = protocol_of(release.manifest);
  PENCHANT_TRY(log, load_events(store, protocol.ok() ? protocol->cold_by : catalog::ColdBy()));
  if (!protocol.ok()) {
    PENCHANT_DO(merge(release_folder, repeats_of(log), nullptr, std::move(release.manifest)));
    return "not evaluated: " + protocol.error().message;
  }
  std::vector<std::string> names(kReleaseColumns.begin(), kReleaseColumns.end());
  names.emplace_back("default");
  PENCHANT_TRY(sources, model_sources(names, release_folder, /*allow_seen=*/false));
  const RunOptions options{.protocol = *protocol, .ties = {protocol->ties}, .seed = protocol->seed, .max_users = kCardUsers};
  PENCHANT_TRY(report, run_models(log, sources, options, executor, progress));
  boost::system::error_code error;
  auto evaluation = json::parse(to_json(report, {.timings = false}), error);
  if (error) return Error{ErrorCode::internal, "the report is not JSON: " + error.message()};
  const std::string line = summary(report);
  evaluation.as_object()["summary"] = line;
  PENCHANT_DO(merge(release_folder, report.repeats, std::move(evaluation), std::move(release.manifest)));
  return line;
}

}  // namespace penchant::evaluate
