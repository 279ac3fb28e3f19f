#pragma once
/// \file One client connection of a Server, and what all connections share. Private to net:
/// the only header of the module that shows Asio.
#include <atomic>
#include <memory>
#include <string>
#include <unordered_set>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>

#include "penchant/net/server.h"
#include "penchant/net/worker_pool.h"

namespace penchant::net {

class Connection;

/// What the connections of one server share. Everything without "atomic" belongs to the io thread.
struct ServerCore {
  ServerCore(ServerOptions opts, Handler answer, std::size_t workers)
      : options(std::move(opts)), handler(std::move(answer)), pool(workers, options.queue) {}
  ServerOptions options;
  Handler handler;
  WorkerPool pool;
  std::unordered_set<Connection*> open;  ///< each registers itself while it lives
  std::size_t buffered_bytes = 0;        ///< of request bodies being read or answered
  std::atomic<bool> stopping{false};     ///< set by stop(), read by connections and workers
  std::atomic<std::size_t> connections{0};
  std::atomic<std::uint64_t> accepted{0}, refused{0};
  boost::asio::io_context io{1};  ///< last: its end destroys connections, which use the rest

  /// An answer of the server itself.
  Response refusal(int status, const std::string& message);
};

/// Reads requests, has them answered, writes the answers, one after the other.
/// Threads: the io thread only.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(ServerCore& core, boost::asio::ip::tcp::socket socket);
  ~Connection();
  /// Serves until the peer leaves, an error, a timeout or the stop of the server.
  boost::asio::awaitable<void> run();
  /// Answers 503 without reading anything, and closes.
  boost::asio::awaitable<void> turn_away();
  /// Ends the connection if no request is under way.
  void close_if_idle();
  /// Ends the connection now.
  void cut();

 private:
  using Parser = boost::beast::http::request_parser<boost::beast::http::buffer_body>;
  enum class Step { go_on, linger, done };  ///< linger: close after letting the peer read our answer

  boost::asio::awaitable<Step> serve_one();
  boost::asio::awaitable<Step> read_body(Parser& parser, Request& request, std::size_t& leased);
  boost::asio::awaitable<Response> answer(std::shared_ptr<Request> request);
  boost::asio::awaitable<bool> write(const Response& response, bool head_only, bool keep_alive);
  boost::asio::awaitable<Step> refuse(int status, std::string message);
  boost::asio::awaitable<void> linger();

  /// Everything until disarm() or the next arm() is aborted after `time`, and timed_out_ is set.
  void arm(std::chrono::milliseconds time);
  void disarm();
  void watch(std::uint64_t generation);

  ServerCore& core_;  // outlives every connection: the io_context that runs them is in it
  boost::asio::ip::tcp::socket socket_;
  boost::asio::steady_timer deadline_;
  boost::beast::flat_buffer buffer_;
  std::string remote_;
  std::uint64_t generation_ = 0;
  bool timed_out_ = false;
  bool idle_ = false;
};

}  // namespace penchant::net
