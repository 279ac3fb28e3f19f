// to_json() and to_text() of what semantic IDs are worth in ranking.
#include <fmt/format.h>

#include "penchant/evaluate/clicks/ranking_use.h"
#include "penchant/evaluate/report/format.h"

namespace penchant::evaluate {
namespace {

std::string list(const auto& values, std::string_view between) { return fmt::format("{}", fmt::join(values, between)); }

std::string json(const metrics::Estimate& e) {
  return fmt::format("\"value\":{},\"low\":{},\"high\":{}", number(e.value), number(e.low), number(e.high));
}

std::string without_end(std::string text) {
  while (text.ends_with(' ')) text.pop_back();
  return text;
}

std::string table(const RankingUse& found, std::size_t first_slice, std::size_t slices, bool with_pieces) {
  std::string head = fmt::format("  {:<22}", "");
  if (with_pieces) head += fmt::format(" {:>6} {:>6}", "rows", "pieces");
  for (std::size_t s = first_slice; s < first_slice + slices; ++s)
    head += fmt::format("  {:>6} {}", kCountSlices[s].name, with_pieces ? "  against " + fmt::format("{:<13}", found.variants[0].name.substr(0, 13)) : "difference");
  std::string text = without_end(std::move(head)) + "\n";
  for (std::size_t v = 0; v < found.variants.size(); ++v) {
    const auto& variant = found.variants[v];
    text += fmt::format("  {:<22}", variant.name);
    if (with_pieces) text += fmt::format(" {:>6} {:>6.1f}", variant.used_rows, variant.pieces_per_item);
    for (std::size_t s = first_slice; s < first_slice + slices; ++s) {
      if (found.slices[s].positives == 0 || found.slices[s].positives == found.slices[s].outcomes) text += "    none" + std::string(with_pieces ? 24 : 11, ' ');
      else if (with_pieces) text += fmt::format("  {:>6} {:<22}", short_number(variant.auc[s].value), v == 0 ? "" : short_difference(variant.difference[s]));
      else text += fmt::format("  {:>6} {:<10}", short_number(variant.auc[s].value),
                               v == 0 ? "" : signed_number(variant.difference[s].value) + (variant.difference[s].low > 0 ? " >" : variant.difference[s].high < 0 ? " <" : ""));
    }
    text = without_end(std::move(text)) + "\n";
  }
  return text;
}

}  // namespace

std::string to_json(const RankingUse& found) {
  std::string slices, variants;
  for (std::size_t s = 0; s < kCountSlices.size(); ++s)
    slices += fmt::format("{}\"{}\":{{\"outcomes\":{},\"positives\":{},\"items\":{}}}", s ? "," : "", kCountSlices[s].name,
                          found.slices[s].outcomes, found.slices[s].positives, found.slices[s].items);
  for (const auto& variant : found.variants) {
    std::string auc;
    for (std::size_t s = 0; s < kCountSlices.size(); ++s) {
      const auto& size = found.slices[s];
      if (size.positives == 0 || size.positives == size.outcomes) continue;
      auc += fmt::format("{}\"{}\":{{{},\"against_first\":{{{}}}}}", auc.empty() ? "" : ",", kCountSlices[s].name, json(variant.auc[s]), json(variant.difference[s]));
    }
    variants += fmt::format("{}{{\"variant\":{},\"table_bytes\":{},\"table_rows\":{},\"used_rows\":{},\"pieces_per_item\":{},\"seed_spread\":{},\"auc\":{{{}}}}}",
                            variants.empty() ? "" : ",", quoted(variant.name), variant.table_bytes, variant.table_rows, variant.used_rows,
                            number(variant.pieces_per_item), number(variant.seed_spread), auc);
  }
  return fmt::format("{{\"judged\":\"{}\",\"period\":\"{}\",\"periods\":{},\"from\":\"{}\",\"last\":\"{}\",\"training_outcomes\":{},\"users\":{},"
                     "\"drawn_negatives\":{},\"table_bytes\":{},\"dim\":{},\"codebooks\":[{}],\"seeds\":[{}],\"slices\":{{{}}},\"variants\":[{}]}}",
                     found.judged == JudgedPart::test ? "test" : "validation", name_of(found.period), found.periods, day_of(found.from_ms),
                     day_of(found.last_start_ms), found.training, found.users, found.sampled, found.table_bytes, found.dim,
                     list(found.codebooks, ","), list(found.seeds, ","), slices, variants);
}

std::string to_text(const RankingUse& found) {
  const auto& all = found.slices[0];
  const auto& fresh = found.slices[1];
  std::string text = fmt::format("AUC of {} outcomes ({:.0f} % positive) of {} users in {} {}s, {} to {}\n",
                                 all.outcomes, 100.0 * static_cast<double>(all.positives) / static_cast<double>(std::max<std::size_t>(all.outcomes, 1)),
                                 found.users, found.periods, name_of(found.period), day_of(found.from_ms), day_of(found.last_start_ms));
  text += fmt::format("  {} part, after {} outcomes; each {} is judged before it is learned; seeds {}\n",
                      found.judged == JudgedPart::test ? "test" : "validation", found.training, name_of(found.period), list(found.seeds, " "));
  text += fmt::format("  tables of {} bytes, {} numbers a row; {}\n", found.table_bytes, found.dim,
                      found.sampled ? "negatives are drawn: compare, do not quote" : "negatives are real");
  text += "  codes " + list(found.codebooks, ", ") + "\n";
  text += fmt::format("  new: {} outcomes of {} items in the first {} that has them\n\n", fresh.outcomes, fresh.items, name_of(found.period));
  text += table(found, 0, 2, true);
  text += fmt::format("\n  by how often the item was in an outcome before (outcomes: {}, {}, {}, {})\n\n", fresh.outcomes, found.slices[2].outcomes,
                      found.slices[3].outcomes, found.slices[4].outcomes);
  text += table(found, 1, 4, false);
  text += "\n  rows: used by some item. [ ]: 95 % of resamples of users, paired. > <: beyond chance\n";
  return text;
}

}  // namespace penchant::evaluate
