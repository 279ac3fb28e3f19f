#include "penchant/import/byte_source.h"

#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <vector>

namespace penchant::import {
namespace {

struct Closer {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, Closer>;

class PlainSource final : public ByteSource {
 public:
  PlainSource(File file, std::string path) : file_(std::move(file)), path_(std::move(path)) {}
  Result<std::size_t> read(std::string& out, std::size_t max) override {
    const std::size_t before = out.size();
    out.resize(before + max);
    const std::size_t n = std::fread(out.data() + before, 1, max, file_.get());
    out.resize(before + n);
    consumed_ += n;
    if (n == 0 && std::ferror(file_.get()) != 0)
      return Error{ErrorCode::io, path_ + ": reading failed: " + std::strerror(errno)};
    return n;
  }
  [[nodiscard]] std::uint64_t consumed() const override { return consumed_; }
  [[nodiscard]] bool gzip() const override { return false; }

 private:
  File file_;
  std::string path_;
  std::uint64_t consumed_ = 0;
};

class GzipSource final : public ByteSource {
 public:
  GzipSource(File file, std::string path) : raw_(std::move(file), path), path_(std::move(path)) {}
  ~GzipSource() override {
    if (started_) inflateEnd(&stream_);
  }
  Result<std::size_t> read(std::string& out, std::size_t max) override {
    if (!started_) {
      if (inflateInit2(&stream_, 15 + 16) != Z_OK)
        return Error{ErrorCode::resource_exhausted, path_ + ": out of memory for gzip"};
      started_ = true;
    }
    const std::size_t before = out.size();
    out.resize(before + max);
    stream_.next_out = reinterpret_cast<Bytef*>(out.data() + before);
    stream_.avail_out = static_cast<uInt>(max);
    Status status;
    while (stream_.avail_out > 0 && status.ok()) {
      if (stream_.avail_in == 0) {
        packed_.clear();
        auto got = raw_.read(packed_, kChunk);
        if (!got.ok() || *got == 0) {
          if (!got.ok())
            status = std::move(got).error();
          else if (!between_members_)
            status = Error{ErrorCode::corrupt, path_ + ": the gzip stream ends early (file cut short?)"};
          break;
        }
        stream_.next_in = reinterpret_cast<Bytef*>(packed_.data());
        stream_.avail_in = static_cast<uInt>(packed_.size());
      }
      if (between_members_) {  // another member follows, or padding of zeros
        if (*stream_.next_in == 0) {
          --stream_.avail_in;
          ++stream_.next_in;
          continue;
        }
        inflateReset(&stream_);
      }
      between_members_ = false;
      const int code = inflate(&stream_, Z_NO_FLUSH);
      if (code == Z_STREAM_END)
        between_members_ = true;
      else if (code != Z_OK && code != Z_BUF_ERROR)
        status = Error{ErrorCode::corrupt, path_ + ": broken gzip data (" +
                                               (stream_.msg == nullptr ? "unknown" : stream_.msg) + ")"};
    }
    const std::size_t n = max - stream_.avail_out;
    out.resize(before + n);
    if (n > 0) return n;  // an error comes up again on the next call
    if (!status.ok()) return std::move(status).error();
    return n;
  }
  [[nodiscard]] std::uint64_t consumed() const override { return raw_.consumed(); }
  [[nodiscard]] bool gzip() const override { return true; }

 private:
  static constexpr std::size_t kChunk = 1 << 18;
  PlainSource raw_;
  std::string path_, packed_;
  z_stream stream_{};
  bool started_ = false, between_members_ = false;
};

}  // namespace

Result<std::unique_ptr<ByteSource>> open_bytes(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error))
    return Error{
        ErrorCode::not_found,
        path + ": " + (std::filesystem::exists(path, error) ? "not a regular file" : "no such file")};
  File file(std::fopen(path.c_str(), "rb"));
  if (!file) return Error{ErrorCode::io, path + ": cannot be opened: " + std::strerror(errno)};
  unsigned char magic[2] = {0, 0};
  const std::size_t n = std::fread(magic, 1, 2, file.get());
  std::rewind(file.get());
  if (n == 2 && magic[0] == 0x1f && magic[1] == 0x8b)
    return std::unique_ptr<ByteSource>(new GzipSource(std::move(file), path));
  return std::unique_ptr<ByteSource>(new PlainSource(std::move(file), path));
}

}  // namespace penchant::import
