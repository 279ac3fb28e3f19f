#pragma once
/// \file Cross-entropy of a softmax over a whole catalogue, with its gradients, without ever holding
/// the logits of more than a few rows. Layer 1.
#include <cstddef>
#include <cstdint>
#include <span>

#include "penchant/base/executor.h"
#include "penchant/base/matrix_view.h"

namespace penchant::kernels {

/// How the four matrix products are computed. Sums are kept in float either way.
enum class Precision : std::uint8_t {
  f32,
  bf16,  ///< inputs and probabilities rounded to bfloat16 (8 bits of mantissa): twice the speed where the CPU has it
};
/// bf16 where the CPU multiplies it natively, else f32.
[[nodiscard]] Precision fastest_precision();

struct SoftmaxLossInput {
  MatrixView<const float> users;          ///< [p, d] rows of the positions
  MatrixView<const float> items;          ///< [n, d]
  std::span<const float> bias;            ///< [n], or empty
  std::span<const std::int64_t> targets;  ///< [p * k] item rows, k >= 1
  std::span<const float> weights;         ///< [p * k], W_p in sum for position p: 1, or more where it counts for more
  double label_smoothing = 0;             ///< s in [0, 1)
};

/// Where the gradients of the mean loss go; overwritten. An empty view is not computed.
struct SoftmaxLossGradients {
  MatrixView<float> users;  ///< [p, d]
  MatrixView<float> items;  ///< [n, d]
  std::span<float> bias;    ///< [n]
};

/// Mean over positions of W_p times the cross-entropy of softmax(users * items^T + bias) against
/// (1 - s) * sum_k weights[k] / W_p * onehot(targets[k]) + s / n.
///
/// Items go by in tiles of up to 1,024; of every tile only exp(logit - tile maximum) is kept, for 128
/// positions at a time, and rescaled when the whole row is known (the online softmax of Milakov and
/// Gimelshein 2018). Memory per thread: 128 * n values of the precision, and d * n floats.
/// Same input and thread count: same bits. Throws InternalError on sizes that do not fit together.
double softmax_loss(const SoftmaxLossInput& input, const SoftmaxLossGradients& gradients, Precision precision,
                    Executor& executor);

}  // namespace penchant::kernels
