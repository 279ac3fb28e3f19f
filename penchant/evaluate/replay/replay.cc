#include "penchant/evaluate/replay/replay.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <unordered_map>
#include <unordered_set>

#include "penchant/artifact/manifest.h"
#include "penchant/base/clock.h"
#include "penchant/base/matrix_view.h"
#include "penchant/recommend/engine.h"
#include "penchant/retrieve/transitions.h"

namespace penchant::evaluate {
namespace {

namespace fs = std::filesystem;
using catalog::ItemId;

constexpr std::size_t kAtOnce = 4096;                    ///< rows of one write
constexpr std::size_t kSessionEvents = 200;              ///< newest events of a person that the frozen engine is told
constexpr std::size_t kKnownLists = 2000;                ///< about so many events on known items are asked for
constexpr std::array<std::size_t, 5> kExposures{1, 2, 5, 10, 20};

/// A folder that goes with its owner.
struct TemporaryHome {
  std::string path;
  TemporaryHome() {
    path = (fs::temp_directory_path() / "penchant-replay-XXXXXX").string();
    if (::mkdtemp(path.data()) == nullptr) path.clear();
  }
  TemporaryHome(const TemporaryHome&) = delete;
  TemporaryHome& operator=(const TemporaryHome&) = delete;
  ~TemporaryHome() {
    std::error_code ignored;
    if (!path.empty()) fs::remove_all(path, ignored);
  }
};

/// All events of a store, by (time, arrival).
struct Log {
  std::vector<store::EventType> types;
  std::vector<catalog::Item> items;                      ///< by row
  std::unordered_map<std::uint32_t, std::string> users;  ///< ids by row
  std::vector<store::StoredEvent> events;
  [[nodiscard]] bool learned(const store::StoredEvent& e) const { return e.type >= types.size() || types[e.type].weight > 0; }
  [[nodiscard]] std::string type(const store::StoredEvent& e) const { return e.type < types.size() ? types[e.type].name : "unknown"; }
};

Result<Log> read_log(store::Store& store) {
  Log log;
  PENCHANT_TRY(types, store.event_types());
  log.types = std::move(types);
  PENCHANT_DO(store.scan_items([&](ItemId, catalog::Item&& item) {
    log.items.push_back(std::move(item));
    return true;
  }));
  PENCHANT_DO(store.scan_users([&](catalog::UserId row, catalog::User&& user) {
    log.users.emplace(index(row), std::move(user.id));
    return true;
  }));
  PENCHANT_DO(store.scan_events_after(0, [&](const store::StoredEvent& e) {
    if (log.users.contains(index(e.user)) && index(e.item) < log.items.size()) log.events.push_back(e);
    return true;
  }));
  std::ranges::stable_sort(log.events, {}, [](const store::StoredEvent& e) { return std::pair(e.time_ms, e.seq); });
  return log;
}

struct Case {
  std::uint32_t item = 0;
  std::size_t exposures = 0;
  std::array<bool, kReplayModels.size()> hit{};
};

/// A home that holds what there was before the cut, and two engines over it.
class Rerun {
 public:
  Rerun(const Log& log, const ReplayOptions& options, Executor& executor) : log_(log), options_(options), executor_(executor), clock_(0) {}

  /// \param release_folder copied into the home; its last component is the name
  Status open(const std::string& release_folder, std::size_t first_event) {
    if (home_.path.empty()) return Error{ErrorCode::io, "no temporary folder can be made below " + fs::temp_directory_path().string()};
    const std::string name = fs::path(release_folder).filename().string();
    std::error_code error;
    fs::create_directories(home_.path + "/models", error);
    if (!error) fs::copy(release_folder, home_.path + "/models/" + name, fs::copy_options::recursive, error);
    if (error) return Error{ErrorCode::io, home_.path + ": " + error.message()};
    PENCHANT_TRY(store, store::open_store(home_.path));
    store_ = std::move(store);
    for (const auto& type : log_.types) PENCHANT_DO(store_->put_event_type(type));
    for (std::size_t at = 0; at < log_.items.size(); at += kAtOnce) {
      auto put = store_->put_items(std::span(log_.items).subspan(at, std::min(kAtOnce, log_.items.size() - at)));
      if (!put.ok()) return std::move(put).error();
    }
    counts_.grow(log_.items.size());
    for (std::size_t e = 0; e < first_event; ++e) {
      pending_.push_back(event_of(log_.events[e]));
      remember(log_.events[e]);
      if (pending_.size() == kAtOnce || e + 1 == first_event) PENCHANT_DO(write(nullptr));
    }
    for (const auto& [user, history] : histories_) known_.insert(user);
    PENCHANT_DO(store_->add_release({.name = name}));
    PENCHANT_DO(store_->promote(name));
    const recommend::EngineOptions how{.home = home_.path, .encoder_dir = options_.encoder_dir};
    PENCHANT_TRY(live, recommend::Engine::open(*store_, how, executor_, clock_));
    PENCHANT_TRY(frozen, recommend::Engine::open(*store_, how, executor_, clock_));
    live_ = std::move(live), frozen_ = std::move(frozen);
    return {};
  }

  /// \param first whether only those are asked for that had not had the item
  [[nodiscard]] bool asks(const store::StoredEvent& e, bool first) const {
    const auto known = histories_.find(index(e.user));
    if (known == histories_.end() || known->second.empty()) return false;
    return !first || std::ranges::find(known->second, e.item) == known->second.end();
  }

  Result<Case> ask(const store::StoredEvent& e) {
    PENCHANT_DO(write(live_.get()));
    clock_.set(e.time_ms);
    recommend::Request request{.n = options_.k};
    request.user = log_.users.at(index(e.user));
    PENCHANT_TRY(live, live_->recommend(request));
    request.session = since_[index(e.user)];
    if (!known_.contains(index(e.user))) request.user.clear();  // nobody that the frozen engine knows
    PENCHANT_TRY(frozen, frozen_->recommend(request));
    Case out{index(e.item)};
    out.hit = {holds(live, e), holds(frozen, e), counted(e, live.include_seen)};
    return out;
  }

  void happened(const store::StoredEvent& e) {
    pending_.push_back(event_of(e));
    remember(e);
    if (!log_.learned(e)) return;
    auto& session = since_[index(e.user)];
    session.push_back({log_.items[index(e.item)].id, log_.type(e), std::isfinite(e.value) ? std::optional(e.value) : std::nullopt, e.time_ms});
    if (session.size() > kSessionEvents) session.erase(session.begin());
  }

 private:
  [[nodiscard]] catalog::Event event_of(const store::StoredEvent& e) const {
    return {.user = log_.users.at(index(e.user)), .item = log_.items[index(e.item)].id, .type = log_.type(e),
            .value = std::isfinite(e.value) ? std::optional(e.value) : std::nullopt, .time_ms = e.time_ms};
  }

  void remember(const store::StoredEvent& e) {
    if (!log_.learned(e)) return;
    auto& history = histories_[index(e.user)];
    counts_.append(history, e.item);
    history.push_back(e.item);
  }

  Status write(recommend::Engine* engine) {
    if (pending_.empty()) return {};
    auto done = engine != nullptr ? engine->append_events(pending_, {}) : store_->append_events(pending_, {});
    pending_.clear();
    if (!done.ok()) return std::move(done).error();
    return {};
  }

  [[nodiscard]] bool holds(const recommend::Response& response, const store::StoredEvent& e) const {
    return std::ranges::find(response.items, log_.items[index(e.item)].id, &recommend::ScoredItem::id) != response.items.end();
  }

  /// Whether at most k items, itself counted, have as high a transition score.
  [[nodiscard]] bool counted(const store::StoredEvent& e, bool include_seen) {
    const auto& history = histories_[index(e.user)];
    std::vector<float> scores(log_.items.size());
    counts_.score(history, scores);
    if (!include_seen)
      for (const ItemId item : history) scores[index(item)] = 0;
    const float wanted = scores[index(e.item)];
    return wanted > 0 && static_cast<std::size_t>(std::ranges::count_if(scores, [&](float s) { return s >= wanted; })) <= options_.k;
  }

  const Log& log_;
  const ReplayOptions& options_;
  Executor& executor_;
  TemporaryHome home_;
  FixedClock clock_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<recommend::Engine> live_, frozen_;  // they go before the store
  retrieve::TransitionModel counts_;
  std::vector<catalog::Event> pending_;               ///< happened, not yet told
  std::unordered_map<std::uint32_t, std::vector<ItemId>> histories_;
  std::unordered_set<std::uint32_t> known_;           ///< users that the frozen engine knows
  std::unordered_map<std::uint32_t, std::vector<recommend::SessionEvent>> since_;
};

constexpr std::array<metrics::ColumnPair, 2> kPairs{{{0, 1}, {0, 2}}};

using Hits = std::array<double, kReplayModels.size()>;  ///< 1: found

ReplayFigures figures_of(const std::vector<Hits>& rows, const ReplayOptions& options, Executor& executor) {
  Matrix<double> values(rows.size(), kReplayModels.size());
  for (std::size_t r = 0; r < rows.size(); ++r) std::ranges::copy(rows[r], values.row(r).begin());
  const auto found = metrics::bootstrap(values.view(), kPairs, {.resamples = options.resamples}, executor);
  ReplayFigures figures{rows.size(), {}, found.differences[0], found.differences[1]};
  std::ranges::copy(found.columns, figures.found.begin());
  return figures;
}

template <class Keep>
ReplayFigures figures_of(const std::vector<Case>& cases, const ReplayOptions& options, Executor& executor, Keep&& keep) {
  std::vector<Hits> rows;
  for (const Case& c : cases)
    if (keep(c)) rows.push_back({double(c.hit[0]), double(c.hit[1]), double(c.hit[2])});
  return figures_of(rows, options, executor);
}

std::vector<Velocity> velocity_of(const std::vector<Case>& cases, const ReplayOptions& options, Executor& executor) {
  std::unordered_map<std::uint32_t, std::vector<const Case*>> of_item;
  std::vector<std::uint32_t> order;
  for (const Case& c : cases) {
    auto& list = of_item[c.item];
    if (list.empty()) order.push_back(c.item);
    list.push_back(&c);
  }
  std::vector<Velocity> out;
  for (const std::size_t n : kExposures) {
    std::vector<Hits> rows;
    for (const std::uint32_t item : order) {
      const auto& list = of_item[item];
      if (list.size() < n) continue;
      Hits found{};
      for (std::size_t c = 0; c < n; ++c)
        for (std::size_t m = 0; m < found.size(); ++m) found[m] = std::max(found[m], list[c]->hit[m] ? 1.0 : 0.0);
      rows.push_back(found);
    }
    if (rows.empty()) break;
    out.push_back({n, figures_of(rows, options, executor)});
  }
  return out;
}

}  // namespace

Result<Replay> replay(store::Store& store, const std::string& release_folder, const ReplayOptions& options, Executor& executor) {
  PENCHANT_TRY(manifest, artifact::verify_release(release_folder));
  if (manifest.holdout != "time" || manifest.holdout_test_ms == 0)
    return invalid("release " + manifest.name + " held out " + (manifest.holdout.empty() ? "nothing" : "\"" + manifest.holdout + "\"") +
                   ": what came later can only be replayed for one trained with --holdout time");
  PENCHANT_TRY(log, read_log(store));
  const auto first = static_cast<std::size_t>(
      std::ranges::lower_bound(log.events, manifest.holdout_test_ms, {}, &store::StoredEvent::time_ms) - log.events.begin());
  std::vector<std::uint8_t> known(log.items.size(), 0), came(log.items.size(), 0);
  for (std::size_t e = 0; e < first; ++e)
    if (log.learned(log.events[e])) known[index(log.events[e].item)] = 1;
  Replay found;
  found.release = manifest.name;
  found.k = options.k;
  found.from_ms = manifest.holdout_test_ms;
  for (std::size_t e = first; e < log.events.size(); ++e) {
    if (!log.learned(log.events[e])) continue;
    const auto item = index(log.events[e].item);
    found.new_items += known[item] == 0 && came[item] == 0 ? 1 : 0;
    came[item] = 1;
  }
  if (found.new_items == 0) return invalid("no item had its first event after the test cut of release " + manifest.name + ": there is nothing new to find");

  Rerun rerun(log, options, executor);
  PENCHANT_DO(rerun.open(release_folder, first));
  std::vector<Case> cases, of_known;
  std::vector<std::size_t> exposures(log.items.size(), 0);
  const std::size_t every = std::max<std::size_t>(1, (log.events.size() - first) / kKnownLists);
  for (std::size_t begin = first, end = first; begin < log.events.size() && (options.limit == 0 || cases.size() < options.limit); begin = end) {
    while (end < log.events.size() && log.events[end].time_ms == log.events[begin].time_ms) ++end;
    for (std::size_t e = begin; e < end; ++e) {  // what happens at one moment says nothing of itself
      const auto& event = log.events[e];
      const auto item = index(event.item);
      const bool sampled = (e - first) % every == 0;
      if (!log.learned(event) || (known[item] != 0 && !sampled) || !rerun.asks(event, known[item] == 0)) continue;
      PENCHANT_TRY(asked, rerun.ask(event));
      asked.exposures = exposures[item];
      (known[item] != 0 ? of_known : cases).push_back(asked);
    }
    for (std::size_t e = begin; e < end; ++e) {
      if (log.learned(log.events[e])) ++exposures[index(log.events[e].item)];
      rerun.happened(log.events[e]);
    }
    found.to_ms = log.events[begin].time_ms;
    found.events = end - first;
    if (options.progress && !options.progress({"replay", end - first, log.events.size() - first, std::to_string(cases.size()) + " lists"}))
      return Error{ErrorCode::cancelled, "the replay was cancelled"};
  }
  if (cases.empty()) return invalid("nobody with a history took a new item after the test cut of release " + manifest.name);
  found.known = figures_of(of_known, options, executor, [](const Case&) { return true; });
  found.all = figures_of(cases, options, executor, [](const Case&) { return true; });
  for (std::size_t s = 0; s < kExposureSteps.size(); ++s) {
    const std::size_t end = s + 1 < kExposureSteps.size() ? kExposureSteps[s + 1] : std::numeric_limits<std::size_t>::max();
    found.steps[s] = figures_of(cases, options, executor, [&](const Case& c) { return c.exposures >= kExposureSteps[s] && c.exposures < end; });
  }
  found.velocity = velocity_of(cases, options, executor);
  return found;
}

}  // namespace penchant::evaluate
