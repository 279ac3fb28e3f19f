#include "penchant/evaluate/ranking.h"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <optional>

#include "penchant/metrics/lists.h"
#include "penchant/metrics/ranking.h"

namespace penchant::evaluate {
namespace {

constexpr std::size_t kShortList = 10;  ///< the list that coverage and popularity look at
constexpr std::size_t kBlock = 512;     ///< cases between two reports

struct Scored {
  std::uint32_t item;
  float score;
};

/// Total order: score, then row, the target behind its equals.
struct Better {
  std::uint32_t target;
  bool operator()(const Scored& a, const Scored& b) const noexcept {
    if (a.score != b.score) return a.score > b.score;
    if ((a.item == target) != (b.item == target)) return b.item == target;
    return a.item < b.item;
  }
};

/// The `n` best rows; what cannot be recommended (-inf, NaN) is never listed.
void select_top(std::span<const float> scores, std::uint32_t target, std::size_t n,
                std::vector<Scored>& out) {
  out.clear();
  const Better better{target};
  float bar = -std::numeric_limits<float>::infinity();
  const std::size_t full = 4 * n;
  for (std::uint32_t i = 0; i < scores.size(); ++i) {
    if (!(scores[i] > bar)) continue;
    out.push_back({i, scores[i]});
    if (out.size() < full) continue;
    const auto last = out.begin() + static_cast<std::ptrdiff_t>(n - 1);
    std::nth_element(out.begin(), last, out.end(), better);
    bar = last->score;  // later rows of the same score rank behind all that are kept
    // The target could keep a place from such a row: it ranks behind every equal.
    if (last->item == target) bar = std::nextafter(bar, -std::numeric_limits<float>::infinity());
    out.resize(n);
  }
  std::sort(out.begin(), out.end(), better);
  if (out.size() > n) out.resize(n);
}

/// Result of one case for one column and setting, kept until the block is reported.
struct Listed {
  std::vector<std::uint32_t> items;
  std::vector<float> scores;
};

/// Scratch of one thread.
struct Scratch {
  Scratch(std::size_t columns, std::size_t items) : scores(columns, items), marked(items, 0) {}
  Matrix<float> scores;
  std::vector<std::uint8_t> marked;  ///< [items] 1 = in the history
  std::vector<std::uint32_t> seen;   ///< distinct rows of the history
  std::vector<Scored> top;
};

class Run {
 public:
  Run(const Split& split, std::span<const std::unique_ptr<Model>> models, const RankOptions& options)
      : split_(split),
        models_(models),
        options_(options),
        items_(split.log().items()),
        popularity_(split.training().item_counts()),
        cases_(split.cases(options.stage)) {
    for (const auto& model : models)
      for (const auto& name : model->names())
        for (const Seen seen : options.seen)
          rankings_.push_back({name, seen, std::vector<std::uint32_t>(cases_.size()),
                               std::vector<float>(cases_.size()), Bitmap(items_)});
  }

  Result<std::vector<Ranking>> run(Executor& executor, const ProgressSink& progress) {
    for (std::size_t begin = 0; begin < cases_.size(); begin += kBlock) {
      const std::size_t count = std::min(kBlock, cases_.size() - begin);
      lists_.assign(count * rankings_.size(), {});
      executor.parallel_for(count, 4, [&](std::size_t from, std::size_t to) {
        Scratch scratch(columns(), items_);
        for (std::size_t i = from; i < to && !failed(); ++i) rank_case(begin, i, scratch);
      });
      if (error_) return *error_;
      PENCHANT_DO(report(begin, count));
      if (progress && !progress({"evaluate", begin + count, cases_.size(), ""}))
        return Error{ErrorCode::cancelled, "the evaluation was cancelled"};
    }
    return std::move(rankings_);
  }

 private:
  [[nodiscard]] std::size_t columns() const {
    return rankings_.size() / std::max<std::size_t>(options_.seen.size(), 1);
  }
  bool failed() {
    const std::lock_guard lock(mutex_);
    return error_.has_value();
  }
  void fail(Error error) {
    const std::lock_guard lock(mutex_);
    if (!error_) error_ = std::move(error);
  }

  void rank_case(std::size_t block, std::size_t i, Scratch& scratch) {
    const Case& c = cases_[block + i];
    const Query query{split_.history(c), c.user, c.at_ms};
    scratch.seen.clear();
    for (const auto& event : query.history) {
      if (scratch.marked[event.item] == 0) scratch.seen.push_back(event.item);
      scratch.marked[event.item] = 1;
    }
    std::size_t column = 0;
    for (const auto& model : models_) {
      const std::size_t count = model->names().size();
      if (auto status = model->score(query, scratch.scores.view().rows_from(column, count)); !status.ok())
        return fail(std::move(status).error().within("scoring user " + split_.log().user_ids[c.user] +
                                                     " by " + model->names().front()));
      column += count;
    }
    // One selection serves both settings: the list without seen items is the longer list filtered.
    const std::size_t length = std::max(options_.list_length, kShortList);
    for (std::size_t k = 0; k < column; ++k) {
      select_top(scratch.scores.row(k), c.target, length + scratch.seen.size(), scratch.top);
      for (std::size_t s = 0; s < options_.seen.size(); ++s)
        place(block, i, k * options_.seen.size() + s, scratch.scores.row(k), length, scratch);
    }
    for (const auto item : scratch.seen) scratch.marked[item] = 0;
  }

  void place(std::size_t block, std::size_t i, std::size_t slot, std::span<const float> scores,
             std::size_t length, const Scratch& scratch) {
    const Case& c = cases_[block + i];
    Ranking& ranking = rankings_[slot];
    const bool removed = ranking.seen == Seen::removed;
    std::uint32_t& rank = ranking.ranks[block + i];
    if (!(scores[c.target] > -std::numeric_limits<float>::infinity()))
      rank = metrics::kNoRank;  // the model cannot recommend it at all
    else
      rank = removed ? metrics::pessimistic_rank(scores, c.target, scratch.seen)
                     : metrics::pessimistic_rank(scores, c.target);
    Listed& list = lists_[i * rankings_.size() + slot];
    for (const auto& [item, score] : scratch.top) {
      if (list.items.size() == length) break;
      if (removed && scratch.marked[item] != 0) continue;
      list.items.push_back(item);
      list.scores.push_back(score);
    }
    const auto shorter = std::span(list.items).first(std::min(kShortList, list.items.size()));
    ranking.list_popularity[block + i] = static_cast<float>(metrics::mean_popularity(shorter, popularity_));
  }

  Status report(std::size_t begin, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      for (std::size_t slot = 0; slot < rankings_.size(); ++slot) {
        const Listed& list = lists_[i * rankings_.size() + slot];
        for (std::size_t k = 0; k < std::min(kShortList, list.items.size()); ++k)
          rankings_[slot].recommended.set(list.items[k]);
        if (!options_.on_list) continue;
        PENCHANT_DO(options_.on_list(
            {rankings_[slot].model, rankings_[slot].seen, &cases_[begin + i], list.items, list.scores}));
      }
    }
    return {};
  }

  const Split& split_;
  std::span<const std::unique_ptr<Model>> models_;
  const RankOptions& options_;
  std::size_t items_;
  std::vector<std::uint32_t> popularity_;  ///< [items] training events
  std::span<const Case> cases_;
  std::vector<Ranking> rankings_;
  std::vector<Listed> lists_;  ///< [block, rankings]
  std::mutex mutex_;
  std::optional<Error> error_;  // guarded by mutex_ while threads run
};

}  // namespace

Result<std::vector<Ranking>> rank_cases(const Split& split, std::span<const std::unique_ptr<Model>> models,
                                        const RankOptions& options, Executor& executor,
                                        const ProgressSink& progress) {
  return Run(split, models, options).run(executor, progress);
}

}  // namespace penchant::evaluate
