#include "penchant/net/server.h"

#include <algorithm>
#include <future>
#include <thread>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "penchant/net/connection.h"

namespace penchant::net {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr auto kNoThrow = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kTurnAwayAtOnce = 64;  // connections over the limit that still get a 503
constexpr std::chrono::milliseconds kPoll{10};

Error listen_error(const ServerOptions& options, error_code ec) {
  const std::string where = options.host + ":" + std::to_string(options.port);
  if (ec == asio::error::address_in_use)
    return {ErrorCode::already_exists,
            "port " + std::to_string(options.port) + " on " + options.host +
                " is already in use: stop the program that listens there, or choose another port "
                "with --port (0 takes any free one)"};
  if (ec == asio::error::access_denied)
    return {ErrorCode::io, "no permission to listen on " + where +
                               ": ports below 1024 need privileges; choose another with --port"};
  return {ErrorCode::io, "cannot listen on " + where + ": " + ec.message()};
}

}  // namespace

struct Server::Impl {
  Impl(ServerOptions options, Handler handler, std::size_t workers)
      : core(std::move(options), std::move(handler), workers), acceptor(core.io), guard(core.io.get_executor()) {}

  Status listen() {
    const auto& options = core.options;
    error_code ec;
    tcp::resolver resolver(core.io);
    const auto found = resolver.resolve(options.host, std::to_string(options.port), tcp::resolver::passive, ec);
    if (ec || found.empty())
      return invalid("cannot resolve the host \"" + options.host + "\" to listen on: " + ec.message());
    const tcp::endpoint endpoint = found.begin()->endpoint();
    if (options.api_key.empty() && !endpoint.address().is_loopback())
      return invalid("refusing to listen on " + options.host +
                     " without an API key: anyone who reaches this machine could read and change "
                     "the data; set a key (--api-key or PENCHANT_API_KEY), or listen on 127.0.0.1");
    acceptor.open(endpoint.protocol(), ec);
    if (!ec) acceptor.set_option(tcp::acceptor::reuse_address(true), ec);
    if (!ec) acceptor.bind(endpoint, ec);
    if (!ec) acceptor.listen(asio::socket_base::max_listen_connections, ec);
    if (ec) return listen_error(options, ec);
    port = acceptor.local_endpoint(ec).port();
    if (ec) return listen_error(options, ec);
    return {};
  }

  asio::awaitable<void> accept_loop() {
    asio::steady_timer pause(core.io);
    while (!core.stopping.load()) {
      auto [ec, socket] = co_await acceptor.async_accept(kNoThrow);
      if (core.stopping.load() || ec == asio::error::operation_aborted) co_return;
      if (ec) {  // out of descriptors, or the peer has gone: wait a little, go on
        pause.expires_after(std::chrono::milliseconds(50));
        co_await pause.async_wait(kNoThrow);
        continue;
      }
      core.accepted.fetch_add(1, std::memory_order_relaxed);
      const std::size_t open = core.open.size();
      if (open >= core.options.max_connections + kTurnAwayAtOnce) continue;  // closes it
      const bool full = open >= core.options.max_connections;
      auto connection = std::make_shared<Connection>(core, std::move(socket));
      asio::co_spawn(core.io, full ? connection->turn_away() : connection->run(),
                     [connection](std::exception_ptr) { connection->cut(); });
    }
  }

  /// Waits until no connection is left or `until` has come; true when none is left.
  bool drained(std::chrono::steady_clock::time_point until) const {
    while (core.connections.load() > 0) {
      if (std::chrono::steady_clock::now() >= until) return false;
      std::this_thread::sleep_for(kPoll);
    }
    return true;
  }

  void stop(std::chrono::milliseconds patience) {
    if (!io_thread.joinable()) return;
    const auto until = std::chrono::steady_clock::now() + patience;
    core.stopping.store(true);
    asio::post(core.io, [this] {
      error_code ignored;
      acceptor.close(ignored);
      for (Connection* connection : core.open) connection->close_if_idle();
    });
    const bool clean = drained(until);
    if (!clean) {
      asio::post(core.io, [this] {
        for (Connection* connection : core.open) connection->cut();
      });
    }
    core.pool.stop();  // waits for running handlers; their answers go to connections that were cut
    if (!clean) drained(std::chrono::steady_clock::now() + std::chrono::seconds(1));
    guard.reset();
    core.io.stop();
    io_thread.join();
  }

  ServerCore core;
  tcp::acceptor acceptor;
  asio::executor_work_guard<asio::io_context::executor_type> guard;
  std::uint16_t port = 0;
  std::thread io_thread;
};

Result<std::unique_ptr<Server>> Server::start(ServerOptions options, Handler handler) {
  if (!handler) return invalid("a server needs a handler");
  std::size_t workers = options.workers;
  if (workers == 0) workers = std::max(1U, std::thread::hardware_concurrency());
  auto impl = std::make_unique<Impl>(std::move(options), std::move(handler), workers);
  PENCHANT_DO(impl->listen());
  asio::co_spawn(impl->core.io, impl->accept_loop(), asio::detached);
  impl->io_thread = std::thread([core = &impl->core] { core->io.run(); });
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() { stop(std::chrono::seconds(5)); }
std::uint16_t Server::port() const noexcept { return impl_->port; }
void Server::stop(std::chrono::milliseconds patience) { impl_->stop(patience); }

ServerStats Server::stats() const {
  const auto& core = impl_->core;
  return {.connections = core.connections.load(),
          .queued = core.pool.queued(),
          .workers = core.pool.threads(),
          .accepted = core.accepted.load(),
          .refused = core.refused.load()};
}

}  // namespace penchant::net
