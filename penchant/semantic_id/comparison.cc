#include "penchant/semantic_id/comparison.h"

#include <algorithm>
#include <map>
#include <ranges>

#include "penchant/semantic_id/fit_ids.h"
#include "penchant/semantic_id/printing.h"
#include "penchant/semantic_id/quantiser.h"

namespace penchant::semantic_id {
namespace {

std::vector<NextItem> next_items(MatrixView<const Code> codes, std::size_t levels,
                                 std::span<const ItemPair> pairs) {
  std::vector<NextItem> out;
  const auto n = static_cast<double>(pairs.size());
  for (std::size_t length = 1; length <= levels && !pairs.empty(); ++length) {
    std::map<std::vector<Code>, std::pair<double, double>> counts;  // of a prefix: as item, as next item
    NextItem next;
    for (const auto& pair : pairs) {
      const auto first = codes.row(pair.first).first(length), second = codes.row(pair.second).first(length);
      counts[{first.begin(), first.end()}].first += 1;
      counts[{second.begin(), second.end()}].second += 1;
      next.share += std::ranges::equal(first, second) ? 1 / n : 0;
    }
    for (const auto& [as_item, as_next] : counts | std::views::values)
      next.chance += as_item / n * as_next / n;
    out.push_back(next);
  }
  return out;
}

Result<ComparedQuantiser> judge(MatrixView<const float> vectors, const std::string& name,
                                const QuantiserOptions& options, Executor& executor, const Clock& clock,
                                const ComparisonOptions& how) {
  const auto start = clock.now_ms();
  PENCHANT_TRY(ids, fit_ids(name, vectors, options, how.collisions, executor));
  const auto& [fit, resolved, sizes] = ids;
  ComparedQuantiser out{.name = name, .seconds = static_cast<double>(clock.now_ms() - start) / 1000};
  for (std::size_t l = 0; l < fit.codebooks.levels(); ++l) out.codebooks.push_back(fit.codebooks.codebook(l));
  PENCHANT_TRY(report,
               make_report(resolved_codebooks(fit.codebooks, resolved), vectors, resolved.codes.view(), executor,
                           {.collisions = std::string(name_of(how.collisions.policy)), .sizes = sizes, .seed = options.seed}));
  out.report = std::move(report);
  out.next = next_items(resolved.codes.view(), fit.codebooks.levels(), how.next);
  out.unique_before =
      1 - static_cast<double>(out.report.shared_before) / static_cast<double>(out.report.items);
  return out;
}

std::string to_json(std::span<const NextItem> next) {
  std::string text = "[";
  for (const auto& n : next)
    text.append(text.size() > 1 ? "," : "")
        .append("{\"share\":" + number(n.share) + ",\"chance\":" + number(n.chance) + "}");
  return text + "]";
}

/// How often the item taken next has the same codes.
std::string next_table(std::span<const ComparedQuantiser> compared) {
  if (compared[0].next.empty()) return "";
  std::string text = "\n  the item a person took next has the same codes up to level (by chance)\n";
  for (const auto& c : compared) {
    text += line("  %-15s", c.name.c_str());
    for (std::size_t l = 0; l < std::min<std::size_t>(c.next.size(), 4); ++l)
      text += line("  %zu: %4.1f %% (%.1f %%)", l + 1, 100 * c.next[l].share, 100 * c.next[l].chance);
    text += "\n";
  }
  return text;
}

std::string cosine(const CoherenceReport& coherence) {
  return coherence.pairs == 0 ? "none" : line("%.3f", coherence.cosine);
}

}  // namespace

Result<std::vector<ComparedQuantiser>> compare_quantisers(MatrixView<const float> vectors,
                                                          std::span<const std::string> names,
                                                          const QuantiserOptions& options, Executor& executor,
                                                          const Clock& clock, const ComparisonOptions& how) {
  for (const auto& pair : how.next)
    PENCHANT_CHECK(pair.first < vectors.rows() && pair.second < vectors.rows(), "pairs are rows of vectors");
  for (const auto& name : names) PENCHANT_DO(check_quantiser(name));
  std::vector<ComparedQuantiser> out;
  for (const auto& name : names) {
    auto judged = judge(vectors, name, options, executor, clock, how);
    if (!judged.ok()) return std::move(judged).error().within(name);
    out.push_back(std::move(judged).value());
  }
  return out;
}

std::string to_json(std::span<const ComparedQuantiser> compared) {
  std::string text = "{\"quantisers\":[";
  for (const auto& c : compared) {
    std::string sizes;
    for (const auto size : c.codebooks) sizes.append(sizes.empty() ? "" : ",").append(std::to_string(size));
    text.append(text.back() == '}' ? "," : "")
        .append("{\"quantiser\":\"" + c.name + "\",\"codebooks\":[" + sizes + "]")
        .append(",\"unique_before\":" + number(c.unique_before))
        .append(",\"unique_after\":" + number(c.report.unique_share))
        .append(",\"seconds\":" + number(c.seconds))
        .append(c.next.empty() ? "" : ",\"next_item\":" + to_json(c.next))
        .append(",\"report\":" + to_json(c.report) + "}");
  }
  return text + "]}";
}

std::string to_text(std::span<const ComparedQuantiser> compared) {
  if (compared.empty()) return "";
  const SidReport& first = compared[0].report;
  std::string text =
      line("Quantisers of %zu items, content vectors of %zu numbers\n", first.items, first.dim);
  if (first.without_content > 0) text += line("  %zu items have no content vector\n", first.without_content);
  text += line("\n  %-15s  %5s  %14s  %7s  %9s  %6s  %7s  %8s  %7s\n", "quantiser", "level", "codes used ",
               "entropy", "explained", "cosine", "unique", "resolved", "seconds");
  for (const auto& c : compared)
    for (std::size_t l = 0; l < c.codebooks.size(); ++l) {
      const auto& level = c.report.levels[l];
      text += line("  %-15s  %5zu  %5zu of %-5u  %7.2f  %7.1f %%  %6s", l == 0 ? c.name.c_str() : "", l + 1,
                   level.used, c.codebooks[l], level.entropy_bits, 100 * level.explained,
                   cosine(c.report.coherence[l + 1]).c_str());
      if (l + 1 == c.codebooks.size())
        text += line("  %5.1f %%  %6.1f %%  %7.2f", 100 * c.unique_before, 100 * c.report.unique_share,
                     c.seconds);
      text += "\n";
    }
  text += line("\n  entropy: bits. cosine: mean of two items with the same codes so far; of any two: %s\n",
               cosine(first.coherence[0]).c_str());
  text += "  unique: items with an ID of their own; resolved: after the collision policy (" + first.collisions + ")\n";
  if (std::ranges::any_of(compared, [](const auto& c) { return c.report.encoded_dim > 0; }))
    text += "  explained: of what is coded; rqvae and behaviour code what a network makes of the content\n";
  return text + next_table(compared);
}

}  // namespace penchant::semantic_id
