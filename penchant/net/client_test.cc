#include "penchant/net/client.h"

#include <thread>

#include <gtest/gtest.h>

#include "penchant/net/server.h"

namespace penchant::net {
namespace {

using namespace std::chrono_literals;

std::unique_ptr<Server> serve(Handler handler, std::uint16_t port = 0) {
  ServerOptions options;
  options.port = port;
  options.workers = 1;
  return Server::start(options, std::move(handler)).value();
}

TEST(Client, SaysWhenNobodyListens) {
  auto server = serve([](const Request&) { return Response{}; });
  const auto port = server->port();
  server.reset();
  Client client({.port = port});
  const auto response = client.get("/");
  ASSERT_FALSE(response.ok());
  EXPECT_EQ(response.error().code, ErrorCode::unavailable);
  EXPECT_NE(response.error().message.find(std::to_string(port)), std::string::npos);
}

TEST(Client, SaysWhenTheAnswerIsLate) {
  auto server = serve([](const Request&) {
    std::this_thread::sleep_for(300ms);
    return Response{};
  });
  Client client({.port = server->port(), .timeout = 50ms});
  EXPECT_EQ(client.get("/").error().code, ErrorCode::deadline_exceeded);
}

TEST(Client, RefusesAnswersThatAreTooLarge) {
  auto server = serve([](const Request&) { return Response{.body = std::string(5000, 'x')}; });
  Client client({.port = server->port(), .max_body_bytes = 1000});
  EXPECT_EQ(client.get("/").error().code, ErrorCode::resource_exhausted);
}

TEST(Client, ReconnectsAfterTheServerHasClosed) {
  auto server = serve([](const Request&) { return Response{.body = "one"}; });
  const auto port = server->port();
  Client client({.port = port});
  EXPECT_EQ(client.get("/")->body, "one");
  server.reset();
  server = serve([](const Request&) { return Response{.body = "two"}; }, port);
  EXPECT_EQ(client.post("/", "x")->body, "two");
}

TEST(Client, SendsKeyHeadersAndQuery) {
  auto server = serve([](const Request& request) {
    return Response{.body = std::string(request.headers.get("Authorization").value_or("")) + "|" +
                            std::string(request.parameter("q").value_or(""))};
  });
  Client client({.port = server->port(), .api_key = "k"});
  EXPECT_EQ(client.send({.path = "/", .query = {{"q", "a b&c"}}})->body, "Bearer k|a b&c");
}

TEST(Client, HeadHasNoBody) {
  auto server = serve([](const Request&) { return Response{.body = "text"}; });
  Client client({.port = server->port()});
  const auto response = client.send({.method = "HEAD"}).value();
  EXPECT_EQ(response.body, "");
  EXPECT_EQ(response.headers.get("Content-Length"), "4");
}

}  // namespace
}  // namespace penchant::net
