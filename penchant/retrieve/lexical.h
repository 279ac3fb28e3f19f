#pragma once
/// \file Words of a query against words of items: BM25 over SQLite FTS5, in memory. Layer 4.
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "penchant/base/result.h"
#include "penchant/catalog/ids.h"
#include "penchant/catalog/item.h"

namespace penchant::retrieve {

using catalog::ItemId;

inline constexpr std::size_t kMaxQueryBytes = 2048;   ///< longer queries are cut at a word
inline constexpr std::size_t kMaxQueryTerms = 32;
inline constexpr std::size_t kMaxTermBytes = 64;

struct LexicalHit {
  ItemId item{};
  float score = 0;  ///< BM25, > 0; a match in the title weighs kTitleWeight times one in attributes
};

/// Words of a query as the index reads them: letters, digits and bytes above ASCII; everything
/// else separates. Invalid UTF-8 separates too. Any text is safe.
[[nodiscard]] std::vector<std::string> query_terms(std::string_view query);

/// Index of item texts. Items match when they hold any word of the query; more and rarer words
/// score higher; the last word also matches as a prefix ("ali" finds "Alien").
/// Threads: all calls are safe from any thread (one connection, serialised).
class LexicalIndex {
 public:
  static constexpr double kTitleWeight = 5;
  static Result<std::unique_ptr<LexicalIndex>> create();
  ~LexicalIndex();
  LexicalIndex(const LexicalIndex&) = delete;
  LexicalIndex& operator=(const LexicalIndex&) = delete;

  /// Adds or replaces the text of an item row: its title and its attribute values.
  Status put(ItemId row, const catalog::Item& item);
  Status remove(ItemId row);
  /// Between begin() and commit() many put() calls cost one transaction.
  Status begin();
  Status commit();

  /// The best `k` hits, best first, ties by row. A query without a word finds nothing.
  Result<std::vector<LexicalHit>> search(std::string_view query, std::size_t k) const;
  /// The same with the words given; `prefix_last` as above.
  Result<std::vector<LexicalHit>> search(const std::vector<std::string>& terms, bool prefix_last,
                                         std::size_t k) const;
  [[nodiscard]] std::size_t size() const;

 private:
  struct Impl;
  explicit LexicalIndex(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace penchant::retrieve
