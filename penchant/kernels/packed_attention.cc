#include "penchant/kernels/packed_attention.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "penchant/base/result.h"
#include "penchant/kernels/dropout.h"
#include "penchant/kernels/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "penchant/kernels/packed_attention.cc"
// Highway's per-target headers come after foreach_target.h.
// clang-format off
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "hwy/contrib/math/math-inl.h"
#include "penchant/kernels/kept_lanes-inl.h"
// clang-format on

#ifndef PENCHANT_KERNELS_PACKED_ATTENTION_SHARED
#define PENCHANT_KERNELS_PACKED_ATTENTION_SHARED
namespace penchant::kernels {

constexpr std::size_t kPad = 16;  ///< rows of the small matrices below are whole vectors at every SIMD level
inline std::size_t padded(std::size_t n) { return (n + kPad - 1) / kPad * kPad; }

/// One head of one history, and room to work; grows to the longest history. One per thread.
struct HeadTask {
  std::size_t events = 0, size = 0;  ///< n, head_dim
  bool causal = true;
  float scale = 1;                   ///< 1 / sqrt(head_dim)
  DropoutKey key;                    ///< of the weights, counted by rows
  std::vector<float> queries, keys, values, d_out;   ///< [n, padded(size)], the padding is 0
  std::vector<float> keys_turned, values_turned;     ///< [padded(size), padded(n)]: transposed
  std::vector<float> weights, d_weights;             ///< [n, padded(n)]
  std::vector<float> first, second, third;           ///< [n, padded(size)]: results
  std::vector<float> inner;                          ///< [n] <d_out, out> of each row

  void resize(std::size_t n, std::size_t d) {
    events = n, size = d;
    const std::size_t wide = n * padded(d), turned = padded(d) * padded(n), square = n * padded(n);
    for (auto* m : {&queries, &keys, &values, &d_out, &first, &second, &third}) m->resize(std::max(m->size(), wide));
    for (auto* m : {&keys_turned, &values_turned}) m->resize(std::max(m->size(), turned));
    for (auto* m : {&weights, &d_weights}) m->resize(std::max(m->size(), square));
    inner.assign(n, 0.0F);
  }
};

}  // namespace penchant::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace penchant::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;
using DI = hn::RebindToSigned<D>;

constexpr std::size_t kRows = 4;                                    ///< of a block that stays in registers
constexpr std::size_t kVectors = HWY_TARGET <= HWY_AVX3 ? 4 : 2;    ///< per row of the block

/// C [rows, vectors] = sum over k in [from, to) of A(., k) B(k, .); A(r, k) = a[r * a_row + k * a_col].
template <std::size_t rows, std::size_t vectors>
HWY_INLINE void block(const float* HWY_RESTRICT a, std::size_t a_row, std::size_t a_col, const float* HWY_RESTRICT b,
                      std::size_t b_row, std::size_t from, std::size_t to, float* HWY_RESTRICT c, std::size_t c_row) {
  const D d;
  const std::size_t lanes = hn::Lanes(d);
  V sum[rows][vectors];
#pragma GCC unroll 8
  for (std::size_t r = 0; r < rows; ++r)
#pragma GCC unroll 8
    for (std::size_t v = 0; v < vectors; ++v) sum[r][v] = hn::Zero(d);
  for (std::size_t k = from; k < to; ++k) {
    V right[vectors];
#pragma GCC unroll 8
    for (std::size_t v = 0; v < vectors; ++v) right[v] = hn::LoadU(d, b + k * b_row + v * lanes);
#pragma GCC unroll 8
    for (std::size_t r = 0; r < rows; ++r) {
      const V left = hn::Set(d, a[r * a_row + k * a_col]);
#pragma GCC unroll 8
      for (std::size_t v = 0; v < vectors; ++v) sum[r][v] = hn::MulAdd(left, right[v], sum[r][v]);
    }
  }
#pragma GCC unroll 8
  for (std::size_t r = 0; r < rows; ++r)
#pragma GCC unroll 8
    for (std::size_t v = 0; v < vectors; ++v) hn::StoreU(sum[r][v], d, c + r * c_row + v * lanes);
}

template <std::size_t rows>
HWY_INLINE void row_block(const float* a, std::size_t a_row, std::size_t a_col, const float* b, std::size_t b_row,
                          std::size_t from, std::size_t to, float* c, std::size_t c_row, std::size_t cols) {
  const std::size_t lanes = hn::Lanes(D());
  std::size_t j = 0;
  for (; j + kVectors * lanes <= cols; j += kVectors * lanes)
    block<rows, kVectors>(a, a_row, a_col, b + j, b_row, from, to, c + j, c_row);
  for (; j < cols; j += lanes) block<rows, 1>(a, a_row, a_col, b + j, b_row, from, to, c + j, c_row);
}

struct Range {
  std::size_t from, to;
};

/// C [rows, cols] = A B for blocks of rows; range_of(first, last) says which k a block of rows needs, cols_of which
/// columns. cols is a multiple of kPad.
template <class RangeOf, class ColsOf>
HWY_INLINE void product(std::size_t rows, const float* a, std::size_t a_row, std::size_t a_col, const float* b, std::size_t b_row,
                        float* c, std::size_t c_row, const RangeOf& range_of, const ColsOf& cols_of) {
  for (std::size_t i = 0; i < rows; i += kRows) {
    const std::size_t here = std::min(kRows, rows - i);
    const Range k = range_of(i, i + here);
    const std::size_t cols = cols_of(i + here);
    const float* left = a + i * a_row;
    float* out = c + i * c_row;
    switch (here) {
      case 1: row_block<1>(left, a_row, a_col, b, b_row, k.from, k.to, out, c_row, cols); break;
      case 2: row_block<2>(left, a_row, a_col, b, b_row, k.from, k.to, out, c_row, cols); break;
      case 3: row_block<3>(left, a_row, a_col, b, b_row, k.from, k.to, out, c_row, cols); break;
      default: row_block<kRows>(left, a_row, a_col, b, b_row, k.from, k.to, out, c_row, cols);
    }
  }
}

/// The products of one head. "Seen" is what a row attends to: everything before its block's end, or all.
struct Products {
  const HeadTask& t;
  std::size_t n = t.events, wide = padded(t.size), square = padded(n);

  /// [n, padded(n)] = rows of `left` [n, wide] times `turned` [wide, square].
  void against(const float* left, const float* turned, float* out) const {
    product(n, left, wide, 1, turned, square, out, square, [&](std::size_t, std::size_t) { return Range{0, t.size}; },
            [&](std::size_t end) { return t.causal ? padded(end) : square; });
  }
  /// [n, wide] = weights [n, n] times `right` [n, wide].
  void mixed(const float* weights, const float* right, float* out) const {
    product(n, weights, square, 1, right, wide, out, wide,
            [&](std::size_t, std::size_t end) { return Range{0, t.causal ? end : n}; }, [&](std::size_t) { return wide; });
  }
  /// [n, wide] = weights^T times `right`: what each row gave to those that saw it.
  void gathered(const float* weights, const float* right, float* out) const {
    product(n, weights, 1, square, right, wide, out, wide,
            [&](std::size_t begin, std::size_t) { return Range{t.causal ? begin : 0, n}; }, [&](std::size_t) { return wide; });
  }
};

/// The first n lanes, or all of them.
HWY_INLINE hn::Mask<D> first(D d, std::size_t n) { return hn::FirstN(d, std::min(n, hn::Lanes(d))); }

/// weights: logits become probabilities, dropped ones 0. log_sums: [n] apart by `stride`.
HWY_INLINE void probabilities(HeadTask& t, float* log_sums, std::size_t stride) {
  const D d;
  const std::size_t lanes = hn::Lanes(d), square = padded(t.events);
  const V scale = hn::Set(d, t.scale), lowest = hn::Set(d, -std::numeric_limits<float>::infinity());
  for (std::size_t i = 0; i < t.events; ++i) {
    float* row = t.weights.data() + i * square;
    const std::size_t seen = t.causal ? i + 1 : t.events, end = padded(t.causal ? std::min(t.events, i / kRows * kRows + kRows) : t.events);
    V top = lowest;
    for (std::size_t j = 0; j < seen; j += lanes) {
      const V x = hn::IfThenElse(first(d, seen - j), hn::Mul(scale, hn::LoadU(d, row + j)), lowest);
      hn::StoreU(x, d, row + j);
      top = hn::Max(top, x);
    }
    const float largest = hn::GetLane(hn::MaxOfLanes(d, top));
    const V shift = hn::Set(d, largest);
    V sum = hn::Zero(d);
    for (std::size_t j = 0; j < seen; j += lanes) {
      const V e = hn::IfThenElseZero(first(d, seen - j), hn::Exp(d, hn::Sub(hn::LoadU(d, row + j), shift)));
      hn::StoreU(e, d, row + j);
      sum = hn::Add(sum, e);
    }
    const float total = hn::GetLane(hn::SumOfLanes(d, sum));
    const V share = hn::Set(d, 1.0F / total);
    std::size_t j = 0;
    for (; j < seen; j += lanes) {
      V p = hn::Mul(share, hn::LoadU(d, row + j));
      if (t.key.drops()) p = hn::Mul(p, kept(d, t.key, static_cast<std::uint32_t>(i * square + j)));
      hn::StoreU(p, d, row + j);
    }
    for (; j < end; j += lanes) hn::StoreU(hn::Zero(d), d, row + j);
    log_sums[i * stride] = largest + std::log(total);
  }
}

/// weights: logits become the kept probabilities; d_weights: their gradients become those of the logits.
HWY_INLINE void probability_gradients(HeadTask& t, const float* log_sums, std::size_t stride) {
  const D d;
  const std::size_t lanes = hn::Lanes(d), square = padded(t.events);
  const V scale = hn::Set(d, t.scale);
  for (std::size_t i = 0; i < t.events; ++i) {
    float* row = t.weights.data() + i * square;
    float* d_row = t.d_weights.data() + i * square;
    const std::size_t seen = t.causal ? i + 1 : t.events, end = padded(t.causal ? std::min(t.events, i / kRows * kRows + kRows) : t.events);
    const V log_sum = hn::Set(d, log_sums[i * stride]), mean = hn::Set(d, t.inner[i]);
    std::size_t j = 0;
    for (; j < seen; j += lanes) {
      const auto live = first(d, seen - j);
      const V p = hn::IfThenElseZero(live, hn::Exp(d, hn::Sub(hn::Mul(scale, hn::LoadU(d, row + j)), log_sum)));
      const V keep = t.key.drops() ? kept(d, t.key, static_cast<std::uint32_t>(i * square + j)) : hn::Set(d, 1.0F);
      const V g = hn::Sub(hn::Mul(hn::LoadU(d, d_row + j), keep), mean);
      hn::StoreU(hn::Mul(p, keep), d, row + j);
      hn::StoreU(hn::IfThenElseZero(live, hn::Mul(scale, hn::Mul(p, g))), d, d_row + j);
    }
    for (; j < end; j += lanes) hn::StoreU(hn::Zero(d), d, row + j), hn::StoreU(hn::Zero(d), d, d_row + j);
  }
}

/// Forward: out of the task's queries, keys (and keys_turned) and values into `first`.
void head_forward(HeadTask& t, float* log_sums, std::size_t stride) {
  const Products products{t};
  products.against(t.queries.data(), t.keys_turned.data(), t.weights.data());
  probabilities(t, log_sums, stride);
  products.mixed(t.weights.data(), t.values.data(), t.first.data());
}

/// Gradients of queries, keys, values into first, second, third.
void head_gradient(HeadTask& t, const float* log_sums, std::size_t stride) {
  const Products products{t};
  products.against(t.queries.data(), t.keys_turned.data(), t.weights.data());
  products.against(t.d_out.data(), t.values_turned.data(), t.d_weights.data());
  probability_gradients(t, log_sums, stride);
  products.mixed(t.d_weights.data(), t.keys.data(), t.first.data());
  products.gathered(t.d_weights.data(), t.queries.data(), t.second.data());
  products.gathered(t.weights.data(), t.d_out.data(), t.third.data());
}

}  // namespace penchant::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace penchant::kernels {
HWY_EXPORT(head_forward);
HWY_EXPORT(head_gradient);

namespace {

/// Copies one head of rows [begin, begin + n) into [n, padded(size)]; `turn` 1 rotates, -1 rotates back, 0 does not.
class Heads {
 public:
  Heads(const PackedAttention& a, std::size_t size) : a_(a), size_(size), wide_(padded(size)) {}

  void read(MatrixView<const float> from, std::size_t begin, std::size_t column, std::size_t n, bool rotates, std::vector<float>& to) const {
    for (std::size_t i = 0; i < n; ++i) {
      float* row = to.data() + i * wide_;
      std::copy_n(from.row(begin + i).data() + column, size_, row);
      std::fill(row + size_, row + wide_, 0.0F);
      if (rotates && !a_.cosines.empty()) turn(row, i, 1);
    }
  }
  /// Queries, keys (also transposed) and values of head h.
  void read_projected(MatrixView<const float> projected, std::size_t begin, std::size_t h, HeadTask& t) const {
    const std::size_t d = projected.cols() / 3;
    read(projected, begin, h * size_, t.events, true, t.queries);
    read(projected, begin, d + h * size_, t.events, true, t.keys);
    read(projected, begin, 2 * d + h * size_, t.events, false, t.values);
    transpose(t.keys, t.events, t.keys_turned);
  }
  void write(std::vector<float>& from, MatrixView<float> to, std::size_t begin, std::size_t column, std::size_t n, bool rotates) const {
    for (std::size_t i = 0; i < n; ++i) {
      float* row = from.data() + i * wide_;
      if (rotates && !a_.cosines.empty()) turn(row, i, -1);
      std::copy_n(row, size_, to.row(begin + i).data() + column);
    }
  }
  /// [n, wide] -> [wide, padded(n)], the padding 0.
  void transpose(const std::vector<float>& from, std::size_t n, std::vector<float>& to) const {
    const std::size_t square = padded(n);
    for (std::size_t j = 0; j < size_; ++j) {
      float* row = to.data() + j * square;
      for (std::size_t i = 0; i < n; ++i) row[i] = from[i * wide_ + j];
      std::fill(row + n, row + square, 0.0F);
    }
  }

 private:
  void turn(float* row, std::size_t position, float sign) const {
    const auto cosines = a_.cosines.row(position), sines = a_.sines.row(position);
    float* high = row + size_ / 2;
    for (std::size_t j = 0; j < size_ / 2; ++j) {
      const float x = row[j], y = high[j], s = sign * sines[j];
      row[j] = x * cosines[j] - y * s;
      high[j] = x * s + y * cosines[j];
    }
  }
  const PackedAttention& a_;
  std::size_t size_, wide_;
};

void check(const PackedAttention& a, MatrixView<const float> projected, std::size_t rows, std::size_t cols, std::size_t sums) {
  PENCHANT_CHECK(a.heads > 0 && cols % a.heads == 0 && projected.cols() == 3 * cols && projected.rows() == rows &&
                     sums == rows * a.heads,
                 "packed_attention: sizes differ");
  PENCHANT_CHECK(!a.offsets.empty() && a.offsets.front() == 0 && a.offsets.back() == static_cast<std::int64_t>(rows) &&
                     std::ranges::is_sorted(a.offsets),
                 "packed_attention: the histories are not the rows");
  if (a.cosines.empty()) return;
  std::int64_t longest = 0;
  for (std::size_t s = 0; s + 1 < a.offsets.size(); ++s) longest = std::max(longest, a.offsets[s + 1] - a.offsets[s]);
  const std::size_t half = cols / a.heads / 2;
  PENCHANT_CHECK(cols / a.heads % 2 == 0 && a.cosines.cols() == half && a.sines.cols() == half &&
                     a.cosines.rows() >= static_cast<std::size_t>(longest) && a.sines.rows() >= static_cast<std::size_t>(longest),
                 "packed_attention: too few angles");
}

/// Calls body(task, s, head) for every head of every history; threads take like shares of the work.
template <class Body>
void each_head(const PackedAttention& a, std::size_t size, Executor& executor, const Body& body) {
  const std::size_t histories = a.offsets.size() - 1;
  constexpr double kPerEvent = 32;  // what an event costs besides those it sees
  std::vector<double> until(histories + 1, 0);
  for (std::size_t s = 0; s < histories; ++s) {
    const auto n = static_cast<double>(a.offsets[s + 1] - a.offsets[s]);
    until[s + 1] = until[s] + n * (n + kPerEvent);
  }
  const std::size_t parts = executor.threads();
  const auto cut = [&](std::size_t part) {
    return static_cast<std::size_t>(std::ranges::lower_bound(until, until.back() * static_cast<double>(part) / static_cast<double>(parts)) - until.begin());
  };
  executor.parallel_for(parts, 1, [&](std::size_t first, std::size_t last) {
    HeadTask task;
    task.causal = a.causal;
    task.scale = 1.0F / std::sqrt(static_cast<float>(size));
    for (std::size_t s = cut(first); s < cut(last); ++s)
      for (std::size_t h = 0; h < a.heads && a.offsets[s + 1] > a.offsets[s]; ++h) {
        task.key = DropoutKey::of(a.dropout, a.seed ^ (0x9e3779b97f4a7c15ULL * (s * a.heads + h + 1)));
        task.resize(static_cast<std::size_t>(a.offsets[s + 1] - a.offsets[s]), size);
        body(task, static_cast<std::size_t>(a.offsets[s]), h);
      }
  });
}

}  // namespace

void packed_attention(const PackedAttention& a, MatrixView<const float> projected, MatrixView<float> out,
                      std::span<float> log_sums, Executor& executor) {
  check(a, projected, out.rows(), out.cols(), log_sums.size());
  const std::size_t d = out.cols(), size = d / a.heads;
  const Heads heads(a, size);
  const auto forward = HWY_DYNAMIC_DISPATCH(head_forward);
  each_head(a, size, executor, [&](HeadTask& t, std::size_t begin, std::size_t h) {
    heads.read_projected(projected, begin, h, t);
    forward(t, log_sums.data() + begin * a.heads + h, a.heads);
    heads.write(t.first, out, begin, h * size, t.events, false);
  });
}

void packed_attention_gradient(const PackedAttention& a, MatrixView<const float> projected, MatrixView<const float> out,
                               std::span<const float> log_sums, MatrixView<const float> d_out, MatrixView<float> d_projected,
                               Executor& executor) {
  check(a, projected, out.rows(), out.cols(), log_sums.size());
  PENCHANT_CHECK(d_out.rows() == out.rows() && d_out.cols() == out.cols() && d_projected.rows() == projected.rows() &&
                     d_projected.cols() == projected.cols(),
                 "packed_attention_gradient: sizes differ");
  const std::size_t d = out.cols(), size = d / a.heads;
  const Heads heads(a, size);
  const auto gradient = HWY_DYNAMIC_DISPATCH(head_gradient);
  each_head(a, size, executor, [&](HeadTask& t, std::size_t begin, std::size_t h) {
    heads.read_projected(projected, begin, h, t);
    heads.read(d_out, begin, h * size, t.events, false, t.d_out);
    heads.transpose(t.values, t.events, t.values_turned);
    for (std::size_t i = 0; i < t.events; ++i) {
      const float* o = out.row(begin + i).data() + h * size;
      for (std::size_t j = 0; j < size; ++j) t.inner[i] += t.d_out[i * padded(size) + j] * o[j];
    }
    gradient(t, log_sums.data() + begin * a.heads + h, a.heads);
    heads.write(t.first, d_projected, begin, h * size, t.events, true);
    heads.write(t.second, d_projected, begin, d + h * size, t.events, true);
    heads.write(t.third, d_projected, begin, 2 * d + h * size, t.events, false);
  });
}

}  // namespace penchant::kernels
#endif  // HWY_ONCE
