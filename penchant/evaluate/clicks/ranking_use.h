#pragma once
/// \file Semantic IDs in ranking: one click model, the same bytes, other names of items. Layer 6.
/// After Singh et al., RecSys 2024, arXiv:2306.08121: days are learned in order, every judged day is
/// scored before it is learned.
#include <array>
#include <string>
#include <vector>

#include "penchant/base/progress.h"
#include "penchant/evaluate/clicks/item_variants.h"
#include "penchant/evaluate/clicks/periods.h"
#include "penchant/learn/click/click_model.h"
#include "penchant/metrics/auc.h"

namespace penchant::evaluate {

struct RankingUseOptions {
  std::vector<std::string> variants{"hash", "bigram", "prefix", "sentencepiece", "content", "content+hash"};
  PeriodOptions periods;
  VariantOptions items;
  learn::ClickOptions model;  ///< dim and seed are taken from `items` and `seeds`
  std::vector<std::uint64_t> seeds{1, 2, 3};
  std::size_t passes = 1;     ///< over every period when it is learned
  std::size_t negatives = 1;  ///< drawn per positive where the outcomes have no negatives
  std::size_t resamples = 1000;
  ProgressSink progress;      ///< may be empty; step "click models", one unit per outcome learned or scored
};

/// Outcomes whose item was in so many outcomes before their period.
struct CountSlice {
  std::string_view name;
  std::uint32_t from = 0, to = 0;  ///< both included
};
inline constexpr std::array<CountSlice, 5> kCountSlices{{{"all", 0, 0xffffffff}, {"new", 0, 0}, {"1-5", 1, 5}, {"6-20", 6, 20}, {">20", 21, 0xffffffff}}};

struct SliceSize {
  std::size_t outcomes = 0, positives = 0, items = 0;
};

struct RankedVariant {
  std::string name;
  std::size_t table_bytes = 0;   ///< of rows and projection as they are
  std::size_t table_rows = 0, used_rows = 0;  ///< mean over seeds of those that some item uses
  double pieces_per_item = 0;    ///< of the items that are judged, one each
  double seed_spread = 0;        ///< standard deviation of the overall AUC over seeds
  /// [kCountSlices] AUC, mean over seeds, and its difference to the first variant; all 0 where there is
  /// none to measure
  std::vector<metrics::Estimate> auc, difference;
};

struct RankingUse {
  JudgedPart judged = JudgedPart::test;
  PeriodLength period = PeriodLength::day;
  std::size_t periods = 0;                      ///< judged ones
  std::int64_t from_ms = 0, last_start_ms = 0;  ///< first judged period, last one
  std::size_t training = 0;                     ///< outcomes before it, drawn ones too
  std::size_t users = 0;                        ///< judged ones
  bool sampled = false;                         ///< negatives are drawn
  std::size_t table_bytes = 0, dim = 0;
  std::vector<std::uint32_t> codebooks;
  std::vector<std::uint64_t> seeds;
  std::vector<SliceSize> slices;                ///< [kCountSlices]
  std::vector<RankedVariant> variants;          ///< as asked; the first is what the others are compared with
};

/// \param content [items, x] of the log's catalogue
/// \return invalid_argument naming the option, or what the data lack; cancelled
Result<RankingUse> measure_ranking_use(const OutcomeLog& log, MatrixView<const float> content, const RankingUseOptions& options,
                                       Executor& executor);

/// {"judged", "period", "periods", "from", "to", …, "variants": [{"variant", "table_bytes", "auc": {slice: {"value",
/// "low", "high", "against_first": {…}}}}]}
[[nodiscard]] std::string to_json(const RankingUse& found);
/// Tables for a terminal, at most 100 columns.
[[nodiscard]] std::string to_text(const RankingUse& found);

}  // namespace penchant::evaluate
