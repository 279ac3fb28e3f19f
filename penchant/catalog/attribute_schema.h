#pragma once
/// \file What the attributes of a catalogue look like, found by reading them. Layer 2.
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "penchant/catalog/item.h"

namespace penchant::catalog {

/// One attribute over all records.
struct AttributeSummary {
  std::string name;
  std::string kind;                   ///< "number", "flag", "text", "list" or "mixed"
  std::uint64_t records = 0;          ///< that have it
  double coverage = 0;                ///< records / all records, 0..1
  std::uint64_t distinct = 0;         ///< different values (elements of lists); see `distinct_capped`
  bool distinct_capped = false;       ///< true: there are more than `distinct`
  std::vector<std::string> examples;  ///< up to five, most frequent first
  double min = 0, max = 0;            ///< of the numbers; 0 where there are none
};

/// Reads records one by one. Memory: at most kMaxDistinct values per attribute.
/// Threads: one builder per thread.
class SchemaBuilder {
 public:
  static constexpr std::size_t kMaxDistinct = 50'000;
  SchemaBuilder();
  ~SchemaBuilder();
  void add(const Attributes& attributes);
  /// Sorted by name.
  [[nodiscard]] std::vector<AttributeSummary> finish() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace penchant::catalog
