#include "penchant/learn/click/item_table.h"

#include <algorithm>
#include <cmath>

#include "penchant/semantic_id/learned/products.h"

namespace penchant::learn {
namespace {

constexpr float kEpsilon = 1e-8F;

void draw(Matrix<float>& values, double bound, Rng& rng) {
  for (float& value : values.values()) value = static_cast<float>((2 * rng.uniform() - 1) * bound);
}

void adagrad(std::span<float> values, std::span<const float> gradient, std::span<float> squares, float rate) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    squares[i] += gradient[i] * gradient[i];
    values[i] -= rate * gradient[i] / (std::sqrt(squares[i]) + kEpsilon);
  }
}

}  // namespace

ItemTable::ItemTable(const ItemInputs& inputs, std::size_t dim, Rng& rng) : inputs_(inputs), dim_(dim) {
  const double bound = 0.05 / std::sqrt(static_cast<double>(dim));
  if (inputs_.pieces != nullptr) {
    rows_ = Matrix<float>(inputs_.pieces->table_rows, dim);
    draw(rows_, bound, rng);
    row_squares_ = sums_ = Matrix<float>(rows_.rows(), dim);
    is_touched_.assign(rows_.rows(), 0);
  }
  if (!inputs_.content.empty()) {
    weights_ = Matrix<float>(dim, inputs_.content.cols());
    draw(weights_, bound, rng);
    weight_squares_ = Matrix<float>(dim, inputs_.content.cols());
  }
}

std::span<const std::uint32_t> ItemTable::rows_of(const Use& use) const {
  return use.variation == Use::kWhole ? inputs_.pieces->of(use.item) : inputs_.pieces->varied_of(use.item, use.variation);
}

Matrix<float> ItemTable::vectors(std::span<const Use> uses, Executor& executor) const {
  Matrix<float> out(uses.size(), dim_);
  if (!weights_.empty() && !uses.empty()) {
    Matrix<float> content(uses.size(), inputs_.content.cols());
    for (std::size_t i = 0; i < uses.size(); ++i) std::ranges::copy(inputs_.content.row(uses[i].item), content.row(i).begin());
    out = semantic_id::multiply_transposed(content.view(), weights_.view(), {}, executor);
  }
  if (inputs_.pieces == nullptr) return out;
  for (std::size_t i = 0; i < uses.size(); ++i) {
    float* to = out.row(i).data();
    for (const auto row : rows_of(uses[i])) {
      const float* from = rows_.row(row).data();
      for (std::size_t d = 0; d < dim_; ++d) to[d] += from[d];
    }
  }
  return out;
}

void ItemTable::step(std::span<const Use> uses, MatrixView<const float> gradient, double rate, Executor& executor) {
  const auto eta = static_cast<float>(rate);
  if (inputs_.pieces != nullptr) {
    for (std::size_t i = 0; i < uses.size(); ++i)
      for (const auto row : rows_of(uses[i])) {
        if (is_touched_[row] == 0) {
          is_touched_[row] = 1;
          touched_.push_back(row);
        }
        float* to = sums_.row(row).data();
        const float* from = gradient.row(i).data();
        for (std::size_t d = 0; d < dim_; ++d) to[d] += from[d];
      }
    for (const auto row : touched_) {
      adagrad(rows_.row(row), sums_.row(row), row_squares_.row(row), eta);
      std::ranges::fill(sums_.row(row), 0.0F);
      is_touched_[row] = 0;
    }
    touched_.clear();
  }
  if (weights_.empty() || uses.empty()) return;
  Matrix<float> columns(inputs_.content.cols(), uses.size());  // content^T
  for (std::size_t i = 0; i < uses.size(); ++i)
    for (std::size_t x = 0; x < columns.rows(); ++x) columns(x, i) = inputs_.content(uses[i].item, x);
  const auto at = semantic_id::multiply_transposed(semantic_id::transposed(gradient).view(), columns.view(), {}, executor);
  adagrad(weights_.values(), at.values(), weight_squares_.values(), eta);
}

}  // namespace penchant::learn
