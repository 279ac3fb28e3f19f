#include "penchant/semantic_id/quantiser.h"

#include <algorithm>
#include <array>

#include "penchant/semantic_id/learned/behaviour.h"
#include "penchant/semantic_id/learned/rqvae.h"
#include "penchant/semantic_id/product_quantiser.h"
#include "penchant/semantic_id/residual_kmeans.h"

namespace penchant::semantic_id {
namespace {

constexpr std::array<std::string_view, 5> kNames{kResidualKMeans, "pq", "opq", "rqvae", kBehaviour};
constexpr std::array kTrain{train_residual_kmeans, train_product_quantiser, train_optimised_product_quantiser,
                            train_rqvae, train_behaviour};

}  // namespace

std::span<const std::string_view> quantiser_names() noexcept { return kNames; }

Status check_quantiser(std::string_view name) {
  if (std::ranges::find(kNames, name) != kNames.end()) return {};
  std::string known;
  for (const auto one : kNames) known.append(known.empty() ? "" : ", ").append(one);
  return invalid("quantiser \"" + std::string(name) + "\" is not known: use one of " + known);
}

bool reads_pairs(std::string_view name) noexcept { return name == kBehaviour; }

Result<QuantiserFit> fit_quantiser(std::string_view name, MatrixView<const float> vectors,
                                   const QuantiserOptions& options, Executor& executor) {
  PENCHANT_DO(check_quantiser(name));
  const auto at = static_cast<std::size_t>(std::ranges::find(kNames, name) - kNames.begin());
  return kTrain[at](vectors, options, executor);
}

}  // namespace penchant::semantic_id
