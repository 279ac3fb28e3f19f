#include "penchant/service/metrics.h"

#include <algorithm>
#include <cmath>

#include "penchant/base/result.h"
#include "penchant/catalog/text_form.h"

namespace penchant::service {

namespace {

std::string escaped(std::string_view text, bool quotes) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') out += "\\\\";
    else if (c == '\n') out += "\\n";
    else if (c == '"' && quotes) out += "\\\"";
    else out += c;
  }
  return out;
}

std::string number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return catalog::number_text(value);
}

std::string rendered(const Metrics::Labels& labels) {
  std::string out;
  for (const auto& [name, value] : labels) {
    if (!out.empty()) out += ',';
    out += name + "=\"" + escaped(value, true) + "\"";
  }
  return out;
}

std::string braces(const std::string& labels, const std::string& more = {}) {
  if (labels.empty() && more.empty()) return {};
  return "{" + labels + (labels.empty() || more.empty() ? "" : ",") + more + "}";
}

std::string_view kind_name(Metrics::Kind kind) {
  switch (kind) {
    case Metrics::Kind::counter: return "counter";
    case Metrics::Kind::gauge: return "gauge";
    case Metrics::Kind::histogram: return "histogram";
  }
  return "untyped";
}

}  // namespace

void Metrics::declare(std::string name, Kind kind, std::string help, std::vector<double> buckets) {
  const std::lock_guard lock(mutex_);
  families_[std::move(name)] = {.kind = kind, .help = std::move(help), .bounds = std::move(buckets)};
}

Metrics::Series& Metrics::series(std::string_view name, const Labels& labels, Kind kind) {
  const auto family = families_.find(name);
  PENCHANT_CHECK(family != families_.end() && family->second.kind == kind, "undeclared metric");
  return family->second.series[rendered(labels)];
}

void Metrics::count(std::string_view name, const Labels& labels, double by) {
  const std::lock_guard lock(mutex_);
  series(name, labels, Kind::counter).value += by;
}

void Metrics::set(std::string_view name, double value, const Labels& labels) {
  const std::lock_guard lock(mutex_);
  series(name, labels, Kind::gauge).value = value;
}

void Metrics::clear(std::string_view name) {
  const std::lock_guard lock(mutex_);
  if (const auto family = families_.find(name); family != families_.end()) family->second.series.clear();
}

void Metrics::observe(std::string_view name, double value, const Labels& labels) {
  const std::lock_guard lock(mutex_);
  auto& one = series(name, labels, Kind::histogram);
  const auto& bounds = families_.find(name)->second.bounds;
  if (one.buckets.empty()) one.buckets.resize(bounds.size() + 1);
  ++one.buckets[static_cast<std::size_t>(std::ranges::lower_bound(bounds, value) - bounds.begin())];
  one.value += value;
}

std::string Metrics::text() const {
  const std::lock_guard lock(mutex_);
  std::string out;
  for (const auto& [name, family] : families_) {
    out += "# HELP " + name + " " + escaped(family.help, false) + "\n";
    out += "# TYPE " + name + " " + std::string(kind_name(family.kind)) + "\n";
    for (const auto& [labels, one] : family.series) {
      if (family.kind != Kind::histogram) {
        out += name + braces(labels) + " " + number(one.value) + "\n";
        continue;
      }
      std::uint64_t total = 0;
      for (std::size_t b = 0; b < one.buckets.size(); ++b) {
        total += one.buckets[b];
        const std::string bound = b < family.bounds.size() ? number(family.bounds[b]) : "+Inf";
        out += name + "_bucket" + braces(labels, "le=\"" + bound + "\"") + " " + std::to_string(total) + "\n";
      }
      out += name + "_sum" + braces(labels) + " " + number(one.value) + "\n";
      out += name + "_count" + braces(labels) + " " + std::to_string(total) + "\n";
    }
  }
  return out;
}

}  // namespace penchant::service
