#pragma once
/// \file HTTP requests and responses as plain values. Layer 1; no HTTP library shows here.
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penchant::net {

/// Header fields in order of arrival; names compare without case. Threads: as std::vector.
class Headers {
 public:
  using Field = std::pair<std::string, std::string>;
  Headers() = default;
  Headers(std::initializer_list<Field> fields) : fields_(fields) {}
  /// Value of the first field of that name; the view lives until the next change.
  [[nodiscard]] std::optional<std::string_view> get(std::string_view name) const;
  [[nodiscard]] std::size_t count(std::string_view name) const;
  void add(std::string name, std::string value) { fields_.emplace_back(std::move(name), std::move(value)); }
  /// Replaces every field of that name by one.
  void set(std::string_view name, std::string value);
  [[nodiscard]] const std::vector<Field>& fields() const noexcept { return fields_; }

 private:
  std::vector<Field> fields_;
};

/// One request as received (or, for Client, to be sent).
struct Request {
  std::string method = "GET";
  std::string path = "/";       ///< still percent-encoded, without the query; starts with '/'
  std::vector<std::pair<std::string, std::string>> query;  ///< decoded, in order of arrival
  Headers headers;
  std::string body;
  std::string remote;           ///< address of the peer, e.g. "127.0.0.1"; set by Server
  std::chrono::steady_clock::time_point arrived{};  ///< when its head was complete; set by Server

  /// Value of the first query parameter of that name.
  [[nodiscard]] std::optional<std::string_view> parameter(std::string_view name) const;
};

struct Response {
  int status = 200;
  Headers headers;   ///< Content-Length, Date and Connection are added by the server
  std::string body;
};

/// "Not Found" for 404; "Status" for a number without a name.
[[nodiscard]] std::string_view reason_phrase(int status) noexcept;

/// ASCII comparison without case.
[[nodiscard]] bool same_ignoring_case(std::string_view a, std::string_view b) noexcept;

}  // namespace penchant::net
