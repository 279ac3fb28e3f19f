#include "penchant/rank/ranker.h"

#include <boost/json.hpp>

#include <algorithm>
#include <cmath>

#include "penchant/artifact/files.h"

namespace penchant::rank {
namespace {

namespace json = boost::json;

constexpr std::array<std::string_view, kFeatures> kFeatureNames{
    "dense", "generator", "transitions", "popularity", "recency", "content", "seen", "cold", "towers", "alike",
    "lexical", "text", "anchor_vector", "anchor_content", "anchor_transitions"};
constexpr std::array<std::string_view, kTasks> kTaskNames{"recommend", "guest", "search", "similar"};
constexpr std::uint64_t kMaxBytes = 1 << 20;
constexpr double kMaxWeight = 1e6;

Error corrupt(const std::string& message) { return {ErrorCode::corrupt, "ranker.json: " + message}; }

Result<double> number(const json::value& value, const std::string& where) {
  if (!value.is_number()) return corrupt(where + " is not a number");
  const double number = value.to_number<double>();
  if (!std::isfinite(number) || std::abs(number) > kMaxWeight)
    return corrupt(where + " is not within +-1e6");
  return number;
}

}  // namespace

std::string_view name_of(Feature feature) noexcept { return kFeatureNames[column(feature)]; }
std::string_view name_of(Task task) noexcept { return kTaskNames[static_cast<std::size_t>(task)]; }

Ranker::Ranker() {
  const auto set = [&](Task task, std::initializer_list<std::pair<Feature, double>> weights) {
    for (const auto& [feature, weight] : weights) tasks_[static_cast<std::size_t>(task)][column(feature)] = weight;
  };
  set(Task::recommend, {{Feature::dense, 1.0}, {Feature::generator, 0.25}, {Feature::transitions, 0.35},
                        {Feature::popularity, 0.05}, {Feature::recency, 0.05}, {Feature::content, 0.5}, {Feature::alike, 1.0}});
  set(Task::guest, {{Feature::popularity, 1.0}, {Feature::recency, 0.1}});
  set(Task::search, {{Feature::lexical, 4.0}, {Feature::text, 5.0}, {Feature::dense, 0.15},
                     {Feature::content, 0.3}, {Feature::popularity, 0.1},
                     {Feature::anchor_vector, 1.0}, {Feature::anchor_content, 1.0}});
  set(Task::similar, {{Feature::anchor_vector, 3.0}, {Feature::anchor_content, 3.0},
                      {Feature::anchor_transitions, 0.4}, {Feature::dense, 0.15}, {Feature::content, 0.2},
                      {Feature::popularity, 0.05}});
}

double Ranker::score(Task task, std::span<const float> features) const noexcept {
  const Weights& weights = tasks_[static_cast<std::size_t>(task)];
  double sum = 0;
  for (std::size_t f = 0; f < features.size() && f < kFeatures; ++f)
    sum += weights[f] * static_cast<double>(features[f]);
  return sum;
}

Result<Ranker> Ranker::parse(std::string_view text) {
  if (text.size() > kMaxBytes) return corrupt("larger than 1 MiB");
  json::error_code error;
  json::parse_options options;
  options.max_depth = 8;
  const json::value root = json::parse(json::string_view(text.data(), text.size()), error, {}, options);
  if (error) return corrupt("not JSON: " + error.message());
  if (!root.is_object()) return corrupt("not an object");
  const json::value* features = root.as_object().if_contains("features");
  if (features == nullptr || !features->is_array()) return corrupt("\"features\" is not a list");
  std::vector<std::size_t> columns;
  for (const json::value& name : features->as_array()) {
    if (!name.is_string()) return corrupt("\"features\" holds something that is not a name");
    const std::string_view given(name.as_string().data(), name.as_string().size());
    const auto at = std::find(kFeatureNames.begin(), kFeatureNames.end(), given);
    if (at == kFeatureNames.end())
      return corrupt("unknown feature '" + std::string(given.substr(0, 40)) + "'");
    const auto feature = static_cast<std::size_t>(at - kFeatureNames.begin());
    if (std::find(columns.begin(), columns.end(), feature) != columns.end())
      return corrupt("feature '" + std::string(given) + "' is listed twice");
    columns.push_back(feature);
  }
  const json::value* tasks = root.as_object().if_contains("tasks");
  if (tasks == nullptr || !tasks->is_object()) return corrupt("\"tasks\" is not an object");
  Ranker ranker;
  for (const auto& [key, value] : tasks->as_object()) {
    const std::string name(key.data(), key.size());
    const auto at = std::find(kTaskNames.begin(), kTaskNames.end(), name);
    if (at == kTaskNames.end()) continue;  // a later format's task
    const json::value* list = value.is_object() ? value.as_object().if_contains("weights") : nullptr;
    if (list == nullptr || !list->is_array() || list->as_array().size() != columns.size())
      return corrupt("task '" + name + "' needs \"weights\" with " + std::to_string(columns.size()) + " numbers");
    Weights weights{};
    for (std::size_t f = 0; f < columns.size(); ++f) {
      PENCHANT_TRY(weight, number(list->as_array()[f], "weight " + std::to_string(f) + " of task '" + name + "'"));
      weights[columns[f]] = weight;
    }
    ranker.tasks_[static_cast<std::size_t>(at - kTaskNames.begin())] = weights;
  }
  return ranker;
}

Result<Ranker> Ranker::load(const std::string& file) {
  auto text = artifact::read_file(file, kMaxBytes);
  if (!text.ok()) {
    if (text.error().code == ErrorCode::not_found) return Ranker();
    return std::move(text).error();
  }
  return parse(text.value());
}

std::string Ranker::to_json() const {
  json::array names;
  for (const std::string_view name : kFeatureNames) names.emplace_back(json::string_view(name.data(), name.size()));
  json::object tasks;
  for (std::size_t t = 0; t < kTasks; ++t) {
    json::array weights;
    for (const double weight : tasks_[t]) weights.emplace_back(weight);
    tasks[json::string_view(kTaskNames[t].data(), kTaskNames[t].size())] = json::object{{"weights", weights}};
  }
  return json::serialize(json::object{{"features", names}, {"tasks", tasks}});
}

}  // namespace penchant::rank
