#include "penchant/semantic_id/comparison.h"

#include <charconv>
#include <cstdio>

#include "penchant/semantic_id/fit_ids.h"
#include "penchant/semantic_id/quantiser.h"

namespace penchant::semantic_id {
namespace {

std::string number(double value) {
  char text[64];  // to_chars: no locale
  return {text, std::to_chars(text, text + sizeof text, value, std::chars_format::general, 6).ptr};
}

template <class... Args>
std::string line(const char* format, Args... args) {
  char text[160];
  std::snprintf(text, sizeof text, format, args...);
  return text;
}

Result<ComparedQuantiser> judge(MatrixView<const float> vectors, const std::string& name,
                                const QuantiserOptions& options, Executor& executor, const Clock& clock,
                                const CollisionOptions& collisions) {
  const auto start = clock.now_ms();
  PENCHANT_TRY(ids, fit_ids(name, vectors, options, collisions, executor));
  const auto& [fit, resolved, sizes] = ids;
  ComparedQuantiser out{.name = name, .seconds = static_cast<double>(clock.now_ms() - start) / 1000};
  for (std::size_t l = 0; l < fit.codebooks.levels(); ++l) out.codebooks.push_back(fit.codebooks.codebook(l));
  PENCHANT_TRY(report,
               make_report(resolved_codebooks(fit.codebooks, resolved), vectors, resolved.codes.view(), executor,
                           {.collisions = std::string(name_of(collisions.policy)), .sizes = sizes, .seed = options.seed}));
  out.report = std::move(report);
  out.unique_before =
      1 - static_cast<double>(out.report.shared_before) / static_cast<double>(out.report.items);
  return out;
}

std::string cosine(const CoherenceReport& coherence) {
  return coherence.pairs == 0 ? "none" : line("%.3f", coherence.cosine);
}

}  // namespace

Result<std::vector<ComparedQuantiser>> compare_quantisers(MatrixView<const float> vectors,
                                                          std::span<const std::string> names,
                                                          const QuantiserOptions& options, Executor& executor,
                                                          const Clock& clock, const CollisionOptions& collisions) {
  for (const auto& name : names) PENCHANT_DO(check_quantiser(name));
  std::vector<ComparedQuantiser> out;
  for (const auto& name : names) {
    auto judged = judge(vectors, name, options, executor, clock, collisions);
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
  return text;
}

}  // namespace penchant::semantic_id
