#pragma once
/// \file Keeps releases from being judged on what they learned from. Layer 6.
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "penchant/artifact/manifest.h"
#include "penchant/base/result.h"
#include "penchant/evaluate/event_log.h"
#include "penchant/evaluate/split/split.h"

namespace penchant::evaluate {

/// What a release folder says about its training data.
struct ReleaseFacts {
  artifact::Manifest manifest;
  std::vector<std::string> item_ids;      ///< [items], row order
  std::vector<std::int32_t> train_count;  ///< [items] events that were learned from
};

/// Verifies the hashes of the folder and reads manifest.json, items.json and counts.safetensors.
Result<ReleaseFacts> read_release_facts(const std::string& folder);

/// Row for row, the items of the release must be the first items of the log.
/// \return invalid_argument naming the first row that differs
Status check_same_items(const ReleaseFacts& release, const EventLog& log);

/// ok when the release saw no target of `split`. Checked twice: what the manifest says was held out
/// must cover the protocol, and no item may have more training events in the release than in the
/// training part of the split. "time" covers the time cut and the windows when all that it looked at,
/// validation included, is older than the test; "cold" covers the same cold items, and last-out.
/// \return invalid_argument saying what to do
Status check_unseen(const ReleaseFacts& release, const Split& split);

/// The protocol that asks what the release held out, the time cut included.
/// \return invalid_argument when it held out nothing
Result<Protocol> protocol_of(const artifact::Manifest& manifest);

}  // namespace penchant::evaluate
