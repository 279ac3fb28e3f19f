#include "penchant/catalog/filter.h"

#include <algorithm>
#include <set>

#include "penchant/catalog/filter_value.h"
#include "penchant/catalog/text_form.h"

namespace penchant::catalog {
namespace {

bool is_inner(FilterOp op) { return op <= FilterOp::negation; }

std::string name_text(const std::string& name) {
  static constexpr std::string_view kWords[] = {"and",      "or",     "not",  "in",
                                                "contains", "exists", "true", "false"};
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  const std::string folded = fold_case(name);
  const bool bare = !name.empty() && std::all_of(name.begin(), name.end(), plain) &&
                    (name.front() < '0' || name.front() > '9') &&
                    std::find(std::begin(kWords), std::end(kWords), folded) == std::end(kWords);
  if (bare) return name;
  std::string out = "`";
  for (const char c : name) {
    if (c == '`' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  return out + "`";
}

std::string value_text(const FilterValue& value) {
  if (const auto* number = std::get_if<double>(&value)) return number_text(*number);
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (const auto* user = std::get_if<UserAttribute>(&value)) return "user." + user->name;
  std::string out = "\"";
  for (const char c : std::get<std::string>(value)) {
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  return out + "\"";
}

void print(const FilterNode& node, std::string& out) {
  if (node.op == FilterOp::negation) {
    const auto& child = node.children.front();
    out.append("NOT ");
    if (is_inner(child.op)) out.append("(");
    print(child, out);
    if (is_inner(child.op)) out.append(")");
    return;
  }
  if (is_inner(node.op)) {
    for (std::size_t i = 0; i < node.children.size(); ++i) {
      const auto& child = node.children[i];
      if (i > 0) out.append(node.op == FilterOp::all_of ? " AND " : " OR ");
      const bool wrap = child.op == FilterOp::any_of;  // all_of binds tighter than any_of
      if (wrap) out.append("(");
      print(child, out);
      if (wrap) out.append(")");
    }
    return;
  }
  static constexpr std::string_view kText[] = {" = ",  " != ", " < ",      " <= ",       " > ",
                                               " >= ", " IN ", " NOT IN ", " CONTAINS ", " EXISTS"};
  out.append(name_text(node.attribute));
  out.append(kText[static_cast<std::size_t>(node.op) - static_cast<std::size_t>(FilterOp::equal)]);
  const bool list = node.op == FilterOp::in || node.op == FilterOp::not_in;
  if (list) out.append("(");
  for (std::size_t i = 0; i < node.values.size(); ++i)
    out.append(i == 0 ? "" : ", ").append(value_text(node.values[i]));
  if (list) out.append(")");
}

template <class Visit>
void each_leaf(const FilterNode& node, const Visit& visit) {
  if (!is_inner(node.op)) visit(node);
  for (const auto& child : node.children) each_leaf(child, visit);
}

bool leaf_matches(const FilterNode& leaf, const Item& item, const Attributes* user) {
  std::vector<Operand> elements;
  if (const auto found = item.attributes.find(leaf.attribute); found != item.attributes.end())
    append_operands(found->second, elements);
  else if (leaf.attribute == "id")
    elements.push_back(Operand::of(std::string_view(item.id)));
  else if (leaf.attribute == "title" && !item.title.empty())
    elements.push_back(Operand::of(std::string_view(item.title)));
  else if (leaf.attribute == "available")
    elements.push_back(Operand::of(item.available));
  if (leaf.op == FilterOp::exists) return !elements.empty();
  const auto literals = resolve(leaf, user, nullptr);
  if (!literals) return false;
  const bool negated = leaf.op == FilterOp::not_equal || leaf.op == FilterOp::not_in;
  const FilterOp op = negated ? FilterOp::equal : leaf.op;
  for (const auto& element : elements)
    for (const auto& literal : *literals)
      if (holds(op, element, literal)) return !negated;
  return negated;
}

bool node_matches(const FilterNode& node, const Item& item, const Attributes* user) {
  const auto child_matches = [&](const FilterNode& child) { return node_matches(child, item, user); };
  switch (node.op) {
    case FilterOp::all_of: return std::all_of(node.children.begin(), node.children.end(), child_matches);
    case FilterOp::any_of: return std::any_of(node.children.begin(), node.children.end(), child_matches);
    case FilterOp::negation: return !child_matches(node.children.front());
    default: return leaf_matches(node, item, user);
  }
}

}  // namespace

std::string Filter::to_string() const {
  std::string out;
  print(root_, out);
  return out;
}

std::vector<std::string> Filter::attributes() const {
  std::set<std::string> names;
  each_leaf(root_, [&](const FilterNode& leaf) { names.insert(leaf.attribute); });
  return {names.begin(), names.end()};
}

std::vector<std::string> Filter::user_attributes() const {
  std::set<std::string> names;
  each_leaf(root_, [&](const FilterNode& leaf) {
    for (const auto& value : leaf.values)
      if (const auto* user = std::get_if<UserAttribute>(&value)) names.insert(user->name);
  });
  return {names.begin(), names.end()};
}

bool Filter::matches(const Item& item, const Attributes* user) const {
  return node_matches(root_, item, user);
}

}  // namespace penchant::catalog
