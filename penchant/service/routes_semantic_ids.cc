// /v1/semantic-ids.
#include "penchant/service/json_values.h"
#include "penchant/service/route.h"
#include "penchant/service/schemas.h"
#include "penchant/service/state.h"

#include <charconv>

namespace penchant::service {

namespace {

constexpr std::size_t kMaxPrefixBytes = 16 * 6;  ///< 16 codes of five digits with commas

/// "12,7" as codes.
Result<std::vector<std::uint16_t>> codes_of(std::string_view text) {
  std::vector<std::uint16_t> codes;
  while (!text.empty()) {
    const auto part = text.substr(0, text.find(','));
    std::uint16_t code = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), code);
    if (error != std::errc() || end != part.data() + part.size() || part.size() + 1 == text.size())
      return invalid("prefix: codes from 0 to 65535 with commas between them are expected, as in 12,7");
    codes.push_back(code);
    text.remove_prefix(std::min(text.size(), part.size() + 1));
  }
  return codes;
}

json::array examples_json(const std::vector<recommend::IdTreeNode::Example>& items) {
  json::array out;
  for (const auto& one : items) out.push_back({{"id", one.id}, {"title", one.title}, {"events", one.events}});
  return out;
}

json::value node_json(const recommend::IdTreeNode& node) {
  json::array terms;
  for (const auto& term : node.terms)
    terms.push_back({{"attribute", term.attribute}, {"value", term.value}, {"share", term.share},
                     {"share_outside", term.share_outside}});
  json::object out;
  out["code"] = node.prefix.empty() ? json::value(nullptr) : json::value(static_cast<unsigned>(node.prefix.back()));
  out["prefix"] = codes_json(node.prefix);
  out["name"] = node.name;
  out["items"] = node.items;
  out["share"] = node.share;
  out["terms"] = std::move(terms);
  out["examples"] = examples_json(node.examples);
  return out;
}

json::array nodes_json(const std::vector<recommend::IdTreeNode>& nodes) {
  json::array out;
  for (const auto& node : nodes) out.push_back(node_json(node));
  return out;
}

std::size_t number_or(const json::value* value, std::size_t otherwise) {
  return value == nullptr ? otherwise : value->to_number<std::size_t>();
}

Answer tree(ServiceState& state, const Call& call) {
  PENCHANT_TRY(prefix, codes_of(text_or(call.parameter("prefix"))));
  PENCHANT_TRY(found, state.engine->id_tree({.prefix = std::move(prefix),
                                             .offset = number_or(call.parameter("offset"), 0),
                                             .limit = number_or(call.parameter("limit"), 100)}));
  json::object out;
  out["release"] = found.release;
  out["levels"] = found.levels;
  out["path"] = nodes_json(found.path);
  out["children"] = nodes_json(found.children);
  out["items"] = examples_json(found.items);
  out["below"] = found.below;
  return json::value(std::move(out));
}

}  // namespace

void add_semantic_id_routes(std::vector<Route>& routes) {
  routes.push_back({.method = "GET", .path = "/v1/semantic-ids", .operation = "browseSemanticIds", .tag = "models",
                    .summary = "The semantic IDs of the live release as a tree with readable names, one level per request",
                    .query = {{"prefix", text(kMaxPrefixBytes), "first codes, as in 12,7; without: the root"},
                              {"limit", integer(1, 1000).defaulting(100), "how many children, or items of a whole ID"},
                              {"offset", integer(0, 4294967295.0).defaulting(0), "how many of them to leave out"}},
                    .answer = semantic_id_tree_schema(), .handler = tree});
}

}  // namespace penchant::service
