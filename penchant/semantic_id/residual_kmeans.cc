#include "penchant/semantic_id/residual_kmeans.h"

#include "penchant/semantic_id/kmeans.h"

namespace penchant::semantic_id {

Result<QuantiserFit> train_residual_kmeans(MatrixView<const float> vectors, const QuantiserOptions& options,
                                           Executor& executor) {
  Rng rng(options.seed);
  PENCHANT_TRY(input, prepare(vectors, options, rng));
  const std::size_t levels = input.codebooks.size();
  const std::uint64_t steps = std::uint64_t{options.iterations} * (options.balance > 0 ? 2 : 1);
  Matrix<float>& left = input.rows;
  std::vector<Matrix<float>> books;
  for (std::size_t level = 0; level < levels; ++level) {
    const Progress from{.step = "semantic IDs",
                        .done = level * steps,
                        .total = levels * steps,
                        .detail = "level " + std::to_string(level + 1) + " of " + std::to_string(levels)};
    const KMeansOptions kmeans{.clusters = input.codebooks[level],
                               .iterations = options.iterations,
                               .seed = rng(),
                               .balance = options.balance,
                               .keep_going = count_steps(options.progress, from)};
    PENCHANT_TRY(fit, fit_kmeans(left.view(), kmeans, executor));
    for (std::size_t i = 0; i < left.rows(); ++i) {
      const auto word = fit.centroids.row(fit.codes[i]);
      const auto row = left.row(i);
      for (std::size_t j = 0; j < row.size(); ++j) row[j] -= word[j];
    }
    books.push_back(std::move(fit.centroids));
  }
  return code_all(std::move(books), vectors, executor);
}

}  // namespace penchant::semantic_id
