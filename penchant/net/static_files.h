#pragma once
/// \file The files of one folder, read once and served from memory. Layer 1.
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "penchant/base/result.h"
#include "penchant/net/message.h"

namespace penchant::net {

/// Answers GET and HEAD for a built web application. Only files found at load() exist, so no path
/// can lead out of the folder; links that leave the folder and names that start with '.' are not
/// taken. Files below "assets/" (their names carry a hash) are cached for ever by browsers, others
/// are revalidated by ETag. Threads: const calls are safe together.
class StaticFiles {
 public:
  /// Reads every file below `folder`, at most 4,096 files and 64 MiB together.
  /// \return not_found when there is no such folder, resource_exhausted beyond the limits
  static Result<StaticFiles> load(const std::string& folder);
  /// The file of that path. "/" gives index.html, and so does every path without a file extension
  /// when a browser asks for a page (Accept holds text/html): routes of the application may live in
  /// the browser. nullopt when there is nothing to serve.
  [[nodiscard]] std::optional<Response> answer(const Request& request) const;
  [[nodiscard]] std::size_t size() const noexcept { return files_.size(); }

 private:
  struct File {
    std::string bytes, type, etag;
    bool immutable = false;
  };
  std::map<std::string, File, std::less<>> files_;  ///< by decoded path with leading '/'
};

/// MIME type by file extension, "application/octet-stream" when unknown.
[[nodiscard]] std::string_view content_type_of(std::string_view path) noexcept;

}  // namespace penchant::net
