#include "penchant/service/fakes_for_test.h"
#include "penchant/service/schemas.h"

namespace penchant::service {
namespace {

TEST_F(ServiceTest, ItemsArePutReadChangedAndDeleted) {
  start();
  const std::string path = "/v1/items/new%2F1";  // the id is "new/1"
  const auto created = call("PUT", path, R"({"title": "A Quiet Orbit", "attributes": {"genre": ["Sci-Fi"], "year": 1999},
                                             "vectors": {"visual": [1, 2]}})");
  ASSERT_EQ(created.status, 200) << created.raw.body;
  EXPECT_FALSE(check(created.body, put_answer_schema()));
  EXPECT_EQ(text(created.body), R"({"id":"new/1","created":true})");
  EXPECT_EQ(at(call("PUT", path, R"({"title": "B", "attributes": {"year": 2000, "genre": "x"}, "vectors": {"visual": [1, 2]}})").body, "/created"), "false");

  const auto changed = call("PATCH", path, R"({"attributes": {"genre": null, "country": "NZ"}, "available": false})");
  ASSERT_EQ(changed.status, 200) << changed.raw.body;
  const auto read = call("GET", path + "?vectors=true");
  ASSERT_EQ(read.status, 200);
  EXPECT_FALSE(check(read.body, stored_item_schema())) << read.raw.body;
  EXPECT_EQ(at(read.body, "/title"), "B");
  EXPECT_EQ(at(read.body, "/attributes"), R"({"country":"NZ","year":2000})");
  EXPECT_EQ(at(read.body, "/available"), "false");
  EXPECT_EQ(at(read.body, "/vectors/visual"), "[1,2]");
  EXPECT_EQ(at(read.body, "/created"), "2023-11-14T22:13:20.000Z");

  EXPECT_EQ(text(call("DELETE", path).body), R"({"id":"new/1","deleted":true})");
  EXPECT_EQ(call("DELETE", "/v1/items/none").status, 404);
  EXPECT_EQ(call("GET", "/v1/items/none").status, 404);
  EXPECT_EQ(call("PATCH", "/v1/items/none", "{}").status, 404);
}

TEST_F(ServiceTest, TheDateOfTheFirstPutStays) {
  start();
  call("PUT", "/v1/items/d", R"({"title": "one"})");
  clock.set(clock.now_ms() + 86'400'000);
  call("PUT", "/v1/items/d", R"({"title": "two"})");
  EXPECT_EQ(at(call("GET", "/v1/items/d").body, "/created"), "2023-11-14T22:13:20.000Z");
}

TEST_F(ServiceTest, AWrittenItemShowsAtOnce) {
  start();
  EXPECT_EQ(at(post("/v1/recommend", "{\"n\": 1}").body, "/items/0/fields/title"), "Star Wars");
  call("PATCH", "/v1/items/1", R"({"title": "Star Wars IV"})");
  EXPECT_EQ(at(post("/v1/recommend", "{\"n\": 1}").body, "/items/0/fields/title"), "Star Wars IV");
}

TEST_F(ServiceTest, AnEmbeddingSaysWhereItComesFromAndHowStaleItIs) {
  start();
  call("PUT", "/v1/users/vera", "{}");
  post("/v1/events", R"({"user": "vera", "item": "1", "type": "like", "time": "2023-11-14T20:00:00Z"})");
  EXPECT_EQ(call("GET", "/v1/users/nobody/embedding").status, 404);
  const auto none = call("GET", "/v1/users/vera/embedding");
  EXPECT_EQ(none.status, 404);
  EXPECT_NE(none.raw.body.find("penchant embeddings push"), std::string::npos) << none.raw.body;

  const auto row = store.find_user("vera").value().value();
  const store::UserEmbedding made{row, "r1", "r0", clock.now_ms() - 3'600'000, clock.now_ms() - 7'200'000, 1, {0.5F, -1}};
  ASSERT_TRUE(store.put_embeddings({&made, 1}).ok());
  const auto fresh = call("GET", "/v1/users/vera/embedding");
  ASSERT_EQ(fresh.status, 200) << fresh.raw.body;
  EXPECT_FALSE(check(fresh.body, user_embedding_schema())) << fresh.raw.body;
  EXPECT_EQ(at(fresh.body, "/vector"), "[5E-1,-1]");
  EXPECT_EQ(at(fresh.body, "/release"), "r1");
  EXPECT_EQ(at(fresh.body, "/space"), "r0");
  EXPECT_EQ(at(fresh.body, "/age_s"), "3600");
  EXPECT_EQ(at(fresh.body, "/degraded"), "[]");

  post("/v1/events", R"({"user": "vera", "item": "2", "type": "like", "time": "2023-11-14T22:00:00Z"})");
  ASSERT_TRUE(store.add_release({"r2", 1, true}).ok());
  const auto stale = call("GET", "/v1/users/vera/embedding");
  EXPECT_EQ(at(stale.body, "/events_since"), "1");
  EXPECT_EQ(at(stale.body, "/vector"), at(fresh.body, "/vector")) << "the last good one is still an answer";
  EXPECT_NE(stale.raw.body.find("1 event of the user came after"), std::string::npos) << stale.raw.body;
  EXPECT_NE(stale.raw.body.find("r2 is live now"), std::string::npos) << stale.raw.body;
}

TEST_F(ServiceTest, WrongItemsNameTheField) {
  start();
  const std::pair<const char*, const char*> cases[] = {
      {R"({"titel": "x"})", "/titel"}, {R"({"attributes": {"a": {"b": 1}}})", "/attributes/a"},
      {R"({"attributes": [1]})", "/attributes"}, {R"({"vectors": {"v": ["x"]}})", "/vectors/v/0"},
      {R"({"id": "other"})", "/id"}, {R"({"available": "yes"})", "/available"}, {R"({"created": "soon"})", "/created"}};
  for (const auto& [body, field] : cases) {
    const auto got = call("PUT", "/v1/items/x", body);
    EXPECT_EQ(got.status, 400) << body;
    EXPECT_EQ(at(got.body, "/error/field"), field) << got.raw.body;
  }
}

TEST_F(ServiceTest, ManyItemsAreStoredAndWrongOnesReported) {
  start();
  const auto lines = post("/v1/items", "{\"id\": \"l1\", \"title\": \"x\"}\n{\"title\": \"no id\"}\n{\"id\": 5}\n");
  ASSERT_EQ(lines.status, 200) << lines.raw.body;
  EXPECT_FALSE(check(lines.body, bulk_answer_schema())) << lines.raw.body;
  EXPECT_EQ(at(lines.body, "/accepted"), "2");
  EXPECT_EQ(at(lines.body, "/errors/0/line"), "2");
  EXPECT_EQ(call("GET", "/v1/items/5").status, 200);
  EXPECT_EQ(at(post("/v1/items", R"([{"id": "m1"}, {"id": "m2"}])").body, "/accepted"), "2");
  const auto none = post("/v1/items?all_or_nothing=true", R"({"items": [{"id": "n1"}, {"id": "n2", "x": 1}]})");
  EXPECT_EQ(none.status, 400);
  EXPECT_EQ(at(none.body, "/error/field"), "/items/1/x");
  EXPECT_EQ(call("GET", "/v1/items/n1").status, 404);
}

TEST_F(ServiceTest, ItemsAreFoundByTextAndId) {
  start();
  const auto found = call("GET", "/v1/items?query=Star&limit=5");
  ASSERT_EQ(found.status, 200) << found.raw.body;
  EXPECT_FALSE(check(found.body, item_list_schema())) << found.raw.body;
  EXPECT_EQ(at(found.body, "/items/0/id"), "1");
  EXPECT_EQ(at(found.body, "/items/1/id"), "a/b c");
  EXPECT_EQ(at(call("GET", "/v1/items?query=a%2Fb+c").body, "/items/0/title"), "Odd Star");
  EXPECT_EQ(at(call("GET", "/v1/items?limit=1").body, "/items/1"), "(none)");
}

TEST_F(ServiceTest, QueryParametersAreChecked) {
  start();
  EXPECT_EQ(at(call("GET", "/v1/items?limit=0").body, "/error/field"), "?limit");
  EXPECT_EQ(at(call("GET", "/v1/items?limit=many").body, "/error/field"), "?limit");
  const auto unknown = call("GET", "/v1/items?limti=5");
  EXPECT_EQ(unknown.status, 400);
  EXPECT_NE(at(unknown.body, "/error/message").find("limit"), std::string::npos);
}

TEST_F(ServiceTest, UsersArePutReadFoundChangedAndDeleted) {
  start();
  EXPECT_EQ(text(call("PUT", "/v1/users/bob", R"({"attributes": {"budget": 20, "city": "Ulm"}})").body),
            R"({"id":"bob","created":true})");
  EXPECT_EQ(call("PATCH", "/v1/users/bob", R"({"attributes": {"budget": 30, "city": null}})").status, 200);
  const auto bob = call("GET", "/v1/users/bob");
  EXPECT_FALSE(check(bob.body, stored_user_schema())) << bob.raw.body;
  EXPECT_EQ(text(bob.body), R"({"id":"bob","attributes":{"budget":30},"events":0})");
  EXPECT_EQ(at(post("/v1/users", R"([{"id": "u1"}, {"id": "u2"}])").body, "/accepted"), "2");
  EXPECT_EQ(call("DELETE", "/v1/users/u1").status, 200);
  EXPECT_EQ(call("GET", "/v1/users/u1").status, 404);

  const auto found = call("GET", "/v1/users?query=96");
  EXPECT_FALSE(check(found.body, user_list_schema())) << found.raw.body;
  EXPECT_EQ(at(found.body, "/users/0/id"), "96");   // the very id comes first
  EXPECT_EQ(at(found.body, "/users/1/id"), "196");
  EXPECT_EQ(at(call("GET", "/v1/users?query=aNN").body, "/users/0/id"), "Ann");
  const auto first = call("GET", "/v1/users?limit=1");
  EXPECT_EQ(at(first.body, "/users/0/id"), "196");
  EXPECT_EQ(at(first.body, "/truncated"), "true");
}

TEST_F(ServiceTest, ItemCardAndSemanticId) {
  start();
  const auto card = call("GET", "/v1/items/1/card");
  ASSERT_EQ(card.status, 200) << card.raw.body;
  EXPECT_FALSE(check(card.body, item_card_schema())) << card.raw.body;
  EXPECT_EQ(at(card.body, "/tokens"), "<a_1><b_2><c_3>");
  EXPECT_EQ(at(card.body, "/neighbours/0/shared_prefix"), "2");
  const auto sid = call("GET", "/admin/v1/semantic-ids/1");
  EXPECT_FALSE(check(sid.body, semantic_id_schema())) << sid.raw.body;
  EXPECT_EQ(at(sid.body, "/semantic_id"), "[1,2,3]");
  EXPECT_EQ(call("GET", "/v1/items/none/card").status, 404);
}

TEST_F(ServiceTest, SemanticIdsAreBrowsedLevelByLevel) {
  start();
  const auto root = call("GET", "/v1/semantic-ids");
  ASSERT_EQ(root.status, 200) << root.raw.body;
  EXPECT_FALSE(check(root.body, semantic_id_tree_schema())) << root.raw.body;
  EXPECT_EQ(at(root.body, "/path/0/code"), "null");
  EXPECT_EQ(at(root.body, "/children/0/code"), "1");
  EXPECT_EQ(at(root.body, "/children/0/name"), "Sci-Fi");
  EXPECT_EQ(at(root.body, "/children/0/examples/0/title"), "Star Wars");
  EXPECT_EQ(at(root.body, "/below"), "5");
  EXPECT_EQ(engine.last_tree.limit, 100u);

  const auto below = call("GET", "/v1/semantic-ids?prefix=12&limit=7&offset=2");
  ASSERT_EQ(below.status, 200) << below.raw.body;
  EXPECT_EQ(engine.last_tree.prefix, (std::vector<std::uint16_t>{12}));
  EXPECT_EQ(engine.last_tree.limit, 7u);
  EXPECT_EQ(engine.last_tree.offset, 2u);
  EXPECT_EQ(call("GET", "/v1/semantic-ids?prefix=12,7").status, 404);
  for (const char* wrong : {"x", "1,", ",1", "1,,2", "-1", "65536", "1 2", "1.5"}) {
    const auto refused = call("GET", std::string("/v1/semantic-ids?prefix=") + (std::string(wrong) == "1 2" ? "1%202" : wrong));
    EXPECT_EQ(refused.status, 400) << wrong;
    EXPECT_NE(at(refused.body, "/error/message").find("12,7"), std::string::npos) << wrong;
  }
  EXPECT_EQ(call("GET", "/v1/semantic-ids?limit=0").status, 400);
}

}  // namespace
}  // namespace penchant::service
