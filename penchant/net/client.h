#pragma once
/// \file Small blocking HTTP/1.1 client: tests, the command line, model endpoints. Layer 1.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "penchant/base/result.h"
#include "penchant/net/message.h"

namespace penchant::net {

struct ClientOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 7600;
  std::string api_key;                            ///< sent as "Authorization: Bearer …" when set
  std::chrono::milliseconds timeout{30'000};      ///< of one whole exchange
  std::size_t max_body_bytes = 256 * 1024 * 1024; ///< larger answers are an error
};

/// Keeps one connection alive between calls. Plain HTTP only.
/// Threads: one call at a time; use one Client per thread.
class Client {
 public:
  explicit Client(ClientOptions options);
  ~Client();
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;
  /// Sends `request` (its path goes out as it stands, its query is encoded) and reads the answer,
  /// of whatever status. \return unavailable: no connection, or it was lost; deadline_exceeded;
  /// resource_exhausted: answer too large; corrupt: not HTTP
  Result<Response> send(const Request& request);
  /// The two frequent cases. `target` may hold a query.
  Result<Response> get(const std::string& target);
  Result<Response> post(const std::string& target, std::string body,
                        const std::string& content_type = "application/json");

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace penchant::net
