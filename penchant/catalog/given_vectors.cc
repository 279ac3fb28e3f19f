#include "penchant/catalog/given_vectors.h"

#include <utility>

namespace penchant::catalog {

Status GivenVectors::add(const Item& item) {
  const std::size_t row = rows_++;
  for (const ModalityVector& v : item.vectors) {
    if (v.values.empty()) continue;
    auto found = kinds_.find(v.modality);
    if (found == kinds_.end()) {
      if (kinds_.size() == kMaxVectorKinds)
        return invalid("items carry more than " + std::to_string(kMaxVectorKinds) + " kinds of vectors");
      found = kinds_.emplace(v.modality, Matrix<float>(0, v.values.size())).first;
    }
    Matrix<float>& kind = found->second;
    if (kind.cols() != v.values.size())
      return invalid("item \"" + item.id + "\": its " + v.modality + " vector has " + std::to_string(v.values.size()) +
                     " values, others have " + std::to_string(kind.cols()));
    kind.values().resize(row * kind.cols(), 0.0F);
    kind.values().insert(kind.values().end(), v.values.begin(), v.values.end());
  }
  return {};
}

std::map<std::string, Matrix<float>> GivenVectors::take() {
  for (auto& [name, kind] : kinds_) {
    kind.values().resize(rows_ * kind.cols(), 0.0F);
    kind = Matrix<float>(std::move(kind.values()), rows_, kind.cols());
  }
  rows_ = 0;
  return std::exchange(kinds_, {});
}

}  // namespace penchant::catalog
