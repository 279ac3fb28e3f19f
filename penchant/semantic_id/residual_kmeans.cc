#include "penchant/semantic_id/residual_kmeans.h"

#include <algorithm>
#include <cmath>

#include "penchant/base/rng.h"
#include "penchant/semantic_id/kmeans.h"

namespace penchant::semantic_id {
namespace {

Status check(MatrixView<const float> vectors, const ResidualKMeansOptions& options) {
  if (vectors.rows() == 0) return invalid("there are no items to give semantic IDs to");
  if (vectors.cols() == 0)
    return invalid("items have no content vectors: give them a title, attributes or a vector");
  if (!options.names.empty() && options.names.size() != vectors.rows())
    return invalid(std::to_string(options.names.size()) + " item names for " +
                   std::to_string(vectors.rows()) + " vectors");
  for (std::size_t i = 0; i < vectors.rows(); ++i)
    for (std::size_t j = 0; j < vectors.cols(); ++j)
      if (!(std::abs(vectors(i, j)) <= kMaxCoordinate))
        return invalid("content vector of " +
                       (options.names.empty()
                            ? "row " + std::to_string(i)
                            : "item \"" + options.names[i] + "\" (row " + std::to_string(i) + ")") +
                       ": number " + std::to_string(j) +
                       (std::isfinite(vectors(i, j)) ? " is larger than 1e15" : " is not finite") +
                       "; correct or leave out this vector");
  return {};
}

/// K_l of every level.
Result<std::vector<std::uint32_t>> sizes_of(const ResidualKMeansOptions& options, std::size_t items) {
  const std::size_t levels = options.codebooks.empty() ? options.levels : options.codebooks.size();
  if (levels == 0 || levels > kMaxLevels)
    return invalid("levels: " + std::to_string(levels) + " is not in 1.." + std::to_string(kMaxLevels));
  auto sizes = options.codebooks;
  if (sizes.empty())
    sizes.assign(levels, options.codebook != 0 ? options.codebook : choose_codebook(items));
  for (const auto size : sizes)
    if (size == 0 || size > 65536)
      return invalid("codebook: " + std::to_string(size) + " is not in 1..65536");
  return sizes;
}

/// Rows that train: those with content, at most `most` of them, in ascending order.
std::vector<std::uint32_t> training_rows(MatrixView<const float> vectors, std::size_t most, Rng& rng) {
  std::vector<std::uint32_t> rows;
  for (std::size_t i = 0; i < vectors.rows(); ++i)
    if (std::ranges::any_of(vectors.row(i), [](float v) { return v != 0; }))
      rows.push_back(static_cast<std::uint32_t>(i));
  if (rows.empty()) rows.push_back(0);  // nothing has content: one zero vector
  if (rows.size() > most) {
    for (std::size_t i = 0; i < most; ++i) std::swap(rows[i], rows[i + rng.below(rows.size() - i)]);
    rows.resize(most);
    std::ranges::sort(rows);
  }
  return rows;
}

}  // namespace

std::uint32_t choose_codebook(std::size_t n_items) noexcept {
  const double bits = std::log2(static_cast<double>(std::max<std::size_t>(n_items, 1))) / 2;
  return 1u << std::clamp(static_cast<int>(std::lround(bits)), 2, 10);
}

Result<ResidualFit> train_residual_kmeans(MatrixView<const float> vectors,
                                          const ResidualKMeansOptions& options, Executor& executor) {
  PENCHANT_DO(check(vectors, options));
  PENCHANT_TRY(sizes, sizes_of(options, vectors.rows()));
  Rng rng(options.seed);
  const auto rows = training_rows(
      vectors, std::size_t{std::ranges::max(sizes)} * std::max(options.rows_per_codeword, 1u), rng);
  Matrix<float> left(rows.size(), vectors.cols());
  for (std::size_t i = 0; i < rows.size(); ++i) std::ranges::copy(vectors.row(rows[i]), left.row(i).begin());

  std::vector<Matrix<float>> books;
  for (std::size_t level = 0; level < sizes.size(); ++level) {
    KMeansOptions kmeans{.clusters = sizes[level], .iterations = options.iterations, .seed = rng()};
    std::uint64_t step = 0;
    if (options.progress)
      kmeans.keep_going = [&] {
        return options.progress(
            {.step = "semantic IDs",
             .done = level * std::uint64_t{options.iterations} + step++,
             .total = std::uint64_t{sizes.size()} * options.iterations,
             .detail = "level " + std::to_string(level + 1) + " of " + std::to_string(sizes.size())});
      };
    PENCHANT_TRY(fit, fit_kmeans(left.view(), kmeans, executor));
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const auto word = fit.centroids.row(fit.codes[i]);
      const auto row = left.row(i);
      for (std::size_t j = 0; j < row.size(); ++j) row[j] -= word[j];
    }
    books.push_back(std::move(fit.centroids));
  }
  PENCHANT_TRY(codebooks, Codebooks::create(std::move(books)));
  std::vector<double> level_error;
  PENCHANT_TRY(codes, codebooks.assign(vectors, executor, &level_error));
  return ResidualFit{std::move(codebooks), std::move(codes), std::move(level_error)};
}

}  // namespace penchant::semantic_id
