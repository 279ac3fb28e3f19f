#include "penchant/semantic_id/quantiser_options.h"

#include <algorithm>
#include <cmath>

#include "penchant/semantic_id/kmeans.h"

namespace penchant::semantic_id {
namespace {

Status check_vectors(MatrixView<const float> vectors, const QuantiserOptions& options) {
  if (vectors.rows() == 0) return invalid("there are no items to give semantic IDs to");
  if (vectors.cols() == 0)
    return invalid("items have no content vectors: give them a title, attributes or a vector");
  if (!(options.balance >= 0) || !std::isfinite(options.balance))
    return invalid("balance: it must be a number from 0 on");
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
Result<std::vector<std::uint32_t>> sizes_of(const QuantiserOptions& options, std::size_t items) {
  const std::size_t levels = options.codebooks.empty() ? options.levels : options.codebooks.size();
  if (levels == 0 || levels > kMaxLevels)
    return invalid("levels: " + std::to_string(levels) + " is not in 1.." + std::to_string(kMaxLevels));
  auto sizes = options.codebooks;
  if (sizes.empty()) sizes.assign(levels, options.codebook != 0 ? options.codebook : choose_codebook(items));
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

void add_pairs(std::span<const std::uint32_t> items, std::vector<ItemPair>& pairs) {
  for (std::size_t t = 1; t < items.size(); ++t)
    if (items[t - 1] != items[t]) pairs.push_back({items[t - 1], items[t]});
}

Status check_input(MatrixView<const float> vectors, const QuantiserOptions& options) {
  PENCHANT_DO(check_vectors(vectors, options));
  if (const auto sizes = sizes_of(options, vectors.rows()); !sizes.ok()) return sizes.error();
  return {};
}

Result<QuantiserInput> prepare(MatrixView<const float> vectors, const QuantiserOptions& options, Rng& rng) {
  PENCHANT_DO(check_vectors(vectors, options));
  PENCHANT_TRY(sizes, sizes_of(options, vectors.rows()));
  const auto chosen = training_rows(
      vectors, std::size_t{std::ranges::max(sizes)} * std::max(options.rows_per_codeword, 1u), rng);
  Matrix<float> rows(chosen.size(), vectors.cols());
  for (std::size_t i = 0; i < chosen.size(); ++i)
    std::ranges::copy(vectors.row(chosen[i]), rows.row(i).begin());
  return QuantiserInput{std::move(sizes), std::move(rows)};
}

Result<QuantiserFit> code_all(std::vector<Matrix<float>> books, MatrixView<const float> vectors,
                              Executor& executor, std::shared_ptr<const ContentEncoder> encoder) {
  PENCHANT_TRY(codebooks, Codebooks::create(std::move(books), std::move(encoder)));
  std::vector<double> level_error;
  PENCHANT_TRY(codes, codebooks.assign(vectors, executor, &level_error));
  return QuantiserFit{std::move(codebooks), std::move(codes), std::move(level_error)};
}

std::function<bool()> count_steps(const ProgressSink& sink, Progress from) {
  if (!sink) return {};
  return [&sink, at = std::move(from)]() mutable {
    const bool go_on = sink(at);
    ++at.done;
    return go_on;
  };
}

}  // namespace penchant::semantic_id
