#include "penchant/net/client.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include "penchant/net/url.h"

namespace penchant::net {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using boost::system::error_code;

namespace {
constexpr auto kNoThrow = asio::as_tuple(asio::use_awaitable);
constexpr std::uint32_t kMaxHeadBytes = 64 * 1024;

std::string target_of(const Request& request) {
  std::string target = request.path;
  char mark = request.path.find('?') == std::string::npos ? '?' : '&';
  for (const auto& [name, value] : request.query) {
    target += mark;
    target += percent_encode(name) + '=' + percent_encode(value);
    mark = '&';
  }
  return target;
}
}  // namespace

struct Client::Impl {
  explicit Impl(ClientOptions opts) : options(std::move(opts)) {}

  Error failure(std::string_view what, error_code ec) const {
    const std::string where = options.host + ":" + std::to_string(options.port);
    if (ec == beast::error::timeout)
      return {ErrorCode::deadline_exceeded, where + " did not answer within " +
                                                std::to_string(options.timeout.count()) + " ms"};
    if (ec == http::error::body_limit)
      return {ErrorCode::resource_exhausted, "the answer of " + where + " is too large"};
    if (ec.category() == make_error_code(http::error::bad_method).category() &&
        ec != http::error::end_of_stream && ec != http::error::partial_message)
      return {ErrorCode::corrupt, where + " does not speak HTTP: " + ec.message()};
    return {ErrorCode::unavailable, std::string(what) + " " + where + ": " + ec.message()};
  }

  /// A kept connection that the other side has closed reads as end of file.
  bool usable() {
    if (!stream) return false;
    error_code ec;
    char byte = 0;
    auto& socket = stream->socket();
    socket.non_blocking(true, ec);
    if (ec) return false;
    socket.receive(asio::buffer(&byte, 1), tcp::socket::message_peek, ec);
    return ec == asio::error::would_block;
  }

  asio::awaitable<Result<Response>> exchange(const Request& request) {
    if (!usable()) {
      stream = std::make_unique<beast::tcp_stream>(io);
      stream->expires_after(options.timeout);
      tcp::resolver resolver(io);
      auto [resolve_error, found] =
          co_await resolver.async_resolve(options.host, std::to_string(options.port), kNoThrow);
      if (resolve_error) co_return failure("cannot resolve", resolve_error);
      auto [connect_error, endpoint] = co_await stream->async_connect(found, kNoThrow);
      if (connect_error) co_return failure("cannot connect to", connect_error);
      error_code ignored;
      stream->socket().set_option(tcp::no_delay(true), ignored);
      buffer.clear();
    }
    stream->expires_after(options.timeout);
    http::request<http::string_body> message;
    message.method_string(request.method);
    message.target(target_of(request));
    message.version(11);
    message.set(http::field::host, options.host + ":" + std::to_string(options.port));
    if (!options.api_key.empty()) message.set(http::field::authorization, "Bearer " + options.api_key);
    for (const auto& [name, value] : request.headers.fields()) message.set(name, value);
    message.body() = request.body;
    if (!request.body.empty() || request.method == "POST" || request.method == "PUT")
      message.content_length(request.body.size());
    const auto [write_error, written] = co_await http::async_write(*stream, message, kNoThrow);
    // The server may refuse early and close: its answer can still be read after a failed write.
    http::response_parser<http::string_body> parser;
    parser.header_limit(kMaxHeadBytes);
    parser.body_limit(options.max_body_bytes);
    if (request.method == "HEAD") parser.skip(true);
    const auto [read_error, n] = co_await http::async_read(*stream, buffer, parser, kNoThrow);
    if (read_error)
      co_return write_error ? failure("lost the connection to", write_error)
                            : failure("lost the connection to", read_error);
    Response response{.status = static_cast<int>(parser.get().result_int())};
    for (const auto& field : parser.get())
      response.headers.add(std::string(field.name_string()), std::string(field.value()));
    const bool keep = parser.keep_alive() && !write_error;
    response.body = std::move(parser.get().body());
    if (!keep) stream.reset();
    co_return response;
  }

  ClientOptions options;
  asio::io_context io{1};
  std::unique_ptr<beast::tcp_stream> stream;
  beast::flat_buffer buffer;
};

Client::Client(ClientOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Client::~Client() = default;
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;

Result<Response> Client::send(const Request& request) {
  Result<Response> result = Error{ErrorCode::internal, "no exchange took place"};
  auto run = [](Impl& impl, const Request& what, Result<Response>& out) -> asio::awaitable<void> {
    out = co_await impl.exchange(what);
  };
  asio::co_spawn(impl_->io, run(*impl_, request, result), asio::detached);
  impl_->io.restart();
  impl_->io.run();
  if (!result.ok()) impl_->stream.reset();
  return result;
}

Result<Response> Client::get(const std::string& target) { return send({.method = "GET", .path = target}); }

Result<Response> Client::post(const std::string& target, std::string body, const std::string& content_type) {
  Request request{.method = "POST", .path = target, .body = std::move(body)};
  request.headers.add("Content-Type", content_type);
  return send(request);
}

}  // namespace penchant::net
