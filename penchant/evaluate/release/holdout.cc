#include "penchant/evaluate/release/holdout.h"

#include <algorithm>
#include <cmath>

#include "penchant/artifact/safetensors.h"
#include "penchant/semantic_id/release_ids.h"

namespace penchant::evaluate {
namespace {

std::string train_again(Kind kind) {
  if (kind == Kind::given) return "; releases are trained with --holdout last-out, time or cold";
  return "; train a release with --holdout " + std::string(name_of(kind == Kind::windows ? Kind::time : kind));
}

/// Whether a training that held out `holdout` may, cuts and counts apart, be asked by `kind`. Cold
/// holds out the last two events of everyone and the cold items besides, so it covers last-out.
bool covers(std::string_view holdout, Kind kind) {
  switch (kind) {
    case Kind::last_out: return holdout == "last-out" || holdout == "cold";
    case Kind::time:
    case Kind::windows: return holdout == "time";
    case Kind::cold: return holdout == "cold";
    case Kind::given: return false;
  }
  return false;
}

Status check_cold_items(const ReleaseFacts& release, const Protocol& protocol) {
  const artifact::Manifest& manifest = release.manifest;
  const bool same = manifest.cold_by == catalog::name_of(protocol.cold_by) &&
                    (protocol.cold_by.kind != ColdBy::Kind::random || manifest.cold_seed == protocol.cold_seed) &&
                    std::abs(manifest.cold_share - protocol.cold_share) < 1e-9;
  if (same) return {};
  return invalid("release " + manifest.name + " held out other cold items (" + manifest.cold_by + ", share " +
                 std::to_string(manifest.cold_share) + ", seed " + std::to_string(manifest.cold_seed) +
                 ") than this protocol asks for" + train_again(Kind::cold) +
                 " with the same --cold-by, --cold-share and --cold-seed");
}

}  // namespace

Result<ReleaseFacts> read_release_facts(const std::string& folder) {
  ReleaseFacts facts;
  PENCHANT_TRY(manifest, artifact::verify_release(folder));
  facts.manifest = std::move(manifest);
  PENCHANT_TRY(ids, semantic_id::read_item_ids(folder + "/items.json", facts.manifest.model.items));
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
  const artifact::Manifest& manifest = release.manifest;
  const std::string name = "release " + manifest.name;
  if (!covers(manifest.holdout, protocol.kind))
    return invalid(name + " held out " +
                   (manifest.holdout.empty() || manifest.holdout == "none" ? "nothing" : "\"" + manifest.holdout + "\"") +
                   " in training, so the answers of the " + std::string(name_of(protocol.kind)) +
                   " protocol were seen" + train_again(protocol.kind));
  if (const std::uint64_t asked = protocol.ties == Ties::shuffled ? protocol.seed : 0; manifest.ties_seed != asked) {
    const auto order = [](std::uint64_t seed) { return seed == 0 ? std::string("the given order") : "the shuffle " + std::to_string(seed); };
    return invalid(name + " was trained on " + order(manifest.ties_seed) + " of events of one moment, not on " + order(asked) +
                   ": other events become targets, which it saw" + train_again(protocol.kind) + " --ties-seed " + std::to_string(asked));
  }
  if (manifest.holdout == "time") {
    const std::int64_t saw = std::max(manifest.holdout_time_ms, manifest.holdout_test_ms);
    if (saw > *protocol.test_ms)
      return invalid(name + " saw events up to " + std::to_string(saw) + " ms, the test begins at " +
                     std::to_string(*protocol.test_ms) + " ms: choose a later test cut" + train_again(protocol.kind));
  }
  if (protocol.kind == Kind::cold) PENCHANT_DO(check_cold_items(release, protocol));
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
    if (manifest.holdout_test_ms != 0) protocol.test_ms = manifest.holdout_test_ms;
  } else if (manifest.holdout == "cold") {
    protocol.kind = Kind::cold;
    protocol.cold_share = manifest.cold_share;
    protocol.cold_seed = manifest.cold_seed;
    PENCHANT_TRY(by, catalog::parse_cold_by(manifest.cold_by));
    protocol.cold_by = by;
  } else if (manifest.holdout != "last-out") {
    return invalid("release " + manifest.name +
                   " held out nothing in training, so there is nothing to "
                   "judge it by; train a release with --holdout last-out, time or cold");
  }
  if (manifest.ties_seed != 0) {
    protocol.ties = Ties::shuffled;
    protocol.seed = manifest.ties_seed;
  }
  return protocol;
}

}  // namespace penchant::evaluate
