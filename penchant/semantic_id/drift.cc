#include "penchant/semantic_id/drift.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "penchant/semantic_id/printing.h"

namespace penchant::semantic_id {
namespace {

Matrix<float> with_content(MatrixView<const float> vectors) {
  Matrix<float> rows;
  for (std::size_t i = 0; i < vectors.rows(); ++i)
    if (std::ranges::any_of(vectors.row(i), [](float v) { return v != 0; })) rows.append_row(vectors.row(i));
  return rows;
}

/// [levels][rows] lengths left over.
Result<std::vector<std::vector<double>>> lengths_left(const Codebooks& codebooks, const Matrix<float>& vectors,
                                                      Executor& executor) {
  PENCHANT_TRY(codes, codebooks.assign(vectors.view(), executor));
  PENCHANT_TRY(encoded, codebooks.encode(vectors.view(), executor));
  std::vector<std::vector<double>> lengths(codebooks.levels());
  std::vector<float> left(codebooks.dim());
  const std::vector<float> zero(codebooks.dim(), 0);
  for (std::size_t i = 0; i < vectors.rows(); ++i)
    for (std::size_t l = 0; l < codebooks.levels(); ++l) {
      codebooks.residual(encoded.rows.row(i), codes.row(i), l + 1, left);
      lengths[l].push_back(std::sqrt(double{squared_distance(left, zero)}));
    }
  return lengths;
}

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

}  // namespace

Result<DriftReport> measure_drift(const Codebooks& codebooks, MatrixView<const float> trained,
                                  MatrixView<const float> added, Executor& executor) {
  const auto before = with_content(trained), after = with_content(added);
  DriftReport report{.added = after.rows(), .without_content = added.rows() - after.rows()};
  if (before.rows() == 0 || after.rows() == 0) return report;
  PENCHANT_TRY(trained_left, lengths_left(codebooks, before, executor));
  PENCHANT_TRY(added_left, lengths_left(codebooks, after, executor));
  for (std::size_t l = 0; l < codebooks.levels(); ++l) {
    auto& sorted = trained_left[l];
    std::ranges::sort(sorted);
    const auto place = static_cast<std::size_t>(std::ceil(0.99 * static_cast<double>(sorted.size()))) - 1;
    DriftLevel level{.trained = mean(sorted), .added = mean(added_left[l]), .limit = sorted[place]};
    const auto beyond = std::ranges::count_if(added_left[l], [&](double length) { return length > level.limit; });
    level.outliers = static_cast<double>(beyond) / static_cast<double>(after.rows());
    report.levels.push_back(level);
  }
  return report;
}

std::string to_json(const DriftReport& report) {
  JsonObject object;
  object.add("added", report.added).add("without_content", report.without_content);
  object.add("levels", json_array(report.levels, [](const DriftLevel& l) {
               return JsonObject()
                   .add("trained", l.trained)
                   .add("added", l.added)
                   .add("limit", l.limit)
                   .add("outliers", l.outliers)
                   .str();
             }));
  return object.str();
}

std::string to_text(const DriftReport& report) {
  std::string text = line("\n  items added after training: %zu with content, %zu without\n", report.added,
                          report.without_content);
  if (report.levels.empty()) return text;
  text += "  level   left over of trained items   of added items   99 % of trained within   added beyond\n";
  for (std::size_t l = 0; l < report.levels.size(); ++l) {
    const auto& level = report.levels[l];
    text += line("  %5zu   %26.3f   %14.3f   %22.3f   %10.1f %%\n", l + 1, level.trained, level.added, level.limit,
                 100 * level.outliers);
  }
  return text;
}

}  // namespace penchant::semantic_id
