#pragma once
/// \file Multi-head attention of one query over stored keys and values. Layer 1.
#include <cstddef>
#include <span>
#include <vector>

namespace penchant::kernels {

/// Keys and values of one sequence: row t of each starts at t * stride and holds heads * head_dim
/// floats, heads contiguous. Views: valid while the arrays are.
struct KeyValues {
  const float* keys = nullptr;
  const float* values = nullptr;
  std::size_t count = 0;   ///< rows to attend to, >= 1
  std::size_t stride = 0;  ///< floats from row to row
};

/// out[h] = softmax(q[h] . keys[h] / sqrt(head_dim)) * values[h] for each head.
/// query, out [heads * head_dim]; `scratch` is resized as needed and may be kept between calls (one
/// per thread). out may be query. Threads: safe with separate scratch and out.
void attend(std::span<const float> query, const KeyValues& past, std::size_t heads,
            std::vector<float>& scratch, std::span<float> out);

/// Rotary position in place: in each head of size D = x.size() / heads, the pair (j, j + D/2) is
/// turned by the angle with cosine cos[j] and sine sin[j]; cos, sin [D/2].
void rotate_pairs(std::span<float> x, std::size_t heads, std::span<const float> cos,
                  std::span<const float> sin);

}  // namespace penchant::kernels
