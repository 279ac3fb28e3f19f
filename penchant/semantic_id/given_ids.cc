#include "penchant/semantic_id/given_ids.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <unordered_map>

namespace penchant::semantic_id {
namespace {

/// Of every coordinate of a codeword that no item has, times the largest number of the content.
constexpr float kFarAway = 1000;

std::string named(const std::string& first, std::size_t all) {
  return "item \"" + first + "\"" + (all > 1 ? " and " + std::to_string(all - 1) + " more" : "");
}

}  // namespace

MatchedIds match_ids(const NamedIds& ids, std::span<const std::string> items) {
  std::unordered_map<std::string_view, std::size_t> rows;
  for (std::size_t i = 0; i < items.size(); ++i) rows.emplace(items[i], i);
  MatchedIds out{.codes = Matrix<Code>(items.size(), ids.codes.cols())};
  std::vector<bool> has(items.size(), false);
  for (std::size_t k = 0; k < ids.items.size(); ++k) {
    const auto found = rows.find(ids.items[k]);
    if (found == rows.end()) {
      out.unknown.push_back(ids.items[k]);
      continue;
    }
    has[found->second] = true;
    std::ranges::copy(ids.codes.row(k), out.codes.row(found->second).begin());
  }
  for (std::uint32_t i = 0; i < items.size(); ++i)
    if (!has[i]) out.missing.push_back(i);
  return out;
}

Status check_complete(const MatchedIds& matched, std::span<const std::string> items) {
  if (!matched.unknown.empty())
    return invalid(named(matched.unknown[0], matched.unknown.size()) + " of the file: not in the catalogue");
  if (!matched.missing.empty())
    return invalid(named(items[matched.missing[0]], matched.missing.size()) +
                   " of the catalogue: no semantic ID in the file");
  return {};
}

Result<Codebooks> fit_codebooks(MatrixView<const float> vectors, MatrixView<const Code> codes) {
  if (vectors.rows() != codes.rows() || codes.rows() == 0 || codes.cols() == 0 || vectors.cols() == 0)
    return invalid("codebooks need one semantic ID per content vector, and one of each at least");
  float largest = 0;
  for (std::size_t i = 0; i < vectors.rows(); ++i)
    for (const float v : vectors.row(i)) {
      if (!std::isfinite(v)) return invalid("content vector of row " + std::to_string(i) + " holds a number that is not finite");
      largest = std::max(largest, std::abs(v));
    }
  Matrix<float> left(vectors.rows(), vectors.cols());
  std::vector<bool> counts(vectors.rows());
  for (std::size_t i = 0; i < vectors.rows(); ++i) {
    std::ranges::copy(vectors.row(i), left.row(i).begin());
    counts[i] = std::ranges::any_of(vectors.row(i), [](float v) { return v != 0; });
  }
  std::vector<Matrix<float>> levels;
  for (std::size_t l = 0; l < codes.cols(); ++l) {
    std::size_t size = 0;
    for (std::size_t i = 0; i < codes.rows(); ++i) size = std::max<std::size_t>(size, codes(i, l) + std::size_t{1});
    Matrix<double> sums(size, vectors.cols());
    std::vector<std::size_t> members(size, 0);
    std::vector<bool> used(size, false);
    for (std::size_t i = 0; i < codes.rows(); ++i) {
      used[codes(i, l)] = true;
      if (!counts[i]) continue;
      ++members[codes(i, l)];
      for (std::size_t j = 0; j < left.cols(); ++j) sums(codes(i, l), j) += left(i, j);
    }
    Matrix<float> words(size, vectors.cols());
    for (std::size_t k = 0; k < size; ++k)
      for (std::size_t j = 0; j < words.cols(); ++j)
        words(k, j) = members[k] > 0 ? static_cast<float>(sums(k, j) / static_cast<double>(members[k]))
                      : used[k]      ? 0.0F
                                     : kFarAway * std::max(largest, 1.0F);
    for (std::size_t i = 0; i < codes.rows(); ++i)
      if (counts[i])
        for (std::size_t j = 0; j < left.cols(); ++j) left(i, j) -= words(codes(i, l), j);
    levels.push_back(std::move(words));
  }
  return Codebooks::create(std::move(levels));
}

}  // namespace penchant::semantic_id
