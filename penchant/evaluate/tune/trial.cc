#include "penchant/evaluate/tune/trial.h"

#include <algorithm>
#include <limits>

#include "penchant/artifact/files.h"
#include "penchant/evaluate/leak_guard.h"
#include "penchant/evaluate/ranking.h"
#include "penchant/metrics/ranking.h"

namespace penchant::evaluate {
namespace {

using Family = ValidationMetric::Family;
constexpr std::pair<std::string_view, Family> kFamilies[] = {
    {"recall", Family::recall}, {"ndcg", Family::ndcg}, {"mrr", Family::mrr}};
constexpr std::size_t kCuts[] = {5, 10, 20};

/// Of one question, which may have several targets.
double worth(std::span<const std::uint32_t> ranks, ValidationMetric metric) {
  const metrics::AtK at = metrics::at_k(ranks, metric.k);
  switch (metric.family) {
    case Family::recall: return at.recall;
    case Family::ndcg: return at.ndcg;
    case Family::mrr: return at.mrr;
  }
  return 0;
}

/// SHA-256 over words as they come, in pieces.
class Fingerprint {
 public:
  void add(std::uint64_t word) {
    for (int b = 0; b < 8; ++b) bytes_.push_back(static_cast<char>(word >> (8 * b)));
    if (bytes_.size() >= kPiece) fold();
  }
  void add(std::span<const Interaction> events) {
    add(events.size());
    for (const auto& event : events) {
      add(event.item);
      add(event.type);
      add(static_cast<std::uint64_t>(event.time_ms));
    }
  }
  std::string hex() {
    fold();
    return bytes_;
  }

 private:
  static constexpr std::size_t kPiece = 1 << 20;
  void fold() { bytes_ = artifact::sha256(bytes_); }
  std::string bytes_;
};

}  // namespace

Result<ValidationMetric> parse_validation_metric(std::string_view name) {
  std::string known;
  for (const auto& [word, family] : kFamilies)
    for (const std::size_t k : kCuts) {
      const std::string full = std::string(word) + "@" + std::to_string(k);
      if (name == full) return ValidationMetric{family, k};
      known += (known.empty() ? "" : ", ") + full;
    }
  return invalid("metric \"" + std::string(name) + "\" is not known: use " + known);
}

ValidationBench::ValidationBench(Split split, Seen seen)
    : split_(std::move(split)), seen_(seen), training_(split_.training()) {
  const auto cases = split_.cases(Stage::validation);
  for (std::size_t i = 0; i < cases.size(); ++i) {
    queries_.push_back({split_.history(cases[i]), cases[i].user, cases[i].target});
    if (i == 0 || cases[i].user != cases[i - 1].user) ++users_;
    rows_.push_back(static_cast<std::uint32_t>(users_ - 1));
  }
}

Result<ValidationBench> ValidationBench::make(Split split, Seen seen) {
  if (split.cases(Stage::validation).empty())
    return invalid("there is no validation target with a history: choose other cuts");
  // Where the events of a user that may be looked at end: before their first test target's history does.
  std::vector<std::size_t> wall(split.log().users(), std::numeric_limits<std::size_t>::max());
  for (const Case& c : split.cases(Stage::test)) wall[c.user] = std::min(wall[c.user], c.history_end);
  const auto leak = [&](std::size_t user) {
    return Error{ErrorCode::internal, "validation of user " + split.log().user_ids[user] + " would see a test event"};
  };
  for (const Case& c : split.cases(Stage::validation))
    if (c.history_end > wall[c.user]) return leak(c.user);
  const auto training = split.training();
  for (std::size_t u = 0; u < training.users.size(); ++u)
    if (split.log().offsets[u] + training.users[u].size() > wall[u]) return leak(u);
  return ValidationBench(std::move(split), seen);
}

std::string ValidationBench::fingerprint() const {
  Fingerprint print;
  print.add(training_.items);
  for (const auto sequence : training_.users) print.add(sequence);
  for (const auto& query : queries_) {
    print.add(query.user);
    print.add(query.target);
    print.add(query.history);
  }
  return print.hex();
}

Result<std::vector<std::uint32_t>> ValidationBench::ranks_of(std::unique_ptr<Model> model,
                                                             const ContentVectors& content, std::uint64_t seed,
                                                             Executor& executor, const ProgressSink& progress) const {
  if (model->names().size() != 1) return Error{ErrorCode::internal, "only models of one column can be tuned"};
  PENCHANT_DO(model->fit({.training = training_,
                          .validation = fit_validation(split_),
                          .content = content.rows.view(),
                          .content_kinds = content.kinds,
                          .removes_seen = seen_ == Seen::removed,
                          .seed = seed},
                         executor, progress));
  std::vector<std::unique_ptr<Model>> models;
  models.push_back(std::move(model));
  PENCHANT_TRY(rankings, rank_cases(split_, models, {.stage = Stage::validation, .seen = {seen_}, .lists = false}, executor, progress));
  return std::move(rankings.front().ranks);
}

std::vector<double> ValidationBench::per_user(std::span<const std::uint32_t> ranks, ValidationMetric metric) const {
  std::vector<double> values(users_, 0), asked(users_, 0);
  const auto cases = split_.cases(Stage::validation);
  for (std::size_t i = 0; i < ranks.size(); i += cases[i].together) {  // one question after the other
    values[rows_[i]] += worth(ranks.subspan(i, cases[i].together), metric);
    ++asked[rows_[i]];  // questions
  }
  for (std::size_t u = 0; u < users_; ++u) values[u] /= asked[u];
  return values;
}

std::vector<std::pair<std::string, double>> ValidationBench::all_metrics(std::span<const std::uint32_t> ranks) const {
  std::vector<std::pair<std::string, double>> all;
  for (const std::size_t k : kCuts)
    for (const auto& [word, family] : kFamilies) {
      double sum = 0;
      for (const double value : per_user(ranks, {family, k})) sum += value;
      all.emplace_back(std::string(word) + "@" + std::to_string(k), sum / static_cast<double>(users_));
    }
  return all;
}

}  // namespace penchant::evaluate
