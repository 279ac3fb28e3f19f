#include "penchant/service/json_text.h"

#include <algorithm>
#include <string>

#include <boost/json/stream_parser.hpp>

namespace penchant::service {

namespace json = boost::json;

namespace {

constexpr std::string_view kBlank = " \t\r\n";

std::string position(std::string_view text, std::size_t offset) {
  const auto before = text.substr(0, std::min(offset, text.size()));
  const auto line = static_cast<std::size_t>(std::ranges::count(before, '\n')) + 1;
  const auto start = before.rfind('\n');
  const auto column = before.size() - (start == std::string_view::npos ? 0 : start + 1) + 1;
  return "line " + std::to_string(line) + ", column " + std::to_string(column);
}

Fault malformed(std::string message, std::string hint = {}) {
  return {.code = ErrorCode::invalid_argument, .message = std::move(message), .hint = std::move(hint)};
}

Fault describe(std::string_view text, std::size_t offset, const json::error_code& ec) {
  if (ec == json::error::too_deep)
    return malformed("the JSON is nested deeper than " + std::to_string(kMaxJsonDepth) + " levels");
  if (ec == json::error::incomplete)
    return malformed("the JSON ends too early", "a bracket, brace or quote is not closed");
  std::string hint;
  if (offset < text.size() && text[offset] == '\'') hint = "texts stand in double quotes";
  return malformed("malformed JSON at " + position(text, offset) + ": " + ec.message(), std::move(hint));
}

}  // namespace

std::variant<json::value, Fault> parse_json(std::string_view text) {
  if (text.find_first_not_of(kBlank) == std::string_view::npos)
    return malformed("the body is empty; JSON is wanted", "with curl: -d '{\"user\": \"196\"}'");
  json::parse_options options;
  options.max_depth = kMaxJsonDepth;
  json::stream_parser parser({}, options);
  json::error_code ec;
  const std::size_t used = parser.write_some(text.data(), text.size(), ec);
  if (ec) return describe(text, used, ec);
  if (const auto more = text.find_first_not_of(kBlank, used); more != std::string_view::npos)
    return malformed("more text after the JSON value at " + position(text, more),
                     text[more] == '{' ? "one object per line needs line ends: with curl use --data-binary, "
                                         "because -d removes them" : "");
  parser.finish(ec);
  if (ec) return describe(text, used, ec);
  return parser.release();
}

bool is_ndjson(std::string_view content_type, std::string_view body) {
  for (const std::string_view name : {"ndjson", "jsonl", "jsonlines"})
    if (content_type.find(name) != std::string_view::npos) return true;
  const auto start = body.find_first_not_of(kBlank);
  if (start == std::string_view::npos || body[start] != '{') return false;
  const auto end = body.find('\n', start);
  if (end == std::string_view::npos) return false;
  if (const auto next = body.find_first_not_of(kBlank, end); next == std::string_view::npos || body[next] != '{')
    return false;
  return std::holds_alternative<json::value>(parse_json(body.substr(start, end - start)));
}

void for_each_line(std::string_view body, const std::function<bool(std::size_t, std::string_view)>& visit) {
  for (std::size_t number = 1; !body.empty(); ++number) {
    const auto end = body.find('\n');
    std::string_view line = body.substr(0, end);
    body = end == std::string_view::npos ? std::string_view{} : body.substr(end + 1);
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t')) line.remove_suffix(1);
    if (line.empty()) continue;
    if (!visit(number, line)) return;
  }
}

}  // namespace penchant::service
