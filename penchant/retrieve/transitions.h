#pragma once
/// \file What follows what: counted transitions between items, exact and updated by every event.
/// Layer 4. For every user and positions a < b with k = b - a in {1, 2, 3}:
///     T[s_a, s_b] += 1/k,   T[s_b, s_a] += 0.5/k,   row(i) = sum_j T[i, j],   pop(j) = events of j
///     score(j) = sum over history items i of 0.7^age(i) T[i, j] / (sqrt(row(i)) sqrt(max(pop(j), 1)))
/// with age 0 for the newest event. All weights are whole twelfths, kept as integers: adding and
/// taking away a sequence leaves exactly what was there before.
#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "penchant/artifact/safetensors.h"
#include "penchant/base/result.h"
#include "penchant/catalog/ids.h"

namespace penchant::retrieve {

using catalog::ItemId;

inline constexpr std::size_t kTransitionReach = 3;     ///< largest k
inline constexpr double kTransitionDecay = 0.7;
inline constexpr std::size_t kTransitionHistory = 100; ///< older events weigh below 4e-16: left out

/// Sequences of items, one per user, oldest first: sequence u is items[offsets[u], offsets[u + 1]).
struct Sequences {
  std::span<const std::uint32_t> items;    ///< [events], item rows
  std::span<const std::uint64_t> offsets;  ///< [users + 1], ascending, from 0 to items.size()
};

/// Threads: const calls are safe together; changes need the caller's lock.
class TransitionModel {
 public:
  /// Nothing counted yet over `items` rows.
  explicit TransitionModel(std::size_t items = 0);
  /// Counts all sequences; every item must be below `items`. O(events + pairs log pairs per row).
  static TransitionModel build(const Sequences& sequences, std::size_t items);
  /// Reads `transition.*` and `train_count` of counts.safetensors (docs/formats/release.md).
  /// \return corrupt, naming the tensor, when sizes, order or values are impossible
  static Result<TransitionModel> read(const artifact::SafeTensors& counts, std::size_t items);
  /// Adds `transition.*` and `train_count` (changes since the build included).
  void write(artifact::SafeTensorsWriter& out) const;

  [[nodiscard]] std::size_t items() const noexcept { return popularity_.size(); }
  [[nodiscard]] double weight(ItemId from, ItemId to) const;      ///< T[from, to]
  [[nodiscard]] double row_sum(ItemId from) const;                ///< row(from)
  [[nodiscard]] std::int64_t count(ItemId item) const;            ///< pop(item)

  /// \param history oldest first, rows out of range are skipped \param out [items], overwritten
  void score(std::span<const ItemId> history, std::span<float> out) const;
  /// Part of score(`to`) that history position `position` gives.
  [[nodiscard]] double contribution(std::span<const ItemId> history, std::size_t position, ItemId to) const;

  /// Rows up to `items` exist from now on; never shrinks.
  void grow(std::size_t items);
  /// One more event at the end of `before` (only its newest three matter).
  void append(std::span<const ItemId> before, ItemId item);
  void add_sequence(std::span<const ItemId> sequence) { apply(sequence, 1); }
  /// Nothing was ever counted of these items, nor before or after them. \param items [items()], 1 = forgotten
  void forget(std::span<const std::uint8_t> items);
  /// Takes back what add_sequence or build counted for it.
  void remove_sequence(std::span<const ItemId> sequence) { apply(sequence, -1); }

 private:
  struct Row {  ///< view of the base counts of one item
    std::span<const std::uint32_t> items;
    std::span<const std::int32_t> units;
  };
  [[nodiscard]] Row base_row(std::uint32_t item) const noexcept;
  void add_pair(ItemId from, ItemId to, std::int32_t units);
  void apply(std::span<const ItemId> sequence, std::int32_t sign);

  std::vector<std::uint64_t> offsets_;   ///< [base rows + 1]
  std::vector<std::uint32_t> columns_;   ///< [nnz], ascending inside a row
  std::vector<std::int32_t> units_;      ///< [nnz], twelfths
  std::vector<std::int64_t> row_units_;  ///< [items], twelfths, changes included
  std::vector<std::int64_t> popularity_; ///< [items], changes included
  /// Changes since the build: row -> column -> twelfths.
  std::unordered_map<std::uint32_t, std::unordered_map<std::uint32_t, std::int32_t>> changes_;
};

}  // namespace penchant::retrieve
