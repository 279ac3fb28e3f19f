#pragma once
/// \file Items, users and events as JSON texts. Layer 2.
///
///     {"id": "42", "title": "Alien", "attributes": {"genre": ["horror", "sci-fi"], "year": 1979},
///      "vectors": {"visual": [0.1, …]}, "available": true, "created": "2024-05-31T12:00:00Z"}
///     {"id": "ann", "attributes": {"budget": 20}}
///     {"user": "ann", "item": "42", "type": "like", "value": 5, "time": 1717156800,
///      "idempotency_key": "k1", "recommendation_id": "r1"}
///
/// Readers accept exactly these fields; any other is invalid_argument naming it and near names.
/// Every error names the field. Texts longer than their cap are refused (a request can be mended;
/// importing files cuts instead). `null` means: not given.
#include <string>
#include <string_view>

#include "penchant/base/result.h"
#include "penchant/catalog/item.h"

namespace penchant::catalog {

inline constexpr std::size_t kMaxVectorDim = 65'536;
inline constexpr std::size_t kMaxVectors = 32;
inline constexpr std::size_t kMaxListElements = 4096;

/// \param default_id  used when the text has no "id" (as in PUT /v1/items/{id}); when both are
///                    given they must be equal
Result<Item> item_from_json(std::string_view json, std::string_view default_id = "");
Result<User> user_from_json(std::string_view json, std::string_view default_id = "");
/// `time_ms` is 0 when "time" is absent: the caller puts the time of arrival.
Result<Event> event_from_json(std::string_view json);
/// A JSON object of attributes alone.
Result<Attributes> attributes_from_json(std::string_view json);

/// One line; what the readers above accept. Times as ISO 8601.
[[nodiscard]] std::string to_json(const Item& item, bool with_vectors = true);
[[nodiscard]] std::string to_json(const User& user);
[[nodiscard]] std::string to_json(const Event& event);
[[nodiscard]] std::string to_json(const Attributes& attributes);

}  // namespace penchant::catalog
