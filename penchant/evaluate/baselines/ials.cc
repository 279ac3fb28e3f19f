#include "penchant/evaluate/baselines/ials.h"

#include <fmt/format.h>

#include <cmath>

#include "penchant/evaluate/baselines/history.h"
#include "penchant/evaluate/baselines/least_squares.h"
#include "penchant/evaluate/baselines/sampling.h"

namespace penchant::evaluate {
namespace {

std::size_t count_nonempty(std::span<const std::vector<std::uint32_t>> lists) {
  return static_cast<std::size_t>(
      std::ranges::count_if(lists, [](const auto& list) { return !list.empty(); }));
}

std::size_t total_length(std::span<const std::vector<std::uint32_t>> lists) {
  std::size_t total = 0;
  for (const auto& list : lists) total += list.size();
  return total;
}

}  // namespace

/// alpha0 * gram + lambda * (seen + alpha0 * others)^nu: the diagonal part of one row's system.
void Ials::fill_diagonal(std::span<const float> gram, std::size_t seen, std::size_t others,
                         std::span<float> out) const {
  constexpr double kSmallest = 1e-9;  // keeps the system definite where lambda and an eigenvalue are 0
  const double ridge =
      settings_.regularization *
      std::pow(static_cast<double>(seen) + alpha_ * static_cast<double>(others), settings_.frequency_power);
  for (std::size_t k = 0; k < out.size(); ++k)
    out[k] = static_cast<float>(std::max(alpha_ * gram[k] + ridge, kSmallest));
}

Status Ials::fit(const FitInput& input, Executor& executor, const ProgressSink& progress) {
  const auto items_of = distinct_items(input.training.users);
  const auto users_of = users_of_items(items_of, input.training.items);
  const std::size_t users = items_of.size(), items = users_of.size(), dim = settings_.dim;
  known_items_ = count_nonempty(users_of);
  const std::size_t known_users = count_nonempty(items_of);
  if (known_items_ == 0) return invalid("ials: there is no training event");
  alpha_ = settings_.unobserved_ratio * static_cast<double>(total_length(items_of)) /
           (static_cast<double>(known_users) * static_cast<double>(known_items_));

  Matrix<float> user_rows(users, dim);
  items_ = Matrix<float>(items, dim);
  Rng rng(input.seed);
  for (std::size_t i = 0; i < items; ++i)
    if (!users_of[i].empty())
      fill_normal(items_.row(i), settings_.init_deviation / std::sqrt(static_cast<double>(dim)), rng);

  const auto solve = [&](Matrix<float>& fixed, std::size_t known_fixed,
                         std::span<const std::vector<std::uint32_t>> lists, Matrix<float>& rows) {
    const auto gram = diagonalise(fixed.view(), executor);
    executor.parallel_for(rows.rows(), 16, [&](std::size_t begin, std::size_t end) {
      RowSolver solver(fixed.view());
      std::vector<float> diagonal(dim);
      for (std::size_t r = begin; r < end; ++r) {
        fill_diagonal(gram, lists[r].size(), known_fixed, diagonal);
        solver.solve(lists[r], {}, diagonal, rows.row(r));
      }
    });
  };
  for (std::size_t epoch = 0; epoch < settings_.epochs; ++epoch) {
    if (progress && !progress({"fit ials", epoch, settings_.epochs, fmt::format("epoch {}", epoch + 1)}))
      return Error{ErrorCode::cancelled, "fitting ials was cancelled"};
    solve(items_, known_items_, items_of, user_rows);
    solve(user_rows, known_users, users_of, items_);
  }
  gram_ = diagonalise(items_.view(), executor);
  std::vector<std::uint8_t> usable(items);
  for (std::size_t i = 0; i < items; ++i) usable[i] = users_of[i].empty() ? 0 : 1;
  vectors_ = ItemVectors(items_.view(), {}, usable);
  return {};
}

Status Ials::score(std::span<const Query> queries, MatrixView<float> out) const {
  Matrix<float> states(queries.size(), settings_.dim);
  RowSolver solver(items_.view());
  std::vector<WeightedItem> history;
  std::vector<std::uint32_t> rows;
  std::vector<float> weights, diagonal(settings_.dim);
  for (std::size_t q = 0; q < queries.size(); ++q) {
    weigh_history(queries[q].history, settings_.decay, history);
    rows.clear(), weights.clear();
    for (const auto& [item, weight] : history) {
      rows.push_back(item);
      if (settings_.decay < 1) weights.push_back(weight);
    }
    fill_diagonal(gram_, rows.size(), known_items_, diagonal);
    solver.solve(rows, weights, diagonal, states.row(q));
  }
  vectors_.score(states.view(), out);
  return {};
}

}  // namespace penchant::evaluate
