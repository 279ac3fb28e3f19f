#include <gmock/gmock.h>

#include <cmath>
#include <map>

#include "penchant/recommend/test_engine.h"

namespace penchant::recommend {
namespace {

using testing::HasSubstr;

TEST_F(EngineTest, AListIsRankedFromOneWithoutSeenItems) {
  start();
  const auto response = ask({.user = "u0", .n = 10});
  ASSERT_EQ(response.items.size(), 10U);
  EXPECT_EQ(response.task, "recommend");
  EXPECT_EQ(response.release, "r1");
  EXPECT_TRUE(response.degraded.empty()) << response.degraded.front().part << ": " << response.degraded.front().why;
  EXPECT_FALSE(response.include_seen) << "nobody repeats here";
  std::set<std::string> seen;
  for (const auto& event : events_)
    if (event.user == "u0") seen.insert(event.item);
  for (std::size_t r = 0; r < 10; ++r) {
    EXPECT_EQ(response.items[r].rank, r + 1);
    EXPECT_FALSE(seen.contains(response.items[r].id));
    EXPECT_FALSE(response.items[r].sources.empty());
    EXPECT_EQ(response.items[r].semantic_id.size(), 3U);
    if (r > 0) {
      EXPECT_LE(response.items[r].score, response.items[r - 1].score);
    }
  }
  EXPECT_TRUE(lists(ask({.user = "u0", .n = 40, .include_seen = true}), *seen.begin()));
}

TEST_F(EngineTest, TheListEqualsTheFullRanking) {
  start();
  for (const std::string user : {"u0", "u1", "u5"}) {
    const Request request{.user = user, .n = 10};
    const auto response = ask(request);
    const auto scores = engine_->score_all(request).value();
    std::vector<std::size_t> order(scores.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::ranges::stable_sort(order, [&](auto a, auto b) { return scores[a] > scores[b]; });
    for (std::size_t r = 0; r < response.items.size(); ++r) {
      EXPECT_EQ(response.items[r].id, items_[order[r]].id) << user << " rank " << r + 1;
      EXPECT_NEAR(response.items[r].score, scores[order[r]], 1e-4);
    }
  }
}

TEST_F(EngineTest, WhatIsServedIsWhatTheScorerMeasures) {
  start();
  auto scorer = Scorer::load(home_.path() + "/models/r1").value();
  std::vector<HistoryEvent> history;
  for (const auto& event : events_) {
    if (event.user != "u3") continue;
    const auto at = std::ranges::find(items_, event.item, &catalog::Item::id) - items_.begin();
    history.push_back({ItemId{static_cast<std::uint32_t>(at)}, "rating", *event.value, event.time_ms});
  }
  const auto ranker = rank::Ranker::load(home_.path() + "/models/r1/ranker.json").value();
  const auto measured = fused_scores(ranker, rank::Task::recommend, scorer->features(history, kTestNow).value());
  const auto served = engine_->score_all({.user = "u3", .include_seen = true}).value();
  for (std::size_t i = 0; i < measured.size(); ++i) EXPECT_NEAR(served[i], static_cast<double>(measured[i]), 1e-3) << i;
}

TEST_F(EngineTest, EventsOfAGenreRaiseItsShareAtOnce) {
  start();
  const double before = share(ask({.user = "u0", .n = 10}), "We");
  ASSERT_TRUE(rate("u0", "We0-0", 5).ok());
  ASSERT_TRUE(rate("u0", "We0-1", 5).ok());
  ASSERT_TRUE(rate("u0", "We0-2", 5).ok());
  const auto after = ask({.user = "u0", .n = 10});
  EXPECT_GT(share(after, "We"), before);
  for (const std::string id : {"We0-0", "We0-1", "We0-2"}) EXPECT_FALSE(lists(after, id)) << "seen by now";
}

TEST_F(EngineTest, AWarmStateEqualsAColdOne) {
  start();
  (void)ask({.user = "u2"});  // warms the state
  for (int i = 0; i < 40; ++i) {  // past the window of 32 events
    ASSERT_TRUE(rate("u2", items_[static_cast<std::size_t>(i * 7 % 40)].id, 1 + i % 5).ok());
    if (i % 7 == 0) (void)ask({.user = "u2"});
  }
  // An event of the past takes its place by time.
  ASSERT_TRUE(rate("u2", "Mu0-9", 5, 1'600'000'000'500).ok());
  const auto warm = engine_->score_all({.user = "u2"}).value();
  open();
  const auto cold = engine_->score_all({.user = "u2"}).value();
  expect_same(warm, cold, 1e-3);
}

TEST_F(EngineTest, ANewItemWithOnlyTextIsInTheListOfWhoeverItFits) {
  start();
  const auto before = engine_->item_card("Co0-1").value().semantic_id;
  catalog::Item item;
  item.id = "fresh";
  item.title = "Comedy tale brand new";
  item.attributes["genres"] = std::vector<std::string>{"Comedy"};
  ASSERT_TRUE(engine_->put_items(std::span(&item, 1)).ok());
  const auto list = ask({.user = "u0", .n = 10, .explain = Explain::brief});
  ASSERT_TRUE(lists(list, "fresh"));
  const auto& found = *std::ranges::find(list.items, "fresh", &ScoredItem::id);
  EXPECT_EQ(found.semantic_id.front(), before.front()) << "its first code is that of comedies";
  EXPECT_THAT(found.sources, testing::Contains("fresh"));
  EXPECT_EQ(engine_->item_card("Co0-1").value().semantic_id, before) << "no other ID moves";
  EXPECT_THAT(ask({.query = "brand new"}).items.front().id, "fresh");
  EXPECT_GT(ask({.user = "u0", .n = 40}).items.size(), 0U);
  // For a western fan it ranks below, and after a restart everything is as it was.
  open();
  EXPECT_TRUE(lists(ask({.user = "u0", .n = 10}), "fresh"));
  EXPECT_EQ(engine_->item_card("fresh").value().semantic_id, found.semantic_id);
}

TEST_F(EngineTest, TheTwoTowersAreASourceAndReachANewItemByItsTextAlone) {
  start({.release = {.with_towers = true}});
  const auto found_by_towers = [](const ScoredItem& item) { return std::ranges::find(item.sources, "towers") != item.sources.end(); };
  const Response before = ask({.user = "u1", .n = 10});
  EXPECT_TRUE(std::ranges::any_of(before.items, found_by_towers));

  catalog::Item fresh;
  fresh.id = "fresh";
  fresh.title = test_genres()[1] + " tale of tomorrow";
  fresh.attributes["genres"] = std::vector<std::string>{test_genres()[1]};
  ASSERT_TRUE(engine_->put_items(std::span(&fresh, 1)).ok());
  const Response after = ask({.user = "u1", .n = 40});
  const auto item = std::ranges::find(after.items, "fresh", &ScoredItem::id);
  ASSERT_NE(item, after.items.end());
  EXPECT_TRUE(found_by_towers(*item));

  // What the user chose lately moves the towers too, a new item as any other.
  ASSERT_TRUE(rate("u1", "fresh", 5).ok());
  EXPECT_FALSE(lists(ask({.user = "u1", .n = 40}), "fresh"));
}

TEST_F(EngineTest, BehindAContentEncoderANewItemGetsItsCodesAsWell) {
  start({.release = {.content_encoder = true}});
  ASSERT_EQ(engine_->item_card("Co0-1").value().semantic_id.size(), 3U);
  catalog::Item twin;  // the text of an item that was trained on
  twin.id = "twin";
  twin.title = store_->get_item("Co0-1").value().title;
  twin.attributes = store_->get_item("Co0-1").value().attributes;
  ASSERT_TRUE(engine_->put_items(std::span(&twin, 1)).ok());
  EXPECT_EQ(engine_->item_card("twin").value().semantic_id, engine_->item_card("Co0-1").value().semantic_id);
  EXPECT_TRUE(lists(ask({.user = "u0", .n = 40}), "twin"));
}

TEST_F(EngineTest, UnseenItemsTakeAtMostTheirShareOfAList) {
  start();
  std::vector<catalog::Item> many;
  for (int i = 0; i < 30; ++i) {
    catalog::Item item;
    item.id = "fresh" + std::to_string(i);
    item.title = "Comedy tale " + std::to_string(100 + i);
    item.attributes["genres"] = std::vector<std::string>{"Comedy"};
    many.push_back(item);
  }
  ASSERT_TRUE(engine_->put_items(many).ok());
  const auto list = ask({.user = "u0", .n = 10});
  EXPECT_LE(share(list, "fresh"), 0.3);
  EXPECT_GT(share(list, "fresh"), 0);
  const auto only = ask({.user = "u0", .n = 10, .filter = "title CONTAINS \"tale 1\" AND NOT (id CONTAINS \"0-\")"});
  EXPECT_EQ(only.items.size(), 10U) << "where nothing else is allowed, they fill the list";
}

TEST_F(EngineTest, ManyTextsThatCameOfflineAreEncodedByReloadAndThenKept) {
  start();
  std::vector<catalog::Item> many;
  for (int i = 0; i < 50; ++i) {
    many.push_back({.id = "offline" + std::to_string(i), .title = "Comedy tale number " + std::to_string(1000 + i)});
    many.back().attributes["genres"] = std::vector<std::string>{"Comedy"};
  }
  ASSERT_TRUE(store_->put_items(many).ok());
  open();
  EXPECT_THAT(degraded(ask({.user = "u0"}), "new_items"), HasSubstr("18 items"));
  EXPECT_TRUE(engine_->item_card("offline49").value().semantic_id.empty());
  ASSERT_TRUE(engine_->reload().ok());
  EXPECT_EQ(degraded(ask({.user = "u0"}), "new_items"), "");
  const auto id = engine_->item_card("offline49").value().semantic_id;
  EXPECT_EQ(id.size(), 3U);
  open();
  EXPECT_EQ(degraded(ask({.user = "u0"}), "new_items"), "") << "kept on disk";
  EXPECT_EQ(engine_->item_card("offline49").value().semantic_id, id);
  std::filesystem::resize_file(home_.path() + "/cache/text_vectors.safetensors", 100);
  open();
  EXPECT_THAT(degraded(ask({.user = "u0"}), "new_items"), HasSubstr("18 items")) << "a damaged cache is passed over";
}

TEST_F(EngineTest, ALargeCatalogueIsRankedFromTheBestOfEachSource) {
  Setup setup;
  setup.release.genres = 8;
  setup.release.per_genre = 600;  // above kRankAll
  setup.users = 300;              // so that nearly every item has events
  setup.events_per_user = 100;
  start(setup);
  for (const std::string user : {"u0", "u3", "u7"}) {
    const auto list = ask({.user = user, .n = 10});
    ASSERT_EQ(list.items.size(), 10U);
    const auto scores = engine_->score_all({.user = user}).value();
    std::vector<double> sorted = scores;
    std::ranges::sort(sorted, std::greater<>());
    std::size_t hits = 0;
    for (const auto& item : list.items) hits += item.score >= sorted[9] - 1e-3 ? 1 : 0;
    EXPECT_GE(hits, 9U) << user;
  }
  catalog::Item item{.id = "fresh", .title = "Comedy tale brand new"};
  item.attributes["genres"] = std::vector<std::string>{"Comedy"};
  ASSERT_TRUE(engine_->put_items(std::span(&item, 1)).ok());
  EXPECT_TRUE(lists(ask({.user = "u0", .n = 300}), "fresh")) << "among 500 unseen comedies";
  EXPECT_EQ(share(ask({.user = "u0", .n = 10, .boosts = {{"genres = \"War\"", 9}}}), "Wa"), 1) << "what is lifted is there to be lifted";
  const auto narrow = ask({.user = "u0", .n = 50, .filter = "genres = \"War\" AND year > 2500"});
  EXPECT_EQ(narrow.items.size(), 50U);
  EXPECT_EQ(share(narrow, "Wa"), 1);
}

TEST_F(EngineTest, FilterExcludeAndDeletionHold) {
  start();
  const auto filtered = ask({.user = "u0", .n = 20, .filter = "genres = \"horror\" and year>=1984"});
  EXPECT_EQ(filtered.filter, catalog::Filter::parse("genres = \"horror\" and year>=1984").value().to_string());
  ASSERT_FALSE(filtered.items.empty());
  for (const auto& item : filtered.items) {
    EXPECT_TRUE(item.id.starts_with("Ho"));
    EXPECT_GE(item.id.back(), '4');
  }
  const auto first = ask({.user = "u0"}).items.front().id;
  EXPECT_FALSE(lists(ask({.user = "u0", .n = 40, .exclude = {first, "unknown"}}), first));
  ASSERT_TRUE(engine_->delete_item(first).ok());
  for (const Request& request : std::vector<Request>{{.user = "u0", .n = 100}, {.n = 100}, {.query = first + " tale", .n = 100},
                                                     {.similar_to = {"Co0-0"}, .n = 100}, {.user = "u0", .n = 100, .include_seen = true}})
    EXPECT_FALSE(lists(ask(request), first));
  const auto nothing = ask({.user = "u0", .filter = "year > 3000"});
  EXPECT_TRUE(nothing.items.empty());
  const auto wrong = engine_->recommend({.user = "u0", .filter = "yeer > 3000"});
  ASSERT_FALSE(wrong.ok());
  EXPECT_THAT(wrong.error().message, HasSubstr("year"));
}

TEST_F(EngineTest, RepeatedPairsInTheDataKeepSeenItems) {
  start();
  EXPECT_FALSE(ask({.user = "u0"}).include_seen);
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(rate("u1", "Ho0-0", 5).ok());
  EXPECT_TRUE(ask({.user = "u0"}).include_seen);
  EXPECT_FALSE(ask({.user = "u0", .include_seen = false}).include_seen);
}

TEST_F(EngineTest, ADeletedUserIsForgotten) {
  start();
  catalog::Event event{.user = "gone", .item = "Co0-0"};
  event.time_ms = kTestNow;
  const auto before = engine_->score_all({.user = "u0"}).value();
  ASSERT_TRUE(engine_->append_events(std::span(&event, 1), {}).ok());
  event.item = "We0-5";
  ASSERT_TRUE(engine_->append_events(std::span(&event, 1), {}).ok());
  EXPECT_TRUE(ask({.user = "gone"}).ignored.empty());
  ASSERT_TRUE(engine_->delete_user("gone").ok());
  const auto list = ask({.user = "gone"});
  EXPECT_THAT(list.ignored, testing::ElementsAre(HasSubstr("'gone' is not known")));
  EXPECT_THAT(degraded(list, "personalization"), HasSubstr("popular"));
  const auto after = engine_->score_all({.user = "u0"}).value();
  expect_same(before, after, 1e-6);  // counts are taken back
  EXPECT_EQ(engine_->delete_user("gone").error().code, ErrorCode::not_found);
}

TEST_F(EngineTest, UnknownUsersGetWhatIsPopularAndAreToldSo) {
  start();
  const auto list = ask({.user = "nobody", .n = 5});
  ASSERT_EQ(list.items.size(), 5U);
  EXPECT_EQ(list.task, "recommend");
  EXPECT_THAT(degraded(list, "personalization"), HasSubstr("'nobody' is unknown"));
  std::map<std::string, int> counts;
  for (const auto& event : events_) ++counts[event.item];
  int most = 0;
  for (const auto& [id, count] : counts) most = std::max(most, count);
  EXPECT_GE(counts[list.items.front().id], most - 1);
  catalog::User quiet{.id = "quiet"};
  ASSERT_TRUE(engine_->put_users(std::span(&quiet, 1)).ok());
  EXPECT_THAT(degraded(ask({.user = "quiet"}), "personalization"), HasSubstr("has no events"));
}

TEST_F(EngineTest, ASessionAloneAndASessionAfterAHistoryMoveTheList) {
  start();
  const auto guest = ask({.session = {{"Mu0-0"}, {"Mu0-1"}, {"no such item"}}, .n = 5});
  EXPECT_GT(share(guest, "Mu"), 0.7);
  EXPECT_THAT(guest.ignored, testing::ElementsAre(HasSubstr("'no such item'")));
  EXPECT_FALSE(lists(guest, "Mu0-0"));
  const auto alone = ask({.user = "u0", .n = 10});
  const auto both = ask({.user = "u0", .session = {{"Mu0-0"}, {"Mu0-1"}, {"Mu0-2"}}, .n = 10});
  EXPECT_GT(share(both, "Mu"), share(alone, "Mu"));
  EXPECT_EQ(ids(ask({.user = "u0", .n = 10})), ids(alone)) << "a session is not stored";
}

TEST_F(EngineTest, SearchFindsWordsAndTheUserBreaksTies) {
  start();
  const auto plain = ask({.query = "western tale 3", .n = 5});
  EXPECT_EQ(plain.task, "search");
  EXPECT_EQ(plain.items.front().id, "We0-3");
  const auto mixed = ask({.user = "u1", .query = "tale", .n = 10, .include_seen = true});
  EXPECT_GT(share(mixed, "Ho"), 0.5) << "all match alike; this user is one for horror";
  EXPECT_TRUE(ask({.query = "\" ) (", .n = 5}).items.size() <= 5);
}

TEST_F(EngineTest, SimilarItemsShareTheGenreAndLeaveTheAnchorOut) {
  start();
  const auto list = ask({.similar_to = {"Ho0-4"}, .n = 5});
  EXPECT_EQ(list.task, "similar");
  EXPECT_EQ(share(list, "Ho"), 1);
  EXPECT_FALSE(lists(list, "Ho0-4"));
  EXPECT_EQ(engine_->recommend({.similar_to = {"nope"}}).error().code, ErrorCode::not_found);
  EXPECT_EQ(ask({.user = "u0", .similar_to = {"Ho0-4"}, .n = 5}).task, "similar");
}

TEST_F(EngineTest, BoostsLiftAndBuryAndDiversitySpreads) {
  start();
  const auto plain = ask({.user = "u0", .n = 10});
  EXPECT_GT(share(ask({.user = "u0", .n = 10, .boosts = {{"genres = \"Musical\"", 3}}}), "Mu"), share(plain, "Mu"));
  EXPECT_LT(share(ask({.user = "u0", .n = 10, .boosts = {{"genres = \"Comedy\"", -3}}}), "Co"), share(plain, "Co"));
  const auto bad = engine_->recommend({.user = "u0", .boosts = {{"genres =", 1}}});
  ASSERT_FALSE(bad.ok());
  EXPECT_THAT(bad.error().message, HasSubstr("boosts[0].filter"));
  const auto likeness = [&](const Response& response) {
    double sum = 0;
    for (const auto& a : response.items)
      for (const auto& b : response.items) sum += a.id.substr(0, 2) == b.id.substr(0, 2) ? 1 : 0;
    return sum;
  };
  EXPECT_LT(likeness(ask({.user = "u0", .n = 10, .diversity = 0.7})), likeness(plain));
  EXPECT_EQ(ids(ask({.user = "u0", .n = 10, .diversity = 0.7})).front(), plain.items.front().id) << "the best stays first";
}

TEST_F(EngineTest, WithoutAReleaseTheRestAnswersAndSaysSo) {
  Setup setup;
  setup.with_release = false;
  start(setup);
  EXPECT_EQ(engine_->live_release(), "");
  for (const Request& request : std::vector<Request>{{.user = "u0", .n = 5}, {.n = 5}, {.query = "western", .n = 5}, {.similar_to = {"Co0-1"}, .n = 5},
                                                     {.user = "u0", .n = 5, .diversity = 0.5, .explain = Explain::brief}}) {
    const auto list = ask(request);
    EXPECT_EQ(list.items.size(), 5U);
    EXPECT_THAT(degraded(list, "model"), HasSubstr("train"));
  }
  EXPECT_TRUE(engine_->item_card("Co0-1").value().semantic_id.empty());
  add_release(setup_.release, false);
  ASSERT_TRUE(engine_->promote("r1").ok());
  EXPECT_TRUE(ask({.user = "u0"}).degraded.empty());
}

TEST_F(EngineTest, WithoutAnEncoderTextSearchIsDegradedAndNewItemsHaveNoID) {
  Setup setup;
  setup.with_encoder = false;
  start(setup);
  EXPECT_THAT(degraded(ask({.query = "western"}), "text_search"), HasSubstr("no sentence encoder"));
  catalog::Item item{.id = "fresh", .title = "Comedy"};
  ASSERT_TRUE(engine_->put_items(std::span(&item, 1)).ok());
  EXPECT_TRUE(engine_->item_card("fresh").value().semantic_id.empty());
  EXPECT_EQ(ask({.query = "comedy", .n = 1}).items.size(), 1U);
  EXPECT_EQ(ask({.user = "u0", .n = 100}).items.size(), 41U - 8U) << "it is still there for whoever has nothing else";
}

TEST_F(EngineTest, TheTreeOfSemanticIdsIsNamedAndFollowsTheCatalogue) {
  start();
  const auto root = engine_->id_tree({}).value();
  EXPECT_EQ(root.release, "r1");
  EXPECT_EQ(root.levels, 3u);
  ASSERT_EQ(root.path.size(), 1u);
  EXPECT_EQ(root.path[0].items, 40u);
  ASSERT_EQ(root.children.size(), 4u) << "the first code is the genre";
  EXPECT_EQ(root.below, 4u);
  std::set<std::string> names;
  for (const auto& child : root.children) {
    EXPECT_EQ(child.items, 10u);
    EXPECT_DOUBLE_EQ(child.share, 0.25);
    EXPECT_EQ(child.examples.size(), 3u);
    EXPECT_GE(child.examples[0].events, child.examples[1].events);
    ASSERT_FALSE(child.terms.empty());
    EXPECT_EQ(child.terms[0].share, 1.0);
    names.insert(child.name.substr(0, 2));
    for (const auto& example : child.examples) EXPECT_EQ(example.id.substr(0, 2), child.name.substr(0, 2));
  }
  EXPECT_EQ(names, (std::set<std::string>{"Co", "Ho", "We", "Mu"}));

  // Down to a whole ID, which lists its items.
  const auto id = engine_->item_card("Ho0-4").value().semantic_id;
  const auto whole = engine_->id_tree({.prefix = id}).value();
  EXPECT_EQ(whole.path.size(), 4u);
  EXPECT_TRUE(whole.children.empty());
  EXPECT_EQ(whole.below, whole.items.size());
  EXPECT_TRUE(std::ranges::any_of(whole.items, [](const auto& item) { return item.id == "Ho0-4"; }));
  EXPECT_EQ(engine_->id_tree({.prefix = {id[0]}, .offset = 1, .limit = 1}).value().children.size(), 1u);

  // A new item counts at once, a deleted one no more.
  catalog::Item fresh{.id = "fresh", .title = "Horror tale"};
  fresh.attributes["genres"] = std::vector<std::string>{"Horror"};
  ASSERT_TRUE(engine_->put_items(std::span(&fresh, 1)).ok());
  ASSERT_TRUE(engine_->delete_item("Co0-1").ok());
  const auto later = engine_->id_tree({}).value();
  EXPECT_EQ(later.path[0].items, 40u);
  EXPECT_EQ(later.children[0].items, 11u);
  EXPECT_EQ(later.children[0].name.substr(0, 6), "Horror");
  EXPECT_EQ(later.children[3].items, 9u);

  EXPECT_EQ(engine_->id_tree({.prefix = {7, 7}}).error().code, ErrorCode::not_found);
  EXPECT_EQ(engine_->id_tree({.prefix = {1, 1, 1, 1}}).error().code, ErrorCode::invalid_argument);
}

TEST_F(EngineTest, WithoutAReleaseThereIsNoTree) {
  start({.with_release = false});
  const auto none = engine_->id_tree({});
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().code, ErrorCode::not_found);
  EXPECT_NE(none.error().message.find("no release is live"), std::string::npos);
}

TEST_F(EngineTest, AnItemCardShowsNeighboursByPrefixThenLikeness) {
  start();
  const auto card = engine_->item_card("Ho0-4").value();
  EXPECT_EQ(card.item.title, "Horror tale 4");
  EXPECT_EQ(card.semantic_id.size(), 3U);
  ASSERT_EQ(card.neighbours.size(), 10U);
  for (std::size_t i = 1; i < card.neighbours.size(); ++i)
    EXPECT_GE(card.neighbours[i - 1].shared_prefix, card.neighbours[i].shared_prefix);
  EXPECT_TRUE(card.neighbours.front().id.starts_with("Ho"));
  EXPECT_EQ(engine_->item_card("none").error().code, ErrorCode::not_found);
}

TEST_F(EngineTest, WrongRequestsNameTheField) {
  start();
  const auto message = [&](const Request& request) {
    const auto response = engine_->recommend(request);
    return response.ok() ? std::string("accepted") : response.error().message;
  };
  EXPECT_THAT(message({.n = 0}), HasSubstr("n is 0"));
  EXPECT_THAT(message({.n = 1001}), HasSubstr("n is 1001"));
  EXPECT_THAT(message({.diversity = 2}), HasSubstr("diversity"));
  EXPECT_THAT(message({.diversity = NAN}), HasSubstr("diversity"));
  EXPECT_THAT(message({.boosts = {{"", INFINITY}}}), HasSubstr("boosts[0].weight"));
  EXPECT_THAT(message({.beam = 100000}), HasSubstr("beam"));
  EXPECT_THAT(message({.query = std::string(5000, 'x')}), HasSubstr("query"));
  EXPECT_THAT(message({.exclude = std::vector<std::string>(20000)}), HasSubstr("exclude"));
  EXPECT_THAT(message({.session = std::vector<SessionEvent>(2000)}), HasSubstr("session"));
  EXPECT_THAT(message({.similar_to = std::vector<std::string>(200)}), HasSubstr("similar_to"));
  EXPECT_THAT(message({.deadline_ms = -1}), HasSubstr("deadline_ms"));
}

TEST_F(EngineTest, APassedDeadlineStillAnswersAndSaysWhatIsMissing) {
  Setup setup;
  setup.release.random = true;
  setup.release.per_genre = 400;
  setup.release.dim = 64;
  setup.release.ffn = 256;
  setup.release.codebook = 64;
  setup.events_per_user = 30;
  setup.users = 40;
  start(setup);
  const auto list = ask({.user = "u0", .n = 10, .explain = Explain::brief, .beam = 1024, .deadline_ms = 1});
  EXPECT_EQ(list.items.size(), 10U);
  EXPECT_NE(degraded(list, "explain"), "");
}

}  // namespace
}  // namespace penchant::recommend
