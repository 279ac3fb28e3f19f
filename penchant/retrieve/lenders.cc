#include "penchant/retrieve/lenders.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>

#include "penchant/kernels/batch_top_k.h"
#include "penchant/kernels/top_k.h"
#include "penchant/kernels/vectors.h"

namespace penchant::retrieve {
namespace {

constexpr std::size_t kFew = 32;              ///< below, a scan per row costs less than an index
constexpr std::size_t kBlock = 512;           ///< rows asked at once
constexpr std::size_t kAsked = kLenders + 1;  ///< one may be the row itself
constexpr float kSumError = 1e-3F;

/// Calls found(row, the kAsked nearest of `trained`, best first) for every row.
template <class Found>
void scan(const VectorTable& content, std::span<const std::uint32_t> trained, std::span<const std::uint32_t> rows, Found&& found) {
  std::vector<float> cosines(content.rows());
  for (const std::uint32_t row : rows) {
    content.scan(content.row(row), cosines);
    kernels::TopK best(kAsked);
    for (const std::uint32_t lender : trained) best.offer(cosines[lender], lender);
    found(row, best.take());
  }
}

template <class Found>
void search(const VectorTable& content, std::span<const std::uint32_t> trained, std::span<const std::uint32_t> rows, Found&& found) {
  Matrix<float> vectors(trained.size(), content.dim());
  for (std::size_t t = 0; t < trained.size(); ++t) std::ranges::copy(content.row(trained[t]), vectors.row(t).begin());
  const kernels::BatchTopK index(vectors.view());
  Matrix<float> asked(kBlock, content.dim());
  std::vector<kernels::Scored> nearest(kBlock * kAsked);
  for (std::size_t at = 0; at < rows.size(); at += kBlock) {
    const std::size_t count = std::min(kBlock, rows.size() - at);
    for (std::size_t r = 0; r < count; ++r) std::ranges::copy(content.row(rows[at + r]), asked.row(r).begin());
    index.find({asked.view().data(), count, content.dim()}, kAsked, {}, std::span(nearest).first(count * kAsked));
    for (std::size_t r = 0; r < count; ++r) {
      const auto of_row = std::span(nearest).subspan(r * kAsked, kAsked);
      for (auto& near : of_row)
        if (near.index != kernels::BatchTopK::kNone) near.index = trained[near.index];
      found(rows[at + r], of_row);
    }
  }
}

}  // namespace

void LenderTable::grow(std::size_t items) {
  if (items <= counts_.size()) return;
  counts_.resize(items, 0);
  rows_.resize(items * kLenders, 0);
  weights_.resize(items * kLenders, 0);
}

void LenderTable::clear(std::size_t row) {
  grow(row + 1);
  counts_[row] = 0;
  std::fill_n(weights_.begin() + static_cast<std::ptrdiff_t>(row * kLenders), kLenders, 0.0F);
}

std::span<const std::uint32_t> LenderTable::rows(std::size_t row) const noexcept {
  return row < counts_.size() ? std::span(rows_).subspan(row * kLenders, counts_[row]) : std::span<const std::uint32_t>();
}

std::span<const float> LenderTable::weights(std::size_t row) const noexcept {
  return row < counts_.size() ? std::span(weights_).subspan(row * kLenders, counts_[row]) : std::span<const float>();
}

void LenderTable::find(const VectorTable& content, std::span<const std::uint8_t> untrained, std::span<const std::uint32_t> rows) {
  std::vector<std::uint32_t> trained;
  for (std::uint32_t i = 0; i < untrained.size(); ++i)
    if (untrained[i] == 0 && content.present(i)) trained.push_back(i);
  for (const std::uint32_t row : rows) clear(row);
  if (trained.empty()) return;
  const auto take = [&](std::uint32_t row, std::span<const kernels::Scored> nearest) {
    float sum = 0;
    for (const auto& near : nearest) {  // best first
      if (!(near.score > 0) || near.index == kernels::BatchTopK::kNone || counts_[row] == kLenders) break;
      if (near.index == row) continue;
      const std::size_t at = row * kLenders + counts_[row]++;
      rows_[at] = near.index;
      weights_[at] = static_cast<float>(std::pow(static_cast<double>(near.score), kLenderSharpness));
      sum += weights_[at];
    }
    if (!(sum > 0)) return clear(row);  // nobody is alike, or next to nothing
    for (std::size_t k = 0; k < counts_[row]; ++k) weights_[row * kLenders + k] /= sum;
  };
  if (rows.size() < kFew) scan(content, trained, rows, take);
  else search(content, trained, rows, take);
}

float LenderTable::mean(std::size_t row, std::span<const float> values) const noexcept {
  const auto lenders = rows(row);
  const auto weight = weights(row);
  float sum = 0;
  for (std::size_t k = 0; k < lenders.size(); ++k) sum += weight[k] * values[lenders[k]];
  return sum;
}

std::vector<float> LenderTable::mean(std::size_t row, const VectorTable& vectors) const {
  std::vector<float> sum(vectors.dim());
  for (std::size_t k = 0; k < rows(row).size(); ++k) kernels::add_scaled(sum, weights(row)[k], vectors.row(rows(row)[k]));
  return sum;
}

void LenderTable::write(artifact::SafeTensorsWriter& out) const {
  std::vector<std::int32_t> signed_rows(rows_.begin(), rows_.end());
  out.add("lender.rows", artifact::DType::i32, {items(), kLenders}, std::as_bytes(std::span(signed_rows)));
  out.add("lender.weights", artifact::DType::f32, {items(), kLenders}, std::as_bytes(std::span(weights_)));
}

Result<LenderTable> LenderTable::read(const artifact::SafeTensors& file, std::size_t items) {
  LenderTable table;
  if (!file.contains("lender.rows") && !file.contains("lender.weights")) return table;
  const auto corrupt = [](std::string what) { return Error{ErrorCode::corrupt, std::move(what)}; };
  PENCHANT_TRY(found, file.get("lender.rows"));
  if (found.dtype != artifact::DType::i32 || found.shape != std::vector<std::uint64_t>{items, kLenders})
    return corrupt("lender.rows must be I32 [" + std::to_string(items) + ", " + std::to_string(kLenders) + "]");
  PENCHANT_TRY(weights, file.matrix_f32("lender.weights", items, kLenders));
  table.grow(items);
  std::vector<std::int32_t> rows(items * kLenders);
  std::memcpy(rows.data(), found.bytes.data(), found.bytes.size());
  for (std::size_t i = 0; i < items; ++i) {
    float sum = 0;
    for (std::size_t k = 0; k < kLenders && weights(i, k) != 0; ++k) {
      const std::int32_t row = rows[i * kLenders + k];
      if (row < 0 || static_cast<std::size_t>(row) >= items)
        return corrupt("lender.rows: row " + std::to_string(i) + " names item row " + std::to_string(row));
      if (!(weights(i, k) > 0)) return corrupt("lender.weights: row " + std::to_string(i) + " holds a value that is no weight");
      table.rows_[i * kLenders + k] = static_cast<std::uint32_t>(row);
      table.weights_[i * kLenders + k] = weights(i, k);
      ++table.counts_[i];
      sum += weights(i, k);
    }
    if (table.counts_[i] > 0 && !(std::abs(sum - 1) < kSumError)) return corrupt("lender.weights: row " + std::to_string(i) + " does not sum to 1");
  }
  return table;
}

}  // namespace penchant::retrieve
