#include "penchant/semantic_id/learned/standardise.h"

#include <cmath>

namespace penchant::semantic_id {
namespace {

constexpr double kLargestScale = 1e12;    // smaller numbers are as good as none
constexpr float kSmallestLength = 1e-9F;  // below it a direction is rounding: no gradient

}  // namespace

Standardiser::Standardiser(MatrixView<const float> rows) : mean_(rows.cols(), 0.0) {
  const auto n = static_cast<double>(rows.rows());
  for (std::size_t i = 0; i < rows.rows(); ++i)
    for (std::size_t j = 0; j < mean_.size(); ++j) mean_[j] += rows(i, j) / n;
  double square = 0, largest = 0;
  for (std::size_t i = 0; i < rows.rows(); ++i)
    for (std::size_t j = 0; j < mean_.size(); ++j) {
      square += (rows(i, j) - mean_[j]) * (rows(i, j) - mean_[j]) / n;
      largest = std::max(largest, std::abs(double{rows(i, j)}));
    }
  // What is left of equal rows is rounding.
  if (std::sqrt(square) > 1e-6 * largest) scale_ = std::min(1 / std::sqrt(square), kLargestScale);
}

Matrix<float> Standardiser::batch(MatrixView<const float> rows, std::span<const std::uint32_t> chosen) const {
  Matrix<float> out(chosen.size(), mean_.size());
  for (std::size_t r = 0; r < chosen.size(); ++r)
    for (std::size_t j = 0; j < mean_.size(); ++j)
      out(r, j) = static_cast<float>((rows(chosen[r], j) - mean_[j]) * scale_);
  return out;
}

Result<std::shared_ptr<const ContentEncoder>> Standardiser::fold_into(std::vector<DenseLayer> layers) const {
  auto& first = layers.front();
  for (std::size_t o = 0; o < first.bias.size(); ++o) {
    double shift = 0;
    for (std::size_t j = 0; j < mean_.size(); ++j) {
      shift += first.weight(o, j) * scale_ * mean_[j];
      first.weight(o, j) = static_cast<float>(first.weight(o, j) * scale_);
    }
    first.bias[o] = static_cast<float>(first.bias[o] - shift);
  }
  PENCHANT_TRY(encoder, ContentEncoder::create(std::move(layers)));
  return std::make_shared<const ContentEncoder>(std::move(encoder));
}

std::vector<float> to_unit_rows(Matrix<float>& rows) {
  std::vector<float> lengths(rows.rows());
  for (std::size_t r = 0; r < rows.rows(); ++r) {
    double square = 0;
    for (const float v : rows.row(r)) square += double{v} * v;
    lengths[r] = static_cast<float>(std::sqrt(square));
    if (lengths[r] > 0)
      for (float& v : rows.row(r)) v /= lengths[r];
  }
  return lengths;
}

void through_unit_rows(MatrixView<const float> unit, std::span<const float> lengths,
                       Matrix<float>& gradient) {
  for (std::size_t r = 0; r < unit.rows(); ++r) {
    const auto u = unit.row(r);
    const auto g = gradient.row(r);
    double along = 0;
    for (std::size_t j = 0; j < u.size(); ++j) along += double{u[j]} * g[j];
    for (std::size_t j = 0; j < u.size(); ++j)
      g[j] = lengths[r] > kSmallestLength ? (g[j] - static_cast<float>(along) * u[j]) / lengths[r] : 0;
  }
}

}  // namespace penchant::semantic_id
