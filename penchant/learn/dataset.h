#pragma once
/// \file From a store to numbered training data: events, hold-out, content, semantic IDs. Layer 5.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "penchant/catalog/cold_items.h"
#include "penchant/base/executor.h"
#include "penchant/base/progress.h"
#include "penchant/base/result.h"
#include "penchant/learn/training_data.h"
#include "penchant/semantic_id/quantiser.h"
#include "penchant/store/store.h"

namespace penchant::learn {

struct EarlierRelease;

/// What training must not see, so that the release can be judged honestly.
enum class Holdout : std::uint8_t {
  last_out,  ///< of every user with three or more events: the last (test) and the one before (validation)
  time,      ///< everything from the validation cut on
  cold,      ///< the same as last_out, and some items from everything: events, codebooks, early stop
  none,      ///< only the last event of a tenth of the users (at most 2,000), for the early stop
};
[[nodiscard]] std::string_view name_of(Holdout holdout) noexcept;  ///< "last-out", "time", "cold", "none"
/// invalid_argument naming the allowed words.
Result<Holdout> parse_holdout(std::string_view word);

/// Behaviour-aware codes where the training events hold at least kPairsForBehaviour pairs of items that follow each other,
/// and one for each item; else residual k-means.
inline constexpr std::string_view kAutoQuantiser = "auto";
inline constexpr std::size_t kPairsForBehaviour = 1000;

struct DatasetOptions {
  Holdout holdout = Holdout::last_out;
  double validation_quantile = 0.8;  ///< of all event times: the cut of Holdout::time
  double test_quantile = 0.9;        ///< Holdout::time: validation ends here, as in evaluate/split.h
  double cold_share = 0.05;          ///< Holdout::cold: share of the items, in (0, 0.5]
  std::uint64_t cold_seed = 1;       ///< of their draw, catalog/cold_items.h
  catalog::ColdBy cold_by;
  std::uint64_t ties_seed = 0;       ///< events of one moment are shuffled (catalog/ties.h); 0: as the store has them
  std::string encoder_dir;           ///< sentence encoder; empty: only vectors given with the items
  std::string text_vectors;          ///< cache of encoded texts (text/vector_cache.h); empty: none
  std::string quantiser{kAutoQuantiser};      ///< that, or as semantic_id::fit_quantiser knows it
  std::uint32_t levels = 3;                   ///< L, codes per semantic ID
  std::uint32_t codebook = 0;                 ///< K; 0: from the number of items
  std::vector<std::uint32_t> codebooks;       ///< K_l of every level in place of the two above; may be empty
  double balance = 0;                         ///< semantic_id::QuantiserOptions::balance
  std::string collisions{"reassign"};         ///< as semantic_id::parse_collision_policy knows it
  std::string ids_file;  ///< semantic IDs made elsewhere, for semantic_id::parse_ids; empty: they are made here
  bool attributes = false;                    ///< number the attribute values that items share (attribute_values.h): TrainOptions::next_attributes reads them
  const EarlierRelease* earlier = nullptr;    ///< its semantic IDs stay, and nothing it saw may be held out; lives through the call
  std::uint64_t seed = 1;
};

struct Dataset {
  TrainingData data;
  std::vector<std::string> item_ids;    ///< [items], external ids in row order
  Holdout holdout = Holdout::last_out;
  std::int64_t holdout_time_ms = 0;     ///< Holdout::time: events at or after it are unseen
  std::int64_t holdout_test_ms = 0;     ///< Holdout::time: validation events are older than this
  std::vector<std::uint8_t> held_out;   ///< Holdout::cold: [items], 1 = nothing was fitted on it
  double cold_share = 0;                ///< Holdout::cold
  std::uint64_t cold_seed = 0;          ///< Holdout::cold
  catalog::ColdBy cold_by;
  std::uint64_t ties_seed = 0;          ///< of the order of events of one moment; 0: the store's
  std::uint64_t events = 0, users = 0;  ///< in the store, of types that are learned from
  std::string quantiser;                ///< that made the codes
  double balance = 0;                   ///< that it was told
  std::string collisions;               ///< policy; "given" (like the quantiser) where the IDs came from a file
  std::string codebook_sizes;           ///< why the codebooks are as large as they are
  std::vector<std::string> left_out;    ///< content that was not taken, and why
  std::string semantic_id_report;       ///< JSON of semantic_id::SidReport, for the card
};

/// Reads items and events, holds out, encodes item text, quantises. Events of types with weight 0
/// or less are left out. With an earlier release: its codebooks, content encoder and IDs in place of a quantiser
/// (earlier_release.h). Deterministic for a seed, on any number of threads.
/// \return invalid_argument saying what is missing (no items, no events, no content) or does not fit the earlier release, cancelled, or
/// the error of the store or the encoder
Result<Dataset> load_dataset(store::Store& store, const DatasetOptions& options, Executor& executor,
                             const ProgressSink& progress = {});

}  // namespace penchant::learn
