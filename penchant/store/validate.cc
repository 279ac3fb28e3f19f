#include "penchant/store/validate.h"

#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>
#include <map>
#include <unordered_map>

#include "penchant/catalog/text_form.h"
#include "penchant/catalog/time.h"
#include "penchant/store/text_table.h"
#include "penchant/store/time_kind.h"

namespace penchant::store {
namespace {

constexpr std::size_t kExamples = 5;
constexpr std::int64_t kDayMs = 86'400'000;
constexpr std::int64_t kYear1990Ms = 631'152'000'000;

std::string percent(double part, double whole) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.1f %%", whole == 0 ? 0.0 : 100 * part / whole);
  return buffer;
}

/// Figures of one pass, then the findings they lead to.
class Inspection {
 public:
  Inspection(Store& store, const Clock& clock) : store_(store), now_ms_(clock.now_ms()) {}

  Result<std::vector<Finding>> run() {
    PENCHANT_TRY(counts, store_.counts());
    PENCHANT_TRY(kind, time_kind(store_));
    PENCHANT_TRY(types, store_.event_types());
    counts_ = counts;
    PENCHANT_DO(read_items());
    PENCHANT_DO(read_events(kind));
    judge_items();
    judge_events();
    if (kind == TimeKind::epoch) judge_times();
    if (!types.empty() &&
        std::all_of(types.begin(), types.end(), [](const EventType& type) { return type.weight <= 0; }))
      add(Severity::error, "no_positive_type",
          "no event type has a weight above 0: there is nothing to learn from",
          "give the types that mean interest a positive weight", {});
    std::stable_sort(findings_.begin(), findings_.end(),
                     [](const Finding& a, const Finding& b) { return a.severity < b.severity; });
    return std::move(findings_);
  }

 private:
  void add(Severity severity, std::string code, std::string what, std::string advice,
           std::vector<std::string> examples) {
    findings_.push_back({severity, std::move(code), std::move(what), std::move(advice), std::move(examples)});
  }

  static void example(std::vector<std::string>& list, const std::string& text) {
    if (list.size() < kExamples) list.push_back(catalog::quoted_for_message(text, 40));
  }

  Status read_items() {
    return store_.scan_items(
        [&](ItemId, Item&& item) {
          ids_.push_back(item.id);
          if (!item.available) ++unavailable_;
          for (const auto& vector : item.vectors) {
            auto& lengths = vector_lengths_[vector.modality];
            auto found = std::ranges::find(lengths, vector.values.size(), &OfLength::numbers);
            if (found == lengths.end()) found = lengths.insert(found, {vector.values.size(), 0, {}});
            ++found->items;
            example(found->examples, item.id);
          }
          const bool bare = item.title.empty() && item.attributes.empty() && item.vectors.empty();
          if (bare) {
            ++bare_;
            example(bare_examples_, item.id);
          } else if (item.title.empty() && catalog::item_text(item).empty()) {
            ++without_text_;
            example(without_text_examples_, item.id);
          }
          if (!item.title.empty() && ++titles_[catalog::fold_case(item.title)] == 2)
            example(title_examples_, item.title);
          return true;
        },
        true);
  }

  Status read_events(TimeKind kind) {
    per_item_.assign(ids_.size(), 0);
    UserId user{};
    std::uint64_t of_user = 0, run = 0;
    std::int64_t last_ms = 0;
    const auto close = [&] {
      if (of_user == 0) return;
      ++users_;
      single_ += of_user == 1 ? 1 : 0;
      longest_run_ = std::max(longest_run_, run);
    };
    PENCHANT_DO(store_.scan_events_by_user([&](const StoredEvent& event) {
      if (of_user == 0 || event.user != user) {
        close();
        user = event.user;
        of_user = run = 0;
      }
      run = of_user > 0 && event.time_ms == last_ms ? run + 1 : 1;
      longest_run_ = std::max(longest_run_, run);
      last_ms = event.time_ms;
      ++of_user;
      ++events_;
      if (index(event.item) < per_item_.size()) ++per_item_[index(event.item)];
      future_ += kind == TimeKind::epoch && event.time_ms > now_ms_ + kDayMs ? 1 : 0;
      old_ += kind == TimeKind::epoch && event.time_ms < kYear1990Ms ? 1 : 0;
      if (kind == TimeKind::epoch && instants_.size() < kMaxInstants) ++instants_[event.time_ms];
      return true;
    }));
    close();
    return {};
  }

  void judge_items() {
    const auto n = static_cast<double>(ids_.size());
    if (ids_.empty())
      add(Severity::error, "no_items", "there are no items", "import a catalogue: penchant import FILE", {});
    if (ids_.size() == 1)
      add(Severity::error, "one_item", "there is a single item: nothing to choose from",
          "import the whole catalogue", {ids_[0]});
    if (bare_ > 0)
      add(bare_ * 2 > ids_.size() ? Severity::warning : Severity::note, "unknown_items",
          std::to_string(bare_) + " items (" + percent(static_cast<double>(bare_), n) +
              ") are known from events only: no title, no attributes, no vectors",
          "import the items file that names them: penchant import --items FILE", bare_examples_);
    if (without_text_ > 0)
      add(Severity::warning, "items_without_text",
          std::to_string(without_text_) +
              " items have neither title nor text attributes: search and explanations cannot name them",
          "add a title column to the items file", without_text_examples_);
    judge_vectors();
    std::uint64_t twice = 0;
    for (const auto& [title, count] : titles_) twice += count > 1 ? count : 0;
    if (twice > 0)
      add(static_cast<double>(twice) > 0.2 * n ? Severity::warning : Severity::note, "duplicate_titles",
          std::to_string(twice) + " items share their title with another",
          "check whether one thing has several ids; variants are better one item with an attribute",
          title_examples_);
    if (unavailable_ > 0 && unavailable_ == ids_.size())
      add(Severity::error, "unavailable_items", "every item is marked unavailable: no list can hold anything",
          "check the column that was read as `available`", {});
    else if (unavailable_ * 2 > ids_.size())
      add(Severity::warning, "unavailable_items",
          percent(static_cast<double>(unavailable_), n) + " of the items are marked unavailable",
          "check the column that was read as `available`", {});
  }

  void judge_events() {
    if (events_ == 0) {
      add(Severity::error, "no_events",
          "there are no events: nothing can be learned; lists can only use text and newness",
          "import events: penchant import FILE", {});
      return;
    }
    if (users_ == 1)
      add(Severity::error, "one_user", "all events belong to a single user",
          "check the column that was read as the user (--map user=…)", {});
    if (users_ > 1 && single_ * 2 > users_)
      add(Severity::warning, "single_event_users",
          percent(static_cast<double>(single_), static_cast<double>(users_)) +
              " of the users have one event: they can neither train nor test a sequence",
          "use a longer period, or a user id that stays between visits", {});
    const auto top = std::max_element(per_item_.begin(), per_item_.end());
    if (top != per_item_.end() && ids_.size() > 10 &&
        static_cast<double>(*top) > 0.2 * static_cast<double>(events_))
      add(Severity::warning, "dominating_item",
          "one item holds " + percent(static_cast<double>(*top), static_cast<double>(events_)) +
              " of all events",
          "check whether it is a real item (a shipping fee, a home page, a default id?) and leave it out if "
          "not",
          {ids_[static_cast<std::size_t>(top - per_item_.begin())]});
  }

  void judge_times() {
    if (events_ == 0) return;
    const auto events = static_cast<double>(events_);
    if (events_ > 1 && counts_.first_event_ms == counts_.last_event_ms)
      add(Severity::error, "equal_times",
          "all events have the same time (" + catalog::format_time(counts_.first_event_ms) +
              "): their order is unknown",
          "check the column that was read as the time (--map time=…), or give an order with --map position=…",
          {});
    else if (const auto most =
                 std::max_element(instants_.begin(), instants_.end(),
                                  [](const auto& a, const auto& b) { return a.second < b.second; });
             most != instants_.end() && most->second > 100 &&
             static_cast<double>(most->second) > 0.05 * events)
      add(Severity::warning, "crowded_instant",
          std::to_string(most->second) + " events (" + percent(static_cast<double>(most->second), events) +
              ") stand at one instant, " + catalog::format_time(most->first),
          "a default or the time of an export? Leave them out, or find their true times", {});
    if (longest_run_ > 50 && counts_.first_event_ms != counts_.last_event_ms)
      add(Severity::note, "same_time_runs",
          "a user has " + std::to_string(longest_run_) +
              " events at one time: their order is that of arrival",
          "expect ties; times of day resolution leak the order of the file", {});
    if (future_ > 0)
      add(Severity::warning, "future_times",
          std::to_string(future_) + " events (" + percent(static_cast<double>(future_), events) +
              ") lie in the future",
          "check the unit of the time column and the zone", {});
    if (old_ > 0)
      add(Severity::warning, "old_times",
          std::to_string(old_) + " events (" + percent(static_cast<double>(old_), events) +
              ") lie before 1990",
          "check the unit of the time column: seconds read as milliseconds end in 1970", {});
  }

  /// Of each kind the commonest length is learned from, of equals the first (catalog/given_vectors.h).
  void judge_vectors() {
    for (const auto& [modality, lengths] : vector_lengths_) {
      const auto most = std::ranges::max_element(lengths, {}, &OfLength::items);
      for (const OfLength& other : lengths) {
        if (&other == &*most) continue;
        add(Severity::warning, "vector_lengths",
            std::to_string(other.items) + " items have " + modality + " vectors of " + std::to_string(other.numbers) +
                " numbers, most have " + std::to_string(most->numbers) + ": training passes over the former",
            "give all items vectors from one encoder, or call the new kind by another name", other.examples);
      }
    }
  }

  struct OfLength {
    std::size_t numbers = 0;
    std::uint64_t items = 0;
    std::vector<std::string> examples;
  };
  static constexpr std::size_t kMaxInstants = 2'000'000;
  Store& store_;
  std::int64_t now_ms_;
  Counts counts_;
  std::vector<std::string> ids_;
  std::vector<std::uint64_t> per_item_;
  std::unordered_map<std::string, std::uint32_t> titles_;
  std::unordered_map<std::int64_t, std::uint64_t> instants_;
  std::uint64_t bare_ = 0, without_text_ = 0, unavailable_ = 0, users_ = 0, single_ = 0, events_ = 0,
                future_ = 0, old_ = 0, longest_run_ = 0;
  std::map<std::string, std::vector<OfLength>> vector_lengths_;  ///< modality -> lengths as they came
  std::vector<std::string> bare_examples_, without_text_examples_, title_examples_;
  std::vector<Finding> findings_;
};

}  // namespace

std::string_view name_of(Severity severity) noexcept {
  return severity == Severity::error ? "error" : severity == Severity::warning ? "warning" : "note";
}

Result<std::vector<Finding>> validate(Store& store, const Clock& clock) {
  return Inspection(store, clock).run();
}

std::string to_table(const std::vector<Finding>& findings) {
  if (findings.empty()) return "Nothing looks wrong.\n";
  std::string out;
  for (const auto& finding : findings) {
    std::string label(name_of(finding.severity));
    label.append(9 - label.size(), ' ');
    out += wrapped(label + finding.what + " [" + finding.code + "]", 9);
    out += wrapped(std::string(9, ' ') + "-> " + finding.advice, 12);
    std::string examples;
    for (const auto& example : finding.examples)
      examples.append(examples.empty() ? "" : ", ").append(example);
    if (!examples.empty()) out += wrapped(std::string(9, ' ') + "e.g. " + examples, 14);
  }
  return out;
}

std::string to_json(const std::vector<Finding>& findings) {
  namespace bj = boost::json;
  bj::array out;
  for (const auto& finding : findings) {
    bj::array examples;
    for (const auto& example : finding.examples)
      examples.push_back(bj::string(example.data(), example.size()));
    const auto severity = name_of(finding.severity);
    out.push_back(bj::object{{"severity", bj::string(severity.data(), severity.size())},
                             {"code", bj::string(finding.code.data(), finding.code.size())},
                             {"what", bj::string(finding.what.data(), finding.what.size())},
                             {"advice", bj::string(finding.advice.data(), finding.advice.size())},
                             {"examples", std::move(examples)}});
  }
  return bj::serialize(bj::object{{"findings", std::move(out)}});
}

}  // namespace penchant::store
