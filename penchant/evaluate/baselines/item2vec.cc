#include "penchant/evaluate/baselines/item2vec.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "penchant/evaluate/baselines/history.h"
#include "penchant/evaluate/baselines/sampling.h"
#include "penchant/kernels/vectors.h"

namespace penchant::evaluate {
namespace {

/// One run of skip-gram over all users.
class SkipGram {
 public:
  SkipGram(const Item2VecSettings& settings, const TrainingData& training, std::uint64_t seed)
      : settings_(settings),
        training_(training),
        rng_(seed),
        input_(training.items, settings.dim),
        output_(training.items, settings.dim),
        change_(settings.dim) {
    const auto counts = training.item_counts();
    const double events = static_cast<double>(training.events());
    std::vector<double> noise(counts.size());
    keep_.assign(counts.size(), 1);
    for (std::size_t i = 0; i < counts.size(); ++i) {
      if (counts[i] == 0) continue;
      noise[i] = std::pow(counts[i], settings.noise_power);
      const double share = counts[i] / events;
      if (settings.subsample > 0)
        keep_[i] = std::min(1.0, std::sqrt(settings.subsample / share) + settings.subsample / share);
      fill_normal(input_.row(i), 1 / std::sqrt(12.0) / static_cast<double>(settings.dim), rng_);
    }
    noise_ = AliasTable(noise);
    order_.resize(training.users.size());
    std::iota(order_.begin(), order_.end(), 0u);
  }

  /// \param progress_share of all epochs that is done at the start of this one
  void epoch(double progress_share, double next_share) {
    rng_.shuffle(std::span(order_));
    for (std::size_t n = 0; n < order_.size(); ++n) {
      const double done = progress_share + (next_share - progress_share) * static_cast<double>(n) /
                                               static_cast<double>(order_.size());
      rate_ = static_cast<float>(settings_.learning_rate * std::max(1 - done, 1e-3));
      sentence_.clear();
      for (const auto& event : training_.users[order_[n]])
        if (keep_[event.item] >= 1 || rng_.uniform() < keep_[event.item]) sentence_.push_back(event.item);
      for (std::size_t at = 0; at < sentence_.size(); ++at) {
        const std::size_t reach = 1 + rng_.below(settings_.window);
        const std::size_t end = std::min(sentence_.size(), at + reach + 1);
        for (std::size_t other = at > reach ? at - reach : 0; other < end; ++other)
          if (other != at && sentence_[other] != sentence_[at]) learn(sentence_[other], sentence_[at]);
      }
    }
  }
  [[nodiscard]] Matrix<float> take() { return std::move(input_); }

 private:
  /// One pair: the input vector of `item` learns to tell `context` from noise.
  void learn(std::uint32_t item, std::uint32_t context) {
    const auto vector = input_.row(item);
    std::ranges::fill(change_, 0.0f);
    for (std::size_t n = 0; n <= settings_.negatives; ++n) {
      const std::uint32_t target = n == 0 ? context : noise_.draw(rng_);
      if (n > 0 && target == context) continue;
      const auto out = output_.row(target);
      const float score = kernels::dot(vector, out);
      const float step = rate_ * ((n == 0 ? 1.0f : 0.0f) - 1 / (1 + std::exp(-score)));
      kernels::add_scaled(change_, step, out);
      kernels::add_scaled(out, step, vector);
    }
    kernels::add(vector, change_);
  }

  const Item2VecSettings& settings_;
  const TrainingData& training_;
  Rng rng_;
  Matrix<float> input_, output_;
  std::vector<float> change_;
  std::vector<double> keep_;  ///< [items] probability of staying in a sentence
  AliasTable noise_;
  std::vector<std::uint32_t> order_, sentence_;
  float rate_ = 0;
};

}  // namespace

Status Item2Vec::fit(const FitInput& input, Executor&, const ProgressSink& progress) {
  if (input.training.events() == 0) return invalid("item2vec: there is no training event");
  SkipGram run(settings_, input.training, input.seed);
  const double epochs = static_cast<double>(settings_.epochs);
  for (std::size_t epoch = 0; epoch < settings_.epochs; ++epoch) {
    if (progress && !progress({"fit item2vec", epoch, settings_.epochs, fmt::format("epoch {}", epoch + 1)}))
      return Error{ErrorCode::cancelled, "fitting item2vec was cancelled"};
    run.epoch(static_cast<double>(epoch) / epochs, static_cast<double>(epoch + 1) / epochs);
  }
  items_ = run.take();
  if (!kernels::all_finite(items_.values()))
    return invalid(
        fmt::format("item2vec diverged with learning_rate {}: use a smaller one", settings_.learning_rate));
  const auto counts = input.training.item_counts();
  std::vector<std::uint8_t> usable(counts.size());
  for (std::size_t i = 0; i < counts.size(); ++i)
    usable[i] = counts[i] > 0 && kernels::l2_normalise(items_.row(i)) > 0 ? 1 : 0;
  vectors_ = ItemVectors(items_.view(), {}, usable);
  return {};
}

Status Item2Vec::score(std::span<const Query> queries, MatrixView<float> out) const {
  Matrix<float> states(queries.size(), items_.cols());
  std::vector<WeightedItem> history;
  for (std::size_t q = 0; q < queries.size(); ++q) {
    weigh_history(queries[q].history, settings_.decay, history);
    for (const auto& [item, weight] : history) kernels::add_scaled(states.row(q), weight, items_.row(item));
  }
  vectors_.score(states.view(), out);
  for (std::size_t q = 0; q < queries.size(); ++q) {
    weigh_history(queries[q].history, settings_.decay, history);
    for (const auto& [item, weight] : history) out(q, item) -= weight;
  }
  return {};
}

}  // namespace penchant::evaluate
