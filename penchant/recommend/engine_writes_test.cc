#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "penchant/artifact/files.h"
#include "penchant/recommend/test_engine.h"

namespace penchant::recommend {
namespace {

using testing::HasSubstr;
using EngineWrites = EngineTest;

TEST_F(EngineWrites, PromotionSwapsAndForeignReleasesAreRefused) {
  start();
  TestReleaseOptions other = setup_.release;
  other.name = "r2";
  other.seed = 9;
  add_release(other, false);
  ASSERT_TRUE(engine_->promote("r2").ok());
  EXPECT_EQ(engine_->live_release(), "r2");
  EXPECT_EQ(ask({.user = "u0"}).release, "r2");
  EXPECT_EQ(engine_->promote("../r2").error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(engine_->promote("none").error().code, ErrorCode::not_found);
  auto foreign = items_;
  std::swap(foreign[1].id, foreign[2].id);
  TestReleaseOptions third = setup_.release;
  third.name = "r3";
  ASSERT_TRUE(write_test_release(home_.path(), third, foreign, events_).ok());
  ASSERT_TRUE(store_->add_release({"r3", kTestNow, false}).ok());
  const auto refused = engine_->promote("r3");
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message, HasSubstr("another catalogue: row 1 is 'Co0-2' there and 'Co0-1' here"));
  EXPECT_EQ(engine_->live_release(), "r2");
}

TEST_F(EngineWrites, ABrokenLiveReleaseCanBeReplaced) {
  start();
  TestReleaseOptions other = setup_.release;
  other.name = "r2";
  add_release(other, false);
  engine_.reset();
  ASSERT_TRUE(artifact::write_file(home_.path() + "/models/" + setup_.release.name + "/manifest.json", "{\"format\": 1}").ok());
  EngineOptions options;
  options.home = home_.path();
  const auto refused = Engine::open(*store_, options, executor_, clock_);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message, HasSubstr("release format 1 is not known here"));
  options.live_release = false;
  const auto without = Engine::open(*store_, options, executor_, clock_);
  ASSERT_TRUE(without.ok()) << without.error().message;
  EXPECT_EQ((*without)->live_release(), "");
  ASSERT_TRUE((*without)->promote("r2").ok());
  options.live_release = true;
  const auto again = Engine::open(*store_, options, executor_, clock_);
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_EQ((*again)->live_release(), "r2");
}

TEST_F(EngineWrites, ALongListEndsWithNewItemsThatScoresAloneWouldNotList) {
  start();
  const auto before = ask({.user = "u0", .n = 30});
  std::vector<catalog::Item> many;
  for (const std::string genre : {"War", "Western", "Crime"})
    for (int i = 0; i < 4; ++i) {
      many.push_back({.id = "fresh-" + genre + std::to_string(i), .title = genre + " tale " + std::to_string(i)});
      many.back().attributes["genres"] = std::vector<std::string>{genre};
    }
  ASSERT_TRUE(engine_->put_items(many).ok());
  const auto scores = engine_->score_all({.user = "u0"}).value();
  const auto list = ask({.user = "u0", .n = 30});
  ASSERT_EQ(list.items.size(), before.items.size());
  EXPECT_GE(share(list, "fresh-"), 0.05 - 1.0 / 30) << "a twentieth, rounded down";
  EXPECT_GT(share(list, "fresh-"), 0);
  for (std::size_t r = 1; r < list.items.size(); ++r) EXPECT_LE(list.items[r].score, list.items[r - 1].score) << r;
  double best_left_out = -1e9;  // of the new ones
  for (std::size_t i = items_.size(); i < scores.size(); ++i)
    if (!lists(list, many[i - items_.size()].id)) best_left_out = std::max(best_left_out, scores[i]);
  for (const auto& item : list.items)
    if (item.id.starts_with("fresh-")) { EXPECT_GE(item.score, best_left_out - 1e-4) << item.id; }
}

TEST_F(EngineWrites, AnotherProcessWritesAreSeenAfterReload) {
  start();
  catalog::Item item{.id = "outside", .title = "Comedy from outside"};
  catalog::Event event{.user = "stranger", .item = "outside", .time_ms = kTestNow};
  {
    auto other = store::open_store(home_.path()).value();
    ASSERT_TRUE(other->put_items(std::span(&item, 1)).ok());
    ASSERT_TRUE(other->append_events(std::span(&event, 1), {}).ok());
  }
  ASSERT_TRUE(engine_->reload().ok());
  EXPECT_TRUE(ask({.user = "stranger"}).ignored.empty());
  EXPECT_EQ(ask({.query = "outside"}).items.front().id, "outside");
}

TEST_F(EngineWrites, AnEventMayFollowWhatAnotherProcessWrote) {
  start();
  {
    auto other = store::open_store(home_.path()).value();
    catalog::Item item{.id = "outside", .title = "Comedy from outside"};
    catalog::Event event{.user = "stranger", .item = "outside", .time_ms = kTestNow};
    ASSERT_TRUE(other->put_items(std::span(&item, 1)).ok());
    ASSERT_TRUE(other->append_events(std::span(&event, 1), {}).ok());
  }
  ASSERT_TRUE(rate("u0", "We0-1", 5).ok());
  EXPECT_TRUE(ask({.user = "stranger"}).ignored.empty());
  ASSERT_TRUE(rate("stranger", "We0-1", 5).ok());
  EXPECT_EQ(engine_->item_card("outside").value().events, 1U);
}

TEST_F(EngineWrites, RequestsAndWritesRunTogether) {
  start();
  ASSERT_TRUE(engine_->delete_item("Co0-9").ok());
  std::atomic<bool> done{false};
  std::vector<std::jthread> threads;
  for (int reader = 0; reader < 3; ++reader)
    threads.emplace_back([&, reader] {
      std::size_t round = 0;
      while (!done) {
        Request request{.user = "u" + std::to_string((round++ + static_cast<std::size_t>(reader)) % 8), .n = 10};
        if (reader == 1) request.query = "comedy tale";
        if (reader == 2) request.explain = Explain::brief;
        const auto response = engine_->recommend(request);
        ASSERT_TRUE(response.ok()) << response.error().message;
        for (const auto& item : response.value().items) ASSERT_NE(item.id, "Co0-9");
      }
    });
  std::vector<std::jthread> writers;
  for (int w = 0; w < 2; ++w)
    writers.emplace_back([&, w] {
      for (int i = 0; i < 15; ++i) {
        catalog::Event event;
        event.user = "w" + std::to_string(w) + "-" + std::to_string(i);
        event.item = items_[static_cast<std::size_t>(i)].id;
        event.time_ms = kTestNow + i;
        ASSERT_TRUE(engine_->append_events(std::span(&event, 1), {}).ok());
        catalog::Item item{.id = "new" + std::to_string(w) + "-" + std::to_string(i), .title = "Comedy tale"};
        ASSERT_TRUE(engine_->put_items(std::span(&item, 1)).ok());
        if (i % 5 == 4) {
          ASSERT_TRUE(engine_->delete_user(event.user).ok());
        }
        if (i == 7 && w == 0) {
          ASSERT_TRUE(engine_->promote("r1").ok());
        }
        if (i == 9 && w == 1) {
          ASSERT_TRUE(engine_->reload().ok());
        }
      }
    });
  writers.clear();
  done = true;
  threads.clear();
  EXPECT_TRUE(ask({.user = "w0-0"}).ignored.empty());
  EXPECT_EQ(ask({.user = "w0-4"}).ignored.size(), 1U);
  EXPECT_FALSE(ask({.query = "comedy tale", .n = 100}).items.empty());
}

TEST_F(EngineWrites, EveryAcknowledgedEventIsThereAfterARestart) {
  start();
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(rate("durable", items_[static_cast<std::size_t>(3 * i)].id, 4).ok());
  const auto before = engine_->score_all({.user = "durable"}).value();
  engine_.reset();
  store_ = store::open_store(home_.path()).value();
  open();
  const auto after = engine_->score_all({.user = "durable"}).value();
  expect_same(before, after, 1e-4);
}

}  // namespace
}  // namespace penchant::recommend
