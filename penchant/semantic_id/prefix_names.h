#pragma once
/// \file Names for code prefixes, from what their items have more often than others. Layer 3.
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "penchant/base/bitmap.h"
#include "penchant/catalog/item.h"
#include "penchant/semantic_id/trie.h"

namespace penchant::semantic_id {

/// Something an item has or has not.
struct NamingFeature {
  std::string attribute;  ///< attribute name; empty: a word of the title
  std::string value;
  auto operator<=>(const NamingFeature&) const = default;
};
/// Attribute values (texts up to 60 bytes, list entries, true flags; numbers named *year* as decades)
/// and title words of at least 3 letters, lower-cased (ASCII). Each once.
[[nodiscard]] std::vector<NamingFeature> naming_features(const catalog::Item& item);

struct PrefixTerm {
  NamingFeature feature;
  double z = 0;              ///< standardised log-odds; above 1.96: more frequent than by chance
  double share = 0;          ///< of the items under the prefix
  double share_outside = 0;  ///< of the items it was compared with
};
struct PrefixName {
  Code code = 0;                      ///< last code of the prefix
  ItemTrie::Node node{};              ///< its place in the trie
  std::size_t items = 0;              ///< that count
  std::vector<PrefixTerm> terms;      ///< best first; empty: nothing stands out
  std::string name;                   ///< values of the terms joined by " · ", or "mixed"
};

struct PrefixNameOptions {
  std::size_t min_items = 3;  ///< smaller groups get no terms
  std::size_t terms = 3;
  double prior = 10;       ///< pseudo-items with the shares of the whole catalogue
  double min_z = 1.96;     ///< for attribute values; title words need 1 more
  double min_share = 0.2;  ///< of the group's items that must have it
};

/// Log-odds ratio with an informative prior (Monroe, Colaresi, Quinn 2008) of every feature in a
/// group against the rest of the group one code shorter (against the rest of the catalogue for the
/// first code), so a longer prefix is named by what sets it apart from its siblings. Holds features
/// as numbers: 4 B per item and feature, and each different feature once. Deterministic. Threads:
/// const calls are safe together.
class PrefixNamer {
 public:
  explicit PrefixNamer(const PrefixNameOptions& options = {}) : options_(options) {}
  /// What the item in that row has, in place of what was put before. \param features each once
  void put(ItemId row, std::span<const NamingFeature> features);
  /// The prefixes one code longer than `parent`, codes ascending; those without an item that counts
  /// are left out. Items that were never put have no features. Reads the items below `parent` once.
  /// \param allowed items that count, by ItemId; null: all
  [[nodiscard]] std::vector<PrefixName> children(const ItemTrie& trie, ItemTrie::Node parent,
                                                 const Bitmap* allowed = nullptr) const;
  /// One of them: that of `code`; nullopt where children() has none.
  [[nodiscard]] std::optional<PrefixName> child(const ItemTrie& trie, ItemTrie::Node parent, Code code,
                                                const Bitmap* allowed = nullptr) const;

 private:
  struct Hash {
    std::size_t operator()(const NamingFeature& f) const noexcept {
      return std::hash<std::string>()(f.attribute) * 31 + std::hash<std::string>()(f.value);
    }
  };
  class Naming;
  PrefixNameOptions options_;
  std::unordered_map<NamingFeature, std::uint32_t, Hash> numbers_;
  std::vector<const NamingFeature*> features_;       ///< by number; keys of numbers_, which stay put
  std::vector<std::vector<std::uint32_t>> of_item_;  ///< [rows put]
  std::vector<std::uint32_t> counts_;                ///< by number, items that have it
};

}  // namespace penchant::semantic_id
