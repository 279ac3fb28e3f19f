#include <fstream>
#include <thread>

#include "penchant/net/raw_socket_for_test.h"
#include "penchant/service/fakes_for_test.h"
#include "penchant/service/schemas.h"

namespace penchant::service {
namespace {

using namespace std::chrono_literals;

TEST_F(ServiceTest, AnswersWhileLoadingAndBecomesReady) {
  start(false);
  EXPECT_EQ(call("GET", "/livez").status, 200);
  EXPECT_EQ(call("GET", "/healthz").status, 200);
  const auto ready = call("GET", "/readyz");
  EXPECT_EQ(ready.status, 503);
  EXPECT_EQ(at(ready.body, "/status"), "loading");
  const auto early = post("/v1/recommend", "{}");
  EXPECT_EQ(early.status, 503);
  EXPECT_TRUE(early.raw.headers.get("Retry-After"));
  service->loading_failed({ErrorCode::corrupt, "release r1: model.safetensors is cut short"});
  EXPECT_NE(call("GET", "/readyz").raw.body.find("cut short"), std::string::npos);
  service->attach(store, engine);
  EXPECT_EQ(text(call("GET", "/readyz").body), R"({"status":"ready","release":"r1"})");
  EXPECT_EQ(post("/v1/recommend", "{}").status, 200);
}

TEST_F(ServiceTest, AKeyProtectsAllButHealthAndTheDocument) {
  options.api_key = "s3cret";
  start();
  EXPECT_EQ(call("GET", "/livez").status, 200);
  EXPECT_EQ(call("GET", "/healthz").status, 200);
  EXPECT_EQ(call("GET", "/readyz").status, 200);
  EXPECT_EQ(call("GET", "/openapi.json").status, 200);
  for (const char* path : {"/metrics", "/version", "/v1/items", "/admin/v1/models", "/v1/tasks"}) {
    const auto got = call("GET", path);
    EXPECT_EQ(got.status, 401) << path;
    EXPECT_NE(at(got.body, "/error/hint").find("Bearer"), std::string::npos);
    EXPECT_EQ(call("GET", path, "", {{"X-API-Key", "s3cret"}}).status, 200) << path;
    EXPECT_EQ(call("GET", path, "", {{"Authorization", "Bearer s3cret"}}).status, 200) << path;
    EXPECT_EQ(call("GET", path, "", {{"Authorization", "Bearer s3cre"}}).status, 401) << path;
    EXPECT_EQ(call("GET", path, "", {{"X-API-Key", "s3cret2"}}).status, 401) << path;
    EXPECT_EQ(call("GET", path, "", {{"X-API-Key", ""}}).status, 401) << path;
  }
}

TEST_F(ServiceTest, WithoutTheKeyABodyIsNotEvenRead) {
  options.api_key = "s3cret";
  start();
  net::RawSocket socket(server->port());
  socket.send("POST /v1/events HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
  EXPECT_NE(socket.read("hint", 3s).find(" 401 "), std::string::npos);
}

TEST_F(ServiceTest, PagesFromElsewhereCannotUseAServerWithoutAKey) {
  start();
  EXPECT_EQ(call("GET", "/v1/items", "", {{"Host", "evil.example"}}).status, 403);
  EXPECT_EQ(call("POST", "/v1/recommend", "{}", {{"Origin", "http://evil.example"}}).status, 403);
  EXPECT_EQ(call("POST", "/v1/recommend", "{}", {{"Origin", "null"}}).status, 403);
  const std::string own = "127.0.0.1:" + std::to_string(server->port());
  EXPECT_EQ(call("POST", "/v1/recommend", "{}", {{"Origin", "http://" + own}}).status, 200);
  EXPECT_EQ(call("GET", "/v1/items", "", {{"Host", "localhost:7600"}}).status, 200);
}

TEST_F(ServiceTest, UnknownRoutesAndMethodsAreExplained) {
  start();
  const auto missing = call("GET", "/v1/recomend");
  EXPECT_EQ(missing.status, 404);
  EXPECT_NE(at(missing.body, "/error/message").find("/v1/recommend"), std::string::npos);
  const auto wrong = call("GET", "/v1/recommend");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.raw.headers.get("Allow"), "POST");
  EXPECT_EQ(call("HEAD", "/version").status, 200);
  EXPECT_EQ(call("POST", "/", "x").status, 404);
}

TEST_F(ServiceTest, RequestIdsAreEchoedOrMade) {
  start();
  EXPECT_EQ(call("GET", "/version", "", {{"X-Request-Id", "abc-1"}}).raw.headers.get("X-Request-Id"), "abc-1");
  EXPECT_EQ(call("GET", "/version").raw.headers.get("X-Request-Id")->size(), 26U);
  EXPECT_EQ(call("GET", "/version", "", {{"X-Request-Id", "with space"}}).raw.headers.get("X-Request-Id")->size(), 26U);
}

TEST_F(ServiceTest, ABodyWhereNoneIsWantedIsIgnored) {
  start();
  EXPECT_EQ(call("POST", "/admin/v1/models/r1:promote", "{}").status, 200);
  EXPECT_EQ(call("DELETE", "/v1/items/2", "{}").status, 200);
}

TEST_F(ServiceTest, HundredMegabytesAreRefusedWithTheErrorBody) {
  start();
  net::RawSocket socket(server->port());
  socket.send("POST /v1/recommend HTTP/1.1\r\nHost: localhost\r\nContent-Length: 104857600\r\n\r\n");
  const std::string answer = socket.read("}}", 3s);
  EXPECT_NE(answer.find(" 413 "), std::string::npos) << answer;
  EXPECT_NE(answer.find("{\"error\":{\"code\":\"resource_exhausted\""), std::string::npos) << answer;
}

TEST_F(ServiceTest, ManyClientsAtOnce) {
  start();
  std::vector<std::thread> clients;
  std::atomic<int> right{0};
  for (int c = 0; c < 8; ++c)
    clients.emplace_back([&, c] {
      net::Client client({.port = server->port()});
      for (int i = 0; i < 20; ++i) {
        const auto stored = client.post("/v1/events", "{\"user\": \"c" + std::to_string(c) + "\", \"item\": \"1\"}");
        const auto listed = client.post("/v1/recommend", R"({"user": "196", "n": 1})");
        if (stored.ok() && listed.ok() && stored->status == 200 && listed->status == 200) ++right;
      }
    });
  for (auto& client : clients) client.join();
  EXPECT_EQ(right, 160);
  EXPECT_EQ(store.events.size(), 160U);
}

TEST_F(ServiceTest, StopAnswersRequestsInFlight) {
  engine.delay = 200ms;
  start();
  net::RawSocket socket(server->port());
  socket.send("POST /v1/recommend HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}");
  std::this_thread::sleep_for(50ms);
  server->stop(5s);
  EXPECT_NE(socket.read().find("recommendation_id"), std::string::npos);
}

TEST_F(ServiceTest, MetricsParse) {
  start();
  service->watch([this] { return server->stats(); });
  post("/v1/recommend", R"({"user": "196", "beam": 8})");
  post("/v1/recommend", R"({"n": 0})");
  post("/v1/events", R"({"user": "196", "item": "1"})");
  const auto got = call("GET", "/metrics");
  ASSERT_EQ(got.status, 200);
  EXPECT_TRUE(got.raw.headers.get("Content-Type")->starts_with("text/plain"));
  std::map<std::string, double> values;
  std::map<std::string, std::string> types;
  std::istringstream lines(got.raw.body);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# TYPE ")) {
      std::istringstream parts(line.substr(7));
      std::string name, type;
      parts >> name >> type;
      types[name] = type;
    }
    if (line.starts_with("#")) continue;
    const auto space = line.rfind(' ');
    ASSERT_NE(space, std::string::npos) << line;
    std::size_t used = 0;
    values[line.substr(0, space)] = std::stod(line.substr(space + 1), &used);
    EXPECT_EQ(used, line.size() - space - 1) << line;
    std::string family = line.substr(0, line.find_first_of("{ "));
    for (const std::string suffix : {"_bucket", "_sum", "_count"})
      if (!types.contains(family) && family.ends_with(suffix)) family.resize(family.size() - suffix.size());
    EXPECT_TRUE(types.contains(family)) << line;
  }
  const std::string request = R"({route="/v1/recommend",method="POST",status=")";
  EXPECT_EQ(values["penchant_http_request_seconds_count" + request + "200\"}"], 1);
  EXPECT_EQ(values["penchant_http_request_seconds_count" + request + "400\"}"], 1);
  EXPECT_EQ(values["penchant_http_request_seconds_bucket" + request + "200\",le=\"+Inf\"}"], 1);
  EXPECT_EQ(values["penchant_recommend_stage_seconds_count{stage=\"rank\"}"], 1);
  EXPECT_EQ(values["penchant_degraded_total{part=\"generator\"}"], 1);
  EXPECT_EQ(values["penchant_events_accepted_total"], 1);
  EXPECT_EQ(values["penchant_items"], 3);
  EXPECT_EQ(values["penchant_release_info{release=\"r1\"}"], 1);
  EXPECT_EQ(values["penchant_ready"], 1);
  EXPECT_GE(values["penchant_http_connections"], 1);
}

TEST_F(ServiceTest, TheConsoleIsServedAndItsRoutesToo) {
  std::filesystem::create_directories(home / "console");
  std::ofstream(home / "console/index.html") << "<html>console";
  options.console_dir = (home / "console").string();
  options.api_key = "k";  // the page itself holds no data
  start();
  EXPECT_EQ(call("GET", "/").raw.body, "<html>console");
  EXPECT_EQ(call("GET", "/people/196", "", {{"Accept", "text/html,*/*"}}).raw.body, "<html>console");
  EXPECT_EQ(call("GET", "/people/196").status, 404);  // a program gets the truth
  EXPECT_EQ(call("GET", "/v1/nothing").status, 404);
  EXPECT_EQ(call("GET", "/missing.js").status, 404);
  EXPECT_EQ(call("GET", "/../../etc/passwd").status, 404);
}

TEST_F(ServiceTest, WithoutAConsoleAPageSaysSo) {
  start();
  EXPECT_NE(call("GET", "/").raw.body.find("console is not built"), std::string::npos);
}

TEST_F(ServiceTest, ReleasesWithCardsAreListedAndPromoted) {
  std::filesystem::create_directories(home / "models/r1");
  std::ofstream(home / "models/r1/manifest.json") << R"({"name": "r1", "seed": 7})";
  std::ofstream(home / "models/r1/card.json") << R"({"semantic_ids": {"collisions": 3}})";
  ASSERT_TRUE(store.add_release({.name = "r2", .created_ms = 1'800'000'000'000}).ok());
  start();
  const auto list = call("GET", "/admin/v1/models");
  ASSERT_EQ(list.status, 200);
  EXPECT_FALSE(check(list.body, release_list_schema())) << list.raw.body;
  EXPECT_EQ(at(list.body, "/live"), "r1");
  EXPECT_EQ(at(list.body, "/releases/0/name"), "r2");
  EXPECT_EQ(at(list.body, "/releases/0/card"), "null");
  const auto live = call("GET", "/admin/v1/models/live");
  EXPECT_FALSE(check(live.body, release_schema())) << live.raw.body;
  EXPECT_EQ(at(live.body, "/manifest/seed"), "7");
  EXPECT_EQ(at(call("GET", "/admin/v1/semantic-ids/report").body, "/report/collisions"), "3");
  EXPECT_EQ(call("GET", "/admin/v1/semantic-ids/report?release=r2").status, 404);
  EXPECT_EQ(call("POST", "/admin/v1/models/r2:promote").status, 200);
  EXPECT_EQ(engine.live, "r2");
  const auto none = call("POST", "/admin/v1/models/r9:promote");
  EXPECT_EQ(none.status, 404);
  EXPECT_NE(at(none.body, "/error/message").find("r1, r2"), std::string::npos);
  EXPECT_EQ(call("GET", "/admin/v1/models/..%2F..%2Fetc").status, 404);
}

TEST_F(ServiceTest, DescribeAndReload) {
  start();
  const auto got = call("GET", "/admin/v1/describe");
  EXPECT_FALSE(check(got.body, describe_schema())) << got.raw.body;
  EXPECT_EQ(at(got.body, "/items"), "3");
  EXPECT_EQ(call("POST", "/admin/v1/reload").status, 200);
  EXPECT_EQ(engine.reloads, 1);
}

}  // namespace
}  // namespace penchant::service
