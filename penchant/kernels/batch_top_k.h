#pragma once
/// \file The k best items of many users at once, from dot products: exact, without a score matrix. Layer 1.
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>

#include "penchant/base/matrix_view.h"
#include "penchant/kernels/top_k.h"

namespace penchant::kernels {

/// Items that must not be listed, one group per user: compressed rows. Views.
struct Exclusions {
  std::span<const std::uint64_t> offsets;  ///< [users + 1] into items; empty: nothing is excluded
  std::span<const std::uint32_t> items;    ///< item rows, ascending inside a user
};

/// Immutable index of item vectors for `score(u, i) = dot(user u, item i) + bias[i]`.
///
/// First pass: products of 8-bit integers (AMX or AVX-512 VNNI), which bound every score from above; what
/// could enter a list is scored again in float, so that lists are exactly those of scoring
/// everything with dot(). The bound follows from the rounding errors of both vectors by
/// Cauchy-Schwarz: u·i - û·î <= |u| |i - î| + |u - û| |î|. Items lie by falling
/// norm, so that the bars of the users rise early. CPUs with neither score blocks of items in float instead.
/// Memory: items * (4 d + d + 8) bytes. Threads: find() is safe from several threads.
class BatchTopK {
 public:
  /// automatic: the fastest that the CPU has; the others are for tests and benchmarks. vnni: floats where the
  /// CPU has none.
  enum class Engine : std::uint8_t { automatic, vnni, floats };
  static constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

  /// \param items [n, d], finite, n and d >= 1; \param bias [n] finite, or empty. Both are copied.
  /// Throws InternalError on other input.
  explicit BatchTopK(MatrixView<const float> items, std::span<const float> bias = {},
                     Engine engine = Engine::automatic);
  ~BatchTopK();
  BatchTopK(BatchTopK&&) noexcept;
  BatchTopK& operator=(BatchTopK&&) noexcept;

  /// For each row u of `users` [m, d] (finite) writes the k best items, best first, equal scores by
  /// lower row, to out[u * k, (u + 1) * k); places that no item is left for hold {-infinity, kNone}.
  /// Runs on the calling thread: split the users over an Executor for more. Throws InternalError when
  /// sizes do not fit together.
  /// \param floors [m] scores that k items of each user are known to reach, as dot() computes them: spares
  /// the search for a first bar; or empty
  void find(MatrixView<const float> users, std::size_t k, const Exclusions& excluded,
            std::span<Scored> out, std::span<const float> floors = {}) const;

  [[nodiscard]] std::size_t items() const noexcept;
  [[nodiscard]] std::size_t dim() const noexcept;
  /// True where a first pass of 8-bit products is made.
  [[nodiscard]] bool screens() const noexcept;
  /// "int8 AMX", "int8 VNNI" or "floats": for logs and benchmarks.
  [[nodiscard]] const char* engine_name() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace penchant::kernels
