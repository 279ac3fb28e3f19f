#include "penchant/service/json_writer.h"

#include <array>
#include <boost/json.hpp>
#include <charconv>
#include <cmath>

namespace penchant::service {
namespace {

namespace json = boost::json;

void append(const json::value& value, std::string& out);

template <class Range, class Each>
void append_list(const Range& range, char open, char close, std::string& out, Each&& each) {
  out.push_back(open);
  bool first = true;
  for (const auto& entry : range) {
    if (!first) out.push_back(',');
    first = false;
    each(entry);
  }
  out.push_back(close);
}

void append(const json::value& value, std::string& out) {
  switch (value.kind()) {
    case json::kind::object:
      append_list(value.get_object(), '{', '}', out, [&](const json::key_value_pair& member) {
        out += json::serialize(json::string_view(member.key()));
        out.push_back(':');
        append(member.value(), out);
      });
      return;
    case json::kind::array:
      append_list(value.get_array(), '[', ']', out, [&](const json::value& element) { append(element, out); });
      return;
    case json::kind::double_: {
      if (!std::isfinite(value.get_double())) {  // JSON has no word for it
        out += "null";
        return;
      }
      std::array<char, 32> digits{};  // the shortest form of a double has at most 24 characters
      const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value.get_double()).ptr;
      out.append(digits.data(), end);
      return;
    }
    default: out += json::serialize(value);
  }
}

}  // namespace

std::string write_json(const json::value& value) {
  std::string out;
  append(value, out);
  return out;
}

}  // namespace penchant::service
