#include "penchant/evaluate/leak_guard.h"

#include <algorithm>
#include <cstring>
#include <set>
#include <string>
#include <utility>

#include "penchant/base/rng.h"
#include "penchant/evaluate/split/given.h"

namespace penchant::evaluate {
namespace {

Error leak(const Split& split, std::size_t user, const std::string& what) {
  const auto& ids = split.log().user_ids;
  return {ErrorCode::internal, "leak: " + what + " (user " + (user < ids.size() ? ids[user] : "unknown") + ")"};
}

bool same_events(std::span<const Interaction> a, std::span<const Interaction> b) {
  if (a.size() != b.size()) return false;
  if (a.data() == b.data()) return true;
  return std::ranges::equal(a, b, [](const Interaction& x, const Interaction& y) {
    return x.item == y.item && x.time_ms == y.time_ms && x.type == y.type;
  });
}

/// Absolute numbers of the events whose item only the test may know; last-out and cold: the last of
/// each user with three or more; given: every event of the test part; time cuts: everything from the
/// test cut on.
std::vector<std::size_t> answers(const EventLog& log, const Protocol& filled) {
  const bool by_time = filled.kind == Kind::time || filled.kind == Kind::windows;
  std::vector<std::size_t> out;
  if (filled.kind == Kind::given) {
    const auto parts = parts_of_types(log);
    for (std::size_t i = 0; parts.ok() && i < log.events.size(); ++i)
      if ((*parts)[log.events[i].type] == Part::test) out.push_back(i);
    return out;
  }
  for (std::size_t u = 0; u < log.users(); ++u) {
    const std::size_t first = log.offsets[u], end = log.offsets[u + 1];
    if (!by_time && end - first >= 3) out.push_back(end - 1);
    for (std::size_t i = first; by_time && i < end; ++i)
      if (log.events[i].time_ms >= *filled.test_ms) out.push_back(i);
  }
  return out;
}

struct Fitted {
  std::unique_ptr<Model> model;
  Matrix<float> scores;
};

Result<Fitted> fit_and_ask(const Split& split, const MakeModel& make, std::span<const Query> queries,
                           const ProbeOptions& options, Executor& executor) {
  const TrainingData training = split.training();
  const auto validation = fit_validation(split);
  const FitInput input{.training = training, .validation = validation, .content = options.content, .seed = options.seed};
  PENCHANT_TRY(model, make(split));
  PENCHANT_DO(model->fit(input, executor, {}));
  PENCHANT_DO(model->prepare(queries, executor));
  Matrix<float> scores(queries.size() * model->names().size(), split.log().items());
  PENCHANT_DO(model->score(queries, scores.view()));
  return Fitted{std::move(model), std::move(scores)};
}

}  // namespace

std::vector<ValidationQuery> fit_validation(const Split& split) {
  const TrainingData training = split.training();
  const auto held_out = split.held_out_items();
  std::vector<ValidationQuery> out;
  for (const Case& c : split.cases(Stage::validation)) {
    const auto history = split.history(c);
    if (history.size() != training.users[c.user].size()) continue;  // a later target of the window
    if (!held_out.empty() && held_out[c.target] != 0) continue;
    out.push_back({history, c.user, c.target});
  }
  return out;
}

Status check_fit_input(const Split& split, const FitInput& input) {
  const TrainingData training = split.training();
  const auto held_out = split.held_out_items();
  if (input.training.users.size() != training.users.size() || input.training.items != split.log().items())
    return leak(split, training.users.size(), "training is of other data than the split");
  for (std::size_t u = 0; u < training.users.size(); ++u) {
    if (same_events(input.training.users[u], training.users[u])) continue;
    return leak(split, u, "training holds " + std::to_string(input.training.users[u].size()) +
                              " events, the split leaves " + std::to_string(training.users[u].size()) +
                              ", or they are others");
  }
  if (!held_out.empty())
    for (std::size_t u = 0; u < training.users.size(); ++u)
      for (const auto& event : input.training.users[u])
        if (held_out[event.item] != 0)
          return leak(split, u, "training holds the held-out item " + split.log().item_ids[event.item]);
  std::set<std::pair<std::uint32_t, std::uint32_t>> allowed;
  for (const auto& query : fit_validation(split)) allowed.emplace(query.user, query.target);
  for (const auto& query : input.validation) {
    const bool known = query.user < training.users.size() && query.target < split.log().items();
    if (!known || !allowed.contains({query.user, query.target}))
      return leak(split, query.user,
                  "the early stop is asked for item " +
                      (known ? split.log().item_ids[query.target] : std::to_string(query.target)) +
                      ", which is no validation target");
    if (!same_events(query.history, training.users[query.user]))
      return leak(split, query.user, "a validation history holds more than training");
  }
  return {};
}

Result<EventLog> with_other_answers(const EventLog& log, const Protocol& protocol, std::uint64_t seed) {
  if (protocol.kind == Kind::cold && protocol.cold_by.kind == ColdBy::Kind::first_seen)
    return invalid("items that are cold by first appearance are chosen by the answers themselves");
  if (log.items() < 2) return invalid("with one item there is no other answer");
  Protocol given = protocol;
  EventLog out = log;
  if (protocol.ties == Ties::shuffled) {  // the shuffle decides which events are asked
    shuffle_ties(out, protocol.seed);
    given.ties = Ties::given;
  }
  PENCHANT_TRY(split, Split::make(out, given));
  Rng rng(seed);
  for (const std::size_t at : answers(out, split.protocol())) {
    auto& item = out.events[at].item;
    item = static_cast<std::uint32_t>((item + 1 + rng.below(out.items() - 1)) % out.items());
  }
  return out;
}

Status probe_leaks(const EventLog& log, const MakeModel& make, const ProbeOptions& options, Executor& executor) {
  EventLog ordered = log;
  Protocol protocol = options.protocol;
  if (protocol.ties == Ties::shuffled) shuffle_ties(ordered, protocol.seed);
  protocol.ties = Ties::given;
  PENCHANT_TRY(other, with_other_answers(ordered, protocol, options.seed));
  PENCHANT_TRY(before, Split::make(std::move(ordered), protocol));
  PENCHANT_TRY(after, Split::make(std::move(other), before.protocol()));

  std::vector<Query> queries;
  for (const Case& c : before.cases(Stage::validation)) {
    if (queries.size() == options.queries) break;
    queries.push_back({.history = before.history(c), .user = c.user, .at_ms = c.at_ms, .number = queries.size()});
  }
  if (queries.empty()) return invalid("the probe needs validation targets to ask with");
  PENCHANT_TRY(a, fit_and_ask(before, make, queries, options, executor));
  PENCHANT_TRY(b, fit_and_ask(after, make, queries, options, executor));
  const std::size_t columns = a.model->names().size();
  for (std::size_t r = 0; r < a.scores.rows(); ++r)
    for (std::size_t i = 0; i < a.scores.cols(); ++i)
      if (std::memcmp(&a.scores(r, i), &b.scores(r, i), sizeof(float)) != 0)
        return leak(before, queries[r / columns].user,
                    a.model->names()[r % columns] + " saw the answers when it was fitted: its score of item " +
                        before.log().item_ids[i] + " is " + std::to_string(a.scores(r, i)) + ", with other answers " +
                        std::to_string(b.scores(r, i)));
  return {};
}

}  // namespace penchant::evaluate
