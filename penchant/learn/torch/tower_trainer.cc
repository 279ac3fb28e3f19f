// Trains the two towers.
#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <unordered_map>

#include "penchant/learn/torch/losses.h"
#include "penchant/learn/torch/optimiser.h"
#include "penchant/learn/torch/tensors.h"
#include "penchant/learn/torch/tower_data.h"
#include "penchant/learn/torch/tower_network.h"
#include "penchant/learn/towers.h"
#include "penchant/metrics/ranking.h"

namespace penchant::learn {
namespace {

using torch::Tensor;
using Clock = std::chrono::steady_clock;

constexpr float kNotLearned = -1e4F;  ///< bias of items without a training event: no candidates while training
constexpr std::size_t kRowsAtOnce = 256;

class TowerRun {
 public:
  TowerRun(const TrainingData& data, const TowerOptions& options, std::vector<TowerModality> modalities)
      : data_(data), options_(options), users_(distinct_items(data.train)),
        counts_(tensor_of(std::vector<float>(data.train_count.begin(), data.train_count.end()))),
        network_(options, std::move(modalities), graph_neighbours(users_, data.items, options), counts_),
        optimiser_(network_.weights(), {.weight_decay = options.weight_decay}), executor_(options.threads), rng_(options.seed) {
    for (std::size_t u = 0; u + 1 < users_.offsets.size(); ++u)
      if (users_.of(u).size() > 1)
        for (const auto item : users_.of(u)) pairs_.push_back({static_cast<std::uint32_t>(u), item});
    unlearned_ = torch::where(counts_ > 0, torch::zeros_like(counts_), torch::full_like(counts_, kNotLearned));
    for (const auto& w : network_.weights()) best_.push_back(w.value.detach().clone());
  }

  Result<TrainedModel> go(const TrainSink& sink) {
    if (pairs_.empty()) return invalid("no user has two items to learn from: import more events");
    TrainedModel model;
    std::uint32_t stale = 0;
    for (std::uint32_t e = 1; e <= options_.epochs && (options_.patience == 0 || stale < options_.patience); ++e) {
      PENCHANT_TRY(report, epoch(e, sink));
      const bool better = !std::isfinite(report.valid_ndcg10) || model.best_epoch == 0 || report.valid_ndcg10 > model.best_ndcg10;
      stale = better ? 0 : stale + 1;
      if (better) {
        torch::NoGradGuard no_grad;
        for (std::size_t i = 0; i < best_.size(); ++i) best_[i].copy_(network_.weights()[i].value);
        model.best_epoch = e;
        model.best_ndcg10 = report.valid_ndcg10;
      }
      model.epochs.push_back(report);
      TrainProgress p{e, options_.epochs, steps(), steps(), report.loss, report.events_per_second,
                      report.seconds * (options_.epochs - e), &report};
      if (sink && !sink(p)) return cancelled(e);
    }
    torch::NoGradGuard no_grad;
    for (std::size_t i = 0; i < best_.size(); ++i) {
      Tensor weight = network_.weights()[i].value.detach();
      weight.copy_(best_[i]);
      model.parameters += static_cast<std::uint64_t>(weight.numel());
    }
    for (const auto& [name, value] : network_.exported()) model.tensors.push_back(named(name, value));
    model.shape.items = data_.items;
    model.shape.dim = options_.dim;
    model.shape.logit_scale = 1;
    return model;
  }

 private:
  static Error cancelled(std::uint32_t epoch) {
    return {ErrorCode::cancelled, "training was cancelled in epoch " + std::to_string(epoch)};
  }
  [[nodiscard]] std::size_t steps() const { return (pairs_.size() + options_.batch - 1) / options_.batch; }

  double step(std::span<const Pair> pairs) {
    const auto rows = static_cast<std::int64_t>(pairs.size());
    std::vector<std::int64_t> wanted;
    for (const Pair& pair : pairs) wanted.push_back(pair.item);
    const Tensor targets = tensor_of(wanted);
    const Tensor as_new = torch::rand({static_cast<std::int64_t>(data_.items)}) < options_.id_dropout;
    const TowerItems items = network_.items(true, as_new);
    const auto users = network_.users(items, training_bags(users_, pairs, options_, rng_), true);
    Tensor loss;
    if (options_.pairwise) {
      const Tensor others = torch::randint(static_cast<std::int64_t>(data_.items), {rows}, torch::kInt64);
      const auto score = [&](const Tensor& which) {
        return (users.vectors * items.vectors.index_select(0, which)).sum(1) + items.bias.index_select(0, which);
      };
      loss = -torch::log_sigmoid(score(targets) - score(others)).mean();
    } else {
      loss = dense_loss(users.vectors, items.vectors, items.bias + unlearned_, targets.unsqueeze(1), torch::ones({rows, 1}),
                        options_.label_smoothing, executor_);
    }
    const double told = loss.item<double>();
    if (options_.decoupling > 0)
      for (std::size_t a = 0; a < users.interests.size(); ++a)
        for (std::size_t b = a + 1; b < users.interests.size(); ++b)
          loss = loss + 2 * options_.decoupling / static_cast<double>(rows * rows) *
                            torch::mm(users.interests[a], users.interests[b].t()).square().sum();
    optimiser_.zero_grad();
    loss.backward();
    optimiser_.step(options_.learning_rate, 1, executor_);
    return told;
  }

  Result<EpochReport> epoch(std::uint32_t number, const TrainSink& sink) {
    EpochReport report;
    report.epoch = number;
    report.learning_rate = options_.learning_rate;
    const auto started = Clock::now();
    const auto seconds = [&] { return std::chrono::duration<double>(Clock::now() - started).count(); };
    torch::manual_seed(options_.seed * 1000003 + number);
    rng_.shuffle(std::span(pairs_));
    double sum = 0;
    std::size_t done = 0;
    for (std::size_t b = 0; b < steps(); ++b) {
      const auto some = std::span<const Pair>(pairs_).subspan(done, std::min<std::size_t>(options_.batch, pairs_.size() - done));
      const double loss = step(some);
      if (!std::isfinite(loss))
        return Error{ErrorCode::internal, "the loss did not stay finite in epoch " + std::to_string(number) +
                                              ": try a lower learning rate"};
      sum += loss * static_cast<double>(some.size());
      done += some.size();
      report.loss = sum / static_cast<double>(done);
      report.events_per_second = static_cast<double>(done) / std::max(seconds(), 1e-9);
      const double left = seconds() / static_cast<double>(b + 1) *
                          static_cast<double>(steps() - b - 1 + steps() * (options_.epochs - number));
      if (sink && !sink({number, options_.epochs, b + 1, steps(), report.loss, report.events_per_second, left, nullptr}))
        return cancelled(number);
    }
    report.valid_ndcg10 = validate();
    report.seconds = seconds();
    return report;
  }

  /// Mean NDCG@10 over the validation targets, full ranking, seen items removed when the data say so.
  double validate() const {
    if (data_.validation.empty()) return std::numeric_limits<double>::quiet_NaN();
    torch::NoGradGuard no_grad;
    const TowerItems items = network_.items(false);
    const Tensor candidates = items.vectors.t().contiguous();
    double sum = 0;
    for (std::size_t at = 0; at < data_.validation.size(); at += kRowsAtOnce) {
      const std::size_t count = std::min(kRowsAtOnce, data_.validation.size() - at);
      std::vector<std::uint32_t> rows;
      for (std::size_t r = 0; r < count; ++r) rows.push_back(data_.validation[at + r].user);
      const auto users = network_.users(items, newest_bags(users_, rows, options_.history), false);
      const Tensor scores = torch::addmm(items.bias, users.vectors, candidates).contiguous();
      for (std::size_t r = 0; r < count; ++r) {
        const std::span<const float> row(scores.data_ptr<float>() + r * data_.items, data_.items);
        const std::uint32_t target = data_.validation[at + r].target;
        sum += metrics::ndcg_at(data_.removes_seen ? metrics::pessimistic_rank(row, target, users_.of(rows[r]))
                                                   : metrics::pessimistic_rank(row, target), 10);
      }
    }
    return sum / static_cast<double>(data_.validation.size());
  }

  const TrainingData& data_;     // lives longer than the run
  const TowerOptions& options_;  // likewise
  UserItems users_;
  Tensor counts_, unlearned_;
  TowerNetwork network_;
  Optimiser optimiser_;
  Executor executor_;
  Rng rng_;
  std::vector<Pair> pairs_;
  std::vector<Tensor> best_;
};

}  // namespace

Result<TrainedModel> train_towers(const TrainingData& data, const TowerOptions& options, const TrainSink& sink) {
  PENCHANT_DO(validate(options));
  PENCHANT_DO(validate(data));
  if (options.content && data.modalities.empty())
    return invalid("the two towers read content vectors and the items have none: import vectors or texts, or set content=false");
  try {
    torch::set_num_threads(static_cast<int>(options.threads));
    torch::manual_seed(options.seed);
    Executor executor(options.threads);
    PENCHANT_TRY(modalities, tower_modalities(data, options, executor));
    return TowerRun(data, options, std::move(modalities)).go(sink);
  } catch (const c10::Error& e) {
    return Error{ErrorCode::internal, std::string("LibTorch: ") + e.what_without_backtrace()};
  } catch (const std::bad_alloc&) {
    return Error{ErrorCode::resource_exhausted, "not enough memory: choose a smaller dim or batch"};
  }
}

}  // namespace penchant::learn
