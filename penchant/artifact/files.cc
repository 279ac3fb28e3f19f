#include "penchant/artifact/files.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <utility>

namespace penchant::artifact {
namespace {

Error os_error(const std::string& what, const std::string& path) {
  const int code = errno;
  const auto kind = code == ENOENT ? ErrorCode::not_found
                    : code == ENOSPC || code == EDQUOT ? ErrorCode::resource_exhausted
                                                       : ErrorCode::io;
  return {kind, path + ": " + what + ": " + std::strerror(code) +
                    (kind == ErrorCode::resource_exhausted ? "; free some space and try again" : "")};
}

/// Closes its descriptor when it goes.
class File {
 public:
  explicit File(int fd) : fd_(fd) {}
  ~File() { if (fd_ >= 0) ::close(fd_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool close() { return ::close(std::exchange(fd_, -1)) == 0; }

 private:
  int fd_;
};

/// SHA-256 over bytes as they come.
class Hash {
 public:
  Hash() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
    PENCHANT_CHECK(context_ && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1, "SHA-256");
  }
  void update(const void* data, std::size_t size) { EVP_DigestUpdate(context_.get(), data, size); }
  std::string hex() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int size = 0;
    EVP_DigestFinal_ex(context_.get(), digest.data(), &size);
    std::string text;
    for (unsigned int i = 0; i < size; ++i) {
      text.push_back("0123456789abcdef"[digest[i] >> 4]);
      text.push_back("0123456789abcdef"[digest[i] & 15]);
    }
    return text;
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

}  // namespace

Result<std::string> read_file(const std::string& path, std::uint64_t max_bytes) {
  const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return os_error("cannot open", path);
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) return os_error("cannot read its size", path);
  if (!S_ISREG(info.st_mode)) return invalid(path + ": is not a regular file");
  if (static_cast<std::uint64_t>(info.st_size) > max_bytes)
    return Error{ErrorCode::resource_exhausted, path + ": " + std::to_string(info.st_size) +
                                                    " bytes, more than the limit of " +
                                                    std::to_string(max_bytes)};
  std::string bytes(static_cast<std::size_t>(info.st_size), '\0');
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n = ::read(file.get(), bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return os_error("cannot read", path);
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
  }
  bytes.resize(done);
  return bytes;
}

Status write_file(const std::string& path, std::string_view bytes) {
  const std::string temporary = path + ".tmp" + std::to_string(::getpid());
  {
    File file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (file.get() < 0) return os_error("cannot write", temporary);
    std::size_t done = 0;
    while (done < bytes.size()) {
      const ssize_t n = ::write(file.get(), bytes.data() + done, bytes.size() - done);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) {
        auto error = os_error("cannot write", path);
        ::unlink(temporary.c_str());
        return error;
      }
      done += static_cast<std::size_t>(n);
    }
    if (::fsync(file.get()) != 0 || !file.close()) {
      auto error = os_error("cannot write", path);
      ::unlink(temporary.c_str());
      return error;
    }
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    auto error = os_error("cannot rename " + temporary, path);
    ::unlink(temporary.c_str());
    return error;
  }
  const auto folder = std::filesystem::path(path).parent_path();
  const File dir(::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (dir.get() >= 0) ::fsync(dir.get());
  return {};
}

Result<std::string> sha256_file(const std::string& path) {
  const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return os_error("cannot open", path);
  Hash hash;
  std::array<char, 1 << 16> buffer{};
  for (;;) {
    const ssize_t n = ::read(file.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return os_error("cannot read", path);
    if (n == 0) return hash.hex();
    hash.update(buffer.data(), static_cast<std::size_t>(n));
  }
}

std::string sha256(std::string_view bytes) {
  Hash hash;
  hash.update(bytes.data(), bytes.size());
  return hash.hex();
}

}  // namespace penchant::artifact
