#pragma once
/// \file A release folder in memory: the networks (immutable) and the item tables (which a live
/// engine extends by new items). Layer 5. Bytes: docs/formats/release.md.
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "penchant/artifact/manifest.h"
#include "penchant/base/matrix_view.h"
#include "penchant/base/result.h"
#include "penchant/catalog/ids.h"
#include "penchant/nn/sequence_model.h"
#include "penchant/nn/towers.h"
#include "penchant/rank/ranker.h"
#include "penchant/retrieve/lenders.h"
#include "penchant/retrieve/transitions.h"
#include "penchant/retrieve/vector_table.h"
#include "penchant/semantic_id/codebooks.h"

namespace penchant::recommend {

using catalog::Code;
using catalog::ItemId;

/// Row of the action table for an event. Threads: const calls are safe together.
class ActionTable {
 public:
  ActionTable() = default;
  explicit ActionTable(std::span<const artifact::ActionRow> rows);
  /// The row whose type and value range hold the event; else the row of the type without a value;
  /// else 0. NaN = no value.
  [[nodiscard]] std::uint32_t row(std::string_view type, double value) const noexcept;

 private:
  struct Range {
    double from, to;
    std::uint32_t row;
  };
  struct Rows {
    std::vector<Range> ranges;
    std::uint32_t plain = 0;
  };
  std::map<std::string, Rows, std::less<>> types_;
};

/// One number or vector per item row. A value. Threads: const calls are safe together.
struct ItemTables {
  retrieve::VectorTable vectors;       ///< [n, d], e(i): input of the sequence model
  retrieve::VectorTable unit_vectors;  ///< [n, d], e(i) / |e(i)|; for the normalised head, diversity, similar
  retrieve::VectorTable own_ids;       ///< [rows of the release, d], what an id adds to the content of its item
  retrieve::VectorTable content;       ///< [n, x], all modalities side by side, the row L2-normalised
  Matrix<Code> codes;                  ///< [n, L]
  std::vector<std::uint8_t> has_id;    ///< [n], 1: the codes are the item's semantic ID
  std::vector<float> bias;             ///< [n]; untrained rows carry the median of the trained ones
  std::vector<std::uint8_t> untrained; ///< [n], 1: training saw no event of the item
  retrieve::VectorTable towers;        ///< [n, D] of nn::Towers; no rows where the release has none
  std::vector<float> tower_bias;       ///< [n]
  std::map<std::uint32_t, nn::TowerItem> tower_items;  ///< rows that training did not have
  std::vector<float> text_scale;       ///< [n], cosine of the text part = scale * <query, row>; 0 = no text
  float untrained_bias = 0;
  retrieve::LenderTable lenders;       ///< [n]; of another length, the rows beyond have none

  [[nodiscard]] std::size_t rows() const noexcept { return untrained.size(); }
};

/// What is the same for all users and never changes. Threads: const calls are safe together.
struct ReleaseModel {
  artifact::Manifest manifest;
  std::unique_ptr<nn::SequenceModel> sequence;
  std::unique_ptr<nn::DepthDecoder> decoder;
  std::unique_ptr<nn::ItemEmbedder> embedder;
  std::unique_ptr<semantic_id::Codebooks> codebooks;
  std::optional<nn::Towers> towers;    ///< where the release has towers.safetensors
  ActionTable actions;
  rank::Ranker ranker;
  std::size_t content_dim = 0;         ///< x
  std::size_t text_offset = 0;         ///< first column of the text modality in x
  std::size_t text_dim = 0;            ///< 0: the release has no encoded text
  std::string text_encoder_sha256;

  /// Column of the first value of modality m in the concatenation.
  [[nodiscard]] std::size_t modality_offset(std::size_t m) const;
};

struct LoadedRelease {
  std::shared_ptr<const ReleaseModel> model;
  ItemTables tables;
  std::vector<std::string> ids;             ///< [n]
  retrieve::TransitionModel transitions;    ///< of training
  std::vector<std::int64_t> last_seen_ms;   ///< [n], 0 = never
};

/// Verifies every hash and shape, then reads. \return not_found, corrupt naming file and tensor, or
/// invalid_argument for a format we do not know
Result<LoadedRelease> load_release(const std::string& folder);

/// Adds or replaces the row of an item that training never saw: what its content alone gives. borrow_ids() is to follow.
/// \param modalities one span per manifest modality, L2-normalised, empty = missing
/// \param codes [L]
Status set_new_item(const ReleaseModel& model, ItemTables& tables, std::size_t row,
                    std::span<const std::span<const float>> modalities, std::span<const Code> codes);

/// Rows that hold what their content alone gives take the mean of their lenders' ids on top, as an item whose id was left
/// out did in training; a row that nobody is like stays as it is. \param rows set by set_new_item(), lenders known, each once
void borrow_ids(ItemTables& tables, std::span<const std::uint32_t> rows);

/// As if training had never seen these rows: they borrow, and nothing was counted of them.
/// Rows without content stay as they are. \param rows [n], 1 = made new
Status make_new(LoadedRelease& release, std::span<const std::uint8_t> rows);

/// The concatenation that codes quantise. \return [x]
[[nodiscard]] std::vector<float> concatenate(const ReleaseModel& model,
                                             std::span<const std::span<const float>> modalities);

/// Columns of content of one row; the row must exist.
void set_content(const ReleaseModel& model, ItemTables& tables, std::size_t row,
                 std::span<const std::span<const float>> modalities);

/// The same for an item that has no content at all: zero vector, no semantic ID.
void set_blank_item(const ReleaseModel& model, ItemTables& tables, std::size_t row);

/// Scores of the two towers for every row after a history, oldest first. The release must have towers.
/// \param out [rows]
void tower_scores(const ReleaseModel& model, const ItemTables& tables, std::span<const ItemId> history,
                  std::span<float> out);

/// Logits of the dense head for every row; rows without a vector get the lowest of the others.
/// \param hidden [d] \param out [rows]
void dense_logits(const ReleaseModel& model, const ItemTables& tables, std::span<const float> hidden,
                  std::span<float> out);

}  // namespace penchant::recommend
