#pragma once
/// \file One short line from reasons, and from nothing else. Layer 4.
#include <span>
#include <string>
#include <string_view>

#include "penchant/explain/reasons.h"

namespace penchant::explain {

inline constexpr std::size_t kTitleCharacters = 60;

struct Wording {
  std::string items = "items";  ///< plural noun of the catalogue, e.g. "films"
  bool knows_user = true;       ///< there is a history
};

/// At most `characters` code points, "…" in place of what was cut.
[[nodiscard]] std::string cut(std::string_view text, std::size_t characters = kTitleCharacters);

/// One sentence without a full stop, e.g.
///     Because you rated Alien and Blade Runner highly; both Sci-Fi like this one
///     New here: shares Comedy and Romance with 14 films in your history
///     Popular now; we know little about you yet
/// Every title, value and number in it is evidence of a reason given. No reason: a line that says so.
/// \param reasons of one item, heaviest first, weights > 0
[[nodiscard]] std::string line(std::span<const Reason> reasons, const Wording& wording = {});

}  // namespace penchant::explain
