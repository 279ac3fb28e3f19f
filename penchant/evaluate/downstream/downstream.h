#pragma once
/// \file What the user model is worth inside another model: will this user like this item? Layer 6.
/// The other model is the click model of learn/click. It learns day by day and every judged day is scored before it is
/// learned; only what it is told of the user model differs: nothing, vectors pushed some days ago, vectors of the moment,
/// vectors of a fine-tuned copy.
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "penchant/base/progress.h"
#include "penchant/evaluate/clicks/periods.h"
#include "penchant/evaluate/event_log.h"
#include "penchant/learn/click/click_model.h"
#include "penchant/metrics/bootstrap.h"
#include "penchant/recommend/user_model.h"

namespace penchant::evaluate {

struct DownstreamOptions {
  PeriodOptions periods{.validation_from = 0.6, .test_from = 0.7};
  std::vector<std::size_t> refresh_days{1, 7};  ///< ages of pushed vectors that are tried, 1 to 365 days
  learn::ClickOptions model;      ///< seed is taken from `seeds`
  std::size_t table_rows = 4096;  ///< hashed rows of the item table, the same for every variant
  std::size_t passes = 1;         ///< over every period when it is learned
  std::size_t negatives = 1;      ///< drawn per positive where the outcomes have no negatives
  std::vector<std::uint64_t> seeds{1, 2, 3};
  std::size_t resamples = 1000;
  ProgressSink progress;          ///< may be empty
};

/// A user model and the name it is shown under. The model lives as long as the measurement.
struct NamedUserModel {
  std::string name;
  const recommend::UserModel* model = nullptr;
};

struct DownstreamModels {
  NamedUserModel release;                 ///< pushed and inline
  NamedUserModel finetuned;               ///< model null: no such row
  std::vector<NamedUserModel> retrained;  ///< put in place of the release, the click model left as it is
};

/// Who is judged: everybody; users who did something before the day (UTC) of the outcome, so that yesterday's push
/// knows them; users who came on that day.
inline constexpr std::array<std::string_view, 3> kDownstreamSlices{"all", "known", "new today"};

struct DownstreamVariant {
  std::string name;                   ///< "none", "pushed every 7 days", "pushed every day", "inline", "fine-tuned"
  std::vector<metrics::Estimate> auc, against_none;  ///< [kDownstreamSlices]; zeros where there is nothing to measure
  metrics::Estimate against_inline;   ///< overall
  double seed_spread = 0;             ///< standard deviation of the overall AUC over seeds
};

/// A click model that stopped learning before the judged days, with vectors of a retrained user model.
struct RetrainedVariant {
  std::string name, way;              ///< release; "inline" or "pushed every day"
  double cosine_before = 0, cosine = 0;  ///< of shared items and users, as they are and aligned
  metrics::Estimate before;           ///< AUC with the release it learned with
  metrics::Estimate none;             ///< AUC of a click model without a user model
  metrics::Estimate aligned, raw;     ///< AUC after the retrain
  metrics::Estimate aligned_change, raw_change, aligned_gain;  ///< against `before`, against `before`, aligned minus raw
};

struct Downstream {
  JudgedPart judged = JudgedPart::test;
  PeriodLength period = PeriodLength::day;
  std::size_t periods = 0, training = 0, users = 0;
  std::int64_t from_ms = 0, last_start_ms = 0;  ///< first judged period, last one
  bool sampled = false;                         ///< negatives are drawn
  std::vector<std::uint64_t> seeds;
  std::string release;
  std::vector<std::size_t> outcomes, positives; ///< [kDownstreamSlices]
  std::vector<DownstreamVariant> variants;
  std::vector<RetrainedVariant> retrained;
};

/// \return invalid_argument naming the option, what the data lack, or the release that has learned from judged days;
/// cancelled
Result<Downstream> measure_downstream(const OutcomeLog& log, const EventLog& events, const DownstreamModels& models,
                                      const DownstreamOptions& options, Executor& executor);

[[nodiscard]] std::string to_json(const Downstream& found);
/// Tables for a terminal, at most 100 columns.
[[nodiscard]] std::string to_text(const Downstream& found);

}  // namespace penchant::evaluate
