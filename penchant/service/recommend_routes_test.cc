#include "penchant/service/fakes_for_test.h"
#include "penchant/service/schemas.h"

namespace penchant::service {
namespace {

TEST_F(ServiceTest, RecommendAnswersInTheDocumentedShape) {
  start();
  const auto got = post("/v1/recommend", R"({"user": "196", "n": 2, "explain": "short", "debug": true})");
  ASSERT_EQ(got.status, 200) << got.raw.body;
  EXPECT_FALSE(check(got.body, recommend_answer_schema())) << got.raw.body;
  EXPECT_EQ(at(got.body, "/recommendation_id").size(), 26U);
  EXPECT_EQ(at(got.body, "/items/0/id"), "1");
  EXPECT_EQ(at(got.body, "/items/0/rank"), "1");
  EXPECT_EQ(at(got.body, "/items/0/fields"), R"({"title":"Star Wars","genre":["Sci-Fi"],"year":1977})");
  EXPECT_EQ(at(got.body, "/items/0/semantic_id"), "[1,2,3]");
  EXPECT_EQ(at(got.body, "/items/0/reasons/0/evidence/0/text"), "Two");
  EXPECT_EQ(at(got.body, "/items/0/explanation"), "Because of Two");
  EXPECT_EQ(at(got.body, "/items/0/features/dense"), "2.5E-1");
  EXPECT_EQ(at(got.body, "/items/2/id"), "(none)");
  EXPECT_EQ(at(got.body, "/applied"), R"({"scenario":null,"filter":"","include_seen":false,"task":"recommend","release":"r1","n":2})");
  EXPECT_EQ(at(got.body, "/intent"), "null");
  EXPECT_EQ(at(got.body, "/degraded"), "[]");
  EXPECT_EQ(at(got.body, "/timings/total"), "1.25E0");
}

TEST_F(ServiceTest, RecommendHandsEveryFieldToTheEngine) {
  start();
  const auto got = post("/v1/recommend", R"({
    "user": 196, "session": ["1", {"item": 2, "type": "like", "value": 4.5, "time": "2024-01-01T00:00:00Z"}],
    "query": "Star", "similar_to": ["1", 2], "n": 7, "filter": "year >= 1990", "exclude": [2], "include_seen": true,
    "boosts": [{"filter": "genre = 'Drama'", "weight": -1.5}], "diversity": 0.25, "explain": "reasons", "beam": 64,
    "deadline_ms": 250})");
  ASSERT_EQ(got.status, 200) << got.raw.body;
  const auto& asked = engine.last;
  EXPECT_EQ(asked.user, "196");  // integers are read as ids
  ASSERT_EQ(asked.session.size(), 2U);
  EXPECT_EQ(asked.session[0].item, "1");
  EXPECT_EQ(asked.session[1].item, "2");
  EXPECT_EQ(asked.session[1].type, "like");
  EXPECT_EQ(asked.session[1].value, 4.5);
  EXPECT_EQ(asked.session[1].time_ms, 1'704'067'200'000);
  EXPECT_EQ(asked.query, "Star");
  EXPECT_EQ(asked.similar_to, (std::vector<std::string>{"1", "2"}));
  EXPECT_EQ(asked.n, 7U);
  EXPECT_EQ(asked.filter, "year >= 1990");
  EXPECT_EQ(asked.exclude, std::vector<std::string>{"2"});
  EXPECT_EQ(asked.include_seen, true);
  ASSERT_EQ(asked.boosts.size(), 1U);
  EXPECT_EQ(asked.boosts[0].weight, -1.5);
  EXPECT_EQ(asked.diversity, 0.25);
  EXPECT_EQ(asked.explain, recommend::Explain::reasons);
  EXPECT_EQ(asked.beam, 64U);
  EXPECT_EQ(asked.deadline_ms, 250);
  EXPECT_EQ(at(got.body, "/degraded/0/part"), "generator");
}

TEST_F(ServiceTest, ExplainAcceptsWordsAndFlags) {
  start();
  const std::pair<const char*, recommend::Explain> cases[] = {
      {"\"none\"", recommend::Explain::none}, {"\"reasons\"", recommend::Explain::reasons},
      {"\"short\"", recommend::Explain::brief}, {"true", recommend::Explain::brief}, {"false", recommend::Explain::none}};
  for (const auto& [word, meaning] : cases) {
    ASSERT_EQ(post("/v1/recommend", std::string("{\"explain\": ") + word + "}").status, 200) << word;
    EXPECT_EQ(engine.last.explain, meaning) << word;
  }
}

TEST_F(ServiceTest, FieldsSelectsAttributes) {
  start();
  const auto got = post("/v1/recommend", R"({"n": 1, "fields": ["year"]})");
  EXPECT_EQ(at(got.body, "/items/0/fields"), R"({"year":1977})");
}

TEST_F(ServiceTest, AFilterThatSelectsNothingIsAnEmptyListWithANote) {
  start();
  const auto got = post("/v1/recommend", R"({"user": "196", "filter": "year > 3000"})");
  EXPECT_EQ(got.status, 200);
  EXPECT_EQ(at(got.body, "/items"), "[]");
  EXPECT_NE(at(got.body, "/notes/0").find("no item passes the filter"), std::string::npos);
}

struct Wrong {
  const char* body;
  const char* field;
  const char* says;
};

TEST_F(ServiceTest, WrongRequestsNameTheFieldAndTheFix) {
  start();
  const Wrong cases[] = {
      {R"({"usr": "196"})", "/usr", "did you mean \\\"user\\\""},
      {R"({"n": 0})", "/n", "between 1 and 1000"},
      {R"({"n": 1001})", "/n", "between 1 and 1000"},
      {R"({"n": "ten"})", "/n", "must be integer, not string"},
      {R"({"n": 1.5})", "/n", "must be integer"},
      {R"({"n": null})", "/n", "not null"},
      {R"({"user": ""})", "/user", "must not be empty"},
      {R"({"user": {"id": 1}})", "/user", "must be integer or string, not object"},
      {R"({"user": 1.5})", "/user", "must be integer or string"},
      {R"({"similar_to": "1"})", "/similar_to", "must be array"},
      {R"({"similar_to": ["1", null]})", "/similar_to/1", "not null"},
      {R"({"session": [{"type": "like"}]})", "/session/0/item", "is missing"},
      {R"({"session": [{"item": "1", "when": 3}]})", "/session/0/when", "unknown field"},
      {R"({"diversity": 2})", "/diversity", "between 0 and 1"},
      {R"({"explain": "long"})", "/explain", "must be one of"},
      {R"({"filter": "year >"})", "/filter", "for example"},
      {R"({"boosts": [{"filter": "AND", "weight": 1}]})", "/boosts/0/filter", "for example"},
      {R"({"boosts": [{"filter": "year > 1"}]})", "/boosts/0/weight", "is missing"},
      {R"([])", "(none)", "the body must be object, not array"},
      {R"({"user": "196")", "(none)", "ends too early"},
      {R"({'user': '196'})", "(none)", "double quotes"},
      {"{\"user\":\n\"196\",}", "(none)", "line 2"},
      {R"({"user": "196"} {"n": 1})", "(none)", "more text after"},
      {R"({"user": 1e999})", "/user", "must be integer or string"},
      {R"({"user": 1e20})", "/user", "must be integer or string"},
      {R"({"diversity": 1e999})", "/diversity", "too large a number"},
      {R"({"session": [{"item": "1", "value": -1e999}]})", "/session/0/value", "too large a number"},
      {"", "(none)", "the body is empty"},
      {"{\"user\": \"\xff\xfe\"}", "(none)", "malformed JSON"},
      {"{\"user\": \"\xed\xa0\x80\"}", "(none)", "malformed JSON"},
  };
  for (const auto& wrong : cases) {
    const auto got = post("/v1/recommend", wrong.body);
    EXPECT_EQ(got.status, 400) << wrong.body;
    EXPECT_EQ(at(got.body, "/error/code"), "invalid_argument") << wrong.body;
    EXPECT_EQ(at(got.body, "/error/field"), wrong.field) << wrong.body << got.raw.body;
    EXPECT_NE(got.raw.body.find(wrong.says), std::string::npos) << wrong.body << got.raw.body;
    EXPECT_FALSE(check(got.body, error_schema()));
  }
}

TEST_F(ServiceTest, DeepJsonIsRefused) {
  start();
  const std::string deep = "{\"user\": " + std::string(100'000, '[') + std::string(100'000, ']') + "}";
  const auto got = post("/v1/recommend", deep);
  EXPECT_EQ(got.status, 400);
  EXPECT_NE(at(got.body, "/error/message").find("deeper than 32"), std::string::npos);
}

TEST_F(ServiceTest, AnInternalErrorFailsOneRequestOnly) {
  start();
  const auto got = post("/v1/recommend", R"({"user": "boom"})");
  EXPECT_EQ(got.status, 500);
  EXPECT_EQ(at(got.body, "/error/code"), "internal");
  EXPECT_EQ(post("/v1/recommend", R"({"user": "196"})").status, 200);
}

TEST_F(ServiceTest, ExplainOneItem) {
  start();
  const auto got = post("/v1/explain", R"({"user": "196", "item": 2})");
  ASSERT_EQ(got.status, 200) << got.raw.body;
  EXPECT_FALSE(check(got.body, explain_answer_schema())) << got.raw.body;
  EXPECT_EQ(at(got.body, "/item/id"), "2");
  EXPECT_EQ(post("/v1/explain", R"({"user": "196", "item": "none"})").status, 404);
  EXPECT_EQ(at(post("/v1/explain", R"({"user": "196"})").body, "/error/field"), "/item");
}

}  // namespace
}  // namespace penchant::service
