#include "penchant/semantic_id/prefix_names.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

namespace penchant::semantic_id {
namespace {

constexpr std::size_t kMaxValueBytes = 60;  // longer texts are prose, not values
constexpr std::array<std::string_view, 12> kStopWords{"the", "and", "for", "with", "from", "der",
                                                      "die", "das", "und", "les",  "des",  "part"};

bool is_word_byte(char c) {
  const auto u = static_cast<unsigned char>(c);
  return (u >= 'a' && u <= 'z') || (u >= '0' && u <= '9') || u >= 0x80;
}

/// ASCII letters only.
std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

void add_title_words(const std::string& cased, std::vector<NamingFeature>& out) {
  const std::string title = lower(cased);
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

double log_odds(double with, double all, double prior_with, double prior) {
  return std::log((with + prior_with) / (all - with + prior - prior_with));
}

}  // namespace

std::vector<NamingFeature> naming_features(const catalog::Item& item) {
  std::vector<NamingFeature> features;
  for (const auto& [attribute, value] : item.attributes) std::visit(AddValue{attribute, features}, value);
  add_title_words(item.title, features);
  std::ranges::sort(features);
  features.erase(std::ranges::unique(features).begin(), features.end());
  return features;
}

/// Counts below one parent and names its children. Lives within one call.
class PrefixNamer::Naming {
 public:
  Naming(const PrefixNamer& namer, const ItemTrie& trie, ItemTrie::Node parent, const Bitmap* allowed)
      : namer_(namer), trie_(trie), allowed_(allowed), inside_(namer.counts_.size(), 0),
        around_(namer.counts_.size(), 0) {
    (void)count(trie.items_below(parent), around_, items_around_);
  }

  /// nullopt: no item below counts.
  std::optional<PrefixName> name(ItemTrie::Node node) {
    PrefixName out{.code = trie_.code(node), .node = node};
    const auto seen = count(trie_.items_below(node), inside_, out.items);
    if (out.items == 0) return std::nullopt;
    const bool only_child = out.items == items_around_;  // then the catalogue is what it differs from
    if (out.items >= namer_.options_.min_items)
      for (const auto f : seen)
        add_term(out, f, only_child ? namer_.counts_[f] : around_[f],
                 static_cast<double>(only_child ? namer_.of_item_.size() : items_around_));
    for (const auto f : seen) inside_[f] = 0;
    keep_best(out.terms);
    for (const auto& term : out.terms)
      out.name.append(out.name.empty() ? "" : " · ").append(term.feature.value);
    if (out.name.empty()) out.name = "mixed";
    return out;
  }

 private:
  /// Adds to `counts` what the items have that count, and to `items` how many they are. Returns the
  /// features seen.
  std::vector<std::uint32_t> count(std::span<const ItemId> below, std::vector<std::uint32_t>& counts,
                                   std::size_t& items) const {
    std::vector<std::uint32_t> seen;
    for (const auto item : below) {
      const std::size_t row = catalog::index(item);
      if (allowed_ != nullptr && (row >= allowed_->size() || !allowed_->test(row))) continue;
      ++items;
      if (row >= namer_.of_item_.size()) continue;
      for (const auto f : namer_.of_item_[row])
        if (counts[f]++ == 0) seen.push_back(f);
    }
    return seen;
  }

  void add_term(PrefixName& out, std::uint32_t f, std::uint32_t background, double background_items) {
    const auto& options = namer_.options_;
    const auto in = static_cast<double>(out.items), n = static_cast<double>(namer_.of_item_.size());
    const double others = background_items - in;
    const double with = inside_[f], without = background - with;
    if (with < 2 || with / in < options.min_share) return;
    // The share of a feature that every item has is kept below 1 by half an item.
    const double prior_with = options.prior * std::min(namer_.counts_[f] / n, (n - 0.5) / n);
    const double difference =
        log_odds(with, in, prior_with, options.prior) - log_odds(without, others, prior_with, options.prior);
    const double z = difference / std::sqrt(1 / (with + prior_with) + 1 / (without + prior_with));
    const auto& feature = *namer_.features_[f];
    if (z >= options.min_z + (feature.attribute.empty() ? 1 : 0))
      out.terms.push_back({feature, z, with / in, others > 0 ? without / others : 0});
  }

  /// Best first, attributes before words of the title; a word that repeats a value is left out.
  void keep_best(std::vector<PrefixTerm>& terms) const {
    std::ranges::sort(terms, [](const PrefixTerm& a, const PrefixTerm& b) {
      if (a.z != b.z) return a.z > b.z;
      return a.feature.attribute.empty() != b.feature.attribute.empty() ? b.feature.attribute.empty()
                                                                        : a.feature < b.feature;
    });
    std::vector<PrefixTerm> best;
    for (auto& term : terms) {
      const auto same = [&](const PrefixTerm& other) {
        return lower(other.feature.value) == lower(term.feature.value);
      };
      if (best.size() < namer_.options_.terms && std::ranges::none_of(best, same)) best.push_back(std::move(term));
    }
    terms = std::move(best);
  }

  const PrefixNamer& namer_;  // the four live through the call
  const ItemTrie& trie_;
  const Bitmap* allowed_;
  std::vector<std::uint32_t> inside_;  // zero between calls of name()
  std::vector<std::uint32_t> around_;
  std::size_t items_around_ = 0;
};

void PrefixNamer::put(ItemId row, std::span<const NamingFeature> features) {
  if (of_item_.size() <= catalog::index(row)) of_item_.resize(catalog::index(row) + std::size_t{1});
  auto& mine = of_item_[catalog::index(row)];
  for (const auto f : mine) --counts_[f];
  mine.clear();
  for (const auto& feature : features) {
    const auto [at, added] = numbers_.try_emplace(feature, static_cast<std::uint32_t>(features_.size()));
    if (added) {
      features_.push_back(&at->first);
      counts_.push_back(0);
    }
    mine.push_back(at->second);
    ++counts_[at->second];
  }
}

std::vector<PrefixName> PrefixNamer::children(const ItemTrie& trie, ItemTrie::Node parent,
                                              const Bitmap* allowed) const {
  std::vector<PrefixName> names;
  if (trie.nodes() == 0) return names;
  Naming naming(*this, trie, parent, allowed);
  const auto edges = trie.children(parent);
  for (std::uint32_t i = 0; i < edges.codes.size(); ++i)
    if (auto name = naming.name(ItemTrie::Node{edges.first + i})) names.push_back(std::move(*name));
  return names;
}

std::optional<PrefixName> PrefixNamer::child(const ItemTrie& trie, ItemTrie::Node parent, Code code,
                                             const Bitmap* allowed) const {
  const auto node = trie.nodes() == 0 ? std::nullopt : trie.child(parent, code);
  return node ? Naming(*this, trie, parent, allowed).name(*node) : std::nullopt;
}

}  // namespace penchant::semantic_id
