#include "penchant/semantic_id/content_encoder.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "penchant/semantic_id/kmeans.h"

namespace penchant::semantic_id {
namespace {

// Fewer rows than the matrix product treats in another way: what a row gets then does not depend on
// how many rows are around it.
constexpr std::size_t kRows = 8;
constexpr std::size_t kRowsOfThread = 16 * kRows;

bool usable(float v) { return std::abs(v) <= kMaxCoordinate; }  // false for NaN

Status check_layer(const DenseLayer& layer, const DenseLayer* before, std::size_t number) {
  const std::string name = "encoder." + std::to_string(number);
  const auto& w = layer.weight;
  const std::string shape = "[" + std::to_string(w.rows()) + ", " + std::to_string(w.cols()) + "]";
  if (w.empty() || w.rows() > ContentEncoder::kMaxWidth)
    return invalid(name + ".weight has shape " + shape + "; it needs 1 to " +
                   std::to_string(ContentEncoder::kMaxWidth) + " rows of at least one number");
  if (before && w.cols() != before->weight.rows())
    return invalid(name + ".weight has shape " + shape + "; the layer before gives " +
                   std::to_string(before->weight.rows()) + " numbers");
  if (layer.bias.size() != w.rows())
    return invalid(name + ".bias has " + std::to_string(layer.bias.size()) + " numbers, expected " +
                   std::to_string(w.rows()));
  if (!std::ranges::all_of(w.values(), usable) || !std::ranges::all_of(layer.bias, usable))
    return invalid(name + " holds a number that is not finite or above 1e15");
  return {};
}

/// Brings a row to length one. False: it holds something that is not finite.
bool to_unit(std::span<float> row) {
  double square = 0;
  for (const float v : row) square += double{v} * v;
  if (!std::isfinite(square)) return false;
  const double norm = std::sqrt(square);
  if (norm > 0)
    for (float& v : row) v = static_cast<float>(v / norm);
  return true;
}

}  // namespace

Result<ContentEncoder> ContentEncoder::create(std::vector<DenseLayer> layers) {
  if (layers.empty() || layers.size() > kMaxLayers)
    return invalid("a content encoder of " + std::to_string(layers.size()) + " layers; 1 to " +
                   std::to_string(kMaxLayers) + " are possible");
  for (std::size_t k = 0; k < layers.size(); ++k)
    PENCHANT_DO(check_layer(layers[k], k > 0 ? &layers[k - 1] : nullptr, k));
  ContentEncoder encoder;
  for (const auto& layer : layers) encoder.packed_.emplace_back(layer.weight.view(), layer.bias);
  encoder.layers_ = std::move(layers);
  return encoder;
}

Result<Matrix<float>> ContentEncoder::encode(MatrixView<const float> vectors, Executor& executor) const {
  const std::size_t n = vectors.rows();
  if (n > 0 && vectors.cols() != input_dim())
    return invalid("a content vector has " + std::to_string(vectors.cols()) +
                   " numbers, the content encoder reads " + std::to_string(input_dim()));
  for (std::size_t i = 0; i < n; ++i)
    if (!std::ranges::all_of(vectors.row(i), usable))
      return invalid("content vector of row " + std::to_string(i) +
                     " holds a number that is not finite or above 1e15");
  Matrix<float> out(n, output_dim());
  std::vector<std::uint8_t> bad(n, 0);
  std::size_t width = 0;
  for (const auto& layer : layers_) width = std::max(width, layer.weight.rows());
  executor.parallel_for((n + kRows - 1) / kRows, kRowsOfThread / kRows,
                        [&](std::size_t begin, std::size_t end) {
                          std::vector<float> from(kRows * width), to(kRows * width);
                          for (std::size_t b = begin; b < end; ++b) {
                            const std::size_t first = b * kRows, rows = std::min(kRows, n - first);
                            MatrixView<const float> x = vectors.rows_from(first, rows);
                            for (std::size_t k = 0; k < layers_.size(); ++k) {
                              const MatrixView<float> y(to.data(), rows, layers_[k].weight.rows());
                              packed_[k].apply(x, y);
                              if (k + 1 < layers_.size())
                                for (float& v : std::span(to).first(rows * y.cols())) v = std::max(v, 0.0F);
                              std::swap(from, to);
                              x = {from.data(), rows, y.cols()};
                            }
                            for (std::size_t r = 0; r < rows; ++r) {
                              if (std::ranges::all_of(vectors.row(first + r), [](float v) { return v == 0; }))
                                continue;
                              std::ranges::copy(x.row(r), out.row(first + r).begin());
                              bad[first + r] = !to_unit(out.row(first + r));
                            }
                          }
                        });
  if (const auto at = std::ranges::find(bad, 1); at != bad.end())
    return invalid("content vector of row " + std::to_string(at - bad.begin()) +
                   " is too large for the content encoder");
  return out;
}

}  // namespace penchant::semantic_id
