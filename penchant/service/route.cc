#include "penchant/service/route.h"

#include <algorithm>

#include "penchant/net/url.h"

namespace penchant::service {

namespace {

std::vector<std::string_view> segments(std::string_view path) {
  std::vector<std::string_view> out;
  while (path.starts_with('/')) {
    path.remove_prefix(1);
    const auto end = path.find('/');
    out.push_back(path.substr(0, end));
    if (end == std::string_view::npos) break;
    path.remove_prefix(end);
  }
  return out;
}

}  // namespace

const std::vector<Route>& all_routes() {
  static const std::vector<Route> kRoutes = [] {
    std::vector<Route> routes;
    add_recommend_routes(routes);
    add_event_routes(routes);
    add_item_routes(routes);
    add_user_routes(routes);
    add_task_routes(routes);
    add_model_routes(routes);
    add_semantic_id_routes(routes);
    add_operation_routes(routes);
    return routes;
  }();
  return kRoutes;
}

std::vector<std::string> parameters_of(std::string_view path_template) {
  std::vector<std::string> out;
  for (const auto part : segments(path_template)) {
    if (!part.starts_with('{')) continue;
    out.emplace_back(part.substr(1, part.find('}') - 1));
  }
  return out;
}

namespace {
std::optional<std::vector<std::string>> match_segments(const std::vector<std::string_view>& wanted,
                                                       const std::vector<std::string_view>& given) {
  if (wanted.size() != given.size()) return std::nullopt;
  std::vector<std::string> out;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (!wanted[i].starts_with('{')) {
      if (wanted[i] != given[i]) return std::nullopt;
      continue;
    }
    const std::string_view suffix = wanted[i].substr(wanted[i].find('}') + 1);
    // A client may encode the colon of a verb.
    auto value = net::percent_decode(given[i]);
    if (!value.ok() || value->size() <= suffix.size() || !value->ends_with(suffix)) return std::nullopt;
    value->resize(value->size() - suffix.size());
    out.push_back(std::move(value).value());
  }
  return out;
}

}  // namespace

std::optional<std::vector<std::string>> match(std::string_view path_template, std::string_view path) {
  return match_segments(segments(path_template), segments(path));
}

Match find_route(std::string_view method, std::string_view path) {
  if (method == "HEAD") method = "GET";
  Match best;
  std::size_t fewest = ~std::size_t{0};
  static const std::vector<std::vector<std::string_view>> kTemplates = [] {
    std::vector<std::vector<std::string_view>> out;
    for (const auto& route : all_routes()) out.push_back(segments(route.path));
    return out;
  }();
  const auto given = segments(path);
  for (std::size_t r = 0; r < kTemplates.size(); ++r) {
    const Route& route = all_routes()[r];
    auto values = match_segments(kTemplates[r], given);
    if (!values) continue;
    // A verb ("{name}:promote") is more exact than a bare parameter.
    const std::size_t parameters = values->size() * 2 - (route.path.find("}:") != std::string::npos ? 1 : 0);
    if (route.method != method) {
      if (std::ranges::find(best.allowed, route.method) == best.allowed.end()) best.allowed.push_back(route.method);
      continue;
    }
    if (parameters >= fewest) continue;
    fewest = parameters;
    best.route = &route;
    best.path = std::move(*values);
  }
  return best;
}

}  // namespace penchant::service
