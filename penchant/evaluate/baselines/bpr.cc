#include "penchant/evaluate/baselines/bpr.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "penchant/evaluate/baselines/history.h"
#include "penchant/kernels/vectors.h"

namespace penchant::evaluate {
namespace {

constexpr double kInitDeviation = 0.1;  ///< of the length of a vector at the start
constexpr int kDraws = 20;              ///< tries for a negative that the user does not have

float sigmoid(float x) { return 1 / (1 + std::exp(-x)); }

}  // namespace

std::uint32_t Bpr::draw_negative(Rng& rng, std::span<const std::uint32_t> mine) const {
  std::uint32_t item = 0;
  for (int turn = 0; turn < kDraws; ++turn) {
    item = trained_items_[settings_.negative_power == 0 ? rng.below(trained_items_.size())
                                                        : negatives_.draw(rng)];
    if (!std::ranges::binary_search(mine, item)) break;
  }
  return item;
}

Status Bpr::fit(const FitInput& input, Executor&, const ProgressSink& progress) {
  seed_ = input.seed;
  const std::size_t items = input.training.items, dim = settings_.dim;
  const auto items_of = distinct_items(input.training.users);
  const auto counts = input.training.item_counts();
  trained_items_.clear();
  std::vector<double> weights;
  std::vector<std::uint8_t> usable(items, 0);
  for (std::uint32_t i = 0; i < items; ++i) {
    if (counts[i] == 0) continue;
    usable[i] = 1;
    trained_items_.push_back(i);
    weights.push_back(std::pow(counts[i], settings_.negative_power));
  }
  if (trained_items_.empty()) return invalid("bpr: there is no training event");
  negatives_ = AliasTable(weights);

  Rng rng(seed_);
  users_ = Matrix<float>(items_of.size(), dim);
  items_ = Matrix<float>(items, dim);
  bias_.assign(items, 0);
  const double deviation = kInitDeviation / std::sqrt(static_cast<double>(dim));
  fill_normal(users_.values(), deviation, rng);
  fill_normal(items_.values(), deviation, rng);

  struct Pair {
    std::uint32_t user, item;
  };
  std::vector<Pair> pairs;
  for (std::uint32_t u = 0; u < items_of.size(); ++u)
    for (const auto item : items_of[u]) pairs.push_back({u, item});
  std::vector<float> difference(dim);
  const float ridge = static_cast<float>(settings_.regularization);
  for (std::size_t epoch = 0; epoch < settings_.epochs; ++epoch) {
    if (progress && !progress({"fit bpr", epoch, settings_.epochs, fmt::format("epoch {}", epoch + 1)}))
      return Error{ErrorCode::cancelled, "fitting bpr was cancelled"};
    rng.shuffle(std::span(pairs));
    const double done = static_cast<double>(epoch) / static_cast<double>(settings_.epochs);
    const float rate = static_cast<float>(settings_.learning_rate * (1 - 0.9 * done)),
                keep = 1 - rate * ridge;
    for (const auto& [u, i] : pairs) {
      const std::uint32_t j = draw_negative(rng, items_of[u]);
      const auto user = users_.row(u), wanted = items_.row(i), other = items_.row(j);
      for (std::size_t k = 0; k < dim; ++k) difference[k] = wanted[k] - other[k];
      const float step = rate * sigmoid(bias_[j] - bias_[i] - kernels::dot(user, difference));
      for (std::size_t k = 0; k < dim; ++k) {
        const float old = user[k];
        user[k] = keep * old + step * difference[k];
        wanted[k] = keep * wanted[k] + step * old;
        other[k] = keep * other[k] - step * old;
      }
      bias_[i] = keep * bias_[i] + step;
      bias_[j] = keep * bias_[j] - step;
    }
  }
  if (!kernels::all_finite(items_.values()) || !kernels::all_finite(users_.values()))
    return invalid(
        fmt::format("bpr diverged with learning_rate {}: use a smaller one", settings_.learning_rate));
  // A user without training events starts a query from nothing, not from chance.
  for (std::size_t u = 0; u < items_of.size(); ++u)
    if (items_of[u].empty()) std::ranges::fill(users_.row(u), 0.0f);
  vectors_ = ItemVectors(items_.view(), bias_, usable);
  return {};
}

void Bpr::fold_in(const Query& query, std::span<float> user) const {
  if (query.user < users_.rows()) std::ranges::copy(users_.row(query.user), user.begin());
  std::vector<WeightedItem> history;
  weigh_history(query.history, 1, history);
  std::vector<std::uint32_t> mine;
  for (const auto& entry : history) mine.push_back(entry.item);
  std::ranges::sort(mine);
  Rng rng(seed_ ^ (0x9e3779b97f4a7c15ULL * (query.user + 1)));
  const float rate = static_cast<float>(settings_.learning_rate),
              keep = 1 - rate * static_cast<float>(settings_.regularization);
  std::vector<float> difference(user.size());
  for (std::size_t pass = 0; pass < settings_.fold_passes; ++pass) {
    for (std::size_t age = history.size(); age-- > 0;) {
      const std::uint32_t i = history[age].item, j = draw_negative(rng, mine);
      const auto wanted = items_.row(i), other = items_.row(j);
      for (std::size_t k = 0; k < user.size(); ++k) difference[k] = wanted[k] - other[k];
      const float step = rate * sigmoid(bias_[j] - bias_[i] - kernels::dot(user, difference));
      for (std::size_t k = 0; k < user.size(); ++k) user[k] = keep * user[k] + step * difference[k];
    }
  }
}

Status Bpr::score(std::span<const Query> queries, MatrixView<float> out) const {
  Matrix<float> states(queries.size(), settings_.dim);
  for (std::size_t q = 0; q < queries.size(); ++q) fold_in(queries[q], states.row(q));
  vectors_.score(states.view(), out);
  return {};
}

}  // namespace penchant::evaluate
