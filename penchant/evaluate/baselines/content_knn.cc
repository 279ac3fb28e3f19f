#include "penchant/evaluate/baselines/content_knn.h"

#include <fmt/format.h>

#include "penchant/evaluate/baselines/history.h"
#include "penchant/kernels/vectors.h"

namespace penchant::evaluate {

Status ContentKnn::fit(const FitInput& input, Executor&, const ProgressSink&) {
  const auto content = input.content;
  if (content.empty())
    return invalid(
        "content-knn needs content vectors of the items and this project has none: import item texts or "
        "vectors, or leave it out");
  if (content.rows() != input.training.items)
    return invalid(
        fmt::format("content-knn: {} content vectors for {} items", content.rows(), input.training.items));
  content_ = Matrix<float>(content.rows(), content.cols());
  known_.assign(content.rows(), 0);
  for (std::size_t i = 0; i < content.rows(); ++i) {
    const auto row = content_.row(i);
    std::copy_n(content.row(i).data(), row.size(), row.data());
    if (!kernels::all_finite(row))
      return invalid(fmt::format("content-knn: the content vector of item row {} is not finite", i));
    known_[i] = kernels::l2_normalise(row) > 0 ? 1 : 0;
  }
  vectors_ = ItemVectors(content_.view(), {}, known_);
  return {};
}

Status ContentKnn::score(std::span<const Query> queries, MatrixView<float> out) const {
  Matrix<float> states(queries.size(), content_.cols());
  std::vector<WeightedItem> history;
  for (std::size_t q = 0; q < queries.size(); ++q) {
    weigh_history(queries[q].history, decay_, history);
    for (const auto& [item, weight] : history) kernels::add_scaled(states.row(q), weight, content_.row(item));
  }
  vectors_.score(states.view(), out);
  for (std::size_t q = 0; q < queries.size(); ++q) {
    weigh_history(queries[q].history, decay_, history);
    for (const auto& [item, weight] : history)
      if (known_[item] != 0) out(q, item) -= weight;
  }
  return {};
}

}  // namespace penchant::evaluate
