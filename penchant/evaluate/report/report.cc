#include "penchant/evaluate/report/report.h"

#include <fmt/format.h>

#include <algorithm>

#include "penchant/evaluate/report/format.h"

namespace penchant::evaluate {
namespace {

std::string figures(const metrics::Estimate& d) {
  return fmt::format("{:.4f} [{:.4f}, {:.4f}]", d.value, d.low, d.high);
}

/// "a, b and c".
std::string listed(const std::vector<const Comparison*>& of, std::size_t from) {
  std::string out;
  for (std::size_t i = from; i < of.size(); ++i)
    out += (i == from ? "" : i + 1 == of.size() ? " and " : ", ") + of[i]->baseline;
  return out;
}

std::string where(const Report& report, std::size_t users, Seen seen, Ties ties) {
  return fmt::format("{} users (seen items {}{}{})", users, name_of(seen),
                     report.splits.size() > 1 ? fmt::format(", ties {}", name_of(ties)) : std::string(),
                     report.seeds > 1 ? fmt::format(", {} seeds", report.seeds) : std::string());
}

/// All comparisons of one model under one setting, in a few sentences.
void append_sentences(std::vector<std::string>& out, const Report& report, std::vector<const Comparison*> all) {
  std::ranges::stable_sort(all, [](const auto* a, const auto* b) { return a->difference.value < b->difference.value; });
  const Comparison& first = *all.front();
  const std::string place = where(report, first.users, first.seen, first.ties);
  std::vector<const Comparison*> beaten, level, open, foul;
  for (const auto* c : all)
    (c->seen_in_training ? foul : c->level() ? level : c->beats() ? beaten : open).push_back(c);
  if (!foul.empty())
    out.push_back(fmt::format("{} cannot be compared with {}: held-out events were seen in training", first.model,
                              listed(foul, 0)));
  if (!beaten.empty()) {
    std::string line = fmt::format("{} beats {} by {} NDCG@10 over {}", first.model, beaten[0]->baseline,
                                   figures(beaten[0]->difference), place);
    if (beaten.size() > 1)
      line += fmt::format(", and by more than that {} (up to {:.4f})", listed(beaten, 1), beaten.back()->difference.value);
    out.push_back(std::move(line));
  }
  for (const auto* c : level)
    out.push_back(fmt::format("{} is level with {} within {}: difference {} NDCG@10 over {}", first.model, c->baseline,
                              c->margin, figures(c->difference), place));
  if (open.empty()) return;
  if (open.size() == 1) {
    out.push_back(fmt::format("{} does not beat {}: difference {} NDCG@10 over {}", first.model, open[0]->baseline,
                              figures(open[0]->difference), place));
    return;
  }
  std::string line = fmt::format("{} does not beat {} of {} models over {}: ", first.model, open.size(), all.size(), place);
  for (std::size_t i = 0; i < open.size(); ++i)
    line += fmt::format("{}{} {}", i == 0 ? "" : ", ", open[i]->baseline, figures(open[i]->difference));
  out.push_back(line + " NDCG@10");
}

/// All models against the one that was asked for, under one setting: one sentence.
std::string against_sentence(const Report& report, std::vector<const Comparison*> all) {
  std::ranges::stable_sort(all, [](const auto* a, const auto* b) { return a->difference.value > b->difference.value; });
  const Comparison& first = *all.front();
  std::string ahead, level, behind, open;
  for (const auto* c : all) {
    auto& part = c->level() ? level : c->beats() ? ahead : c->difference.high < 0 ? behind : open;
    part += fmt::format("{}{} {}", part.empty() ? "" : ", ", c->model, figures(c->difference));
  }
  std::string line = fmt::format("Against {} in NDCG@10, over {}", first.baseline,
                                 where(report, first.users, first.seen, first.ties));
  if (!ahead.empty()) line += "; ahead: " + ahead;
  if (!level.empty()) line += fmt::format("; level within {}: ", first.margin) + level;
  if (!open.empty()) line += "; not to be told apart: " + open;
  if (!behind.empty()) line += "; behind: " + behind;
  return line;
}

std::string winner_sentence(const Report& report, const Winner& w) {
  std::size_t users = 0;
  for (const auto& r : report.results)
    if (r.model == w.model && r.seen == w.seen && r.ties == w.ties) users = r.users;
  const std::string place = where(report, users, w.seen, w.ties);
  if (w.clear())
    return fmt::format("{} is the best of these models by NDCG@10, {} ahead of {}, over {}", w.model, figures(w.lead),
                       w.runner_up, place);
  return fmt::format("{} has the highest NDCG@10, but is level with {}: difference {} over {}", w.model, w.runner_up,
                     figures(w.lead), place);
}

}  // namespace

std::string summary(const Report& report) {
  if (report.results.empty() || report.splits.empty()) return "nothing was evaluated";
  const Seen seen = shown_setting(report);
  std::string out = "NDCG@10";
  std::size_t users = 0;
  for (const ModelResult& r : report.results) {
    if (r.seen != seen || r.ties != report.splits[0].ties || r.model == "dense" || r.model == "generator") continue;
    const auto* e = r.find("ndcg@10");
    out += fmt::format("{} {} {:.4f} [{:.4f}, {:.4f}]", users == 0 ? "" : ",", r.model, e->value, e->low, e->high);
    users = r.users;
  }
  const SplitFacts& split = report.splits[0];
  return out + fmt::format("; {} users{}, {}, all {} items ranked, seen items {}", users,
                           users < split.users_to_ask ? fmt::format(" drawn from {}", split.users_to_ask) : std::string(),
                           protocol_title(report.protocol.kind), report.items, name_of(seen));
}

std::vector<std::string> sentences(const Report& report) {
  const bool has_subject =
      std::ranges::any_of(report.comparisons, [](const Comparison& c) { return c.model == "penchant"; });
  std::vector<std::string> out;
  // Comparisons of one model (or with one asked for) and setting come in one group, in order of their first.
  std::vector<bool> done(report.comparisons.size(), false);
  for (std::size_t i = 0; i < report.comparisons.size(); ++i) {
    const Comparison& c = report.comparisons[i];
    if (done[i] || (has_subject && c.model != "penchant" && !c.asked)) continue;
    std::vector<const Comparison*> group;
    for (std::size_t j = i; j < report.comparisons.size(); ++j) {
      const Comparison& other = report.comparisons[j];
      if (done[j] || other.seen != c.seen || other.ties != c.ties || other.asked != c.asked ||
          (c.asked ? other.baseline != c.baseline : other.model != c.model))
        continue;
      done[j] = true;
      group.push_back(&other);
    }
    if (c.asked)
      out.push_back(against_sentence(report, std::move(group)));
    else
      append_sentences(out, report, std::move(group));
  }
  if (std::ranges::none_of(report.comparisons, [](const Comparison& c) { return !c.asked; }))
    for (const Winner& w : report.winners)
      if (w.metric == "ndcg@10" && !w.runner_up.empty()) out.push_back(winner_sentence(report, w));
  return out;
}

}  // namespace penchant::evaluate
