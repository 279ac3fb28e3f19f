#include "penchant/catalog/item.h"

#include "penchant/catalog/text_form.h"

namespace penchant::catalog {

std::string to_text(const AttributeValue& value) {
  if (const auto* number = std::get_if<double>(&value)) return number_text(*number);
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  std::string out;
  for (const auto& part : std::get<std::vector<std::string>>(value))
    out.append(out.empty() ? "" : ", ").append(part);
  return out;
}

std::string item_text(const Item& item) {
  std::string out(cut_utf8(item.title, kMaxTextBytes));
  for (const auto& [name, value] : item.attributes) {
    const std::string text = to_text(value);
    if (text.empty()) continue;
    if (!out.empty()) out.append(". ");
    out.append(name).append(": ").append(text);
    if (out.size() > kMaxTextBytes) break;
  }
  return std::string(cut_utf8(out, kMaxTextBytes));
}

}  // namespace penchant::catalog
