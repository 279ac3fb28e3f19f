#pragma once
/// \file Training of the semantic IDs: one k-means per level on what the levels before left over. Layer 3.
#include "penchant/semantic_id/quantiser_options.h"

namespace penchant::semantic_id {

/// Residual k-means (Chen, Guan, Wang 2010: approximate nearest neighbor search by residual vector
/// quantization). Levels may shrink (codebooks = {512, 256, 128}): what is left over grows smaller and
/// more even, so later levels need fewer codewords for the same gain.
/// \param vectors [n, x] content vectors; a zero row is an item without content: it does not train,
/// and gets the codewords nearest to zero (the collision policy then spreads such items).
/// The same seed and rows give the same bytes on any number of threads. Memory: two copies of vectors.
/// \return invalid_argument naming the item and column of a bad number; cancelled
Result<QuantiserFit> train_residual_kmeans(MatrixView<const float> vectors, const QuantiserOptions& options,
                                           Executor& executor);

}  // namespace penchant::semantic_id
