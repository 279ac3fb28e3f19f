#include "penchant/catalog/json.h"

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>

#include "penchant/catalog/text_form.h"
#include "penchant/catalog/time.h"

namespace penchant::catalog {
namespace {

namespace bj = boost::json;

std::string_view to_std(bj::string_view s) { return {s.data(), s.size()}; }
bj::string_view to_bj(std::string_view s) { return {s.data(), s.size()}; }

Result<bj::object> parse_object(std::string_view text, std::string_view what) {
  bj::parse_options options;
  options.max_depth = 16;
  bj::error_code error;
  bj::stream_parser parser({}, options);
  std::size_t used = 0;
  if (!text.empty()) used = parser.write_some(text.data(), text.size(), error);
  if (!error) {
    while (used < text.size() &&
           (text[used] == ' ' || text[used] == '\n' || text[used] == '\r' || text[used] == '\t'))
      ++used;
    if (used < text.size())
      return invalid(std::string(what) + ": more text after the JSON object, at byte " +
                     std::to_string(used + 1));
    parser.finish(error);
  }
  if (error)
    return invalid(std::string(what) + ": not valid JSON at byte " + std::to_string(used + 1) + " (" +
                   error.message() + ")");
  bj::value value = parser.release();
  if (!value.is_object()) return invalid(std::string(what) + ": a JSON object is wanted");
  return std::move(value.get_object());
}

Status check_fields(const bj::object& object, std::string_view what, const std::vector<std::string>& known) {
  for (const auto& member : object) {
    const std::string name(to_std(member.key()));
    if (std::find(known.begin(), known.end(), name) == known.end())
      return invalid(std::string(what) + ": unknown field '" + quoted_for_message(name) + "'" +
                     near_names_hint(name, known));
  }
  return {};
}

const bj::value* member(const bj::object& object, std::string_view name) {
  const auto* found = object.if_contains(to_bj(name));
  return found == nullptr || found->is_null() ? nullptr : found;
}

/// A text, or a whole number as its digits (ids are often numbers in the wild).
Result<std::string> text_member(const bj::object& object, std::string_view what, std::string_view name,
                                std::size_t max_bytes) {
  const auto* value = member(object, name);
  if (value == nullptr) return std::string();
  const std::string field = std::string(what) + "." + std::string(name);
  std::string out;
  if (value->is_string())
    out = to_std(value->get_string());
  else if (value->is_int64())
    out = std::to_string(value->get_int64());
  else if (value->is_uint64())
    out = std::to_string(value->get_uint64());
  else
    return invalid(field + ": a text is wanted");
  if (out.size() > max_bytes)
    return invalid(field + ": " + std::to_string(out.size()) + " bytes; at most " +
                   std::to_string(max_bytes) + " are kept");
  return out;
}

Result<std::string> id_member(const bj::object& object, std::string_view what, std::string_view name,
                              std::string_view default_id = "") {
  PENCHANT_TRY(id, text_member(object, what, name, kMaxIdBytes));
  const std::string field = std::string(what) + "." + std::string(name);
  if (id.empty()) id = std::string(default_id);
  if (id.empty())
    return invalid(field + ": missing; 1 to " + std::to_string(kMaxIdBytes) + " bytes are wanted");
  if (id.size() > kMaxIdBytes || !valid_utf8(id))
    return invalid(field + ": at most " + std::to_string(kMaxIdBytes) + " bytes of UTF-8 are wanted");
  if (!default_id.empty() && id != default_id)
    return invalid(field + ": '" + quoted_for_message(id) + "' is not '" + quoted_for_message(default_id) +
                   "' of the address");
  return id;
}

Result<AttributeValue> attribute_of(const bj::value& value, const std::string& field) {
  const auto text_of = [&](const bj::value& part) -> Result<std::string> {
    if (part.is_string()) {
      if (part.get_string().size() > kMaxTextBytes)
        return invalid(field + ": " + std::to_string(part.get_string().size()) + " bytes; at most " +
                       std::to_string(kMaxTextBytes) + " are kept");
      return std::string(to_std(part.get_string()));
    }
    if (part.is_int64() || part.is_uint64() || part.is_double()) return number_text(part.to_number<double>());
    if (part.is_bool()) return std::string(part.get_bool() ? "true" : "false");
    return invalid(field + ": list elements are texts or numbers");
  };
  if (value.is_bool()) return AttributeValue(value.get_bool());
  if (value.is_int64() || value.is_uint64() || value.is_double()) {
    const double number = value.to_number<double>();
    if (!std::isfinite(number)) return invalid(field + ": a finite number is wanted");
    return AttributeValue(number);
  }
  if (value.is_string()) {
    PENCHANT_TRY(text, text_of(value));
    return AttributeValue(std::move(text));
  }
  if (!value.is_array()) return invalid(field + ": a number, text, true, false or a list of texts is wanted");
  if (value.get_array().size() > kMaxListElements)
    return invalid(field + ": " + std::to_string(value.get_array().size()) + " elements; at most " +
                   std::to_string(kMaxListElements));
  std::vector<std::string> list;
  for (const auto& part : value.get_array()) {
    PENCHANT_TRY(text, text_of(part));
    list.push_back(std::move(text));
  }
  return AttributeValue(std::move(list));
}

Result<Attributes> attributes_of(const bj::object& object, const std::string& field) {
  if (object.size() > kMaxAttributes)
    return invalid(field + ": " + std::to_string(object.size()) + " attributes; at most " +
                   std::to_string(kMaxAttributes));
  Attributes out;
  for (const auto& member : object) {
    const std::string name(to_std(member.key()));
    if (name.empty() || name.size() > kMaxIdBytes)
      return invalid(field + ": an attribute name has 1 to " + std::to_string(kMaxIdBytes) + " bytes");
    if (member.value().is_null()) continue;
    PENCHANT_TRY(value, attribute_of(member.value(), field + "." + quoted_for_message(name)));
    out.insert_or_assign(name, std::move(value));
  }
  return out;
}

Result<Attributes> attributes_member(const bj::object& object, std::string_view what) {
  const auto* value = member(object, "attributes");
  if (value == nullptr) return Attributes{};
  const std::string field = std::string(what) + ".attributes";
  if (!value->is_object()) return invalid(field + ": a JSON object is wanted");
  return attributes_of(value->get_object(), field);
}

Result<std::vector<ModalityVector>> vectors_member(const bj::object& object) {
  std::vector<ModalityVector> out;
  const auto* value = member(object, "vectors");
  if (value == nullptr) return out;
  if (!value->is_object())
    return invalid("item.vectors: an object of modality and list of numbers is wanted");
  if (value->get_object().size() > kMaxVectors)
    return invalid("item.vectors: at most " + std::to_string(kMaxVectors) + " modalities");
  for (const auto& member : value->get_object()) {
    ModalityVector vector;
    vector.modality = to_std(member.key());
    const std::string field = "item.vectors." + quoted_for_message(vector.modality);
    if (vector.modality.empty() || vector.modality.size() > 64)
      return invalid(field + ": a modality name has 1 to 64 bytes");
    if (!member.value().is_array() || member.value().get_array().empty() ||
        member.value().get_array().size() > kMaxVectorDim)
      return invalid(field + ": a list of 1 to " + std::to_string(kMaxVectorDim) + " numbers is wanted");
    for (const auto& number : member.value().get_array()) {
      bj::error_code error;
      const auto x = static_cast<float>(number.to_number<double>(error));
      if (error || !std::isfinite(x))
        return invalid(field + ": element " + std::to_string(vector.values.size()) +
                       " is not a finite number");
      vector.values.push_back(x);
    }
    out.push_back(std::move(vector));
  }
  return out;
}

Result<std::int64_t> time_member(const bj::object& object, std::string_view what, std::string_view name) {
  const auto* value = member(object, name);
  if (value == nullptr) return std::int64_t{0};
  const std::string field = std::string(what) + "." + std::string(name);
  Result<std::int64_t> time = invalid("epoch seconds or milliseconds, or ISO 8601 is wanted");
  if (value->is_string())
    time = parse_time_ms(to_std(value->get_string()));
  else if (value->is_number())
    time = epoch_to_ms(value->to_number<double>());
  if (!time.ok()) return std::move(time).error().within(field);
  return time;
}

bj::value json_of(const AttributeValue& value) {
  if (const auto* number = std::get_if<double>(&value)) {
    if (std::nearbyint(*number) == *number && std::fabs(*number) < 1e15)
      return static_cast<std::int64_t>(*number);
    return *number;
  }
  if (const auto* flag = std::get_if<bool>(&value)) return *flag;
  if (const auto* text = std::get_if<std::string>(&value)) return bj::string(to_bj(std::string_view(*text)));
  bj::array list;
  for (const auto& part : std::get<std::vector<std::string>>(value))
    list.emplace_back(bj::string(to_bj(std::string_view(part))));
  return list;
}

bj::object object_of(const Attributes& attributes) {
  bj::object out;
  for (const auto& [name, value] : attributes) out.emplace(to_bj(std::string_view(name)), json_of(value));
  return out;
}

}  // namespace

Result<Item> item_from_json(std::string_view json, std::string_view default_id) {
  PENCHANT_TRY(object, parse_object(json, "item"));
  static const std::vector<std::string> kKnown = {"id",      "title",     "attributes",
                                                  "vectors", "available", "created"};
  PENCHANT_DO(check_fields(object, "item", kKnown));
  Item item;
  PENCHANT_TRY(id, id_member(object, "item", "id", default_id));
  PENCHANT_TRY(title, text_member(object, "item", "title", kMaxTextBytes));
  PENCHANT_TRY(attributes, attributes_member(object, "item"));
  PENCHANT_TRY(vectors, vectors_member(object));
  PENCHANT_TRY(created, time_member(object, "item", "created"));
  if (const auto* available = member(object, "available")) {
    if (!available->is_bool()) return invalid("item.available: true or false is wanted");
    item.available = available->get_bool();
  }
  item.id = std::move(id);
  item.title = std::move(title);
  item.attributes = std::move(attributes);
  item.vectors = std::move(vectors);
  item.created_ms = created;
  return item;
}

Result<User> user_from_json(std::string_view json, std::string_view default_id) {
  PENCHANT_TRY(object, parse_object(json, "user"));
  static const std::vector<std::string> kKnown = {"id", "attributes"};
  PENCHANT_DO(check_fields(object, "user", kKnown));
  PENCHANT_TRY(id, id_member(object, "user", "id", default_id));
  PENCHANT_TRY(attributes, attributes_member(object, "user"));
  return User{std::move(id), std::move(attributes)};
}

Result<Event> event_from_json(std::string_view json) {
  PENCHANT_TRY(object, parse_object(json, "event"));
  static const std::vector<std::string> kKnown = {
      "user", "item", "type", "value", "time", "idempotency_key", "recommendation_id"};
  PENCHANT_DO(check_fields(object, "event", kKnown));
  Event event;
  PENCHANT_TRY(user, id_member(object, "event", "user"));
  PENCHANT_TRY(item, id_member(object, "event", "item"));
  PENCHANT_TRY(type, text_member(object, "event", "type", 64));
  PENCHANT_TRY(key, text_member(object, "event", "idempotency_key", kMaxIdBytes));
  PENCHANT_TRY(recommendation, text_member(object, "event", "recommendation_id", kMaxIdBytes));
  PENCHANT_TRY(time, time_member(object, "event", "time"));
  if (const auto* value = member(object, "value")) {
    bj::error_code error;
    const double number = value->is_bool() ? std::nan("") : value->to_number<double>(error);
    if (error || !std::isfinite(number)) return invalid("event.value: a finite number is wanted");
    event.value = number;
  }
  event.user = std::move(user);
  event.item = std::move(item);
  if (!type.empty()) event.type = std::move(type);
  event.idempotency_key = std::move(key);
  event.recommendation_id = std::move(recommendation);
  event.time_ms = time;
  return event;
}

Result<Attributes> attributes_from_json(std::string_view json) {
  PENCHANT_TRY(object, parse_object(json, "attributes"));
  return attributes_of(object, "attributes");
}

std::string to_json(const Attributes& attributes) { return bj::serialize(object_of(attributes)); }

std::string to_json(const Item& item, bool with_vectors) {
  bj::object out;
  out["id"] = to_bj(std::string_view(item.id));
  out["title"] = to_bj(std::string_view(item.title));
  out["attributes"] = object_of(item.attributes);
  if (with_vectors && !item.vectors.empty()) {
    bj::object& vectors = out["vectors"].emplace_object();
    for (const auto& vector : item.vectors)
      vectors[to_bj(std::string_view(vector.modality))] =
          bj::array(vector.values.begin(), vector.values.end());
  }
  out["available"] = item.available;
  if (item.created_ms != 0) out["created"] = format_time(item.created_ms);
  return bj::serialize(out);
}

std::string to_json(const User& user) {
  bj::object out;
  out["id"] = to_bj(std::string_view(user.id));
  out["attributes"] = object_of(user.attributes);
  return bj::serialize(out);
}

std::string to_json(const Event& event) {
  bj::object out;
  out["user"] = to_bj(std::string_view(event.user));
  out["item"] = to_bj(std::string_view(event.item));
  out["type"] = to_bj(std::string_view(event.type));
  if (event.value) out["value"] = json_of(AttributeValue(*event.value));
  if (event.time_ms != 0) out["time"] = format_time(event.time_ms);
  if (!event.idempotency_key.empty()) out["idempotency_key"] = to_bj(std::string_view(event.idempotency_key));
  if (!event.recommendation_id.empty())
    out["recommendation_id"] = to_bj(std::string_view(event.recommendation_id));
  return bj::serialize(out);
}

}  // namespace penchant::catalog
