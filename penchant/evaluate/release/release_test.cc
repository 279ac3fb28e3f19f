// From a real store and a real (small, random) release folder to weights, card and figures.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <filesystem>

#include "penchant/artifact/files.h"
#include "penchant/evaluate/report/card.h"
#include "penchant/evaluate/release/fusion.h"
#include "penchant/evaluate/release/holdout.h"
#include "penchant/evaluate/release/columns.h"
#include "penchant/evaluate/runner.h"
#include "penchant/evaluate/test_release.h"
#include "penchant/recommend/scorer.h"
#include "penchant/store/store.h"
#include "penchant/store/time_kind.h"

namespace penchant::evaluate {
namespace {

using ::testing::HasSubstr;

constexpr std::int64_t kNow = 1'700'000'000'000;
constexpr std::uint32_t kItems = 40;
constexpr std::size_t kUsers = 90;

/// 90 users walking up and down a line of 40 items: what comes next is near what came last.
std::vector<catalog::Event> walks() {
  std::vector<catalog::Event> events;
  Rng rng(3);
  for (std::size_t u = 0; u < kUsers; ++u) {
    std::int64_t at = static_cast<std::int64_t>(rng.below(kItems));
    for (std::int64_t t = 0; t < 12; ++t) {
      at = (at + 1 + static_cast<std::int64_t>(rng.below(2))) % kItems;
      events.push_back({.user = "user " + std::to_string(u),
                        .item = "item " + std::to_string(at),
                        .type = "view",
                        .time_ms = kNow + t * 86'400'000 + static_cast<std::int64_t>(u)});
    }
  }
  return events;
}

class ReleaseTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string path = (std::filesystem::temp_directory_path() / "penchant_eval_XXXXXX").string();
    home_ = mkdtemp(path.data());
    store_ = store::open_store(home_.string()).value();
    std::vector<catalog::Item> items(kItems);
    for (std::uint32_t i = 0; i < kItems; ++i) items[i].id = "item " + std::to_string(i);
    ASSERT_TRUE(store_->put_items(items).ok());
    const auto events = walks();
    ASSERT_TRUE(store_->append_events(events, {}).ok());
  }
  void TearDown() override {
    store_.reset();
    std::filesystem::remove_all(home_);
  }
  std::string release(const std::string& name, const std::string& holdout, const Protocol& counted = {}) {
    const auto split = Split::make(load_events(*store_).value(), counted).value();
    const std::string folder = (home_ / "models" / name).string();
    const auto built = ReleaseBuilder(folder, split, holdout).build();
    EXPECT_TRUE(built.ok()) << (built.ok() ? "" : built.error().message);
    return folder;
  }

  std::filesystem::path home_;
  std::unique_ptr<store::Store> store_;
  Executor executor_{2};
};

TEST_F(ReleaseTest, LoadsEventsInOrderWithExternalIds) {
  const EventLog log = load_events(*store_).value();
  EXPECT_EQ(log.users(), kUsers);
  EXPECT_EQ(log.items(), kItems);
  EXPECT_EQ(log.events.size(), kUsers * 12);
  EXPECT_TRUE(log.world_times);
  EXPECT_EQ(log.item_ids[7], "item 7");
  for (std::size_t u = 0; u < log.users(); ++u)
    EXPECT_TRUE(std::ranges::is_sorted(log.of(u), {}, &Interaction::time_ms));
}

TEST_F(ReleaseTest, EventsThatAreNotLearnedFromAreNoTargets) {
  ASSERT_TRUE(store_->put_event_type({"impression", 0}).ok());
  const std::vector<catalog::Event> shown{
      {.user = "user 1", .item = "item 1", .type = "impression", .time_ms = kNow * 2}};
  ASSERT_TRUE(store_->append_events(shown, {}).ok());
  EXPECT_EQ(load_events(*store_).value().events.size(), kUsers * 12);
}

TEST_F(ReleaseTest, PositionsAreNoTimes) {
  ASSERT_TRUE(store::put_time_kind(*store_, store::TimeKind::since_first).ok());
  const auto split = Split::make(load_events(*store_).value(), {.kind = Kind::time});
  ASSERT_FALSE(split.ok());
  EXPECT_THAT(split.error().message, HasSubstr("positions, not times"));
}

TEST_F(ReleaseTest, FusedColumnIsTheScoreThatIsServed) {
  const std::string folder = release("r1", "last-out");
  const std::shared_ptr<const recommend::Scorer> scorer = recommend::Scorer::load(folder).value();
  const auto ranker = rank::Ranker::load(folder + "/ranker.json").value();
  const EventLog log = load_events(*store_).value();
  const auto model = ReleaseColumns::make(scorer, ranker, {"penchant"}, log.types).value();
  Matrix<float> out(1, kItems);
  for (std::size_t u = 0; u < 5; ++u) {
    const std::int64_t at = log.of(u).back().time_ms + 1000;
    ASSERT_TRUE(model->score(std::array{Query{log.of(u), 0, at}}, out.view()).ok());
    const auto features = scorer->features(to_history(log.of(u), log.types, kItems), at).value();
    EXPECT_EQ(out.values(), recommend::fused_scores(ranker, rank::Task::recommend, features));
  }
}

TEST_F(ReleaseTest, FusionLearnsFromValidationAndSealsAgain) {
  const std::string folder = release("r1", "last-out");
  const auto report = fit_fusion(folder, *store_, executor_);
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_EQ(report->lists, kUsers);
  EXPECT_TRUE(report->fitted) << report->why;
  EXPECT_THAT(report->dropped, ::testing::Not(::testing::Contains("transitions")));
  EXPECT_GT(report->ndcg10, report->default_ndcg10);
  EXPECT_TRUE(artifact::verify_release(folder).ok());
  const auto ranker = rank::Ranker::load(folder + "/ranker.json").value();
  EXPECT_GT(ranker.weights(rank::Task::recommend)[rank::column(rank::Feature::transitions)], 0);
}

TEST_F(ReleaseTest, FusionNeverLooksAtTestEvents) {
  const auto weights_of = [&](const std::string& name) {
    const auto split = Split::make(load_events(*store_).value(), {}).value();
    const std::string folder = release(name, "last-out");
    return fit_fusion(folder, *store_, executor_).value().weights;
  };
  const auto before = weights_of("r1");
  // Another store that differs in every user's last event only.
  auto events = walks();
  for (std::size_t e = 11; e < events.size(); e += 12) events[e].item = "item " + std::to_string(e % kItems);
  store_.reset();
  std::filesystem::remove_all(home_);
  store_ = store::open_store(home_.string()).value();
  std::vector<catalog::Item> items(kItems);
  for (std::uint32_t i = 0; i < kItems; ++i) items[i].id = "item " + std::to_string(i);
  ASSERT_TRUE(store_->put_items(items).ok());
  ASSERT_TRUE(store_->append_events(events, {}).ok());
  EXPECT_EQ(weights_of("r1"), before);
}

TEST_F(ReleaseTest, CardHoldsTheFiguresOfTheReleasesOwnProtocol) {
  const std::string folder = release("r1", "last-out");
  ASSERT_TRUE(
      artifact::write_file(folder + "/card.json", R"({"training":{"best_epoch":3},"data":{"events":7}})")
          .ok());
  const auto manifest = artifact::read_file(folder + "/manifest.json", 1 << 20).value();
  ASSERT_TRUE(artifact::seal_release(folder, artifact::parse_manifest(manifest).value()).ok());
  const auto line = write_card(folder, *store_, executor_);
  ASSERT_TRUE(line.ok()) << line.error().message;
  EXPECT_THAT(*line, HasSubstr("NDCG@10 penchant"));
  EXPECT_THAT(*line, HasSubstr("90 users, leave-last-out"));
  EXPECT_TRUE(artifact::verify_release(folder).ok());
  const auto card =
      boost::json::parse(artifact::read_file(folder + "/card.json", 1 << 20).value()).as_object();
  EXPECT_EQ(card.at("training").at("best_epoch").as_int64(), 3);
  EXPECT_EQ(card.at("data").at("events").as_int64(), 7);
  EXPECT_TRUE(card.at("data").at("remove_seen").is_bool());
  // Three parts of the release and four counting baselines.
  EXPECT_EQ(card.at("evaluation").at("results").as_array().size(), 7u * 2);
  EXPECT_EQ(card.at("evaluation").at("comparisons").as_array().size(), 3u * 4 * 2);
  EXPECT_FALSE(card.at("evaluation").at("results").at(0).as_object().contains("fit_seconds"));
}

TEST_F(ReleaseTest, AReleaseThatHeldOutNothingIsNotEvaluatedAndSaysSo) {
  const std::string folder = release("r1", "none");
  EXPECT_FALSE(fit_fusion(folder, *store_, executor_).value().fitted);
  const auto line = write_card(folder, *store_, executor_);
  ASSERT_TRUE(line.ok()) << line.error().message;
  EXPECT_THAT(*line, HasSubstr("not evaluated: release r1 held out nothing"));
  EXPECT_TRUE(artifact::verify_release(folder).ok());
}

TEST_F(ReleaseTest, TimeCutOfTheReleaseIsItsProtocol) {
  Protocol protocol{.kind = Kind::time};
  const std::string folder = release("r1", "time", protocol);
  const auto fusion = fit_fusion(folder, *store_, executor_);
  ASSERT_TRUE(fusion.ok()) << fusion.error().message;
  const auto line = write_card(folder, *store_, executor_);
  ASSERT_TRUE(line.ok()) << line.error().message;
  EXPECT_THAT(*line, HasSubstr("global time cut"));
  // Fusion asks every event between the cuts, the protocol the first one of each user.
  protocol.targets = Targets::all;
  const auto every = Split::make(load_events(*store_).value(), protocol).value();
  EXPECT_EQ(fusion->lists, every.cases(Stage::validation).size());
  protocol.targets = Targets::first;
  const auto first = Split::make(load_events(*store_).value(), protocol).value();
  EXPECT_GT(fusion->lists, first.cases(Stage::validation).size());
}

TEST_F(ReleaseTest, AShuffledOrderOfTheReleaseIsItsProtocol) {
  const std::string folder = release("r1", "last-out", {.ties = Ties::shuffled, .seed = 3});
  auto manifest = artifact::verify_release(folder).value();
  manifest.ties_seed = 3;
  ASSERT_TRUE(artifact::seal_release(folder, manifest).ok());
  const auto fusion = fit_fusion(folder, *store_, executor_);
  ASSERT_TRUE(fusion.ok()) << fusion.error().message;
  const auto line = write_card(folder, *store_, executor_);
  ASSERT_TRUE(line.ok()) << line.error().message;
  EXPECT_THAT(*line, HasSubstr("NDCG@10 penchant"));
  const auto card = boost::json::parse(artifact::read_file(folder + "/card.json", 1 << 20).value()).as_object();
  EXPECT_EQ(card.at("evaluation").at("results").at(0).at("ties").as_string(), "shuffled");
}

TEST_F(ReleaseTest, AskedByAnotherProtocolItIsRefusedOrMarked) {
  const std::string folder = release("r1", "last-out");
  const EventLog log = load_events(*store_).value();
  const std::vector<std::string> named{"penchant", "transitions"};
  RunOptions options{.protocol = {.kind = Kind::time}};
  const auto refused = run_models(log, model_sources(named, folder, false).value(), options, executor_);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message, HasSubstr("held out \"last-out\""));
  const auto marked = run_models(log, model_sources(named, folder, true).value(), options, executor_).value();
  EXPECT_TRUE(marked.results[0].seen_in_training);
  const auto implied = run_models(log, model_sources({}, folder, false).value(), options, executor_).value();
  EXPECT_EQ(implied.results.size(), 4u * 2);
  EXPECT_THAT(implied.notes[0], HasSubstr("release r1 was left out"));
}

TEST_F(ReleaseTest, ABrokenFolderIsNamed) {
  const std::string folder = release("r1", "last-out");
  std::filesystem::resize_file(folder + "/counts.safetensors", 100);
  EXPECT_EQ(fit_fusion(folder, *store_, executor_).error().code, ErrorCode::corrupt);
  EXPECT_EQ(write_card(folder, *store_, executor_).error().code, ErrorCode::corrupt);
  EXPECT_FALSE(model_sources({}, folder, false).ok());
}

}  // namespace
}  // namespace penchant::evaluate
