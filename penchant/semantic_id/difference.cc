#include "penchant/semantic_id/difference.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <unordered_map>

#include "penchant/semantic_id/printing.h"

namespace penchant::semantic_id {
namespace {

constexpr std::size_t kExamples = 5;

using Rows = std::unordered_map<std::string_view, std::uint32_t>;

Result<Rows> rows_of(const IdSet& set) {
  if (set.stored->codes.rows() != set.items.size())
    return invalid("release " + set.name + " has " + std::to_string(set.stored->codes.rows()) +
                   " semantic IDs for " + std::to_string(set.items.size()) + " items");
  Rows rows;
  for (std::uint32_t row = 0; row < set.items.size(); ++row)
    if (!rows.emplace(set.items[row], row).second)
      return invalid("release " + set.name + " names item \"" + set.items[row] + "\" twice");
  return rows;
}

bool same_codewords(const Codebooks& a, const Codebooks& b, std::size_t level) {
  if (a.codebook(level) != b.codebook(level) || a.dim() != b.dim()) return false;
  for (std::uint32_t k = 0; k < a.codebook(level); ++k)
    if (!std::ranges::equal(a.codeword(level, static_cast<Code>(k)), b.codeword(level, static_cast<Code>(k))))
      return false;
  return true;
}

/// Content vectors become the same numbers before the levels on both sides.
bool same_encoding(const Codebooks& a, const Codebooks& b) {
  if (a.content_dim() != b.content_dim()) return false;
  if (!a.encoder() || !b.encoder()) return !a.encoder() && !b.encoder();
  return std::ranges::equal(a.encoder()->layers(), b.encoder()->layers(), [](const auto& one, const auto& other) {
    return one.weight.cols() == other.weight.cols() && one.bias == other.bias &&
           std::ranges::equal(one.weight.values(), other.weight.values());
  });
}

void add_drift(const Codebooks& before, const Codebooks& after, std::size_t level, Executor& executor,
               LevelDifference& out) {
  const auto& table = before.table(level);
  const std::size_t k = table.size();
  Matrix<float> words(k, after.dim());
  double same = 0, length = 0, nearest = 0;
  const std::vector<float> zero(before.dim(), 0);
  for (std::size_t c = 0; c < k; ++c) {
    const auto word = after.codeword(level, static_cast<Code>(c));
    std::ranges::copy(word, words.row(c).begin());
    same += std::sqrt(double{squared_distance(word, table.codeword(c))});
    length += std::sqrt(double{squared_distance(zero, table.codeword(c))});
  }
  std::vector<std::uint32_t> codes(k);
  std::vector<float> distances(k);
  table.nearest(words.view(), codes, distances, executor);
  for (const float d : distances) nearest += std::sqrt(std::max(0.0, double{d}));
  out.has_drift = true;
  out.drift = length > 0 ? same / length : 0;
  out.nearest = length > 0 ? nearest / length : 0;
}

void compare_levels(const IdSet& before, const IdSet& after, Executor& executor, IdDifference& out) {
  const auto& a = before.stored->codebooks;
  const auto& b = after.stored->codebooks;
  const bool same_space = same_encoding(a, b);
  bool any_drift = false;
  for (std::size_t l = 0; l < a.levels(); ++l) {
    LevelDifference level{.before = a.codebook(l), .after = b.codebook(l), .identical = same_codewords(a, b, l)};
    if (same_space && level.before == level.after) add_drift(a, b, l, executor, level);
    any_drift = any_drift || level.has_drift;
    out.levels.push_back(level);
  }
  if (a.content_dim() != b.content_dim())
    out.no_drift = "The content vectors have " + std::to_string(a.content_dim()) + " and " +
                   std::to_string(b.content_dim()) + " numbers, so how far the codewords moved cannot be said.";
  else if (!same_space)
    out.no_drift = "The content goes through different encoders, so how far the codewords moved cannot be said.";
  else if (!any_drift)
    out.no_drift = "No level has as many codewords as before, so how far they moved cannot be said.";
}

/// Codes of the items that both sides have.
void compare_codes(const IdSet& before, const Rows& rows, const IdSet& after, IdDifference& out) {
  for (std::size_t row = 0; row < after.items.size(); ++row) {
    const auto found = rows.find(after.items[row]);
    if (found == rows.end()) continue;
    const auto was = before.stored->codes.row(found->second), is = after.stored->codes.row(row);
    std::size_t same = 0;
    while (same < was.size() && was[same] == is[same]) ++same;
    for (std::size_t l = 0; l < same; ++l) ++out.levels[l].kept;
    if (same == was.size()) continue;
    ++out.levels[same].first_changed;
    if (++out.changed <= kExamples)
      out.first_changed.push_back({after.items[row], {was.begin(), was.end()}, {is.begin(), is.end()}});
  }
  out.kept_share = 1 - static_cast<double>(out.changed) / static_cast<double>(out.common);
}

std::string dashed(const std::vector<Code>& codes) {
  std::string text;
  for (const auto code : codes) text += (text.empty() ? "" : "-") + std::to_string(code);
  return text;
}

std::string named(const std::vector<std::string>& items, std::size_t all) {
  std::string text;
  for (const auto& item : items) text += (text.empty() ? "" : ", ") + item.substr(0, 24);
  return all > items.size() ? text + ", …" : text;
}

double share(std::size_t part, std::size_t whole) {
  return whole == 0 ? 0 : 100 * static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

Result<IdDifference> compare_ids(const IdSet& before, const IdSet& after, Executor& executor) {
  PENCHANT_TRY(rows_before, rows_of(before));
  PENCHANT_TRY(rows_after, rows_of(after));
  const auto& a = before.stored->codebooks;
  const auto& b = after.stored->codebooks;
  IdDifference out{.before = before.name, .after = after.name, .items_before = before.items.size(),
                   .items_after = after.items.size(), .levels_before = a.levels(), .levels_after = b.levels()};
  for (const auto& item : after.items) {
    if (rows_before.contains(item)) ++out.common;
    else if (++out.added <= kExamples) out.first_added.push_back(item);
  }
  for (const auto& item : before.items)
    if (!rows_after.contains(item) && ++out.removed <= kExamples) out.first_removed.push_back(item);
  out.same_codebooks = a.levels() == b.levels() && same_encoding(a, b);
  for (std::size_t l = 0; out.same_codebooks && l < a.levels(); ++l) out.same_codebooks = same_codewords(a, b, l);

  if (a.levels() != b.levels())
    out.not_comparable = "The IDs have " + std::to_string(a.levels()) + " and " + std::to_string(b.levels()) +
                         " codes, so they cannot be compared level by level.";
  else if (out.common == 0)
    out.not_comparable = "The releases have no item in common, so there are no IDs to compare.";
  if (!out.not_comparable.empty()) return out;
  compare_levels(before, after, executor, out);
  compare_codes(before, rows_before, after, out);
  return out;
}

std::string to_json(const IdDifference& d) {
  const auto text = [](const std::string& one) { return quoted(one); };
  const auto codes = [](const std::vector<Code>& id) {
    return json_array(id, [](Code code) { return std::to_string(code); });
  };
  JsonObject object;
  object.add("before", quoted(d.before)).add("after", quoted(d.after));
  object.add("items_before", d.items_before).add("items_after", d.items_after);
  object.add("common", d.common).add("added", d.added).add("removed", d.removed);
  object.add("first_added", json_array(d.first_added, text)).add("first_removed", json_array(d.first_removed, text));
  object.add("levels_before", d.levels_before).add("levels_after", d.levels_after);
  object.add("same_codebooks", d.same_codebooks);
  object.add("not_comparable", d.not_comparable.empty() ? "null" : quoted(d.not_comparable));
  if (d.not_comparable.empty()) object.add("changed", d.changed).add("kept_share", d.kept_share);
  object.add("levels", json_array(d.levels, [](const LevelDifference& l) {
               JsonObject level;
               level.add("before", l.before).add("after", l.after).add("kept", l.kept);
               level.add("first_changed", l.first_changed).add("identical", l.identical);
               level.add("drift", l.has_drift ? number(l.drift) : "null");
               return level.add("nearest", l.has_drift ? number(l.nearest) : "null").str();
             }));
  object.add("no_drift", d.no_drift.empty() ? "null" : quoted(d.no_drift));
  object.add("first_changed", json_array(d.first_changed, [&](const ChangedId& one) {
               return JsonObject()
                   .add("item", quoted(one.item))
                   .add("before", codes(one.before))
                   .add("after", codes(one.after))
                   .str();
             }));
  return object.str();
}

std::string to_text(const IdDifference& d) {
  std::string text = "Semantic IDs of " + d.before + " and " + d.after + "\n";
  text += line("  items: %zu and %zu, %zu in both\n", d.items_before, d.items_after, d.common);
  if (d.added > 0) text += line("  added: %zu  (", d.added) + named(d.first_added, d.added) + ")\n";
  if (d.removed > 0) text += line("  removed: %zu  (", d.removed) + named(d.first_removed, d.removed) + ")\n";
  if (!d.not_comparable.empty()) return text + "\n  " + d.not_comparable + "\n";
  text += line("  unchanged IDs: %zu of %zu (%.1f %%)\n", d.common - d.changed, d.common, 100 * d.kept_share);
  text += d.same_codebooks ? "  codebooks: identical\n" : "  codebooks: different\n";
  text += "\n  level   codes             kept up to here   first change here   codeword drift   nearest\n";
  for (std::size_t l = 0; l < d.levels.size(); ++l) {
    const auto& level = d.levels[l];
    const std::string sizes = level.before == level.after ? std::to_string(level.before)
                                                          : line("%zu -> %zu", level.before, level.after);
    text += line("  %5zu   %-15s   %6zu (%5.1f %%)   %17zu", l + 1, sizes.c_str(), level.kept,
                 share(level.kept, d.common), level.first_changed);
    text += level.has_drift ? line("   %14.3f   %7.3f\n", level.drift, level.nearest) : line("   %14s   %7s\n", "-", "-");
  }
  text += d.no_drift.empty() ? "\n  drift: mean distance of a code's codeword / mean length; nearest: to whichever codeword is nearest\n"
                             : "\n  " + d.no_drift + "\n";
  if (!d.first_changed.empty()) text += "\n  changed, the first of them:\n";
  for (const auto& one : d.first_changed)
    text += "    " + one.item.substr(0, 40) + "  " + dashed(one.before) + " -> " + dashed(one.after) + "\n";
  return text;
}

}  // namespace penchant::semantic_id
