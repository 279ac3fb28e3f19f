#pragma once
/// \file An earlier release that a training starts from: what it knows of items and what it has seen. Layer 5.
/// Why and how: docs/decisions/0016-warm-start.md.
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "penchant/artifact/safetensors.h"
#include "penchant/base/executor.h"
#include "penchant/base/matrix_view.h"
#include "penchant/base/result.h"
#include "penchant/learn/training_data.h"
#include "penchant/semantic_id/release_ids.h"

namespace penchant::learn {

/// A release folder without its ranker and transitions. Immutable. Threads: const calls are safe together.
struct EarlierRelease {
  semantic_id::ReleaseIds ids;             ///< manifest, item ids [n], codebooks, codes [n, L]
  artifact::SafeTensors weights;           ///< model.safetensors
  std::vector<std::int32_t> train_count;   ///< [n], events that it learned from
  std::int64_t newest_event_ms = 0;        ///< the newest of them
  std::unordered_map<std::string, std::uint32_t> rows;  ///< external id -> row

  [[nodiscard]] const artifact::Manifest& manifest() const noexcept { return ids.manifest; }
  [[nodiscard]] std::optional<std::uint32_t> row(const std::string& id) const;
};

/// Verifies every hash, then reads. \return not_found, io, invalid_argument (another format), or corrupt naming the file
Result<EarlierRelease> read_earlier_release(const std::string& folder);

/// Whether items have the modalities that the release was trained on: same names in the same order, sizes and encoders.
/// \return invalid_argument naming the first that differs
Status check_content(const EarlierRelease& earlier, std::span<const Modality> modalities);

/// `event.action` of the release for the actions of today: matched by type and value, "unknown" for one of a new type.
/// \param table [actions of the release, d] \return [actions, d], row-major
[[nodiscard]] std::vector<float> action_rows(const EarlierRelease& earlier, MatrixView<const float> table,
                                             std::span<const artifact::ActionRow> actions);

/// Semantic IDs of a whole catalogue.
struct MadeIds {
  semantic_id::Codebooks codebooks;
  Matrix<std::uint16_t> codes;  ///< [items, L]
  std::string sizes;            ///< why the codebooks are as large as they are
};

/// IDs of the release for its items, whatever their content has become. A new item gets the nearest codewords, and where
/// that ID is taken the nearest last code that is free (semantic_id/collisions.h, `kept`); IDs that were made elsewhere are
/// shared as they are.
/// \param item_ids [items], external ids; \param content [items, x]; \param popularity [items], training events
Result<MadeIds> keep_ids(const EarlierRelease& earlier, std::span<const std::string> item_ids, MatrixView<const float> content,
                         std::span<const std::int32_t> popularity, Executor& executor);

}  // namespace penchant::learn
