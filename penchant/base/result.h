#pragma once
/// \file Result<T>: the value of a call or the reason why there is none. Layer 0.
///
///     Result<Config> load(const std::string& path);
///     PENCHANT_TRY(config, load("penchant.toml"));   // returns the error, or declares `config`
#include <cstdint>
#include <source_location>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace penchant {

enum class ErrorCode : std::uint8_t {
  invalid_argument,   ///< the caller's input is wrong; the message names field, row or file and the fix
  not_found,
  already_exists,
  corrupt,            ///< stored bytes do not hold what their format promises
  unavailable,        ///< cannot be answered now; a retry may succeed
  resource_exhausted, ///< a limit, memory or the disk is full
  deadline_exceeded,
  cancelled,
  io,                 ///< the operating system refused; the message carries its reason
  internal,           ///< our bug
};

/// Short stable word for logs and JSON, e.g. "invalid_argument".
[[nodiscard]] std::string_view name_of(ErrorCode code) noexcept;

/// Why a call has no value.
struct Error {
  ErrorCode code = ErrorCode::internal;
  std::string message;
  /// The same error with "context: " put before its message.
  [[nodiscard]] Error within(std::string_view context) && {
    message.insert(0, ": ").insert(0, context);
    return std::move(*this);
  }
};

/// A broken promise inside Penchant: one request fails, the process goes on.
class InternalError : public std::logic_error {
  using std::logic_error::logic_error;
};

/// Thrown by `value()` on an error: the caller did not look.
[[noreturn]] void throw_bad_result(const Error& error);
[[noreturn]] void throw_check_failed(std::string_view condition, std::string_view message,
                                     std::source_location where = std::source_location::current());

/// Value or Error, with the names of std::expected. Threads: as T.
template <class T>
class [[nodiscard]] Result {
 public:
  using value_type = T;
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}       // NOLINT: implicit
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}   // NOLINT: implicit
  [[nodiscard]] bool ok() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return ok(); }
  [[nodiscard]] T& value() & { return ok() ? *std::get_if<0>(&state_) : fail(); }
  [[nodiscard]] const T& value() const& { return ok() ? *std::get_if<0>(&state_) : fail(); }
  [[nodiscard]] T&& value() && { return std::move(ok() ? *std::get_if<0>(&state_) : fail()); }
  [[nodiscard]] T value_or(T other) && { return ok() ? std::move(value()) : std::move(other); }
  [[nodiscard]] const Error& error() const& { return std::get<1>(state_); }
  [[nodiscard]] Error&& error() && { return std::get<1>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

 private:
  [[noreturn]] T& fail() const { throw_bad_result(error()); }
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;
  Result() = default;
  Result(Error error) : error_(std::move(error)), ok_(false) {}  // NOLINT: implicit
  [[nodiscard]] bool ok() const noexcept { return ok_; }
  explicit operator bool() const noexcept { return ok(); }
  void value() const { if (!ok_) throw_bad_result(error_); }
  [[nodiscard]] const Error& error() const& { return error_; }
  [[nodiscard]] Error&& error() && { return std::move(error_); }

 private:
  Error error_;
  bool ok_ = true;
};

using Status = Result<void>;

/// Error{invalid_argument, message}; the most frequent case.
[[nodiscard]] inline Error invalid(std::string message) {
  return {ErrorCode::invalid_argument, std::move(message)};
}

}  // namespace penchant

#define PENCHANT_CONCAT_(a, b) a##b
#define PENCHANT_CONCAT(a, b) PENCHANT_CONCAT_(a, b)

/// PENCHANT_TRY(name, expression): declares `name` from the value, or returns the error.
#define PENCHANT_TRY(name, ...)                                             \
  auto PENCHANT_CONCAT(penchant_result_, __LINE__) = (__VA_ARGS__);         \
  if (!PENCHANT_CONCAT(penchant_result_, __LINE__).ok())                    \
    return std::move(PENCHANT_CONCAT(penchant_result_, __LINE__)).error();  \
  auto name = std::move(PENCHANT_CONCAT(penchant_result_, __LINE__)).value()

/// PENCHANT_DO(expression): for Result<void> (or a value not needed); returns the error.
#define PENCHANT_DO(...)                                                                      \
  do {                                                                                        \
    if (auto penchant_result_ = (__VA_ARGS__); !penchant_result_.ok())                        \
      return std::move(penchant_result_).error();                                             \
  } while (false)

/// Our own promise; throws InternalError with the place when it does not hold.
#define PENCHANT_CHECK(condition, message) \
  ((condition) ? void(0) : ::penchant::throw_check_failed(#condition, message))
#ifdef NDEBUG
#define PENCHANT_DCHECK(condition) void(0)
#else
#define PENCHANT_DCHECK(condition) PENCHANT_CHECK(condition, "")
#endif
