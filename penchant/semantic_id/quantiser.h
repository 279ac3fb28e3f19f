#pragma once
/// \file Any quantiser by its name. Layer 3.
#include <string_view>

#include "penchant/semantic_id/quantiser_options.h"

namespace penchant::semantic_id {

inline constexpr std::string_view kResidualKMeans = "residual-kmeans", kBehaviour = "behaviour";

/// "residual-kmeans", "pq", "opq", "rqvae", "behaviour".
[[nodiscard]] std::span<const std::string_view> quantiser_names() noexcept;
/// \return invalid_argument listing the names when `name` is none of them
Status check_quantiser(std::string_view name);
/// True for quantisers that learn from QuantiserOptions::pairs.
[[nodiscard]] bool reads_pairs(std::string_view name) noexcept;
/// Trains the quantiser of that name; what it may answer and what it costs stands at
/// train_residual_kmeans, train_product_quantiser, train_optimised_product_quantiser, train_rqvae and
/// train_behaviour.
/// \param vectors [n, x]
Result<QuantiserFit> fit_quantiser(std::string_view name, MatrixView<const float> vectors,
                                   const QuantiserOptions& options, Executor& executor);

}  // namespace penchant::semantic_id
