#include "penchant/evaluate/baselines/factors.h"

#include <limits>

namespace penchant::evaluate {

ItemVectors::ItemVectors(MatrixView<const float> vectors, std::span<const float> bias,
                         std::span<const std::uint8_t> usable)
    : packed_(vectors, bias) {
  for (std::size_t i = 0; i < usable.size(); ++i)
    if (usable[i] == 0) unusable_.push_back(static_cast<std::uint32_t>(i));
}

void ItemVectors::score(MatrixView<const float> queries, MatrixView<float> out) const {
  packed_.apply(queries, out);
  for (std::size_t q = 0; q < out.rows(); ++q)
    for (const auto item : unusable_) out(q, item) = -std::numeric_limits<float>::infinity();
}

}  // namespace penchant::evaluate
