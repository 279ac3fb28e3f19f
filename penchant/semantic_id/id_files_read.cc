// parse_ids().
#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <optional>
#include <unordered_map>

#include "penchant/catalog/item.h"
#include "penchant/semantic_id/codebooks.h"
#include "penchant/semantic_id/id_files.h"

namespace penchant::semantic_id {
namespace {

namespace json = boost::json;
constexpr std::uint64_t kBase = 8192;
constexpr std::uint64_t kMaxCode = 65'534;  // a release holds at most 65,535 codes per level

using Codes = std::vector<std::uint64_t>;

std::string_view view(json::string_view text) { return {text.data(), text.size()}; }

std::string shown(std::string_view text) {
  return "\"" + std::string(text.substr(0, 80)) + (text.size() > 80 ? "…\"" : "\"");
}

/// Digits at the start of `text`, which are taken away; nullopt where there are none or too many.
std::optional<std::uint64_t> take_number(std::string_view& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

bool take(std::string_view& text, std::string_view start) {
  if (!text.starts_with(start)) return false;
  text.remove_prefix(start.size());
  return true;
}

/// "<s_a_12>" or "<a_12>" of that level.
std::optional<std::uint64_t> take_token(std::string_view& text, std::size_t level) {
  const std::string letter(1, static_cast<char>('a' + level));
  if (!take(text, "<s_" + letter + "_") && !take(text, "<" + letter + "_")) return std::nullopt;
  const auto code = take_number(text);
  return code && take(text, ">") ? code : std::nullopt;
}

/// A key in tokens; nullopt where it is something else.
std::optional<Codes> tokens_of(std::string_view text) {
  Codes codes;
  const bool wrapped = take(text, "<|sid_begin|>");
  while (!text.empty() && text != "<|sid_end|>") {
    const auto code = codes.size() < kMaxLevels ? take_token(text, codes.size()) : std::nullopt;
    if (!code) return std::nullopt;
    codes.push_back(*code);
  }
  return codes.empty() || wrapped != (text == "<|sid_end|>") ? std::nullopt : std::optional(codes);
}

/// "12,7,250" or "12.7.250".
std::optional<Codes> separated(std::string_view text) {
  Codes codes;
  const char comma = text.find('.') == std::string_view::npos ? ',' : '.';
  for (;;) {
    const auto code = take_number(text);
    if (!code || codes.size() == kMaxLevels) return std::nullopt;
    codes.push_back(*code);
    if (text.empty()) return codes;
    if (text.front() != comma) return std::nullopt;
    text.remove_prefix(1);
  }
}

bool is_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

/// Value of an item's entry in the other direction: ["<a_12>", "<b_7>"].
std::optional<Codes> token_list(const json::value& value) {
  const auto* list = value.if_array();
  if (list == nullptr || list->empty() || list->size() > kMaxLevels) return std::nullopt;
  Codes codes;
  for (const auto& one : *list) {
    if (!one.is_string()) return std::nullopt;
    auto text = view(one.get_string());
    const auto code = take_token(text, codes.size());
    if (!code || !text.empty()) return std::nullopt;
    codes.push_back(*code);
  }
  return codes;
}

/// A whole number or a text, or the member "pid" or "iid" of an object.
std::optional<std::string> item_id(const json::value& value) {
  if (value.is_string()) return std::string(view(value.get_string()));
  if (value.is_int64()) return std::to_string(value.get_int64());
  if (value.is_uint64()) return std::to_string(value.get_uint64());
  if (const auto* object = value.if_object())
    for (const char* name : {"pid", "iid"})
      if (const auto* inner = object->if_contains(name); inner != nullptr && !inner->is_object()) return item_id(*inner);
  return std::nullopt;
}

class Reader {
 public:
  Status read(const json::object& root) {
    packed_ = std::ranges::any_of(root, [](const auto& entry) { return is_packed(view(entry.key()), entry.value()); });
    for (const auto& entry : root) PENCHANT_DO(read_entry(view(entry.key()), entry.value()));
    if (out_.items.empty()) return invalid("the file names no item");
    return {};
  }
  NamedIds take() {
    out_.codes = Matrix<Code>(std::move(codes_), out_.items.size(), levels_);
    return std::move(out_);
  }

 private:
  static bool is_packed(std::string_view key, const json::value& value) {
    if (!is_digits(key) || token_list(value)) return false;
    const auto* list = value.if_array();
    auto digits = key;
    const auto number = take_number(digits);
    return !number || *number > 65'535 || (list != nullptr && !list->empty() && list->front().is_object());
  }

  Status read_entry(std::string_view key, const json::value& value) {
    if (const auto codes = token_list(value)) return add(std::string(key), *codes, key);
    auto codes = tokens_of(key);
    if (!codes && packed_ && is_digits(key)) codes = unpacked(key);
    else if (!codes) codes = separated(key);
    if (!codes)
      return invalid("entry " + shown(key) + ": the key is no semantic ID; 12,7,250 or <a_12><b_7><c_250> would be one");
    const auto* list = value.if_array();
    if (list == nullptr) return invalid("entry " + shown(key) + ": a list of items is expected");
    for (const auto& one : *list) {
      const auto item = item_id(one);
      if (!item) return invalid("entry " + shown(key) + ": " + shown(json::serialize(one)) + " is no item id");
      PENCHANT_DO(add(*item, *codes, key));
    }
    return {};
  }

  static std::optional<Codes> unpacked(std::string_view key) {
    const auto number = take_number(key);
    if (!number || *number >= kBase * kBase * kBase) return std::nullopt;
    return Codes{*number / kBase / kBase, *number / kBase % kBase, *number % kBase};
  }

  Status add(std::string item, const Codes& codes, std::string_view key) {
    if (item.empty() || item.size() > catalog::kMaxIdBytes)
      return invalid("entry " + shown(key) + ": an item id has 1 to 512 bytes");
    if (levels_ == 0) {
      levels_ = codes.size();
      first_ = key;
    }
    if (codes.size() != levels_)
      return invalid("entry " + shown(key) + ": " + std::to_string(codes.size()) + " codes, entry " + shown(first_) +
                     " has " + std::to_string(levels_) + "; all IDs must be equally long");
    for (const auto code : codes)
      if (code > kMaxCode)
        return invalid("entry " + shown(key) + ": code " + std::to_string(code) + " is above 65534");
    const auto [at, added] = keys_.emplace(item, key);
    if (!added)
      return invalid("item " + shown(item) + " has two semantic IDs, in the entries " + shown(at->second) + " and " +
                     shown(key));
    out_.items.push_back(std::move(item));
    for (const auto code : codes) codes_.push_back(static_cast<Code>(code));
    return {};
  }

  bool packed_ = false;
  std::size_t levels_ = 0;
  std::string first_;
  std::unordered_map<std::string, std::string_view> keys_;  ///< item -> its entry; views into the document
  std::vector<Code> codes_;
  NamedIds out_;
};

}  // namespace

Result<NamedIds> parse_ids(std::string_view text) {
  json::parser parser;
  json::error_code error;
  const std::size_t read = parser.write_some(text.data(), text.size(), error);
  const bool more = !error && text.substr(read).find_first_not_of(" \t\r\n") != std::string_view::npos;
  if (error || more) {
    const auto line = 1 + std::ranges::count(text.substr(0, read), '\n');
    return invalid("line " + std::to_string(line) + ": not JSON" + (error ? ": " + error.message() : "") +
                   "; one object is expected, as in {\"12,7,250\": [\"an item\"]}");
  }
  const json::value root = parser.release();
  if (!root.is_object()) return invalid("one JSON object is expected, as in {\"12,7,250\": [\"an item\"]}");
  Reader reader;
  PENCHANT_DO(reader.read(root.get_object()));
  return reader.take();
}

}  // namespace penchant::semantic_id
