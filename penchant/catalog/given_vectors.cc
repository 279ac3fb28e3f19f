#include "penchant/catalog/given_vectors.h"

#include <algorithm>
#include <utility>

#include "penchant/catalog/text_form.h"

namespace penchant::catalog {
namespace {

/// Moves row k of `values` to row rows[k] (ascending) of `count`, in place; zeros between.
std::vector<float> spread(std::vector<float> values, const std::vector<std::uint32_t>& rows, std::size_t count, std::size_t dim) {
  values.resize(count * dim);
  for (std::size_t k = rows.size(); k-- > 0 && rows[k] != k;) {  // from here on down every row stands where it belongs
    const auto from = values.begin() + static_cast<std::ptrdiff_t>(k * dim);
    std::copy_n(from, dim, values.begin() + static_cast<std::ptrdiff_t>(rows[k] * dim));
    std::fill_n(from, dim, 0.0F);
  }
  return values;
}

}  // namespace

Status GivenVectors::add(const Item& item) {
  const std::size_t row = rows_++;
  for (const ModalityVector& v : item.vectors) {
    if (v.values.empty()) continue;
    if (!kinds_.contains(v.modality) && kinds_.size() == kMaxVectorKinds)
      return invalid("items carry more than " + std::to_string(kMaxVectorKinds) + " kinds of vectors");
    auto& lengths = kinds_[v.modality];
    auto found = std::ranges::find(lengths, v.values.size(), &OfLength::dim);
    if (found == lengths.end()) found = lengths.insert(found, {v.values.size(), {}, {}, item.id});
    found->rows.push_back(static_cast<std::uint32_t>(row));
    found->values.insert(found->values.end(), v.values.begin(), v.values.end());
  }
  return {};
}

std::map<std::string, Matrix<float>> GivenVectors::take() {
  std::map<std::string, Matrix<float>> out;
  left_out_.clear();
  for (auto& [name, lengths] : kinds_) {
    const auto most = std::ranges::max_element(lengths, {}, [](const OfLength& l) { return l.rows.size(); });
    out.emplace(name, Matrix<float>(spread(std::move(most->values), most->rows, rows_, most->dim), rows_, most->dim));
    std::size_t others = 0;
    const OfLength* example = nullptr;
    for (const OfLength& l : lengths) {
      if (&l == &*most) continue;
      others += l.rows.size();
      if (example == nullptr || l.rows.front() < example->rows.front()) example = &l;
    }
    if (example != nullptr)
      left_out_.push_back(std::to_string(others) + (others == 1 ? " item has" : " items have") + " a " + name +
                          " vector of another length than " + std::to_string(most->dim) + " and count as without one, first " +
                          quoted_for_message(example->first, 40) + " with " + std::to_string(example->dim) + " numbers");
  }
  kinds_.clear();
  rows_ = 0;
  return out;
}

}  // namespace penchant::catalog
