// to_json() and to_text() of what the user model is worth inside another model.
#include <fmt/format.h>

#include "penchant/evaluate/downstream/downstream.h"
#include "penchant/evaluate/report/format.h"

namespace penchant::evaluate {
namespace {

std::string json_of(const DownstreamVariant& variant, const Downstream& found) {
  std::string slices;
  for (std::size_t s = 0; s < kDownstreamSlices.size(); ++s) {
    if (found.positives[s] == 0 || found.positives[s] == found.outcomes[s]) continue;
    slices += fmt::format("{}\"{}\":{{{},{}}}", slices.empty() ? "" : ",", kDownstreamSlices[s], named_estimate("auc", variant.auc[s]),
                          named_estimate("against_none", variant.against_none[s]));
  }
  return fmt::format("{{\"name\":{},\"seed_spread\":{},{},\"slices\":{{{}}}}}", quoted(variant.name), number(variant.seed_spread),
                     named_estimate("against_inline", variant.against_inline), slices);
}

std::string json_of(const RetrainedVariant& row) {
  return fmt::format("{{\"release\":{},\"way\":{},\"cosine_before\":{},\"cosine\":{},{},{},{},{},{},{},{}}}", quoted(row.name), quoted(row.way),
                     number(row.cosine_before), number(row.cosine), named_estimate("before", row.before), named_estimate("none", row.none), named_estimate("aligned", row.aligned),
                     named_estimate("raw", row.raw), named_estimate("aligned_change", row.aligned_change), named_estimate("raw_change", row.raw_change),
                     named_estimate("aligned_gain", row.aligned_gain));
}

std::string retrained_text(const Downstream& found) {
  std::string text = fmt::format("\nUser model retrained, click model left as it learned with {} up to {}\n\n", found.release, day_of(found.from_ms));
  text += fmt::format("  {:<14} {:<16} {:>6} {:>6} {:>6}  {:<23} {:<23}\n", "release", "way", "none", "before", "cosine", "aligned", "not aligned");
  for (const auto& row : found.retrained)
    text += fmt::format("  {:<14.14} {:<16.16} {:>6} {:>6} {:>6}  {:<23} {:<23}\n", row.name, row.way, short_number(row.none.value),
                        short_number(row.before.value), short_number(row.cosine), short_difference(row.aligned_change), short_difference(row.raw_change));
  return text + "\n  cosine: of shared items and users once aligned. Differences are to `before`, the release it learned with\n";
}

}  // namespace

std::string to_json(const Downstream& found) {
  std::string slices, variants, retrained;
  for (std::size_t s = 0; s < kDownstreamSlices.size(); ++s)
    slices += fmt::format("{}\"{}\":{{\"outcomes\":{},\"positives\":{}}}", s ? "," : "", kDownstreamSlices[s], found.outcomes[s], found.positives[s]);
  for (const auto& variant : found.variants) variants += (variants.empty() ? "" : ",") + json_of(variant, found);
  for (const auto& row : found.retrained) retrained += (retrained.empty() ? "" : ",") + json_of(row);
  return fmt::format("{{\"judged\":\"{}\",\"period\":\"{}\",\"periods\":{},\"from\":\"{}\",\"last\":\"{}\",\"training_outcomes\":{},\"users\":{},"
                     "\"drawn_negatives\":{},\"release\":{},\"seeds\":[{}],\"slices\":{{{}}},\"variants\":[{}],\"retrained\":[{}]}}",
                     found.judged == JudgedPart::test ? "test" : "validation", name_of(found.period), found.periods, day_of(found.from_ms),
                     day_of(found.last_start_ms), found.training, found.users, found.sampled, quoted(found.release), fmt::join(found.seeds, ","),
                     slices, variants, retrained);
}

std::string to_text(const Downstream& found) {
  std::string text = fmt::format("AUC of {} outcomes ({:.0f} % positive) of {} users in {} {}s, {} to {}\n", found.outcomes[0],
                                 100.0 * static_cast<double>(found.positives[0]) / static_cast<double>(std::max<std::size_t>(found.outcomes[0], 1)),
                                 found.users, found.periods, name_of(found.period), day_of(found.from_ms), day_of(found.last_start_ms));
  text += fmt::format("  {} part, after {} outcomes; each {} is judged before it is learned; seeds {}\n",
                      found.judged == JudgedPart::test ? "test" : "validation", found.training, name_of(found.period), fmt::join(found.seeds, " "));
  text += fmt::format("  user model: {}; {}\n", found.release, found.sampled ? "negatives are drawn: compare, do not quote" : "negatives are real");
  text += fmt::format("  known: {} outcomes of users who did something before that day; {} of users new on it\n\n", found.outcomes[1], found.outcomes[2]);
  text += fmt::format("  {:<20} {:>6} {:<23} {:>6} {:<7} {:>6} {:<7} {:<20}\n", "user model", "all", "against none", "known", "", "new", "", "against inline");
  for (std::size_t v = 0; v < found.variants.size(); ++v) {
    const auto& variant = found.variants[v];
    const auto slice = [&](std::size_t s) {
      const auto& d = variant.against_none[s];
      return fmt::format("{:>6} {:<7}", short_number(variant.auc[s].value), v == 0 ? "" : signed_number(d.value) + (d.low > 0 ? ">" : d.high < 0 ? "<" : ""));
    };
    std::string line = fmt::format("  {:<20} {:>6} {:<23} {} {} {}", variant.name, short_number(variant.auc[0].value),
                                   v == 0 ? "" : short_difference(variant.against_none[0]), slice(1), slice(2),
                                   variant.name == "inline" ? "" : short_difference(variant.against_inline));
    while (line.ends_with(' ')) line.pop_back();
    text += line + "\n";
  }
  text += "\n  [ ]: 95 % of resamples of users, paired. > <: beyond chance\n";
  return found.retrained.empty() ? text : text + retrained_text(found);
}

}  // namespace penchant::evaluate
