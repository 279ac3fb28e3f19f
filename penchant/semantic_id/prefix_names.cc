#include "penchant/semantic_id/prefix_names.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <string_view>

#include "penchant/semantic_id/prefix_runs.h"

namespace penchant::semantic_id {
namespace {

constexpr std::size_t kMaxValueBytes = 60;  // longer texts are prose, not values
constexpr std::array<std::string_view, 12> kStopWords{"the", "and", "for", "with", "from", "der",
                                                      "die", "das", "und", "les",  "des",  "part"};

bool is_word_byte(char c) {
  const auto u = static_cast<unsigned char>(c);
  return (u >= 'a' && u <= 'z') || (u >= '0' && u <= '9') || u >= 0x80;
}

void add_title_words(std::string title, std::vector<NamingFeature>& out) {
  for (char& c : title)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  for (std::size_t begin = 0, i = 0; i <= title.size(); ++i) {
    if (i < title.size() && is_word_byte(title[i])) continue;
    const auto word = std::string_view(title).substr(begin, i - begin);
    const bool digits = std::ranges::all_of(word, [](char c) { return c >= '0' && c <= '9'; });
    if (word.size() >= 3 && word.size() <= kMaxValueBytes && !digits &&
        std::ranges::find(kStopWords, word) == kStopWords.end())
      out.push_back({"", std::string(word)});
    begin = i + 1;
  }
}

std::string decade_of(double year) { return std::to_string(static_cast<int>(year) / 10 * 10) + "s"; }

struct AddValue {
  const std::string& attribute;
  std::vector<NamingFeature>& out;

  void operator()(double value) const {
    if (attribute.find("year") != std::string::npos && value >= 1000 && value < 3000)
      out.push_back({attribute, decade_of(value)});
  }
  void operator()(bool value) const {
    if (value) out.push_back({attribute, attribute});
  }
  void operator()(const std::string& value) const {
    const bool digits =
        !value.empty() && std::ranges::all_of(value, [](char c) { return c >= '0' && c <= '9'; });
    if (digits && value.size() == 4 && attribute.find("year") != std::string::npos)
      (*this)(static_cast<double>(std::stoi(value)));
    else if (!value.empty() && value.size() <= kMaxValueBytes)
      out.push_back({attribute, value});
  }
  void operator()(const std::vector<std::string>& values) const {
    for (const auto& value : values)
      if (!value.empty() && value.size() <= kMaxValueBytes) out.push_back({attribute, value});
  }
};

/// Features as numbers, and how many items have each.
struct Dictionary {
  std::vector<const NamingFeature*> features;       // by number, ascending; into the caller's span
  std::vector<std::vector<std::uint32_t>> of_item;  // [n]
  std::vector<std::uint32_t> counts;                // by number

  explicit Dictionary(std::span<const std::vector<NamingFeature>> items) : of_item(items.size()) {
    std::map<NamingFeature, std::uint32_t> numbers;
    for (const auto& item : items)
      for (const auto& feature : item) numbers.emplace(feature, 0);
    std::uint32_t next = 0;
    for (auto& [feature, number] : numbers) number = next++;
    features.resize(next);
    counts.assign(next, 0);
    for (std::size_t i = 0; i < items.size(); ++i) {
      for (const auto& feature : items[i]) {
        const auto number = numbers.find(feature)->second;
        features[number] = &feature;
        of_item[i].push_back(number);
      }
      std::ranges::sort(of_item[i]);
      of_item[i].erase(std::ranges::unique(of_item[i]).begin(), of_item[i].end());
      for (const auto number : of_item[i]) ++counts[number];
    }
  }
  /// Counts among `rows`, written into `out` (zero before); returns the numbers seen.
  std::vector<std::uint32_t> count(std::span<const std::uint32_t> rows,
                                   std::vector<std::uint32_t>& out) const {
    std::vector<std::uint32_t> seen;
    for (const auto row : rows)
      for (const auto f : of_item[row])
        if (out[f]++ == 0) seen.push_back(f);
    std::ranges::sort(seen);
    return seen;
  }
};

struct Group {
  std::span<const std::uint32_t> rows;
  const std::vector<std::uint32_t>& background;  // counts in the group that holds this one
  std::size_t background_items;
};

double log_odds(double with, double all, double prior_with, double prior) {
  return std::log((with + prior_with) / (all - with + prior - prior_with));
}

class Namer {
 public:
  Namer(const Dictionary& dictionary, const PrefixNameOptions& options)
      : dictionary_(dictionary), options_(options), inside_(dictionary.features.size(), 0) {}

  PrefixName name(const Group& group) {
    PrefixName result{.items = group.rows.size()};
    const auto seen = dictionary_.count(group.rows, inside_);
    const auto in = static_cast<double>(group.rows.size());
    const double out = static_cast<double>(group.background_items) - in;
    const auto n = static_cast<double>(dictionary_.of_item.size());
    if (group.rows.size() >= options_.min_items)
      for (const auto f : seen) {
        const double with = inside_[f], without = group.background[f] - with;
        if (with < 2 || with / in < options_.min_share) continue;
        // The share of a feature that every item has is kept below 1 by half an item.
        const double prior_with = options_.prior * std::min(dictionary_.counts[f] / n, (n - 0.5) / n);
        const double difference = log_odds(with, in, prior_with, options_.prior) -
                                  log_odds(without, out, prior_with, options_.prior);
        const double z = difference / std::sqrt(1 / (with + prior_with) + 1 / (without + prior_with));
        const auto& feature = *dictionary_.features[f];
        if (z >= options_.min_z + (feature.attribute.empty() ? 1 : 0))
          result.terms.push_back({feature, z, with / in, out > 0 ? without / out : 0});
      }
    for (const auto f : seen) inside_[f] = 0;
    std::ranges::stable_sort(result.terms, std::greater{}, &PrefixTerm::z);
    if (result.terms.size() > options_.terms) result.terms.resize(options_.terms);
    for (const auto& term : result.terms)
      result.name.append(result.name.empty() ? "" : " · ").append(term.feature.value);
    if (result.name.empty()) result.name = "mixed";
    return result;
  }

 private:
  const Dictionary& dictionary_;  // lives through prefix_names, as do the options
  const PrefixNameOptions& options_;
  std::vector<std::uint32_t> inside_;  // zero between calls
};

}  // namespace

std::vector<NamingFeature> naming_features(const catalog::Item& item) {
  std::vector<NamingFeature> features;
  for (const auto& [attribute, value] : item.attributes) std::visit(AddValue{attribute, features}, value);
  add_title_words(item.title, features);
  std::ranges::sort(features);
  features.erase(std::ranges::unique(features).begin(), features.end());
  return features;
}

Result<std::vector<PrefixName>> prefix_names(MatrixView<const Code> codes,
                                             std::span<const std::vector<NamingFeature>> features,
                                             const PrefixNameOptions& options) {
  if (features.size() != codes.rows())
    return invalid(std::to_string(features.size()) + " feature lists for " + std::to_string(codes.rows()) +
                   " semantic IDs");
  std::vector<PrefixName> names;
  const Dictionary dictionary(features);
  Namer namer(dictionary, options);
  std::vector<std::uint32_t> background(dictionary.features.size(), 0);
  for (std::size_t length = 1; length <= std::min(options.max_length, codes.cols()); ++length) {
    const PrefixRuns parents(codes, length - 1), children(codes, length);
    std::size_t child = 0;
    for (std::size_t p = 0; p < parents.size(); ++p) {
      const auto seen = dictionary.count(parents[p], background);
      for (; child < children.size() && children.begin(child) < parents.begin(p) + parents[p].size();
           ++child) {
        const bool only_child = children[child].size() == parents[p].size();
        auto name = only_child ? namer.name({children[child], dictionary.counts, codes.rows()})
                               : namer.name({children[child], background, parents[p].size()});
        const auto first = codes.row(children[child][0]).first(length);
        name.prefix.assign(first.begin(), first.end());
        names.push_back(std::move(name));
      }
      for (const auto f : seen) background[f] = 0;
    }
  }
  return names;
}

}  // namespace penchant::semantic_id
