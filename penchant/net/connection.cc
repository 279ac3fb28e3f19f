#include "penchant/net/connection.h"

#include <algorithm>
#include <array>
#include <ctime>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/read.hpp>

#include "penchant/net/url.h"

namespace penchant::net {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;

namespace {

constexpr auto kNoThrow = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kReadChunk = 64 * 1024;
constexpr std::size_t kMaxLingerBytes = 256 * 1024 * 1024;  // read and thrown away after a refusal
constexpr std::chrono::milliseconds kLingerTime{2'000};
constexpr std::chrono::milliseconds kRewatch{50};

std::string http_date() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  std::array<char, 40> text{};
  const auto n = std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &utc);
  return {text.data(), n};
}

/// Field text that cannot end its line.
void append_clean(std::string& out, std::string_view text) {
  for (const char c : text)
    if (c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f)) out += c;
}

bool is_framing(std::string_view name) {
  return same_ignoring_case(name, "Content-Length") || same_ignoring_case(name, "Transfer-Encoding") ||
         same_ignoring_case(name, "Connection") || same_ignoring_case(name, "Date");
}

std::string head_of(const Response& response, bool keep_alive) {
  std::string out = "HTTP/1.1 " + std::to_string(response.status) + ' ';
  out += reason_phrase(response.status);
  out += "\r\n";
  for (const auto& [name, value] : response.headers.fields()) {
    if (is_framing(name)) continue;
    append_clean(out, name);
    out += ": ";
    append_clean(out, value);
    out += "\r\n";
  }
  out += "Date: " + http_date() + "\r\n";
  if (response.status != 204 && response.status != 304)
    out += "Content-Length: " + std::to_string(response.body.size()) + "\r\n";
  out += keep_alive ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n";
  return out;
}

/// Why the framing of a well-formed head cannot be trusted; empty when it can. Two readers that
/// disagree on where a request ends let one client speak in the name of another.
std::string framing_fault(const Request& request, unsigned version) {
  const auto encodings = request.headers.count("Transfer-Encoding");
  const auto lengths = request.headers.count("Content-Length");
  if (encodings > 0) {
    if (version < 11) return "Transfer-Encoding needs HTTP/1.1";
    if (encodings > 1 || !same_ignoring_case(*request.headers.get("Transfer-Encoding"), "chunked"))
      return "Transfer-Encoding must be exactly \"chunked\"";
    if (lengths > 0) return "Content-Length and Transfer-Encoding must not be sent together";
  }
  if (lengths > 1) return "Content-Length is given more than once";
  if (lengths == 1) {
    const auto value = *request.headers.get("Content-Length");
    if (value.empty() || value.find_first_not_of("0123456789") != std::string_view::npos)
      return "Content-Length must be one decimal number";
  }
  const auto hosts = request.headers.count("Host");
  if (hosts > 1 || (hosts == 0 && version >= 11)) return "exactly one Host header is required";
  return {};
}

std::string too_large(const ServerOptions& options) {
  return "the body is larger than " + std::to_string(options.max_body_bytes) +
         " bytes; send it in parts or raise the limit of the server";
}

int status_of_parse_error(error_code ec) {
  if (ec == http::error::header_limit || ec == http::error::buffer_overflow) return 431;
  if (ec == http::error::body_limit) return 413;
  if (ec == http::error::bad_version) return 505;
  return 400;
}

}  // namespace

Response ServerCore::refusal(int status, const std::string& message) {
  refused.fetch_add(1, std::memory_order_relaxed);
  if (options.refusal) return options.refusal(status, message);
  Response response{.status = status, .headers = {{"Content-Type", "text/plain; charset=utf-8"}},
                    .body = message + "\n"};
  if (status == 503) response.headers.add("Retry-After", "1");
  return response;
}

Connection::Connection(ServerCore& core, asio::ip::tcp::socket socket)
    : core_(core), socket_(std::move(socket)), deadline_(socket_.get_executor()),
      buffer_(std::max(core.options.max_header_bytes, kReadChunk) + kReadChunk) {
  core_.open.insert(this);
  core_.connections.store(core_.open.size(), std::memory_order_relaxed);
  error_code ec;
  socket_.set_option(asio::ip::tcp::no_delay(true), ec);
  const auto endpoint = socket_.remote_endpoint(ec);
  if (!ec) remote_ = endpoint.address().to_string();
}

Connection::~Connection() {
  core_.open.erase(this);
  core_.connections.store(core_.open.size(), std::memory_order_relaxed);
}

void Connection::close_if_idle() {
  if (idle_) cut();
}

void Connection::cut() {
  error_code ignored;
  socket_.close(ignored);
}

void Connection::arm(std::chrono::milliseconds time) {
  timed_out_ = false;
  deadline_.expires_after(time);
  watch(++generation_);
}

void Connection::disarm() {
  ++generation_;
  deadline_.cancel();
}

void Connection::watch(std::uint64_t generation) {
  deadline_.async_wait([self = shared_from_this(), generation](error_code ec) {
    if (ec || generation != self->generation_) return;
    self->timed_out_ = true;
    error_code ignored;
    self->socket_.cancel(ignored);  // not close: the peer may still be told
    // A cancel between two reads of one operation hits nothing: repeat until disarmed.
    self->deadline_.expires_after(kRewatch);
    self->watch(generation);
  });
}

asio::awaitable<void> Connection::run() {
  Step step = Step::go_on;
  while (step == Step::go_on && !core_.stopping.load()) {
    if (buffer_.size() == 0) {
      idle_ = true;
      arm(core_.options.idle_timeout);
      const auto [ec, n] = co_await socket_.async_read_some(buffer_.prepare(4096), kNoThrow);
      disarm();
      idle_ = false;
      if (ec) co_return;
      buffer_.commit(n);
    }
    step = co_await serve_one();
    disarm();
  }
  if (step == Step::linger) co_await linger();
}

asio::awaitable<Connection::Step> Connection::serve_one() {
  const auto& options = core_.options;
  Parser parser;
  parser.header_limit(static_cast<std::uint32_t>(options.max_header_bytes));
  parser.body_limit(boost::none);  // checked here, where a refusal can say more
  arm(options.header_timeout);
  {
    const auto [ec, n] = co_await http::async_read_header(socket_, buffer_, parser, kNoThrow);
    if (timed_out_) co_return co_await refuse(408, "the request head did not arrive in time");
    if (ec == http::error::end_of_stream || ec == http::error::partial_message) co_return Step::done;
    if (ec && ec.category() == make_error_code(http::error::bad_method).category())
      co_return co_await refuse(status_of_parse_error(ec), "malformed HTTP request: " + ec.message());
    if (ec) co_return Step::done;
  }
  disarm();
  auto request = std::make_shared<Request>();
  request->arrived = std::chrono::steady_clock::now();
  request->remote = remote_;
  request->method = std::string(parser.get().method_string());
  for (const auto& field : parser.get())
    request->headers.add(std::string(field.name_string()), std::string(field.value()));
  if (request->headers.fields().size() > options.max_header_fields)
    co_return co_await refuse(431, "more than " + std::to_string(options.max_header_fields) + " header fields");
  if (auto fault = framing_fault(*request, parser.get().version()); !fault.empty())
    co_return co_await refuse(400, fault);
  auto target = parse_target(std::string_view(parser.get().target().data(), parser.get().target().size()));
  if (!target.ok()) co_return co_await refuse(400, target.error().message);
  request->path = std::move(target->path);
  request->query = std::move(target->query);

  if (const auto length = parser.content_length(); length && *length > options.max_body_bytes)
    co_return co_await refuse(413, too_large(options));
  const bool head_only = request->method == "HEAD";
  if (options.admit) {
    if (auto early = options.admit(*request)) {
      // With a body still to come, only closing keeps the two sides in step.
      const bool whole = parser.is_done();
      const bool keep = whole && parser.keep_alive() && !core_.stopping.load();
      if (!co_await write(*early, head_only, keep)) co_return Step::done;
      co_return whole ? (keep ? Step::go_on : Step::done) : Step::linger;
    }
  }
  std::size_t leased = 0;
  struct Lease {  // gives the body's bytes back to the budget
    ServerCore& core;
    std::size_t& bytes;
    ~Lease() { core.buffered_bytes -= bytes; }
  } lease{core_, leased};
  if (!parser.is_done()) {
    const Step step = co_await read_body(parser, *request, leased);
    if (step != Step::go_on) co_return step;
  }
  const bool wants_more = parser.keep_alive();
  const Response response = co_await answer(request);
  const bool keep = wants_more && !core_.stopping.load();
  if (!co_await write(response, head_only, keep)) co_return Step::done;
  co_return keep ? Step::go_on : Step::done;
}

asio::awaitable<Connection::Step> Connection::read_body(Parser& parser, Request& request, std::size_t& leased) {
  const auto& options = core_.options;
  if (const auto expect = request.headers.get("Expect")) {
    if (!same_ignoring_case(*expect, "100-continue"))
      co_return co_await refuse(417, "only \"Expect: 100-continue\" is understood");
    static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    arm(options.write_timeout);
    const auto [ec, n] = co_await asio::async_write(socket_, asio::buffer(kContinue), kNoThrow);
    if (ec) co_return Step::done;
  }
  std::vector<char> chunk(kReadChunk);
  arm(options.body_timeout);
  while (!parser.is_done()) {
    auto& body = parser.get().body();
    body.data = chunk.data();
    body.size = chunk.size();
    auto [ec, n] = co_await http::async_read_some(socket_, buffer_, parser, kNoThrow);
    if (timed_out_) co_return co_await refuse(408, "the body did not arrive in time");
    if (ec && ec != http::error::need_buffer) {
      if (ec != http::error::partial_message && ec != http::error::end_of_stream &&
          ec.category() == make_error_code(http::error::bad_method).category())
        co_return co_await refuse(status_of_parse_error(ec), "malformed HTTP body: " + ec.message());
      co_return Step::done;
    }
    const std::size_t got = chunk.size() - body.size;
    if (request.body.size() + got > options.max_body_bytes) co_return co_await refuse(413, too_large(options));
    if (core_.buffered_bytes + got > options.max_buffered_bytes)
      co_return co_await refuse(503, "too many large requests at once; try again in a moment");
    core_.buffered_bytes += got;
    leased += got;
    request.body.append(chunk.data(), got);
  }
  disarm();
  co_return Step::go_on;
}

asio::awaitable<Response> Connection::answer(std::shared_ptr<Request> request) {
  auto hand_over = [this, request](auto completion) {
    using Completion = decltype(completion);
    auto done = std::make_shared<Completion>(std::move(completion));
    auto finish = [this, done](Response response) {
      asio::post(core_.io, [done, response = std::move(response)]() mutable {
        std::move (*done)(std::move(response));
      });
    };
    const bool taken = core_.pool.try_submit([this, request, finish] {
      Response response;
      try {
        response = core_.handler(*request);
      } catch (const std::exception& e) {
        response = core_.refusal(500, std::string("internal error: ") + e.what());
      } catch (...) {
        response = core_.refusal(500, "internal error");
      }
      finish(std::move(response));
    });
    if (!taken) finish(core_.refusal(503, "the server is busy; try again in a moment"));
  };
  co_return co_await asio::async_initiate<decltype(asio::use_awaitable), void(Response)>(
      std::move(hand_over), asio::use_awaitable);
}

asio::awaitable<bool> Connection::write(const Response& response, bool head_only, bool keep_alive) {
  const std::string head = head_of(response, keep_alive);
  const bool with_body = !head_only && response.status != 204 && response.status != 304;
  const std::array<asio::const_buffer, 2> parts{
      asio::buffer(head), with_body ? asio::buffer(response.body) : asio::const_buffer{}};
  arm(core_.options.write_timeout);
  const auto [ec, n] = co_await asio::async_write(socket_, parts, kNoThrow);
  const bool late = timed_out_;
  disarm();
  co_return !ec && !late;
}

asio::awaitable<Connection::Step> Connection::refuse(int status, std::string message) {
  disarm();
  const Response response = core_.refusal(status, message);
  const bool written = co_await write(response, false, false);
  co_return written ? Step::linger : Step::done;
}

asio::awaitable<void> Connection::turn_away() {
  const Step step = co_await refuse(503, "too many connections; try again in a moment");
  if (step == Step::linger) co_await linger();
}

// Closing a socket that has unread bytes resets it, and the peer may lose our last answer. So: say
// that we are done writing, and read what the peer is still sending for a short while.
asio::awaitable<void> Connection::linger() {
  error_code ec;
  socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ec);
  if (ec) co_return;
  arm(kLingerTime);
  buffer_.clear();
  std::vector<char> sink(kReadChunk);
  for (std::size_t total = 0; total < kMaxLingerBytes && !timed_out_;) {
    const auto [read_error, n] = co_await socket_.async_read_some(asio::buffer(sink), kNoThrow);
    if (read_error) break;
    total += n;
  }
  disarm();
}

}  // namespace penchant::net
