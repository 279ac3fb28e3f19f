#include "penchant/semantic_id/nearest.h"

#include <algorithm>
#include <cstring>
#include <limits>

namespace penchant::semantic_id {
namespace {

constexpr std::size_t kPanel = 32;     // codewords side by side in memory
constexpr std::size_t kRowBlock = 96;  // rows that share a panel while it is in cache

/// argmin_k |x - c_k|^2 = argmin_k |c_k|^2 / 2 - <x, c_k>. Each lane of a vector of W floats keeps
/// the best of its own codewords; dimensions are added one after the other for every (row,
/// codeword), so the result depends neither on W nor on the blocking.
template <std::size_t W>
struct Lanes {
  typedef float Floats __attribute__((vector_size(W * sizeof(float)), aligned(4), may_alias));
  typedef std::int32_t Ints __attribute__((vector_size(W * sizeof(std::int32_t)), aligned(4), may_alias));
};

struct Table {
  const float* panels;      // [panel_count][dim][kPanel]
  const float* half_norms;  // [panel_count * kPanel]
  std::size_t panel_count, dim;
};

template <std::size_t W>
struct Best {
  float score[kRowBlock][W];
  std::int32_t code[kRowBlock][W];
};

/// ROWS rows against VECS * W neighbouring codewords, of which the first is number `first`.
template <std::size_t W, std::size_t ROWS, std::size_t VECS>
[[gnu::always_inline]] inline void tile(const float* const* rows, const float* columns,
                                        const float* half_norms, std::size_t dim, std::int32_t first,
                                        float (*best_score)[W], std::int32_t (*best_code)[W]) {
  using F = typename Lanes<W>::Floats;
  using I = typename Lanes<W>::Ints;
  F sum[ROWS][VECS] = {};
  for (std::size_t j = 0; j < dim; ++j) {
    F column[VECS];
    for (std::size_t v = 0; v < VECS; ++v)
      column[v] = *reinterpret_cast<const F*>(columns + j * kPanel + v * W);
    for (std::size_t r = 0; r < ROWS; ++r) {
      const float x = rows[r][j];
      for (std::size_t v = 0; v < VECS; ++v) sum[r][v] += x * column[v];
    }
  }
  for (std::size_t r = 0; r < ROWS; ++r) {
    F best = *reinterpret_cast<F*>(best_score[r]);
    I code = *reinterpret_cast<I*>(best_code[r]);
    for (std::size_t v = 0; v < VECS; ++v) {
      const F score = *reinterpret_cast<const F*>(half_norms + v * W) - sum[r][v];
      const I better = score < best;
      I number;
      for (std::size_t w = 0; w < W; ++w) number[w] = first + static_cast<std::int32_t>(v * W + w);
      best = better ? score : best;
      code = better ? number : code;
    }
    *reinterpret_cast<F*>(best_score[r]) = best;
    *reinterpret_cast<I*>(best_code[r]) = code;
  }
}

template <std::size_t W, std::size_t ROWS, std::size_t VECS>
[[gnu::always_inline]] inline void search(const Table& table, MatrixView<const float> rows,
                                          std::uint32_t* codes) {
  static_assert(kPanel % (W * VECS) == 0 && kRowBlock % ROWS == 0);
  Best<W> best;
  for (std::size_t begin = 0; begin < rows.rows(); begin += kRowBlock) {
    const std::size_t count = std::min(kRowBlock, rows.rows() - begin);
    const float* pointers[kRowBlock];  // a short last tile repeats the last row
    for (std::size_t r = 0; r < kRowBlock; ++r)
      pointers[r] = rows.data() + (begin + std::min(r, count - 1)) * rows.stride();
    for (std::size_t r = 0; r < count; ++r)
      for (std::size_t w = 0; w < W; ++w) {
        best.score[r][w] = std::numeric_limits<float>::infinity();
        best.code[r][w] = 0;
      }
    for (std::size_t p = 0; p < table.panel_count; ++p)
      for (std::size_t r = 0; r < count; r += ROWS)
        for (std::size_t c = 0; c < kPanel; c += W * VECS)
          tile<W, ROWS, VECS>(pointers + r, table.panels + p * table.dim * kPanel + c,
                              table.half_norms + p * kPanel + c, table.dim,
                              static_cast<std::int32_t>(p * kPanel + c), best.score + r, best.code + r);
    for (std::size_t r = 0; r < count; ++r) {
      float score = best.score[r][0];
      std::int32_t code = best.code[r][0];
      for (std::size_t w = 1; w < W; ++w)
        if (best.score[r][w] < score || (best.score[r][w] == score && best.code[r][w] < code)) {
          score = best.score[r][w];
          code = best.code[r][w];
        }
      codes[begin + r] = static_cast<std::uint32_t>(code);
    }
  }
}

void search_baseline(const Table& table, MatrixView<const float> rows, std::uint32_t* codes) {
  search<4, 6, 2>(table, rows, codes);
}
#if defined(__x86_64__) && defined(__GNUC__)
[[gnu::target("avx2,fma")]] void search_avx2(const Table& table, MatrixView<const float> rows,
                                             std::uint32_t* codes) {
  search<8, 6, 2>(table, rows, codes);
}
[[gnu::target("avx512f,avx512dq,avx2,fma")]] void search_avx512(const Table& table,
                                                                MatrixView<const float> rows,
                                                                std::uint32_t* codes) {
  search<16, 12, 2>(table, rows, codes);
}
#endif

}  // namespace

Isa best_isa() noexcept {
#if defined(__x86_64__) && defined(__GNUC__)
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return Isa::baseline;
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")) return Isa::avx512;
  return Isa::avx2;
#else
  return Isa::baseline;
#endif
}

float squared_distance(std::span<const float> a, std::span<const float> b) noexcept {
  float sum[8] = {};
  std::size_t j = 0;
  for (; j + 8 <= a.size(); j += 8)
    for (std::size_t l = 0; l < 8; ++l) {
      const float difference = a[j + l] - b[j + l];
      sum[l] += difference * difference;
    }
  for (std::size_t l = 0; j < a.size(); ++j, ++l) {
    const float difference = a[j] - b[j];
    sum[l] += difference * difference;
  }
  return ((sum[0] + sum[4]) + (sum[1] + sum[5])) + ((sum[2] + sum[6]) + (sum[3] + sum[7]));
}

CodewordTable::CodewordTable(MatrixView<const float> codewords)
    : codewords_(codewords.rows(), codewords.cols()) {
  const std::size_t k = codewords.rows(), dim = codewords.cols();
  const std::size_t panels = (k + kPanel - 1) / kPanel;
  panels_.assign(panels * dim * kPanel, 0.0f);
  half_norms_.assign(panels * kPanel, std::numeric_limits<float>::infinity());
  for (std::size_t c = 0; c < k; ++c) {
    const auto row = codewords.row(c);
    std::ranges::copy(row, codewords_.row(c).begin());
    double norm = 0;
    for (std::size_t j = 0; j < dim; ++j) {
      norm += static_cast<double>(row[j]) * row[j];
      panels_[(c / kPanel * dim + j) * kPanel + c % kPanel] = row[j];
    }
    half_norms_[c] = static_cast<float>(norm / 2);
  }
}

void CodewordTable::nearest(MatrixView<const float> rows, std::span<std::uint32_t> codes,
                            std::span<float> distances, Executor& executor, Isa isa) const {
  PENCHANT_CHECK(rows.rows() == 0 || rows.cols() == dim(), "row length");
  PENCHANT_CHECK(codes.size() == rows.rows() && distances.size() == rows.rows(), "output length");
  const Table table{panels_.data(), half_norms_.data(), half_norms_.size() / kPanel, dim()};
  const std::size_t grain = std::max<std::size_t>(1, (1u << 20) / (size() * std::max<std::size_t>(dim(), 1)));
  executor.parallel_for(rows.rows(), (grain + kRowBlock - 1) / kRowBlock * kRowBlock,
                        [&](std::size_t begin, std::size_t end) {
                          const auto part = rows.rows_from(begin, end - begin);
                          std::uint32_t* out = codes.data() + begin;
#if defined(__x86_64__) && defined(__GNUC__)
                          if (isa == Isa::avx512)
                            search_avx512(table, part, out);
                          else if (isa == Isa::avx2)
                            search_avx2(table, part, out);
                          else
                            search_baseline(table, part, out);
#else
    search_baseline(table, part, out);
#endif
                          for (std::size_t i = begin; i < end; ++i)
                            distances[i] = squared_distance(rows.row(i), codeword(codes[i]));
                        });
}

void CodewordTable::distances_to(std::span<const float> row, std::span<float> out) const {
  for (std::size_t k = 0; k < size(); ++k) out[k] = squared_distance(row, codeword(k));
}

}  // namespace penchant::semantic_id
