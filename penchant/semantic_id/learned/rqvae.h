#pragma once
/// \file RQ-VAE: an autoencoder whose inner vector is coded by residual codebooks. Layer 3.
#include "penchant/semantic_id/quantiser_options.h"

namespace penchant::semantic_id {

/// Residual-quantised variational autoencoder (Lee et al., CVPR 2022; for semantic IDs: Rajput et al.,
/// NeurIPS 2023). Encoder and decoder are small networks; the inner vector z has length one. Loss of a
/// row x, standardised: |x - x'|^2 + 0.25 sum_l |r_l - sg(e_l)|^2, r_l what the levels before l leave of
/// z; the gradient passes the codebooks straight through. Codebooks start as residual k-means of z
/// after a plain autoencoder has learned for a fifth of the steps, follow as moving means of the rows
/// that choose them, and a code that hardly any row chooses is put on a random row (dead-code reset).
/// In the end Lloyd's steps fit them to all training rows under the final encoder, so that a code is
/// dead only where there are fewer different rows than codes.
/// \param vectors [n, x] content vectors; zero rows as in train_residual_kmeans
/// The same seed and rows give the same bytes on any number of threads. Memory: two copies of vectors.
/// \return invalid_argument naming the item and column of a bad number; cancelled
Result<QuantiserFit> train_rqvae(MatrixView<const float> vectors, const QuantiserOptions& options,
                                 Executor& executor);

}  // namespace penchant::semantic_id
