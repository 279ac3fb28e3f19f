#include "penchant/evaluate/baselines/ease.h"

#include <fmt/format.h>

#include <limits>

#include "penchant/evaluate/baselines/history.h"
#include "penchant/evaluate/baselines/spd_inverse.h"
#include "penchant/kernels/vectors.h"

namespace penchant::evaluate {
namespace {

/// Lower triangle of X^T X + lambda I, from the lists of who had what: most of it stays 0.
void fill_gram(std::span<const std::vector<std::uint32_t>> items_of,
               std::span<const std::vector<std::uint32_t>> users_of, float lambda, Matrix<float>& gram,
               Executor& executor) {
  executor.parallel_for(gram.rows(), 16, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      const auto row = gram.row(i);
      for (const auto user : users_of[i])
        for (const auto item : items_of[user]) {
          if (item > i) break;
          row[item] += 1;
        }
      row[i] += lambda;
    }
  });
}

}  // namespace

Status Ease::fit(const FitInput& input, Executor& executor, const ProgressSink& progress) {
  const std::size_t items = input.training.items;
  if (items > settings_.most_items)
    return Error{
        ErrorCode::resource_exhausted,
        fmt::format(
            "ease inverts a matrix of items x items: {} items would take {:.1f} GB and {:.0f} trillion "
            "operations; it is limited to {} items: leave it out, or use ials or item-knn",
            items, 4e-9 * static_cast<double>(items) * static_cast<double>(items),
            1e-12 * static_cast<double>(items) * static_cast<double>(items) * static_cast<double>(items),
            settings_.most_items)};
  const auto items_of = distinct_items(input.training.users);
  const auto users_of = users_of_items(items_of, items);
  weights_ = Matrix<float>(items, items);
  fill_gram(items_of, users_of, static_cast<float>(settings_.lambda), weights_, executor);
  const auto report = [&](double share) {
    return !progress || progress({"fit ease", static_cast<std::uint64_t>(share * 100), 100, ""});
  };
  if (auto status = invert_spd(weights_.view(), executor, report); !status.ok()) {
    if (status.error().code != ErrorCode::invalid_argument) return status;
    return std::move(status).error().within(
        fmt::format("ease with lambda {}; use a larger lambda", settings_.lambda));
  }
  std::vector<float> scale(items);
  for (std::size_t i = 0; i < items; ++i) scale[i] = -1 / weights_(i, i);
  unknown_.clear();
  for (std::size_t i = 0; i < items; ++i)
    if (users_of[i].empty()) unknown_.push_back(static_cast<std::uint32_t>(i));
  executor.parallel_for(items, 64, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      const auto row = weights_.row(i);
      for (std::size_t j = 0; j < items; ++j) row[j] *= scale[j];
      row[i] = 0;
    }
  });
  return {};
}

Status Ease::score(std::span<const Query> queries, MatrixView<float> out) const {
  std::vector<WeightedItem> history;
  for (std::size_t q = 0; q < queries.size(); ++q) {
    const auto scores = out.row(q);
    std::ranges::fill(scores, 0.0f);
    weigh_history(queries[q].history, settings_.decay, history);
    for (const auto& [item, weight] : history) kernels::add_scaled(scores, weight, weights_.row(item));
    for (const auto item : unknown_) scores[item] = -std::numeric_limits<float>::infinity();
  }
  return {};
}

}  // namespace penchant::evaluate
