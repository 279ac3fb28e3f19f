#include "penchant/evaluate/holdout.h"

#include <boost/json.hpp>

#include "penchant/artifact/files.h"
#include "penchant/artifact/safetensors.h"

namespace penchant::evaluate {
namespace {

constexpr std::uint64_t kMaxItemsJson = 1ULL << 30;

Result<std::vector<std::string>> read_item_ids(const std::string& path, std::size_t expected) {
  PENCHANT_TRY(text, artifact::read_file(path, kMaxItemsJson));
  const auto broken = [&](const std::string& what) { return Error{ErrorCode::corrupt, path + ": " + what}; };
  boost::system::error_code error;
  const auto root = boost::json::parse(text, error);
  if (error) return broken("not JSON: " + error.message());
  const auto* object = root.if_object();
  const auto* ids = object == nullptr ? nullptr : object->if_contains("ids");
  if (ids == nullptr || !ids->is_array()) return broken("the array \"ids\" is missing");
  if (ids->get_array().size() != expected)
    return broken("holds " + std::to_string(ids->get_array().size()) + " ids, the manifest says " +
                  std::to_string(expected));
  std::vector<std::string> out;
  out.reserve(expected);
  for (const auto& id : ids->get_array()) {
    if (!id.is_string()) return broken("id " + std::to_string(out.size()) + " is not a text");
    out.emplace_back(id.get_string());
  }
  return out;
}

std::string train_again(Kind kind) {
  return "; train a release with --holdout " + std::string(name_of(kind));
}

}  // namespace

Result<ReleaseFacts> read_release_facts(const std::string& folder) {
  ReleaseFacts facts;
  PENCHANT_TRY(manifest, artifact::verify_release(folder));
  facts.manifest = std::move(manifest);
  PENCHANT_TRY(ids, read_item_ids(folder + "/items.json", facts.manifest.model.items));
  facts.item_ids = std::move(ids);
  PENCHANT_TRY(counts, artifact::SafeTensors::open(folder + "/counts.safetensors"));
  PENCHANT_TRY(train_count, counts.vector_i32("train_count"));
  if (train_count.size() != facts.item_ids.size())
    return Error{ErrorCode::corrupt, folder + "/counts.safetensors: train_count holds " +
                                         std::to_string(train_count.size()) + " items, expected " +
                                         std::to_string(facts.item_ids.size())};
  facts.train_count.assign(train_count.begin(), train_count.end());
  return facts;
}

Status check_same_items(const ReleaseFacts& release, const EventLog& log) {
  const std::string name = "release " + release.manifest.name;
  if (release.item_ids.size() > log.items())
    return invalid(name + " knows " + std::to_string(release.item_ids.size()) + " items, the store only " +
                   std::to_string(log.items()) + ": it was trained on other data");
  for (std::size_t i = 0; i < release.item_ids.size(); ++i)
    if (release.item_ids[i] != log.item_ids[i])
      return invalid(name + ": item row " + std::to_string(i) + " is \"" + release.item_ids[i] +
                     "\", in the store it is \"" + log.item_ids[i] + "\": it was trained on other data");
  return {};
}

Status check_unseen(const ReleaseFacts& release, const Split& split) {
  const Protocol& protocol = split.protocol();
  const std::string& held = release.manifest.holdout;
  const std::string name = "release " + release.manifest.name;
  if (held != name_of(protocol.kind))
    return invalid(name + " held out " + (held.empty() || held == "none" ? "nothing" : "\"" + held + "\"") +
                   " in training, so the answers of the " + std::string(name_of(protocol.kind)) +
                   " protocol were seen" + train_again(protocol.kind));
  if (protocol.ties == Ties::shuffled)
    return invalid(name +
                   " was trained on the given order of events of one moment; shuffled, other "
                   "events become targets, which it saw" +
                   train_again(protocol.kind) + " on a store with the ties shuffled at import");
  if (protocol.kind == Kind::time && release.manifest.holdout_time_ms > *protocol.test_ms)
    return invalid(name + " saw events up to " + std::to_string(release.manifest.holdout_time_ms) +
                   " ms, the test begins at " + std::to_string(*protocol.test_ms) +
                   " ms: choose a later test cut" + train_again(protocol.kind));
  const auto counts = split.training().item_counts();
  for (std::size_t i = 0; i < release.train_count.size() && i < counts.size(); ++i)
    if (release.train_count[i] > static_cast<std::int64_t>(counts[i]))
      return invalid(name + " learned from " + std::to_string(release.train_count[i]) + " events of item \"" +
                     release.item_ids[i] +
                     "\", the training part of this protocol "
                     "holds " +
                     std::to_string(counts[i]) + ": it saw held-out events" + train_again(protocol.kind));
  return {};
}

Result<Protocol> protocol_of(const artifact::Manifest& manifest) {
  Protocol protocol;
  if (manifest.holdout == "time") {
    protocol.kind = Kind::time;
    protocol.validation_ms = manifest.holdout_time_ms;
  } else if (manifest.holdout != "last-out") {
    return invalid("release " + manifest.name +
                   " held out nothing in training, so there is nothing to "
                   "judge it by; train a release with --holdout last-out or --holdout time");
  }
  return protocol;
}

}  // namespace penchant::evaluate
