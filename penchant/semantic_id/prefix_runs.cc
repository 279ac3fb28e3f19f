#include "penchant/semantic_id/prefix_runs.h"

#include <algorithm>
#include <numeric>

namespace penchant::semantic_id {

PrefixRuns::PrefixRuns(MatrixView<const catalog::Code> codes, std::size_t length) : rows_(codes.rows()) {
  std::iota(rows_.begin(), rows_.end(), 0u);
  std::ranges::stable_sort(rows_, [&](std::uint32_t a, std::uint32_t b) {
    return std::ranges::lexicographical_compare(codes.row(a), codes.row(b));
  });
  starts_.push_back(0);
  for (std::size_t i = 1; i < rows_.size(); ++i)
    if (!std::ranges::equal(codes.row(rows_[i]).first(length), codes.row(rows_[i - 1]).first(length)))
      starts_.push_back(i);
  if (!rows_.empty()) starts_.push_back(rows_.size());
}

std::size_t count_shared(MatrixView<const catalog::Code> codes) {
  const PrefixRuns runs(codes, codes.cols());
  std::size_t shared = 0;
  for (std::size_t r = 0; r < runs.size(); ++r)
    if (runs[r].size() > 1) shared += runs[r].size();
  return shared;
}

}  // namespace penchant::semantic_id
