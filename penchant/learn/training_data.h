#pragma once
/// \file What a trainer learns from, already numbered: no ids, no text, no store. Layer 5.
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "penchant/artifact/manifest.h"
#include "penchant/base/matrix_view.h"
#include "penchant/base/result.h"
#include "penchant/retrieve/lenders.h"

namespace penchant::semantic_id {
class ContentEncoder;
}

namespace penchant::learn {

/// Event histories of all users in CSR: the events of user row u are [offsets[u], offsets[u + 1]),
/// oldest first by (time, order of arrival).
struct Histories {
  std::vector<std::uint64_t> offsets{0};   ///< [users + 1]
  std::vector<std::uint32_t> items;        ///< [events], item row
  std::vector<std::uint16_t> actions;      ///< [events], row of TrainingData::actions
  std::vector<std::int64_t> times_ms;      ///< [events], ms since 1970; or a position
  std::vector<std::uint8_t> is_target;     ///< [events], 1: the model learns to predict this event

  [[nodiscard]] std::size_t users() const noexcept { return offsets.size() - 1; }
  [[nodiscard]] std::size_t events() const noexcept { return items.size(); }
  [[nodiscard]] std::size_t length(std::size_t user) const noexcept {
    return static_cast<std::size_t>(offsets[user + 1] - offsets[user]);
  }
};

/// One question of the validation: after all events that `train` holds of `user`, what comes next?
struct ValidationCase {
  std::uint32_t user = 0;     ///< row of `train`; its history is not empty
  std::uint32_t target = 0;   ///< item row
  std::int64_t time_ms = 0;   ///< of the target event
};

/// Content vectors of one modality: [items, dim], rows L2-normalised, a zero row = missing.
struct Modality {
  std::string name;             ///< "text", "visual", …
  std::string encoder;          ///< "all-MiniLM-L6-v2", or "given"
  std::string encoder_sha256;   ///< empty for given vectors
  Matrix<float> vectors;
};

/// Everything the trainer reads. Nothing here was fitted on events that `train` does not hold.
struct TrainingData {
  std::uint32_t items = 0;                 ///< n
  Histories train;
  std::vector<ValidationCase> validation;
  std::vector<artifact::ActionRow> actions;   ///< row 0 is "unknown"
  std::vector<float> strengths;            ///< [actions], of an event: weight of its type times its value over the type's mean, or no rows
  std::vector<std::vector<std::uint32_t>> attributes;  ///< [items], rows of the attribute values an item has; or no rows
  std::uint32_t attribute_values = 0;      ///< rows of attribute values
  std::vector<Modality> modalities;        ///< with `codes` the content; both may be empty: ids alone. Towers need no codes
  std::vector<Matrix<float>> codebooks;    ///< [levels] of [K_l, x], or [K_l, outputs of content_encoder]
  std::shared_ptr<const semantic_id::ContentEncoder> content_encoder;  ///< before the codebooks; may be null
  Matrix<std::uint16_t> codes;             ///< [items, levels], after the collision policy
  std::uint32_t codebook_size = 0;         ///< K, the largest K_l
  retrieve::LenderTable lenders;           ///< [items], of those with a training event; or no rows: nobody borrows
  std::vector<std::int32_t> train_count;   ///< [items], events of `train`
  std::vector<std::int64_t> last_seen_ms;  ///< [items], 0 = never in `train`
  bool has_clock = true;                   ///< times_ms are moments, not positions
  bool removes_seen = true;                ///< validation ranks only items not yet in the history
};

/// Checks every size and index; invalid_argument naming the field otherwise.
Status validate(const TrainingData& data);

/// All modalities of each item side by side, [items, sum of dims].
[[nodiscard]] Matrix<float> concatenated(const std::vector<Modality>& modalities, std::size_t items);

/// Fills `lenders` from content and train_count; empty where there is no content.
void choose_lenders(TrainingData& data);

/// Fills train_count and last_seen_ms from `train`.
void count_events(TrainingData& data);

}  // namespace penchant::learn
