#include "penchant/net/server.h"

#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "penchant/net/client.h"
#include "penchant/net/raw_socket_for_test.h"

namespace penchant::net {
namespace {

using namespace std::chrono_literals;

ServerOptions any_port() {
  ServerOptions options;
  options.port = 0;
  options.workers = 2;
  return options;
}

Response echo(const Request& request) {
  Response response{.body = request.method + " " + request.path};
  for (const auto& [name, value] : request.query) response.body += "|" + name + "=" + value;
  response.body += "|" + request.body;
  return response;
}

std::unique_ptr<Server> serve(ServerOptions options, Handler handler = echo) {
  auto server = Server::start(std::move(options), std::move(handler));
  return std::move(server).value();
}

Client client_of(const Server& server) { return Client({.port = server.port(), .timeout = 10s}); }

TEST(Server, HandsOverMethodPathQueryAndBody) {
  auto server = serve(any_port());
  auto client = client_of(*server);
  const auto response = client.post("/a%2Fb?x=1%202&y", "hello").value();
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "POST /a%2Fb|x=1 2|y=|hello");
}

TEST(Server, KeepsTheConnection) {
  auto server = serve(any_port());
  auto client = client_of(*server);
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(client.get("/").ok());
  EXPECT_EQ(server->stats().accepted, 1U);
}

TEST(Server, AnswersPipelinedRequestsInOrder) {
  auto server = serve(any_port(), [](const Request& request) {
    if (request.path == "/slow") std::this_thread::sleep_for(50ms);
    return Response{.body = "[" + request.path + "]"};
  });
  RawSocket socket(server->port());
  socket.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n"
              "POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nxyz"
              "GET /c HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  const std::string all = socket.read();
  EXPECT_LT(all.find("[/slow]"), all.find("[/b]"));
  EXPECT_LT(all.find("[/b]"), all.find("[/c]"));
  EXPECT_NE(all.find("[/c]"), std::string::npos);
  EXPECT_TRUE(socket.closed());
}

TEST(Server, ReadsChunkedBodies) {
  auto server = serve(any_port());
  RawSocket socket(server->port());
  socket.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
              "3\r\nabc\r\n5;ext=1\r\ndefgh\r\n0\r\n\r\n");
  EXPECT_NE(socket.read().find("POST /|abcdefgh"), std::string::npos);
}

TEST(Server, HeadHasTheLengthButNoBody) {
  auto server = serve(any_port());
  RawSocket socket(server->port());
  socket.send("HEAD /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  const std::string all = socket.read();
  EXPECT_NE(all.find("Content-Length: 8\r\n"), std::string::npos) << all;
  EXPECT_TRUE(all.ends_with("\r\n\r\n")) << all;
}

TEST(Server, Http10ClosesUnlessAskedToStay) {
  auto server = serve(any_port());
  RawSocket socket(server->port());
  socket.send("GET /old HTTP/1.0\r\n\r\n");
  EXPECT_NE(socket.read().find("/old"), std::string::npos);
  EXPECT_TRUE(socket.closed());
}

TEST(Server, AnswersContinueBeforeTheBody) {
  auto server = serve(any_port());
  RawSocket socket(server->port());
  socket.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\n");
  EXPECT_NE(socket.read("100 Continue\r\n\r\n").find("100 Continue"), std::string::npos);
  socket.send("ok");
  EXPECT_NE(socket.read().find("POST /|ok"), std::string::npos);
}

TEST(Server, HandlerExceptionIsOne500AndTheServerGoesOn) {
  auto server = serve(any_port(), [](const Request& request) -> Response {
    if (request.path == "/bad") throw std::runtime_error("broken promise");
    return {.body = "fine"};
  });
  auto client = client_of(*server);
  EXPECT_EQ(client.get("/bad")->status, 500);
  EXPECT_EQ(client.get("/good")->body, "fine");
}

TEST(Server, HeaderValuesCannotEndTheirLine) {
  auto server = serve(any_port(), [](const Request&) {
    return Response{.headers = {{"X-Echo", "a\r\nX-Injected: 1"}}, .body = "b"};
  });
  auto client = client_of(*server);
  const auto response = client.get("/").value();
  EXPECT_EQ(response.headers.get("X-Echo"), "aX-Injected: 1");
  EXPECT_FALSE(response.headers.get("X-Injected"));
}

TEST(Server, AdmitAnswersBeforeTheBodyIsRead) {
  auto options = any_port();
  options.admit = [](const Request& request) -> std::optional<Response> {
    if (request.headers.get("X-API-Key") == "right") return std::nullopt;
    return Response{.status = 401, .body = "no key"};
  };
  auto server = serve(options);
  RawSocket socket(server->port());
  socket.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");  // body never comes
  EXPECT_NE(socket.read("no key", 3s).find("401"), std::string::npos);
}

TEST(Server, FullQueueIs503WithRetryAfter) {
  auto options = any_port();
  options.workers = 1;
  options.queue = 1;
  std::atomic<bool> open{false}, entered{false};
  auto server = serve(options, [&](const Request&) {
    entered = true;
    while (!open) std::this_thread::sleep_for(1ms);
    return Response{.body = "late"};
  });
  std::vector<std::thread> clients;
  std::atomic<int> served{0}, refused{0};
  for (int i = 0; i < 6; ++i) {
    clients.emplace_back([&] {
      auto client = client_of(*server);
      const auto response = client.get("/").value();
      if (response.status == 200) ++served;
      if (response.status == 503 && response.headers.get("Retry-After")) ++refused;
      if (refused == 4) open = true;
    });
    while (!entered) std::this_thread::sleep_for(1ms);  // the first holds the only worker
  }
  for (auto& thread : clients) thread.join();
  EXPECT_EQ(served, 2);
  EXPECT_EQ(refused, 4);
}

TEST(Server, TooManyConnectionsAreTurnedAway) {
  auto options = any_port();
  options.max_connections = 2;
  auto server = serve(options);
  RawSocket one(server->port()), two(server->port());
  one.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  two.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_NE(one.read("|").find("200 OK"), std::string::npos);
  ASSERT_NE(two.read("|").find("200 OK"), std::string::npos);
  RawSocket three(server->port());
  EXPECT_NE(three.read("moment", 3s).find("503"), std::string::npos);
}

TEST(Server, ServesManyClientsAtOnce) {
  auto server = serve(any_port());
  std::atomic<int> right{0};
  std::vector<std::thread> clients;
  for (int c = 0; c < 8; ++c)
    clients.emplace_back([&, c] {
      auto client = client_of(*server);
      for (int i = 0; i < 50; ++i) {
        const std::string body = std::to_string(c) + ":" + std::to_string(i);
        if (client.post("/", body)->body == "POST /|" + body) ++right;
      }
    });
  for (auto& thread : clients) thread.join();
  EXPECT_EQ(right, 400);
}

TEST(Server, StopAnswersWhatIsUnderWay) {
  std::atomic<bool> entered{false};
  auto server = serve(any_port(), [&](const Request&) {
    entered = true;
    std::this_thread::sleep_for(200ms);
    return Response{.body = "done"};
  });
  RawSocket idle(server->port());
  RawSocket busy(server->port());
  busy.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  while (!entered) std::this_thread::sleep_for(1ms);
  const auto begin = std::chrono::steady_clock::now();
  server->stop(5s);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 2s);
  const std::string answer = busy.read();
  EXPECT_NE(answer.find("done"), std::string::npos);
  EXPECT_NE(answer.find("Connection: close"), std::string::npos);
  EXPECT_THROW(RawSocket{server->port()}, std::runtime_error);
}

TEST(Server, StopCutsWhatOutlastsItsPatience) {
  auto server = serve(any_port());
  RawSocket half(server->port());
  half.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
  std::this_thread::sleep_for(50ms);
  const auto begin = std::chrono::steady_clock::now();
  server->stop(200ms);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 2s);
}

TEST(Server, PortInUseSaysWhatToDo) {
  auto server = serve(any_port());
  auto options = any_port();
  options.port = server->port();
  const auto second = Server::start(options, echo);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, ErrorCode::already_exists);
  EXPECT_NE(second.error().message.find("already in use"), std::string::npos);
  EXPECT_NE(second.error().message.find("--port"), std::string::npos);
}

TEST(Server, RefusesToLeaveLoopbackWithoutAKey) {
  auto options = any_port();
  options.host = "0.0.0.0";
  const auto open = Server::start(options, echo);
  ASSERT_FALSE(open.ok());
  EXPECT_NE(open.error().message.find("API key"), std::string::npos);
  options.api_key = "secret";
  EXPECT_TRUE(Server::start(options, echo).ok());
}

TEST(Server, AnUnknownHostIsNamed) {
  auto options = any_port();
  options.host = "no.such.host.invalid";
  const auto server = Server::start(options, echo);
  ASSERT_FALSE(server.ok());
  EXPECT_NE(server.error().message.find("no.such.host.invalid"), std::string::npos);
}

}  // namespace
}  // namespace penchant::net
