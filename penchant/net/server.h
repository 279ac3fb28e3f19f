#pragma once
/// \file HTTP/1.1 server: one thread moves bytes, a bounded pool of workers answers. Layer 1.
///
///     auto server = net::Server::start({.port = 7600}, [](const net::Request& request) {
///       return net::Response{.body = "you asked for " + request.path};
///     });
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "penchant/base/result.h"
#include "penchant/net/message.h"

namespace penchant::net {

/// Answers one request; runs on a worker thread and may block. An exception becomes a 500.
using Handler = std::function<Response(const Request&)>;
/// Looks at a request without its body, before the body is read; runs on the byte-moving thread, so
/// it must not block. An answer ends the request there (the body is not read); nullopt goes on.
using Admit = std::function<std::optional<Response>(const Request&)>;
/// Body and headers of an answer that the server itself gives (too large, too slow, malformed, …).
/// May run on any thread.
using RefusalBody = std::function<Response(int status, const std::string& message)>;

struct ServerOptions {
  std::string host = "127.0.0.1";  ///< address or name to listen on
  std::uint16_t port = 7600;       ///< 0: any free port, see Server::port()
  std::string api_key;             ///< empty: only loopback addresses are listened on
  std::size_t workers = 0;         ///< threads that run the handler; 0: as many as the machine has
  std::size_t queue = 256;         ///< requests that wait for a worker; more get 503
  std::size_t max_connections = 1024;              ///< more get 503 and are closed
  std::size_t max_header_bytes = 16 * 1024;        ///< request line and fields; more get 431
  std::size_t max_header_fields = 100;             ///< more get 431
  std::size_t max_body_bytes = 32 * 1024 * 1024;   ///< more get 413, as soon as it is known
  std::size_t max_buffered_bytes = 256 * 1024 * 1024;  ///< bodies held at once, all requests; more get 503
  std::chrono::milliseconds idle_timeout{75'000};    ///< between requests of one connection
  std::chrono::milliseconds header_timeout{10'000};  ///< first byte to end of head; then 408
  std::chrono::milliseconds body_timeout{60'000};    ///< end of head to end of body; then 408
  std::chrono::milliseconds write_timeout{60'000};   ///< whole response
  Admit admit;                                       ///< optional
  RefusalBody refusal;                               ///< optional; plain text otherwise
};

struct ServerStats {
  std::size_t connections = 0;     ///< open now
  std::size_t queued = 0;          ///< requests that wait for a worker now
  std::size_t workers = 0;
  std::uint64_t accepted = 0;      ///< connections since start
  std::uint64_t refused = 0;       ///< answers given by the server itself since start
};

/// A listening server. Requests of one connection are answered one after the other, in order
/// (pipelining is safe). Threads: all calls are safe from any thread but not from a handler.
class Server {
 public:
  /// Listens and returns at once. `handler` runs until stop() has returned.
  /// \return invalid_argument: the address is not loopback and there is no key, or cannot be
  /// resolved; already_exists: the port is in use; io: the system refused. Each names the fix.
  static Result<std::unique_ptr<Server>> start(ServerOptions options, Handler handler);
  /// As stop(5 s).
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  /// The port listened on.
  [[nodiscard]] std::uint16_t port() const noexcept;
  [[nodiscard]] ServerStats stats() const;
  /// Refuses new connections, answers the requests that are under way (with "Connection: close"),
  /// closes the idle ones, and after `patience` cuts what is left. Waits for running handlers.
  /// A second call does nothing.
  void stop(std::chrono::milliseconds patience);

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace penchant::net
