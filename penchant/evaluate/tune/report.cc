#include "penchant/evaluate/tune/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cctype>

namespace penchant::evaluate {
namespace {

namespace json = boost::json;
constexpr std::size_t kShown = 10, kWidth = 100;

/// "NDCG@10".
std::string shouted(std::string text) {
  if (text.starts_with("recall")) return "R" + text.substr(1);
  for (auto& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

std::string protocol_words(const TuneReport& report) {
  return fmt::format("{}, ties {}, seen items {}", name_of(report.protocol.kind), name_of(report.protocol.ties), name_of(report.seen));
}

std::string settings_text(const TuneReport& report, const Trial& trial) {
  std::string text;
  for (const auto& name : report.searched)
    text += (text.empty() ? "" : "  ") + fmt::format("{}={}", name, trial.settings.at(name));
  return text;
}

json::object json_of(const Trial& trial) {
  json::object settings, metrics;
  for (const auto& [name, value] : trial.settings) settings[name] = value;
  for (const auto& [name, value] : trial.metrics) metrics[name] = value;
  return {{"settings", std::move(settings)}, {"metrics", std::move(metrics)}, {"seconds", trial.seconds}};
}

}  // namespace

std::string to_table(const TuneReport& report) {
  std::string out = fmt::format("{} on the validation events of {} users, {} trials{}\n{}\n\n", report.model, report.users,
                                report.trials.size() + report.failed,
                                report.failed == 0 ? "" : fmt::format(", {} failed", report.failed), protocol_words(report));
  const std::string second = report.metric == "recall@10" ? "ndcg@10" : "recall@10";
  out += fmt::format("{:>4}  {:>9}  {:>9}  {:>7}  settings\n", "", shouted(report.metric), shouted(second), "seconds");
  const std::string indent(37, ' ');
  for (std::size_t t = 0; t < report.trials.size(); ++t) {
    if (t >= kShown && t != report.defaults) continue;
    const Trial& trial = report.trials[t];
    const double* beside = trial.find(second);
    std::string line = fmt::format("{:>4}  {:>9.4f}  {:>9}  {:>7.1f}  ", t + 1, *trial.find(report.metric),
                                   beside == nullptr ? "" : fmt::format("{:.4f}", *beside), trial.seconds);
    // Settings wrap at spaces below each other.
    std::string settings = (t == report.defaults ? "defaults: " : "") + settings_text(report, trial);
    while (indent.size() + settings.size() > kWidth) {
      auto cut = settings.rfind("  ", kWidth - indent.size());
      if (cut == std::string::npos || cut == 0) break;
      line += settings.substr(0, cut) + "\n" + indent;
      settings.erase(0, cut + 2);
    }
    out += line + settings + "\n";
  }
  if (!report.fixed.empty()) out += "fixed: " + fmt::format("{}", fmt::join(report.fixed, "  ")) + "\n";
  return out;
}

std::vector<std::string> chosen_settings(const TuneReport& report) {
  std::vector<std::string> words;
  const Trial& defaults = report.trials[report.defaults];
  const Trial& chosen = report.beats_defaults() ? report.best() : defaults;
  for (const auto& [name, value] : chosen.settings) {
    const bool fixed = std::ranges::find(report.searched, name) == report.searched.end();
    if (fixed || value != defaults.settings.at(name)) words.push_back(fmt::format("{}={}", name, value));
  }
  return words;
}

std::string sentence(const TuneReport& report) {
  const std::string metric = shouted(report.metric);
  if (report.defaults == 0)
    return fmt::format("No trial is better than the defaults of {} ({} {:.4f}): keep them.", report.model, metric,
                       *report.best().find(report.metric));
  const auto& d = report.difference;
  const std::string figures = fmt::format("{:.4f} [{:.4f}, {:.4f}] {} over {} users", d.value, d.low, d.high, metric, report.users);
  if (!report.beats_defaults())
    return fmt::format("The best trial does not beat the defaults of {}: the difference is {}. Keep the defaults.", report.model, figures);
  return fmt::format("The best trial beats the defaults of {} by {}. It is the best of {} on the same validation events, so "
                     "expect somewhat less on the test events.",
                     report.model, figures, report.trials.size());
}

std::string to_json(const TuneReport& report) {
  json::array trials, searched, fixed, notes, chosen;
  for (const auto& trial : report.trials) trials.push_back(json_of(trial));
  for (const auto& name : report.searched) searched.push_back(json::string(name));
  for (const auto& word : report.fixed) fixed.push_back(json::string(word));
  for (const auto& note : report.notes) notes.push_back(json::string(note));
  for (const auto& word : chosen_settings(report)) chosen.push_back(json::string(word));
  const json::object value{
      {"model", report.model},
      {"metric", report.metric},
      {"protocol", {{"split", std::string(name_of(report.protocol.kind))},
                    {"ties", std::string(name_of(report.protocol.ties))},
                    {"stage", "validation"},
                    {"seen", std::string(name_of(report.seen))}}},
      {"seed", report.seed},
      {"users", report.users},
      {"searched", std::move(searched)},
      {"fixed", std::move(fixed)},
      {"trials", std::move(trials)},
      {"failed", report.failed},
      {"new_trials", report.new_trials},
      {"best", json_of(report.best())},
      {"defaults", json_of(report.trials[report.defaults])},
      {"difference", {{"value", report.difference.value}, {"low", report.difference.low}, {"high", report.difference.high}}},
      {"beats_defaults", report.beats_defaults()},
      {"chosen", std::move(chosen)},
      {"sentence", sentence(report)},
      {"stopped", report.stopped},
      {"notes", std::move(notes)}};
  return json::serialize(value);
}

}  // namespace penchant::evaluate
