#include "penchant/import/vector_file.h"

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "penchant/catalog/json.h"
#include "penchant/catalog/text_form.h"
#include "penchant/import/file_plan.h"

namespace penchant::import {
namespace {

/// Text after `'key':` in the header's Python dictionary, without leading blanks.
std::string_view value_of(std::string_view header, std::string_view key) {
  const std::size_t at = header.find(key);
  if (at == std::string_view::npos) return {};
  std::size_t colon = header.find(':', at);
  if (colon == std::string_view::npos) return {};
  header.remove_prefix(colon + 1);
  while (header.starts_with(' ')) header.remove_prefix(1);
  return header;
}

float half(std::uint16_t bits) {
  const int exponent = (bits >> 10) & 31, mantissa = bits & 1023;
  const float size = exponent == 31  ? (mantissa == 0 ? INFINITY : NAN)
                     : exponent == 0 ? std::ldexp(static_cast<float>(mantissa), -24)
                                     : std::ldexp(static_cast<float>(1024 + mantissa), exponent - 25);
  return (bits & 0x8000) != 0 ? -size : size;
}

std::string stem_of(const std::string& path) {
  return std::filesystem::path(path).replace_extension().string();
}

constexpr const char* kSidecars[] = {".ids", ".ids.txt", "_ids.txt", "_ids.csv"};

}  // namespace

Result<NpyReader> NpyReader::open(const std::string& path) {
  NpyReader out;
  out.path_ = path;
  out.file_.reset(std::fopen(path.c_str(), "rb"));
  if (!out.file_) return Error{ErrorCode::io, path + ": cannot be opened"};
  unsigned char start[12] = {};
  const auto cut_short = [&] { return Error{ErrorCode::corrupt, path + ": the .npy header is cut short"}; };
  if (std::fread(start, 1, 10, out.file_.get()) != 10) return cut_short();
  if (std::memcmp(start, "\x93NUMPY", 6) != 0) return Error{ErrorCode::corrupt, path + ": not an .npy file"};
  std::size_t length = start[8] | (static_cast<std::size_t>(start[9]) << 8), before = 10;
  if (start[6] >= 2) {
    if (std::fread(start + 10, 1, 2, out.file_.get()) != 2) return cut_short();
    length |= (static_cast<std::size_t>(start[10]) << 16) | (static_cast<std::size_t>(start[11]) << 24);
    before = 12;
  }
  if (length > 65'536)
    return Error{ErrorCode::corrupt, path + ": the .npy header has " + std::to_string(length) + " bytes"};
  std::string header(length, '\0');
  if (std::fread(header.data(), 1, length, out.file_.get()) != length) return cut_short();
  const std::string_view descr = value_of(header, "'descr'"), order = value_of(header, "'fortran_order'");
  std::string_view shape = value_of(header, "'shape'");
  const bool known = descr.size() > 4 && (descr.substr(1, 3) == "<f2" || descr.substr(1, 3) == "<f4" ||
                                          descr.substr(1, 3) == "<f8");
  if (!known)
    return invalid(path + ": numbers of type " + catalog::quoted_for_message(descr.substr(0, 8)) +
                   "; float16, float32 and float64 (little-endian) are read");
  if (!order.starts_with("False"))
    return invalid(path + ": column-major; save it with numpy.ascontiguousarray");
  out.bytes_ = descr[3] - '0';
  unsigned long long rows = 0, dim = 0;
  char end = 0;
  if (std::sscanf(std::string(shape.substr(0, 64)).c_str(), "(%llu, %llu%c", &rows, &dim, &end) != 3 ||
      (end != ')' && end != ','))
    return invalid(path + ": shape " + catalog::quoted_for_message(shape.substr(0, 24)) +
                   "; [items, dimension] is wanted");
  if (dim == 0 || dim > catalog::kMaxVectorDim || rows == 0 || rows > 0xfffffffeULL)
    return invalid(path + ": " + std::to_string(rows) + " rows of " + std::to_string(dim) +
                   " numbers; 1 to 65536 numbers are read");
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  const std::uint64_t wanted = before + length + rows * dim * static_cast<std::uint64_t>(out.bytes_);
  if (error || size < wanted)
    return Error{ErrorCode::corrupt, path + ": " + std::to_string(size) + " bytes, its header promises " +
                                         std::to_string(wanted) + " (cut short?)"};
  out.rows_ = rows;
  out.dim_ = dim;
  out.buffer_.resize(dim * static_cast<std::size_t>(out.bytes_));
  return out;
}

Status NpyReader::next(std::vector<float>& out) {
  if (std::fread(buffer_.data(), 1, buffer_.size(), file_.get()) != buffer_.size())
    return Error{ErrorCode::io, path_ + ": reading failed"};
  out.resize(dim_);
  for (std::size_t i = 0; i < dim_; ++i) {
    const unsigned char* at = buffer_.data() + i * static_cast<std::size_t>(bytes_);
    if (bytes_ == 2) {
      std::uint16_t bits = 0;
      std::memcpy(&bits, at, 2);
      out[i] = half(bits);
    } else if (bytes_ == 4) {
      std::memcpy(&out[i], at, 4);
    } else {
      double wide = 0;
      std::memcpy(&wide, at, 8);
      out[i] = static_cast<float>(wide);
    }
  }
  return {};
}

Result<std::vector<std::string>> sidecar_ids(const std::string& npy_path) {
  std::vector<std::string> out;
  for (const char* ending : kSidecars) {
    const std::string path = stem_of(npy_path) + ending;
    std::ifstream file(path);
    if (!file) continue;
    std::string line;
    while (std::getline(file, line)) {
      if (line.ends_with('\r')) line.pop_back();
      const std::string_view id = trim(line);
      if (out.empty() && is_known_column(id)) continue;  // a header
      if (id.empty() || id.size() > catalog::kMaxIdBytes || !catalog::valid_utf8(id))
        return invalid(path + ": line " + std::to_string(out.size() + 1) +
                       ": an item id of 1 to 512 bytes of UTF-8 is wanted");
      out.emplace_back(id);
      if (out.size() > 100'000'000) return invalid(path + ": more than 100 million lines");
    }
    return out;
  }
  return out;
}

bool is_sidecar(const std::string& path) {
  for (const char* ending : kSidecars)
    if (path.ends_with(ending) &&
        std::filesystem::exists(path.substr(0, path.size() - std::strlen(ending)) + ".npy"))
      return true;
  return false;
}

std::string modality_of(const std::string& npy_path) {
  std::string name = catalog::fold_case(std::filesystem::path(npy_path).stem().string());
  for (const char* ending :
       {"_embeddings", "_embedding", "_vectors", "_vector", "_features", "_feature", "_feat", "_emb"})
    if (name.size() > std::strlen(ending) && name.ends_with(ending)) {
      name.resize(name.size() - std::strlen(ending));
      break;
    }
  return std::string(catalog::cut_utf8(name, 64));
}

}  // namespace penchant::import
