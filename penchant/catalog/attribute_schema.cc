#include "penchant/catalog/attribute_schema.h"

#include <algorithm>
#include <array>
#include <map>
#include <unordered_map>

#include "penchant/catalog/text_form.h"

namespace penchant::catalog {
namespace {

struct Seen {
  std::array<std::uint64_t, 4> kinds{};  ///< by index of the variant
  std::uint64_t records = 0;
  std::unordered_map<std::string, std::uint64_t> values;
  bool capped = false;
  double min = 0, max = 0;

  void count(std::string_view text) {
    const auto kept = std::string(cut_utf8(text, 200));
    if (values.size() >= SchemaBuilder::kMaxDistinct && !values.contains(kept)) {
      capped = true;
      return;
    }
    ++values[kept];
  }
};

}  // namespace

struct SchemaBuilder::Impl {
  std::map<std::string, Seen> attributes;
  std::uint64_t records = 0;
};

SchemaBuilder::SchemaBuilder() : impl_(std::make_unique<Impl>()) {}
SchemaBuilder::~SchemaBuilder() = default;

void SchemaBuilder::add(const Attributes& attributes) {
  ++impl_->records;
  for (const auto& [name, value] : attributes) {
    Seen& seen = impl_->attributes[name];
    ++seen.records;
    if (const auto* number = std::get_if<double>(&value)) {
      seen.min = seen.kinds[0] == 0 ? *number : std::min(seen.min, *number);
      seen.max = seen.kinds[0] == 0 ? *number : std::max(seen.max, *number);
    }
    ++seen.kinds[value.index()];
    if (const auto* list = std::get_if<std::vector<std::string>>(&value))
      for (const auto& part : *list) seen.count(part);
    else
      seen.count(to_text(value));
  }
}

std::vector<AttributeSummary> SchemaBuilder::finish() const {
  static constexpr const char* kKinds[] = {"number", "flag", "text", "list"};
  std::vector<AttributeSummary> out;
  for (const auto& [name, seen] : impl_->attributes) {
    AttributeSummary summary;
    summary.name = name;
    summary.records = seen.records;
    summary.coverage =
        impl_->records == 0 ? 0 : static_cast<double>(seen.records) / static_cast<double>(impl_->records);
    summary.distinct = seen.values.size();
    summary.distinct_capped = seen.capped;
    summary.min = seen.min;
    summary.max = seen.max;
    const auto used = std::count_if(seen.kinds.begin(), seen.kinds.end(), [](auto n) { return n > 0; });
    for (std::size_t kind = 0; kind < 4; ++kind)
      if (seen.kinds[kind] > 0) summary.kind = used > 1 ? "mixed" : kKinds[kind];
    std::vector<std::pair<std::uint64_t, std::string>> ranked;
    for (const auto& [text, count] : seen.values) ranked.emplace_back(count, text);
    const auto shown = std::min<std::size_t>(5, ranked.size());
    std::partial_sort(ranked.begin(), ranked.begin() + static_cast<std::ptrdiff_t>(shown), ranked.end(),
                      [](const auto& a, const auto& b) {
                        return a.first != b.first ? a.first > b.first : a.second < b.second;
                      });
    for (std::size_t i = 0; i < shown; ++i) summary.examples.push_back(ranked[i].second);
    out.push_back(std::move(summary));
  }
  return out;
}

}  // namespace penchant::catalog
