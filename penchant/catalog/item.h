#pragma once
/// \file What a catalogue holds: items, users, events, as they come from outside. Layer 2.
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "penchant/catalog/ids.h"

namespace penchant::catalog {

/// Longest accepted values; longer input is refused (ids) or cut at a character (texts), and said so.
inline constexpr std::size_t kMaxIdBytes = 512;
inline constexpr std::size_t kMaxTextBytes = 64 * 1024;
inline constexpr std::size_t kMaxAttributes = 256;

/// Number, flag, text, or list of texts (genres, categories, keywords).
using AttributeValue = std::variant<double, bool, std::string, std::vector<std::string>>;
using Attributes = std::map<std::string, AttributeValue, std::less<>>;

/// Vector of one modality, e.g. "text" or "visual".
struct ModalityVector {
  std::string modality;
  std::vector<float> values;  ///< [dim], finite
};

struct Item {
  std::string id;     ///< the owner's key, 1..kMaxIdBytes bytes of UTF-8
  std::string title;  ///< may be empty
  Attributes attributes;
  std::vector<ModalityVector> vectors;  ///< any number, missing modalities are normal
  std::int64_t created_ms = 0;          ///< when it was first put; ms since 1970 UTC; 0 = unknown
  bool available = true;                ///< false: kept for history, never recommended
};

struct User {
  std::string id;
  Attributes attributes;
};

/// One thing a user did with an item.
struct Event {
  std::string user;
  std::string item;
  std::string type = "view";      ///< "view", "like", "purchase", "rating", …; weights: EventTypes
  std::optional<double> value;    ///< strength: rating, quantity, seconds
  std::int64_t time_ms = 0;       ///< ms since 1970 UTC; or the given position where there is no time
  std::string idempotency_key;    ///< a second event with the same key has no effect; empty: none
  std::string recommendation_id;  ///< the list it came from, if any
};

/// The text that is encoded and searched: title, then attribute values in key order, in a fixed
/// template. At most kMaxTextBytes.
[[nodiscard]] std::string item_text(const Item& item);

/// Attribute as text for people: lists joined by ", ", whole numbers without a point.
[[nodiscard]] std::string to_text(const AttributeValue& value);

}  // namespace penchant::catalog
