#pragma once
/// \file Behaviour-aware codes: content is encoded so that items people take together lie together. Layer 3.
#include "penchant/semantic_id/quantiser_options.h"

namespace penchant::semantic_id {

/// A content encoder learned from behaviour, then residual k-means of what it gives (after QARM, Luo et
/// al. 2024, arXiv:2411.11739). The encoder sees content alone, so an item nobody has touched is coded
/// as well. It learns on `options.pairs`: an item, drawn evenly among those with a pair, and one of its
/// neighbours in them are to be more alike than the item and the neighbours of the other items of the
/// step (InfoNCE both ways, van den Oord et al. 2018; cosine / 0.1).
/// \param vectors [n, x] content vectors; zero rows as in train_residual_kmeans; their pairs are not read
/// The same seed, rows and pairs give the same bytes on any number of threads. Memory: two copies of
/// vectors and eight bytes per pair.
/// \return invalid_argument naming the item and column of a bad number, a pair out of range, or without
/// a single pair of items that have content; cancelled
Result<QuantiserFit> train_behaviour(MatrixView<const float> vectors, const QuantiserOptions& options,
                                     Executor& executor);

}  // namespace penchant::semantic_id
