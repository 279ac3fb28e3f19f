#include "penchant/catalog/filter_value.h"

#include <cmath>
#include <limits>

#include "penchant/catalog/text_form.h"

namespace penchant::catalog {

Operand Operand::of(double value) { return {Kind::number, number_text(value), value}; }

Operand Operand::of(bool value) {
  return {Kind::flag, value ? "true" : "false", std::numeric_limits<double>::quiet_NaN()};
}

Operand Operand::of(std::string_view value) {
  Operand out{Kind::text, fold_case(value), std::numeric_limits<double>::quiet_NaN()};
  if (double number = 0; parse_number(value, number)) out.number = number;
  return out;
}

bool holds(FilterOp op, const Operand& element, const Operand& literal) {
  if (op == FilterOp::contains) return element.folded.find(literal.folded) != std::string::npos;
  const bool numeric = (element.kind == Operand::Kind::number || literal.kind == Operand::Kind::number) &&
                       !std::isnan(element.number) && !std::isnan(literal.number);
  int order = 0;
  if (numeric) {
    order = element.number < literal.number ? -1 : element.number > literal.number ? 1 : 0;
  } else if (op == FilterOp::equal || op == FilterOp::in) {
    return element.folded == literal.folded;
  } else {
    if (element.kind != Operand::Kind::text || literal.kind != Operand::Kind::text) return false;
    order = element.folded.compare(literal.folded);
  }
  switch (op) {
    case FilterOp::equal:
    case FilterOp::in: return order == 0;
    case FilterOp::less: return order < 0;
    case FilterOp::less_equal: return order <= 0;
    case FilterOp::greater: return order > 0;
    case FilterOp::greater_equal: return order >= 0;
    default: return false;
  }
}

void append_operands(const AttributeValue& value, std::vector<Operand>& out) {
  if (const auto* number = std::get_if<double>(&value))
    out.push_back(Operand::of(*number));
  else if (const auto* flag = std::get_if<bool>(&value))
    out.push_back(Operand::of(*flag));
  else if (const auto* text = std::get_if<std::string>(&value))
    out.push_back(Operand::of(*text));
  else
    for (const auto& part : std::get<std::vector<std::string>>(value)) out.push_back(Operand::of(part));
}

std::optional<std::vector<Operand>> resolve(const FilterNode& leaf, const Attributes* user,
                                            std::vector<std::string>* unresolved) {
  std::vector<Operand> out;
  bool missing = false;
  for (const auto& value : leaf.values) {
    if (const auto* number = std::get_if<double>(&value))
      out.push_back(Operand::of(*number));
    else if (const auto* flag = std::get_if<bool>(&value))
      out.push_back(Operand::of(*flag));
    else if (const auto* text = std::get_if<std::string>(&value))
      out.push_back(Operand::of(*text));
    else {
      const auto& name = std::get<UserAttribute>(value).name;
      const auto found = user == nullptr ? Attributes::const_iterator{} : user->find(name);
      if (user != nullptr && found != user->end()) {
        append_operands(found->second, out);
        continue;
      }
      missing = true;
      if (unresolved != nullptr) unresolved->push_back("user." + name);
    }
  }
  if (missing) return std::nullopt;
  return out;
}

}  // namespace penchant::catalog
