#pragma once
/// \file Names for code prefixes, from what their items have more often than others. Layer 3.
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "penchant/base/matrix_view.h"
#include "penchant/base/result.h"
#include "penchant/catalog/item.h"
#include "penchant/semantic_id/codebooks.h"

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
  std::vector<Code> prefix;
  std::size_t items = 0;
  std::vector<PrefixTerm> terms;  ///< best first; empty: nothing stands out
  std::string name;               ///< values of the terms joined by " · ", or "mixed"
};

struct PrefixNameOptions {
  std::size_t max_length = 2;  ///< longest prefix that is named
  std::size_t min_items = 3;   ///< smaller groups get no terms
  std::size_t terms = 3;
  double prior = 10;       ///< pseudo-items with the shares of the whole catalogue
  double min_z = 1.96;     ///< for attribute values; title words need 1 more
  double min_share = 0.2;  ///< of the group's items that must have it
};

/// Log-odds ratio with an informative prior (Monroe, Colaresi, Quinn 2008) of every feature in a
/// group against the rest of the group one code shorter (against the rest of the catalogue for the
/// first code), so a longer prefix is named by what sets it apart from its siblings.
/// \param codes [n, L]; features [n], of the same items. Prefixes come in lexicographic order,
/// shorter before longer; deterministic. invalid_argument when the lengths differ.
Result<std::vector<PrefixName>> prefix_names(MatrixView<const Code> codes,
                                             std::span<const std::vector<NamingFeature>> features,
                                             const PrefixNameOptions& options = {});

}  // namespace penchant::semantic_id
