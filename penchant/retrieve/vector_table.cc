#include "penchant/retrieve/vector_table.h"

#include <algorithm>
#include <cmath>

#include "penchant/base/result.h"
#include "penchant/kernels/vectors.h"

namespace penchant::retrieve {

void VectorTable::assign(MatrixView<const float> rows) {
  PENCHANT_CHECK(rows.cols() == dim_, "vector length");
  values_.clear();
  present_.clear();
  grow(rows.rows());
  for (std::size_t r = 0; r < rows.rows(); ++r) set(r, rows.row(r));
}

void VectorTable::grow(std::size_t rows) {
  if (rows <= present_.size()) return;
  present_.resize(rows, 0);
  values_.resize(rows * dim_, 0.0F);
}

void VectorTable::set(std::size_t row, std::span<const float> v) {
  PENCHANT_CHECK(v.empty() || v.size() == dim_, "vector length");
  grow(row + 1);
  const std::span<float> target{values_.data() + row * dim_, dim_};
  if (v.empty()) std::fill(target.begin(), target.end(), 0.0F);
  else std::copy(v.begin(), v.end(), target.begin());
  present_[row] = std::any_of(target.begin(), target.end(), [](float x) { return x != 0; }) ? 1 : 0;
  if (normalise_ && present_[row] != 0) kernels::l2_normalise(target);
}

void VectorTable::scan(std::span<const float> query, std::span<float> out) const {
  PENCHANT_CHECK(query.size() == dim_ && out.size() == rows(), "scan sizes");
  kernels::scores(view(), query, out);
}

double VectorTable::cosine(std::size_t a, std::size_t b) const {
  if (!present(a) || !present(b)) return 0;
  const double product = kernels::dot(row(a), row(b));
  if (normalise_) return product;
  const double norms = std::sqrt(static_cast<double>(kernels::dot(row(a), row(a))) *
                                 static_cast<double>(kernels::dot(row(b), row(b))));
  return norms > 0 ? product / norms : 0;
}

std::vector<float> content_profile(const VectorTable& table, std::span<const ItemId> history) {
  std::vector<float> profile(table.dim(), 0.0F);
  bool any = false;
  const std::size_t reach = std::min(history.size(), kProfileEvents);
  for (std::size_t age = 0; age < reach; ++age) {
    const auto row = index(history[history.size() - 1 - age]);
    if (!table.present(row)) continue;
    any = true;
    kernels::add_scaled(profile, static_cast<float>(std::pow(kProfileDecay, static_cast<double>(age))), table.row(row));
  }
  if (!any || !(kernels::l2_normalise(profile) > 0)) return {};
  return profile;
}

}  // namespace penchant::retrieve
