#include "penchant/semantic_id/fit_ids.h"

#include <optional>

#include "penchant/semantic_id/printing.h"
#include "penchant/semantic_id/quantiser.h"

namespace penchant::semantic_id {
namespace {

constexpr std::uint32_t kMaxDoublings = 2;
constexpr std::uint32_t kLargest = 1024;  // as choose_codebook

double shared(const FittedIds& ids) {
  const auto n = static_cast<double>(ids.resolved.codes.rows());
  return n == 0 ? 0 : static_cast<double>(ids.resolved.shared) / n;
}

std::string percent(double share) { return line("%.1f %%", 100 * share); }

Result<FittedIds> fit_once(std::string_view quantiser, MatrixView<const float> vectors,
                           const QuantiserOptions& options, const CollisionOptions& collisions,
                           Executor& executor) {
  PENCHANT_TRY(fit, fit_quantiser(quantiser, vectors, options, executor));
  PENCHANT_TRY(resolved, resolve_collisions(fit.codebooks, vectors, fit.codes.view(), executor, collisions));
  return FittedIds{std::move(fit), std::move(resolved), ""};
}

}  // namespace

Result<FittedIds> fit_ids(std::string_view quantiser, MatrixView<const float> vectors,
                          const QuantiserOptions& options, const CollisionOptions& collisions,
                          Executor& executor) {
  QuantiserOptions how = options;
  const bool given = how.codebook != 0 || !how.codebooks.empty();
  if (!given) how.codebook = choose_codebook(vectors.rows());
  PENCHANT_TRY(best, fit_once(quantiser, vectors, how, collisions, executor));
  if (given) {
    best.sizes = "as given";
    return best;
  }
  std::string tried = "the power of two nearest to the root of the number of items is " +
                      std::to_string(how.codebook) + ", with which " + percent(shared(best)) + " share an ID";
  for (std::uint32_t i = 0; i < kMaxDoublings && shared(best) > kMaxSharedItems && how.codebook < kLargest; ++i) {
    how.codebook *= 2;
    PENCHANT_TRY(larger, fit_once(quantiser, vectors, how, collisions, executor));
    tried += "; with " + std::to_string(how.codebook) + " " + percent(shared(larger));
    const bool worth = shared(larger) <= kMaxSharedItems || shared(larger) <= shared(best) / 2;
    if (worth) best = std::move(larger);
    else break;
  }
  best.sizes = tried + (shared(best) <= kMaxSharedItems ? "; 2 % may" : "; 2 % may, but larger ones do not help");
  return best;
}

}  // namespace penchant::semantic_id
