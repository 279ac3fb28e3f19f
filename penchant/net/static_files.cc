#include "penchant/net/static_files.h"

#include <array>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "penchant/net/url.h"

namespace penchant::net {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kMaxFiles = 4096;
constexpr std::uintmax_t kMaxBytes = 64 * 1024 * 1024;

constexpr std::array<std::pair<std::string_view, std::string_view>, 20> kTypes{{
    {".html", "text/html; charset=utf-8"}, {".js", "text/javascript; charset=utf-8"},
    {".mjs", "text/javascript; charset=utf-8"}, {".css", "text/css; charset=utf-8"},
    {".json", "application/json"}, {".map", "application/json"}, {".svg", "image/svg+xml"},
    {".png", "image/png"}, {".jpg", "image/jpeg"}, {".jpeg", "image/jpeg"}, {".gif", "image/gif"},
    {".webp", "image/webp"}, {".avif", "image/avif"}, {".ico", "image/x-icon"},
    {".woff2", "font/woff2"}, {".woff", "font/woff"}, {".ttf", "font/ttf"},
    {".txt", "text/plain; charset=utf-8"}, {".wasm", "application/wasm"},
    {".webmanifest", "application/manifest+json"}}};

/// FNV-1a: enough to tell two builds of a file apart.
std::string etag_of(std::string_view bytes) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  constexpr char kHex[] = "0123456789abcdef";
  std::string out = "\"";
  for (int shift = 60; shift >= 0; shift -= 4) out += kHex[(hash >> shift) & 15];
  return out + "-" + std::to_string(bytes.size()) + "\"";
}

bool inside(const fs::path& folder, const fs::path& path) {
  std::error_code ec;
  const fs::path real = fs::canonical(path, ec);
  if (ec) return false;
  const auto relative = real.lexically_relative(folder);
  return !relative.empty() && *relative.begin() != "..";
}

bool has_extension(std::string_view path) {
  const auto slash = path.rfind('/');
  return path.find('.', slash == std::string_view::npos ? 0 : slash) != std::string_view::npos;
}

bool names_etag(std::string_view if_none_match, std::string_view etag) {
  return if_none_match == "*" || if_none_match.find(etag) != std::string_view::npos;
}

}  // namespace

std::string_view content_type_of(std::string_view path) noexcept {
  for (const auto& [extension, type] : kTypes)
    if (path.size() >= extension.size() &&
        same_ignoring_case(path.substr(path.size() - extension.size()), extension))
      return type;
  return "application/octet-stream";
}

Result<StaticFiles> StaticFiles::load(const std::string& folder) {
  std::error_code ec;
  const fs::path root = fs::canonical(folder, ec);
  if (ec || !fs::is_directory(root, ec))
    return Error{ErrorCode::not_found, "no folder \"" + folder + "\" to serve files from"};
  StaticFiles out;
  std::uintmax_t total = 0;
  fs::recursive_directory_iterator it(root, ec), end;
  for (; !ec && it != end; it.increment(ec)) {
    const std::string name = it->path().filename().string();
    if (name.starts_with('.')) {
      it.disable_recursion_pending();
      continue;
    }
    if (!it->is_regular_file(ec) || !inside(root, it->path())) continue;
    total += it->file_size(ec);
    if (ec || total > kMaxBytes || out.files_.size() == kMaxFiles)
      return Error{ErrorCode::resource_exhausted,
                   "\"" + folder + "\" holds more than 4096 files or 64 MiB: is it the built console?"};
    std::ifstream in(it->path(), std::ios::binary);
    File file{.bytes = {std::istreambuf_iterator<char>(in), {}}, .type = {}, .etag = {}};
    if (!in.good() && !in.eof()) return Error{ErrorCode::io, "cannot read " + it->path().string()};
    const std::string path = "/" + it->path().lexically_relative(root).generic_string();
    file.type = content_type_of(path);
    file.etag = etag_of(file.bytes);
    file.immutable = path.starts_with("/assets/");
    out.files_.emplace(path, std::move(file));
  }
  if (ec) return Error{ErrorCode::io, "cannot list \"" + folder + "\": " + ec.message()};
  return out;
}

std::optional<Response> StaticFiles::answer(const Request& request) const {
  if (request.method != "GET" && request.method != "HEAD") return std::nullopt;
  auto path = percent_decode(request.path);
  if (!path.ok()) return std::nullopt;
  auto found = files_.find(*path);
  const bool page = *path == "/" || request.headers.get("Accept").value_or("").find("text/html") != std::string_view::npos;
  if (found == files_.end() && page && !has_extension(*path)) found = files_.find("/index.html");
  if (found == files_.end()) return std::nullopt;
  const File& file = found->second;
  Response response{.headers = {
      {"Content-Type", file.type},
      {"ETag", file.etag},
      {"Cache-Control", file.immutable ? "public, max-age=31536000, immutable" : "no-cache"},
      {"X-Content-Type-Options", "nosniff"}}};
  if (file.type.starts_with("text/html")) {
    response.headers.add("Content-Security-Policy",
                         "default-src 'self'; img-src 'self' data: https:; style-src 'self' "
                         "'unsafe-inline'; font-src 'self' data:; frame-ancestors 'none'");
    response.headers.add("Referrer-Policy", "no-referrer");
  }
  if (const auto seen = request.headers.get("If-None-Match"); seen && names_etag(*seen, file.etag))
    response.status = 304;
  else
    response.body = file.bytes;
  return response;
}

}  // namespace penchant::net
