#include "penchant/semantic_id/learned/behaviour.h"

#include <algorithm>
#include <cmath>

#include "penchant/kernels/rows.h"
#include "penchant/semantic_id/learned/mlp_trainer.h"
#include "penchant/semantic_id/learned/products.h"
#include "penchant/semantic_id/learned/schedule.h"
#include "penchant/semantic_id/learned/standardise.h"
#include "penchant/semantic_id/residual_kmeans.h"

namespace penchant::semantic_id {
namespace {

constexpr std::size_t kHidden = 256, kOutputs = 64;
constexpr std::size_t kBatch = 512;  // pairs of a step
constexpr std::uint64_t kMostSteps = 1500;
constexpr double kLearningRate = 1e-3, kWeightDecay = 1e-2;
constexpr float kTemperature = 0.1F;

/// Who was taken right before or after whom, in compressed rows.
struct Neighbours {
  std::vector<std::size_t> offsets;     ///< [n + 1]
  std::vector<std::uint32_t> rows;      ///< [2 * pairs], one entry per pair and side
  std::vector<std::uint32_t> with_any;  ///< rows that have one, ascending
};

Result<Neighbours> neighbours_of(MatrixView<const float> vectors, std::span<const ItemPair> pairs) {
  const std::size_t n = vectors.rows();
  std::vector<std::uint8_t> known(n);
  for (std::size_t i = 0; i < n; ++i)
    known[i] = std::ranges::any_of(vectors.row(i), [](float v) { return v != 0; });
  const auto counts = [&](const ItemPair& p) {
    return p.first != p.second && known[p.first] && known[p.second];
  };
  Neighbours out{.offsets = std::vector<std::size_t>(n + 1, 0)};
  for (const auto& p : pairs) {
    if (p.first >= n || p.second >= n)
      return invalid("a pair names row " + std::to_string(std::max(p.first, p.second)) + " of " +
                     std::to_string(n));
    if (!counts(p)) continue;
    ++out.offsets[p.first + 1];
    ++out.offsets[p.second + 1];
  }
  for (std::size_t i = 0; i < n; ++i) {
    if (out.offsets[i + 1] > 0) out.with_any.push_back(static_cast<std::uint32_t>(i));
    out.offsets[i + 1] += out.offsets[i];
  }
  if (out.with_any.empty())
    return invalid(
        "no two items with content follow each other in the training events: behaviour-aware "
        "codes need events; use another quantiser, such as rqvae");
  out.rows.resize(out.offsets.back());
  auto at = out.offsets;
  for (const auto& p : pairs) {
    if (!counts(p)) continue;
    out.rows[at[p.first]++] = p.second;
    out.rows[at[p.second]++] = p.first;
  }
  return out;
}

/// Gradient of InfoNCE, both ways, at the unit rows: the first half are items, the second their partners.
/// \param unit [2 b, d]; rows [2 b] which item each is
Matrix<float> contrast(const Matrix<float>& unit, std::span<const std::uint32_t> rows, Executor& executor) {
  const std::size_t b = unit.rows() / 2;
  const auto items = unit.view().rows_from(0, b), partners = unit.view().rows_from(b, b);
  Matrix<float> forth = multiply_transposed(items, partners, {}, executor);
  for (std::size_t i = 0; i < b; ++i)
    for (std::size_t j = 0; j < b; ++j) {
      const bool same =
          i != j && (rows[b + j] == rows[b + i] || rows[b + j] == rows[i] || rows[j] == rows[i]);
      forth(i, j) = same ? -1e4F : forth(i, j) / kTemperature;
    }
  Matrix<float> back = transposed(forth.view());
  const auto soften = [&](Matrix<float>& logits) {
    executor.parallel_for(b, 16, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i) {
        kernels::softmax(logits.row(i));
        logits(i, i) -= 1;
      }
    });
  };
  soften(forth);
  soften(back);
  const Matrix<float> turned = transposed(back.view());
  const float share = 1 / (2 * kTemperature * static_cast<float>(b));
  for (std::size_t i = 0; i < forth.values().size(); ++i)
    forth.values()[i] = share * (forth.values()[i] + turned.values()[i]);
  const auto at_items = multiply_transposed(forth.view(), transposed(partners).view(), {}, executor);
  const auto at_partners =
      multiply_transposed(transposed(forth.view()).view(), transposed(items).view(), {}, executor);
  Matrix<float> gradient(2 * b, unit.cols());
  std::ranges::copy(at_items.values(), gradient.values().begin());
  std::ranges::copy(at_partners.values(),
                    gradient.values().begin() + static_cast<std::ptrdiff_t>(b * unit.cols()));
  return gradient;
}

Result<std::shared_ptr<const ContentEncoder>> learn_encoder(MatrixView<const float> vectors,
                                                            const QuantiserOptions& options,
                                                            Executor& executor) {
  PENCHANT_TRY(neighbours, neighbours_of(vectors, options.pairs));
  Rng rng(options.seed);
  const Standardiser standard(vectors);
  const std::size_t widths[] = {vectors.cols(), kHidden, kOutputs};
  MlpTrainer encoder(widths, rng);
  RowOrder order(neighbours.with_any, rng());
  const std::uint64_t steps =
      options.steps > 0 ? options.steps : step_count(neighbours.with_any.size(), kBatch, kMostSteps);
  const std::uint64_t total = steps + std::uint64_t{options.levels} * options.iterations;
  std::vector<std::uint32_t> rows;
  for (std::uint64_t step = 0; step < steps; ++step) {
    PENCHANT_DO(tell_step(options.progress, step, total, "behaviour"));
    const auto items = order.next(kBatch);
    rows.assign(items.begin(), items.end());
    for (const auto item : items) {
      const std::size_t first = neighbours.offsets[item], count = neighbours.offsets[item + 1] - first;
      rows.push_back(neighbours.rows[first + rng.below(count)]);
    }
    const Matrix<float> x = standard.batch(vectors, rows);
    const auto out = encoder.forward(x.view(), executor);
    Matrix<float> unit(out.rows(), out.cols());
    std::ranges::copy(std::span(out.data(), out.rows() * out.cols()), unit.values().begin());
    const auto lengths = to_unit_rows(unit);
    Matrix<float> gradient = contrast(unit, rows, executor);
    through_unit_rows(unit.view(), lengths, gradient);
    encoder.backward(gradient.view(), executor, false);
    encoder.step({.learning_rate = rate_at(kLearningRate, step, steps), .weight_decay = kWeightDecay}, executor);
  }
  return standard.fold_into(encoder.layers());
}

}  // namespace

Result<QuantiserFit> train_behaviour(MatrixView<const float> vectors, const QuantiserOptions& options,
                                     Executor& executor) {
  PENCHANT_DO(check_input(vectors, options));
  PENCHANT_TRY(encoder, learn_encoder(vectors, options, executor));
  PENCHANT_TRY(encoded, encoder->encode(vectors, executor));
  PENCHANT_TRY(fit, train_residual_kmeans(encoded.view(), options, executor));
  PENCHANT_TRY(codebooks, fit.codebooks.with_encoder(std::move(encoder)));
  fit.codebooks = std::move(codebooks);
  return fit;
}

}  // namespace penchant::semantic_id
