#include <gmock/gmock.h>

#include <cmath>

#include "penchant/recommend/test_engine.h"

namespace penchant::recommend {
namespace {

using testing::HasSubstr;

class Explained : public EngineTest {
 protected:
  std::size_t row(const std::string& id) const {
    return static_cast<std::size_t>(std::ranges::find(items_, id, &catalog::Item::id) - items_.begin());
  }
  static Request session(std::vector<SessionEvent> events, Explain explain = Explain::none) {
    Request request;
    request.session = std::move(events);
    request.n = 5;
    request.explain = explain;
    request.include_seen = true;  // so that leaving an event out changes nothing but the evidence
    return request;
  }
};

TEST_F(Explained, EveryReasonIsWhatTheScoreLosesWithoutItsEvidence) {
  start();
  const std::vector<SessionEvent> events{{"Mu0-0", "rating", 5.0, kTestNow}, {"Ho0-1", "rating", 5.0, kTestNow + 1000},
                                         {"Mu0-3", "rating", 5.0, kTestNow + 2000}, {"Mu0-5", "rating", 2.0, kTestNow + 3000}};
  const auto list = ask(session(events, Explain::brief));
  const auto whole = engine_->score_all(session(events)).value();
  std::size_t checked = 0, groups = 0;
  for (const auto& item : list.items) {
    EXPECT_NEAR(item.score, whole[row(item.id)], 1e-4);
    EXPECT_FALSE(item.features.empty());
    for (const auto& reason : item.reasons) {
      EXPECT_GT(reason.weight, 0) << "support only";
      std::vector<SessionEvent> rest;
      if (reason.type == "history") {
        for (const auto& event : events)
          if (event.item != reason.evidence.front().id) rest.push_back(event);
      } else if (reason.type == "attribute") {
        ++groups;
        for (const auto& event : events) {
          const auto genre = std::get<std::vector<std::string>>(items_[row(event.item)].attributes.at("genres")).front();
          if (genre != reason.evidence.front().text) rest.push_back(event);
        }
      } else {
        continue;
      }
      ASSERT_LT(rest.size(), events.size());
      if (item.id == reason.evidence.front().id) continue;  // its own "seen" flag changes too
      const auto without = engine_->score_all(session(rest)).value();
      EXPECT_NEAR(whole[row(item.id)] - without[row(item.id)], reason.weight, 1e-3) << item.id << " " << reason.type;
      ++checked;
    }
  }
  EXPECT_GT(checked, 5U);
  EXPECT_GT(groups, 0U);
}

TEST_F(Explained, LinesNameOnlyTheirEvidence) {
  start();
  const auto list = ask({.user = "u0", .n = 10, .explain = Explain::brief});
  std::size_t with_titles = 0;
  for (const auto& item : list.items) {
    ASSERT_FALSE(item.explanation.empty());
    std::set<std::string> texts;
    for (const auto& reason : item.reasons)
      for (const auto& evidence : reason.evidence) texts.insert(evidence.text);
    for (const auto& other : items_) {
      // "Comedy tale 1" is a part of "Comedy tale 10", so whole titles only.
      const auto at = item.explanation.find(other.title);
      if (at == std::string::npos) continue;
      const auto end = at + other.title.size();
      if (end < item.explanation.size() && std::isdigit(static_cast<unsigned char>(item.explanation[end])) != 0) continue;
      EXPECT_TRUE(texts.contains(other.title)) << item.explanation;
      ++with_titles;
    }
  }
  EXPECT_GT(with_titles, 0U);
}

TEST_F(Explained, LowRatingsAreNotCalledLiked) {
  start();
  for (const auto& item : ask(session({{"Mu0-0", "rating", 1.0}}, Explain::brief)).items) {
    EXPECT_THAT(item.explanation, testing::Not(HasSubstr("highly")));
    EXPECT_THAT(item.explanation, testing::Not(HasSubstr("liked")));
  }
}

TEST_F(Explained, GuestsHearThatWeKnowLittle) {
  start();
  const auto list = ask({.n = 3, .explain = Explain::brief});
  EXPECT_EQ(list.items.front().explanation, "Popular now; we know little about you yet");
  EXPECT_EQ(list.items.front().reasons.front().type, "popular");
}

TEST_F(Explained, NewItemsSayWhatTheyShare) {
  start();
  ASSERT_TRUE(store_->put_setting("item_noun", "\"films\"").ok());
  ASSERT_TRUE(engine_->reload().ok());
  catalog::Item item{.id = "fresh", .title = "Comedy tale again"};
  item.attributes["genres"] = std::vector<std::string>{"Comedy"};
  ASSERT_TRUE(engine_->put_items(std::span(&item, 1)).ok());
  const auto told = engine_->explain({.user = "u0"}, "fresh");
  ASSERT_TRUE(told.ok()) << told.error().message;
  EXPECT_THAT(told.value().explanation, testing::MatchesRegex("New here: shares Comedy with [0-9]+ films (you chose|in your history)"));
}

TEST_F(Explained, SearchReasonsAreTheWordsThatMatched) {
  start();
  const auto list = ask({.query = "musical zebra", .n = 3, .explain = Explain::brief});
  ASSERT_FALSE(list.items.empty());
  bool musical = false;
  for (const auto& reason : list.items.front().reasons)
    if (reason.type == "query") {
      musical = musical || reason.evidence.front().id == "musical";
      EXPECT_GT(reason.weight, 0);
    }
  EXPECT_TRUE(musical);
  EXPECT_THAT(list.items.front().explanation, HasSubstr("\"musical\""));
}

TEST_F(Explained, SimilarNamesTheAnchor) {
  start();
  const auto list = ask({.similar_to = {"Ho0-4"}, .n = 3, .explain = Explain::brief});
  EXPECT_EQ(list.items.front().explanation, "Goes with Horror tale 4");
}

TEST_F(Explained, AnItemOutsideTheListCanBeExplained) {
  start();
  const auto far = engine_->explain({.user = "u0"}, "We0-9");
  ASSERT_TRUE(far.ok()) << far.error().message;
  EXPECT_EQ(far.value().id, "We0-9");
  EXPECT_FALSE(far.value().explanation.empty());
  EXPECT_EQ(engine_->explain({.user = "u0"}, "none").error().code, ErrorCode::not_found);
  const auto listed = ask({.user = "u0", .n = 3}).items[1];
  const auto told = engine_->explain({.user = "u0"}, listed.id).value();
  EXPECT_EQ(told.rank, 2U);
  EXPECT_NEAR(told.score, listed.score, 1e-4);
}

TEST_F(Explained, LongHistoriesAreExplainedToo) {
  Setup setup;
  setup.release.max_len = 8;
  setup.events_per_user = 30;
  start(setup);
  const auto list = ask({.user = "u0", .n = 5, .include_seen = true, .explain = Explain::brief});
  ASSERT_EQ(list.items.size(), 5U);
  std::size_t reasons = 0;
  for (const auto& item : list.items) reasons += item.reasons.size();
  EXPECT_GT(reasons, 5U);
}

}  // namespace
}  // namespace penchant::recommend
