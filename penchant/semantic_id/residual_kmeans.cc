#include "penchant/semantic_id/residual_kmeans.h"

#include "penchant/semantic_id/kmeans.h"

namespace penchant::semantic_id {

Result<QuantiserFit> train_residual_kmeans(MatrixView<const float> vectors, const QuantiserOptions& options,
                                           Executor& executor) {
  Rng rng(options.seed);
  PENCHANT_TRY(input, prepare(vectors, options, rng));
  const std::size_t levels = input.codebooks.size();
  Matrix<float>& left = input.rows;
  std::vector<Matrix<float>> books;
  for (std::size_t level = 0; level < levels; ++level) {
    const KMeansOptions kmeans{
        .clusters = input.codebooks[level],
        .iterations = options.iterations,
        .seed = rng(),
        .keep_going = count_steps(options.progress, {.step = "semantic IDs",
                                                     .done = level * std::uint64_t{options.iterations},
                                                     .total = levels * std::uint64_t{options.iterations},
                                                     .detail = "level " + std::to_string(level + 1) + " of " +
                                                               std::to_string(levels)})};
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
