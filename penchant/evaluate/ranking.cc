#include "penchant/evaluate/ranking.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <mutex>
#include <optional>

#include "penchant/kernels/rows.h"
#include "penchant/kernels/top_k.h"
#include "penchant/kernels/vectors.h"
#include "penchant/metrics/lists.h"
#include "penchant/metrics/ranking.h"

namespace penchant::evaluate {
namespace {

constexpr std::size_t kMaxBlock = 64;            ///< queries of one call to a model
constexpr std::size_t kBlockFloats = 1ULL << 22;  ///< scores of one call, where more queries than one fit
constexpr std::size_t kWindow = 1024;            ///< cases between two reports
constexpr float kNever = -std::numeric_limits<float>::infinity();

/// Result of one case for one column and setting, kept until the window is reported.
struct Listed {
  std::vector<std::uint32_t> items;
  std::vector<float> scores;
};

Error cancelled() { return {ErrorCode::cancelled, "the evaluation was cancelled"}; }

/// Memory of one thread.
struct Scratch {
  std::vector<float> scores;  ///< [queries, columns, items]
  std::vector<float> sum;     ///< [d] of content
};

class Run {
 public:
  Run(const Split& split, Model& model, const RankOptions& options, std::span<const Case> cases)
      : split_(split),
        model_(model),
        options_(options),
        items_(split.log().items()),
        length_(std::max(options.list_length, kShortList)),
        cases_(cases),
        histories_(split, cases, options.control, options.control_seed) {
    const bool logits = model.scores_are_logits() && options.lists;
    const std::size_t described = options.lists ? cases.size() : 0;
    if (options.lists) {
      popularity_ = split.training().item_counts();
      novelty_ = metrics::self_information(popularity_);
    }
    for (const auto& name : model.names())
      for (const Seen seen : options.seen)
        rankings_.push_back({.model = name,
                             .seen = seen,
                             .ranks = std::vector<std::uint32_t>(cases.size()),
                             .list_popularity = std::vector<float>(described),
                             .list_novelty = std::vector<float>(described),
                             .list_diversity = std::vector<float>(options.content.empty() ? 0 : described),
                             .confidence = std::vector<float>(logits ? cases.size() : 0),
                             .recommended = std::vector<std::uint32_t>(options.lists ? items_ : 0)});
  }

  Result<std::vector<Ranking>> run(Executor& executor, const ProgressSink& progress) {
    const auto start = std::chrono::steady_clock::now();
    for (std::size_t i = 0; i < cases_.size(); ++i)
      queries_.push_back({histories_.history(i), cases_[i].user, cases_[i].at_ms, i});
    const std::string step = "rank " + model_.names().front();
    const auto go_on = [&](std::size_t done) { return !progress || progress({step, done, cases_.size(), ""}); };
    if (!go_on(0)) return cancelled();
    PENCHANT_DO(model_.prepare(queries_, executor));
    const std::size_t columns = model_.names().size();
    const std::size_t block = std::clamp<std::size_t>(kBlockFloats / (columns * items_), 1, kMaxBlock);
    for (std::size_t begin = 0; begin < cases_.size(); begin += kWindow) {
      const std::size_t count = std::min(kWindow, cases_.size() - begin);
      if (lists_wanted()) listed_.assign(count * rankings_.size(), {});
      executor.parallel_for((count + block - 1) / block, 1, [&](std::size_t from, std::size_t to) {
        Scratch scratch = take_scratch();
        scratch.scores.resize(block * columns * items_);
        for (std::size_t b = from; b < to && !failed(); ++b)
          rank_block(begin, b * block, std::min(block, count - b * block), scratch);
        return_scratch(std::move(scratch));
      });
      if (error_) return *error_;
      PENCHANT_DO(report(begin, count));
      if (!go_on(begin + count)) return cancelled();
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    for (auto& ranking : rankings_) ranking.seconds = took.count();
    return std::move(rankings_);
  }

 private:
  [[nodiscard]] bool lists_wanted() const { return options_.lists || options_.on_list; }
  bool failed() {
    const std::lock_guard lock(mutex_);
    return error_.has_value();
  }
  void fail(Error error) {
    const std::lock_guard lock(mutex_);
    if (!error_) error_ = std::move(error);
  }
  Scratch take_scratch() {
    const std::lock_guard lock(mutex_);
    if (idle_.empty()) return {};
    Scratch scratch = std::move(idle_.back());
    idle_.pop_back();
    return scratch;
  }
  void return_scratch(Scratch scratch) {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(scratch));
  }

  /// Cases window + first … of one call to the model.
  void rank_block(std::size_t window, std::size_t first, std::size_t count, Scratch& scratch) {
    const std::size_t columns = model_.names().size();
    const MatrixView<float> scores(scratch.scores.data(), count * columns, items_);
    const auto queries = std::span<const Query>(queries_).subspan(window + first, count);
    if (auto status = model_.score(queries, scores); !status.ok())
      return fail(std::move(status).error().within("scoring user " + split_.log().user_ids[queries[0].user] +
                                                   " by " + model_.names().front()));
    const std::size_t settings = options_.seen.size();
    for (std::size_t q = 0; q < count; ++q)
      for (std::size_t c = 0; c < columns; ++c) {
        const auto row = scores.row(q * columns + c);
        for (std::size_t s = 0; s < settings; ++s)
          if (options_.seen[s] == Seen::kept) place(window, first + q, c * settings + s, row, scratch);
        if (std::ranges::find(options_.seen, Seen::removed) == options_.seen.end()) continue;
        const Case& asked = cases_[window + first + q];
        for (const auto& event : split_.history(asked)) row[event.item] = kNever;
        for (std::size_t s = 0; s < settings; ++s)
          if (options_.seen[s] == Seen::removed) place(window, first + q, c * settings + s, row, scratch);
      }
  }

  /// Rank, list and what describes it, of one row of scores; items that are no candidates score -infinity.
  void place(std::size_t window, std::size_t i, std::size_t slot, std::span<float> scores, Scratch& scratch) {
    const std::size_t at = window + i;
    const std::uint32_t target = cases_[at].target;
    Ranking& ranking = rankings_[slot];
    const float reached = scores[target];
    const bool can = reached > kNever;  // false for NaN
    const auto rank =
        can ? static_cast<std::uint32_t>(kernels::count_at_least(scores, reached)) : metrics::kNoRank;
    ranking.ranks[at] = rank;
    if (!lists_wanted()) return;
    // The target stands behind all of its equals, where its rank says; NaN keeps it out of the others.
    scores[target] = std::numeric_limits<float>::quiet_NaN();
    auto top = kernels::top_k(scores, length_);
    scores[target] = reached;
    while (!top.empty() && top.back().score == kNever) top.pop_back();
    if (can && rank <= length_) {
      top.insert(top.begin() + static_cast<std::ptrdiff_t>(rank - 1), {reached, target});
      if (top.size() > length_) top.pop_back();
    }
    Listed& list = listed_[i * rankings_.size() + slot];
    for (const auto& [score, item] : top) {
      list.items.push_back(item);
      list.scores.push_back(score);
    }
    if (options_.lists) describe(ranking, at, list, scores, scratch);
  }

  void describe(Ranking& ranking, std::size_t at, const Listed& list, std::span<const float> scores,
                Scratch& scratch) const {
    const auto shorter = std::span(list.items).first(std::min(kShortList, list.items.size()));
    ranking.list_popularity[at] = static_cast<float>(metrics::mean_popularity(shorter, popularity_));
    float bits = 0;
    for (const std::uint32_t item : shorter) bits += novelty_[item];
    ranking.list_novelty[at] = shorter.empty() ? 0 : bits / static_cast<float>(shorter.size());
    if (!ranking.list_diversity.empty())
      ranking.list_diversity[at] =
          static_cast<float>(metrics::unit_list_diversity(shorter, options_.content, scratch.sum));
    if (!ranking.confidence.empty() && !list.scores.empty())
      ranking.confidence[at] = std::exp(list.scores[0] - kernels::log_sum_exp(scores));
  }

  Status report(std::size_t begin, std::size_t count) {
    if (!lists_wanted()) return {};
    for (std::size_t i = 0; i < count; ++i) {
      for (std::size_t slot = 0; slot < rankings_.size(); ++slot) {
        const Listed& list = listed_[i * rankings_.size() + slot];
        if (options_.lists)
          for (std::size_t k = 0; k < std::min(kShortList, list.items.size()); ++k)
            ++rankings_[slot].recommended[list.items[k]];
        if (!options_.on_list) continue;
        PENCHANT_DO(options_.on_list(
            {rankings_[slot].model, rankings_[slot].seen, &cases_[begin + i], list.items, list.scores}));
      }
    }
    return {};
  }

  const Split& split_;
  Model& model_;
  const RankOptions& options_;
  std::size_t items_, length_;
  std::span<const Case> cases_;
  ControlledHistories histories_;
  std::vector<Query> queries_;             ///< [cases]
  std::vector<std::uint32_t> popularity_;  ///< [items] training events
  std::vector<float> novelty_;             ///< [items]
  std::vector<Ranking> rankings_;
  std::vector<Listed> listed_;  ///< [window, rankings]
  std::mutex mutex_;
  std::vector<Scratch> idle_;   // guarded by mutex_
  std::optional<Error> error_;  // guarded by mutex_ while threads run
};

}  // namespace

Result<std::vector<Ranking>> rank_cases(const Split& split, Model& model, const RankOptions& options,
                                        Executor& executor, const ProgressSink& progress) {
  const auto cases = options.cases.empty() ? split.cases(options.stage) : options.cases;
  PENCHANT_DO(check_control(cases, options.control));
  return Run(split, model, options, cases).run(executor, progress);
}

Result<std::vector<Ranking>> rank_cases(const Split& split, std::span<const std::unique_ptr<Model>> models,
                                        const RankOptions& options, Executor& executor,
                                        const ProgressSink& progress) {
  std::vector<Ranking> all;
  for (const auto& model : models) {
    PENCHANT_TRY(rankings, rank_cases(split, *model, options, executor, progress));
    std::ranges::move(rankings, std::back_inserter(all));
  }
  return all;
}

}  // namespace penchant::evaluate
