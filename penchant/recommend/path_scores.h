#pragma once
/// \file The generator's exact score of given items: the log-probability of each item's whole path,
/// every code given the ones before. Layer 5.
#include <cstdint>
#include <span>

#include "penchant/base/matrix_view.h"
#include "penchant/base/result.h"
#include "penchant/catalog/ids.h"
#include "penchant/nn/sequence_model.h"

namespace penchant::recommend {

/// Shared prefixes are scored once; at most kPathChunk rows are in the decoder's batch at a time.
inline constexpr std::size_t kPathChunk = 4096;

/// \param hidden [d]; \param codes [n, L], every code below the codebook size; \param rows rows of
/// `codes`, in any order, repeats allowed; \param out [rows.size()]
void path_log_probs(const nn::DepthDecoder& decoder, std::span<const float> hidden,
                    MatrixView<const catalog::Code> codes, std::span<const std::uint32_t> rows, std::span<float> out);

}  // namespace penchant::recommend
