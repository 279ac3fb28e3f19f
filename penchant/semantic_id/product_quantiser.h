#pragma once
/// \file Product quantisation, plain and with an optimised rotation, as ordinary codebooks. Layer 3.
#include "penchant/semantic_id/quantiser_options.h"

namespace penchant::semantic_id {

/// The numbers [first, first + width) of a vector, or of a rotated one, that one level quantises.
struct Subspace {
  std::size_t first = 0, width = 0;
};
/// `dim` numbers cut into `levels` neighbouring parts; the first dim % levels are one wider.
/// \param levels 1..dim
[[nodiscard]] std::vector<Subspace> subspaces(std::size_t dim, std::size_t levels);

/// Product quantisation (Jégou, Douze, Schmid 2011, TPAMI 33:1): level l is a k-means over its own
/// subspace. Its codewords are zero outside it, so the residual search of `Codebooks` is the product
/// search, and files, collisions and reports need to know nothing of it. Codes of one level say
/// nothing about another: prefixes are no coarse-to-fine path, as those of residual k-means are.
/// \param vectors [n, x], x >= L; zero rows as in train_residual_kmeans. The same seed and rows give
/// the same bytes on any number of threads. `options.rotation_rounds` is not read.
/// \return invalid_argument naming the item and column of a bad number, or for fewer numbers than
/// levels; cancelled
Result<QuantiserFit> train_product_quantiser(MatrixView<const float> vectors, const QuantiserOptions& options,
                                             Executor& executor);

/// Optimised product quantisation (Ge, He, Ke, Sun, CVPR 2013): vectors are rotated first, by the
/// parametric start and then by turns of one Lloyd step in every subspace and the best rotation for
/// the codewords, until `rotation_rounds` are done or the error falls by less than 1e-4 of itself.
/// Codewords are rotated back: zero outside their own rotated subspace, up to rounding.
/// Memory: three copies of the training rows. Time of one round: O(n x^2 + x^3).
/// \return as train_product_quantiser, or invalid_argument naming an item whose vector is longer than 1e15
Result<QuantiserFit> train_optimised_product_quantiser(MatrixView<const float> vectors,
                                                       const QuantiserOptions& options, Executor& executor);

}  // namespace penchant::semantic_id
