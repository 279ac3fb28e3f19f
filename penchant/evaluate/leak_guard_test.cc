// A guard is worth something only if it goes off: every check here is also shown a planted leak.
#include "penchant/evaluate/leak_guard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "penchant/artifact/files.h"
#include "penchant/base/rng.h"
#include "penchant/evaluate/baselines/registry.h"
#include "penchant/evaluate/release/fusion.h"
#include "penchant/evaluate/test_logs.h"
#include "penchant/evaluate/test_release.h"

namespace penchant::evaluate {

/// Moves what a split keeps apart.
class SplitTampering {
 public:
  static void train_on_one_more(Split& split, std::size_t user) { ++split.training_end_[user]; }
  static void ask_validation_in_test(Split& split) { split.validation_ = split.test_; }
  static void hold_out(Split& split, std::uint32_t item) { split.held_out_[item] = 1; }
  static void move_group(Split& split) { split.test_.front().group ^= 1; }
  static std::size_t training_end(const Split& split, std::size_t user) { return split.training_end_[user]; }
};

namespace {

using ::testing::HasSubstr;

constexpr std::int64_t kNow = 1'700'000'000'000, kHour = 3'600'000;
constexpr std::uint32_t kItems = 36;

/// People who walk along a ring of items, an event every few hours over forty days.
EventLog walks(std::uint64_t seed = 1, std::size_t people = 60) {
  Rng rng(seed);
  std::vector<std::vector<Step>> users(people);
  for (auto& user : users) {
    auto at = static_cast<std::uint32_t>(rng.below(kItems));
    std::int64_t time = kNow + static_cast<std::int64_t>(rng.below(200)) * kHour;
    for (std::size_t n = 4 + rng.below(20); n > 0; --n) {
      at = (at + 1 + static_cast<std::uint32_t>(rng.below(3))) % kItems;
      time += static_cast<std::int64_t>(rng.below(80)) * kHour;
      user.push_back({at, time});
    }
  }
  EventLog log = log_of(users, kItems);
  log.types = {"train", "valid", "test"};  // read by the protocol "given" alone
  for (std::size_t i = 0; i < log.events.size(); ++i)
    log.events[i].type = static_cast<std::uint16_t>(i % 5 == 4 ? 2 : i % 5 == 1 ? 1 : 0);
  return log;
}

std::vector<Protocol> protocols() {
  return {{.kind = Kind::last_out},
          {.kind = Kind::last_out, .ties = Ties::shuffled, .seed = 3},
          {.kind = Kind::time},
          {.kind = Kind::time, .targets = Targets::all},
          {.kind = Kind::cold, .cold_share = 0.15},
          {.kind = Kind::windows},
          {.kind = Kind::given}};
}

std::string shown(const Protocol& p) {
  return std::string(name_of(p.kind)) + ", ties " + std::string(name_of(p.ties));
}

/// Unit rows that differ.
Matrix<float> content_of(std::size_t items) {
  Matrix<float> out(items, 4);
  Rng rng(9);
  for (std::size_t i = 0; i < items; ++i) {
    double norm = 0;
    for (float& v : out.row(i)) {
      v = static_cast<float>(rng.uniform() - 0.5);
      norm += v * v;
    }
    for (float& v : out.row(i)) v = static_cast<float>(v / std::sqrt(norm));
  }
  return out;
}

/// A baseline whose fitting step was given what it must not have: the last event of every user.
class Planted final : public Model {
 public:
  Planted(std::unique_ptr<Model> inner, const Split& split) : inner_(std::move(inner)), split_(split) {}
  [[nodiscard]] const std::vector<std::string>& names() const noexcept override { return inner_->names(); }
  Status fit(const FitInput& input, Executor& executor, const ProgressSink& progress) override {
    more_ = input.training;
    sequences_.resize(more_.users.size());
    for (std::size_t u = 0; u < more_.users.size(); ++u)
      sequences_[u].assign(more_.users[u].begin(), more_.users[u].end());
    for (const Case& c : split_.cases(Stage::test))
      sequences_[c.user].push_back({.item = c.target, .type = 0, .time_ms = c.at_ms});
    for (std::size_t u = 0; u < more_.users.size(); ++u) more_.users[u] = sequences_[u];
    const FitInput planted{.training = more_, .validation = input.validation, .content = input.content,
                     .removes_seen = input.removes_seen, .seed = input.seed};
    guarded_ = check_fit_input(split_, planted).ok();
    return inner_->fit(planted, executor, progress);
  }
  Status prepare(std::span<const Query> queries, Executor& executor) override { return inner_->prepare(queries, executor); }
  Status score(std::span<const Query> queries, MatrixView<float> out) const override { return inner_->score(queries, out); }
  [[nodiscard]] bool guarded() const { return guarded_; }

 private:
  std::unique_ptr<Model> inner_;
  const Split& split_;
  TrainingData more_;
  std::vector<std::vector<Interaction>> sequences_;
  bool guarded_ = true;
};

TEST(SplitGuard, OneMoreTrainingEventOfAnyAskedUserIsSeen) {
  for (const Protocol& protocol : protocols()) {
    const Split whole = Split::make(walks(), protocol).value();
    ASSERT_TRUE(whole.check().ok());
    std::size_t moved = 0;
    for (std::size_t u = 0; u < whole.log().users(); ++u) {
      if (SplitTampering::training_end(whole, u) == whole.log().offsets[u + 1]) continue;
      Split tampered = whole;
      SplitTampering::train_on_one_more(tampered, u);
      const Status status = tampered.check();
      ASSERT_FALSE(status.ok()) << shown(protocol) << ", user " << u;
      EXPECT_THAT(status.error().message, HasSubstr("of user u" + std::to_string(u)));
      ++moved;
    }
    EXPECT_GT(moved, 20u) << shown(protocol);
  }
}

TEST(SplitGuard, TestTargetsAsValidationAreSeen) {
  for (const Protocol& protocol : protocols()) {
    Split split = Split::make(walks(), protocol).value();
    SplitTampering::ask_validation_in_test(split);
    EXPECT_FALSE(split.check().ok()) << shown(protocol);
  }
}

TEST(SplitGuard, AHeldOutItemInASequenceAndAWrongGroupAreSeen) {
  const Split split = Split::make(walks(), {.kind = Kind::cold, .cold_share = 0.15}).value();
  Split tampered = split;
  SplitTampering::hold_out(tampered, tampered.log().events.front().item);
  EXPECT_THAT(tampered.check().error().message, HasSubstr("leaks"));
  tampered = split;
  SplitTampering::move_group(tampered);
  EXPECT_THAT(tampered.check().error().message, HasSubstr("wrong group"));
}

TEST(FitInputGuard, TheTrainingPartPassesAndNothingElse) {
  for (const Protocol& protocol : protocols()) {
    const Split split = Split::make(walks(), protocol).value();
    const TrainingData training = split.training();
    const auto validation = fit_validation(split);
    EXPECT_FALSE(validation.empty());
    const FitInput honest{.training = training, .validation = validation};
    ASSERT_TRUE(check_fit_input(split, honest).ok()) << shown(protocol) << check_fit_input(split, honest).error().message;

    // A test event at the end of one user's sequence.
    const Case& test = split.cases(Stage::test).back();
    TrainingData planted = training;
    std::vector<Interaction> longer(training.users[test.user].begin(), training.users[test.user].end());
    longer.push_back({.item = test.target, .type = 0, .time_ms = test.at_ms});
    planted.users[test.user] = longer;
    EXPECT_THAT(check_fit_input(split, {.training = planted, .validation = validation}).error().message,
                HasSubstr("leak: training holds"));
    // One item exchanged for the answer.
    longer.pop_back();
    if (longer.empty()) continue;
    longer.front().item = test.target == longer.front().item ? (test.target + 1) % kItems : test.target;
    planted.users[test.user] = longer;
    EXPECT_FALSE(check_fit_input(split, {.training = planted, .validation = validation}).ok());
    // The early stop looks at the test.
    std::vector<ValidationQuery> looks = validation;
    looks.front() = {training.users[test.user], test.user, (test.target + 1) % kItems};
    std::map<std::pair<std::uint32_t, std::uint32_t>, bool> allowed;
    for (const auto& query : validation) allowed[{query.user, query.target}] = true;
    while (allowed.contains({looks.front().user, looks.front().target})) ++looks.front().target;
    EXPECT_THAT(check_fit_input(split, {.training = training, .validation = looks}).error().message,
                HasSubstr("no validation target"));
  }
}

TEST(FitInputGuard, TheEarlyStopNeverSeesAColdItem) {
  const Split split = Split::make(walks(), {.kind = Kind::cold, .cold_share = 0.3}).value();
  std::size_t cold = 0;
  for (const Case& c : split.cases(Stage::validation)) cold += c.group == 0 ? 1 : 0;
  EXPECT_GT(cold, 0u) << "the test would prove nothing";
  for (const auto& query : fit_validation(split)) EXPECT_EQ(split.held_out_items()[query.target], 0);
  EXPECT_EQ(fit_validation(split).size(), split.cases(Stage::validation).size() - cold);
}

TEST(OtherAnswers, DifferInWhatTheTestAsksAndInNothingElse) {
  for (const Protocol& protocol : protocols()) {
    EventLog log = walks();
    const EventLog other = with_other_answers(log, protocol, 5).value();
    if (protocol.ties == Ties::shuffled) shuffle_ties(log, protocol.seed);
    Protocol given = protocol;
    given.ties = Ties::given;
    const Split a = Split::make(log, given).value(), b = Split::make(other, given).value();
    ASSERT_EQ(a.training().users.size(), b.training().users.size());
    for (std::size_t u = 0; u < a.training().users.size(); ++u)
      EXPECT_TRUE(std::ranges::equal(a.training().users[u], b.training().users[u],
                                     [](auto& x, auto& y) { return x.item == y.item && x.time_ms == y.time_ms; }));
    ASSERT_EQ(a.cases(Stage::validation).size(), b.cases(Stage::validation).size());
    for (std::size_t i = 0; i < a.cases(Stage::validation).size(); ++i)
      EXPECT_EQ(a.cases(Stage::validation)[i].target, b.cases(Stage::validation)[i].target);
    std::size_t changed = 0;
    for (std::size_t i = 0; i < log.events.size(); ++i) {
      EXPECT_EQ(log.events[i].time_ms, other.events[i].time_ms);
      changed += log.events[i].item != other.events[i].item ? 1 : 0;
    }
    EXPECT_GE(changed, 20u) << shown(protocol);
  }
  EXPECT_FALSE(with_other_answers(walks(), {.kind = Kind::cold, .cold_by = {ColdBy::Kind::first_seen, ""}}, 1).ok());
}

/// Everything that counts or factorises in this process; those that penchant-train fits have the check
/// of their input, which is the training part of the same split.
std::vector<std::string> classic_baselines() {
  std::vector<std::string> names;
  for (const auto& info : baselines())
    if (!info.trained) names.emplace_back(info.name);
  return names;
}

TEST(LeakProbe, NoClassicBaselineKnowsTheAnswers) {
  const Matrix<float> content = content_of(kItems);
  Executor executor(1);
  for (const std::string& name : classic_baselines()) {
    for (const Protocol& protocol : protocols()) {
      const auto make = [&](const Split&) { return make_baseline(name); };
      const Status status = probe_leaks(walks(), make, {.protocol = protocol, .content = content.view()}, executor);
      EXPECT_TRUE(status.ok()) << name << ", " << shown(protocol) << ": " << status.error().message;
    }
  }
}

TEST(LeakProbe, GoesOffForEveryBaselineThatWasGivenTheAnswers) {
  const Matrix<float> content = content_of(kItems);
  Executor executor(1);
  std::size_t alarms = 0;
  for (const std::string& name : classic_baselines()) {
    if (name == "content-knn") continue;  // reads no events: there is nothing to plant
    for (const Protocol& protocol : protocols()) {
      const auto make = [&](const Split& split) -> Result<std::unique_ptr<Model>> {
        PENCHANT_TRY(inner, make_baseline(name));
        return std::unique_ptr<Model>(std::make_unique<Planted>(std::move(inner), split));
      };
      const Status status = probe_leaks(walks(), make, {.protocol = protocol, .content = content.view()}, executor);
      ASSERT_FALSE(status.ok()) << name << ", " << shown(protocol);
      EXPECT_THAT(status.error().message, HasSubstr("saw the answers when it was fitted")) << name;
      ++alarms;
    }
  }
  EXPECT_GE(alarms, 3 * protocols().size());
}

TEST(LeakProbe, TheCheckOfTheInputSeesThePlantedEventToo) {
  for (const Protocol& protocol : protocols()) {
    const Split split = Split::make(walks(), protocol).value();
    Planted planted(make_baseline("popularity").value(), split);
    const TrainingData training = split.training();
    Executor executor(1);
    ASSERT_TRUE(planted.fit({.training = training, .validation = {}}, executor, {}).ok());
    EXPECT_FALSE(planted.guarded()) << shown(protocol);
  }
}

// ---- the fusion of a release ------------------------------------------------------------------

class FusionLeak : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string path = (std::filesystem::temp_directory_path() / "penchant_leak_XXXXXX").string();
    home_ = mkdtemp(path.data());
  }
  void TearDown() override { std::filesystem::remove_all(home_); }

  /// A store that holds the log.
  std::unique_ptr<store::Store> store_of(const EventLog& log, const std::string& name) {
    auto store = store::open_store((home_ / name).string()).value();
    std::vector<catalog::Item> items;
    for (const auto& id : log.item_ids) items.push_back({.id = id});
    EXPECT_TRUE(store->put_items(items).ok());
    std::vector<catalog::Event> events;
    for (std::size_t u = 0; u < log.users(); ++u)
      for (const auto& event : log.of(u))
        events.push_back({.user = log.user_ids[u], .item = log.item_ids[event.item], .type = "view",
                          .time_ms = event.time_ms});
    EXPECT_TRUE(store->append_events(events, {}).ok());
    return store;
  }
  /// ranker.json after the fusion was fitted on `log`; the release was counted on `counted`.
  std::string fitted(const EventLog& log, const EventLog& counted, const Protocol& protocol, const std::string& name) {
    const Split split = Split::make(counted, protocol).value();
    const std::string folder = (home_ / ("models " + name) / "r1").string();
    EXPECT_TRUE(ReleaseBuilder(folder, split, std::string(name_of(protocol.kind))).build().ok());
    const auto store = store_of(log, name);
    Executor executor(2);
    const auto report = fit_fusion(folder, *store, executor, {}, {});
    if (!report.ok()) return report.error().message;
    return artifact::read_file(folder + "/ranker.json", 1 << 20).value();
  }

  std::filesystem::path home_;
};

TEST_F(FusionLeak, WeightsAreTheSameWhateverTheAnswersAre) {
  for (const Kind kind : {Kind::last_out, Kind::time}) {
    Protocol protocol{.kind = kind};
    const EventLog log = walks(7, 90);
    const EventLog other = with_other_answers(log, protocol, 3).value();
    const std::string a = fitted(log, log, protocol, "a" + std::string(name_of(kind)));
    const std::string b = fitted(other, log, protocol, "b" + std::string(name_of(kind)));
    EXPECT_THAT(a, HasSubstr("recommend")) << a;
    EXPECT_EQ(a, b) << name_of(kind);
  }
}

TEST_F(FusionLeak, AReleaseThatCountedAnAnswerIsRefusedBeforeTheFusionIsFitted) {
  const EventLog log = walks(7, 90);
  // The release is counted on a log in which the answer of user 0 was moved into training.
  EventLog planted = log;
  const std::size_t end = planted.offsets[1];
  planted.events[planted.offsets[0]].item = planted.events[end - 1].item;
  const std::string message = fitted(log, planted, {}, "planted");
  EXPECT_THAT(message, HasSubstr("it saw held-out events"));
}

}  // namespace
}  // namespace penchant::evaluate
