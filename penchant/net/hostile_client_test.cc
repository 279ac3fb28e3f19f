// What a server must survive: slow, oversized, ambiguous and malformed requests.
#include <fstream>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "penchant/net/raw_socket_for_test.h"
#include "penchant/net/server.h"

namespace penchant::net {
namespace {

using namespace std::chrono_literals;

class HostileClient : public testing::Test {
 protected:
  void start() {
    options.port = 0;
    options.workers = 1;
    server = Server::start(options, [this](const Request& request) {
      ++handled;
      return Response{.body = "body:" + std::to_string(request.body.size())};
    }).value();
  }
  std::string exchange(std::string_view bytes, std::chrono::milliseconds time = 10s) {
    RawSocket socket(server->port());
    socket.send(bytes);
    return socket.read({}, time);
  }
  /// The status of the (only) answer.
  int status(std::string_view bytes) {
    const std::string all = exchange(bytes);
    return all.size() > 12 ? std::stoi(all.substr(9, 3)) : 0;
  }
  ServerOptions options;
  std::unique_ptr<Server> server;
  std::atomic<int> handled{0};
};

std::size_t resident_kib() {
  std::ifstream in("/proc/self/status");
  for (std::string line; std::getline(in, line);)
    if (line.starts_with("VmRSS:")) return std::stoul(line.substr(6));
  return 0;
}

TEST_F(HostileClient, AnnouncedHundredMegabytesAreRefusedAtOnce) {
  start();
  const auto begin = std::chrono::steady_clock::now();
  RawSocket socket(server->port());
  socket.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 104857600\r\n\r\n");
  const std::string answer = socket.read("raise the limit", 3s);
  EXPECT_NE(answer.find(" 413 "), std::string::npos) << answer;
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 1s);
  EXPECT_EQ(handled, 0);
}

TEST_F(HostileClient, AClientThatSendsHundredMegabytesAnywayStillReadsThe413) {
  start();
  const std::size_t before = resident_kib();
  RawSocket socket(server->port());
  socket.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 104857600\r\n\r\n");
  const std::string piece(1 << 20, 'x');
  for (int i = 0; i < 100; ++i)
    if (!socket.send(piece)) break;
  EXPECT_NE(socket.read("raise the limit", 3s).find(" 413 "), std::string::npos);
  EXPECT_LT(resident_kib(), before + 16 * 1024);
}

TEST_F(HostileClient, ChunkedBodyBeyondTheLimitIs413) {
  options.max_body_bytes = 100'000;
  start();
  RawSocket socket(server->port());
  socket.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  const std::string piece = "8000\r\n" + std::string(0x8000, 'x') + "\r\n";
  for (int i = 0; i < 10; ++i)
    if (!socket.send(piece)) break;
  EXPECT_NE(socket.read("raise the limit", 3s).find(" 413 "), std::string::npos);
  EXPECT_EQ(handled, 0);
}

TEST_F(HostileClient, ABodyOfExactlyTheLimitPasses) {
  options.max_body_bytes = 1000;
  start();
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ";
  EXPECT_EQ(status(head + "1000\r\n\r\n" + std::string(1000, 'x')), 200);
  EXPECT_EQ(status(head + "1001\r\n\r\n" + std::string(1001, 'x')), 413);
}

TEST_F(HostileClient, ManyBodiesTogetherAreBounded) {
  options.max_buffered_bytes = 50'000;
  start();
  EXPECT_EQ(status("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n" + std::string(60000, 'x')), 503);
  for (int i = 0; i < 3; ++i)  // the budget is given back
    EXPECT_EQ(status("POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 40000\r\n\r\n" +
                     std::string(40000, 'x')), 200);
}

TEST_F(HostileClient, SlowHeadsEndWith408) {
  options.header_timeout = 200ms;
  start();
  RawSocket socket(server->port());
  const auto begin = std::chrono::steady_clock::now();
  std::string answer;
  for (const char c : std::string("GET / HTTP/1.1\r\nHost: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")) {
    if (!socket.send(std::string(1, c))) break;
    answer += socket.read({}, 20ms);
    if (!answer.empty()) break;
  }
  EXPECT_NE(answer.find(" 408 "), std::string::npos) << answer;
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 1500ms);
}

TEST_F(HostileClient, SlowBodiesEndWith408) {
  options.body_timeout = 200ms;
  start();
  EXPECT_EQ(status("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc"), 408);
}

TEST_F(HostileClient, SilentConnectionsAreClosed) {
  options.idle_timeout = 100ms;
  start();
  RawSocket socket(server->port());
  EXPECT_EQ(socket.read({}, 3s), "");
  EXPECT_TRUE(socket.closed());
}

TEST_F(HostileClient, OversizedHeadsAre431) {
  start();
  EXPECT_EQ(status("GET / HTTP/1.1\r\nHost: a\r\nX-Bomb: " + std::string(200'000, 'x') + "\r\n\r\n"), 431);
  std::string many = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (int i = 0; i < 150; ++i) many += "X-" + std::to_string(i) + ": 1\r\n";
  EXPECT_EQ(status(many + "\r\n"), 431);
  EXPECT_EQ(status("GET /" + std::string(200'000, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n"), 431);
  EXPECT_EQ(handled, 0);
}

TEST_F(HostileClient, AmbiguousFramingIsRefusedAndTheRestNotRead) {
  start();
  const std::string smuggled = "GET /admin HTTP/1.1\r\nHost: a\r\n\r\n";
  const std::string length = std::to_string(smuggled.size());
  for (const std::string fields : {
           "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
           "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
           "Content-Length: 0\r\nContent-Length: 4\r\n", "Content-Length: 4\r\nContent-Length: 4\r\n",
           "Content-Length: 4, 4\r\n", "Content-Length: +4\r\n", "Content-Length: -1\r\n",
           "Content-Length: 0x4\r\n", "Content-Length: 99999999999999999999999\r\n",
           "Transfer-Encoding: xchunked\r\n", "Transfer-Encoding: chunked, identity\r\n",
           "Transfer-Encoding: gzip, chunked\r\n", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
           "Transfer-Encoding : chunked\r\n", "Transfer-Encoding: \x0b" "chunked\r\n"}) {
    const std::string all = exchange("POST / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n0\r\n\r\n" + smuggled);
    EXPECT_TRUE(all.starts_with("HTTP/1.1 400 ")) << fields << all;
    EXPECT_EQ(all.find("HTTP/1.1", 5), std::string::npos) << fields << all;
  }
  EXPECT_EQ(handled, 0);
}

TEST_F(HostileClient, MalformedRequestsAre400) {
  start();
  EXPECT_EQ(status("GARBAGE\r\n\r\n"), 400);
  EXPECT_EQ(status("GET / HTTP/1.1\r\n\r\n"), 400);                          // no Host
  EXPECT_EQ(status("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), 400);    // two
  EXPECT_EQ(status("GET /%zz?a=%9 HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
  EXPECT_EQ(status("GET nowhere HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
  EXPECT_EQ(status("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505);
  EXPECT_EQ(status("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), 400);
  EXPECT_EQ(status("POST / HTTP/1.1\r\nHost: a\r\nExpect: magic\r\nContent-Length: 1\r\n\r\nx"), 417);
  EXPECT_EQ(status(std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11) + std::string(200, '\0')), 400);
  EXPECT_EQ(handled, 0);
}

TEST_F(HostileClient, TrailersDoNotBecomeHeaders) {
  options.admit = [](const Request&) { return std::optional<Response>{}; };
  start();
  const std::string all = exchange(
      "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
      "1\r\nx\r\n0\r\nAuthorization: Bearer stolen\r\n\r\n");
  EXPECT_NE(all.find("body:1"), std::string::npos) << all;
}

TEST_F(HostileClient, ClientsThatVanishLeaveNothingOpen) {
  start();
  for (int i = 0; i < 50; ++i) {
    RawSocket socket(server->port());
    socket.send(i % 2 ? "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc" : "GET / HT");
  }
  for (int i = 0; i < 200 && server->stats().connections > 0; ++i) std::this_thread::sleep_for(10ms);
  EXPECT_EQ(server->stats().connections, 0U);
}

}  // namespace
}  // namespace penchant::net
