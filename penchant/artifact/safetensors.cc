#include "penchant/artifact/safetensors.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <boost/json.hpp>
#include <cerrno>
#include <cstring>
#include <optional>

#include "penchant/artifact/files.h"

namespace penchant::artifact {
namespace {

static_assert(std::endian::native == std::endian::little, "tensors are stored little-endian");

constexpr std::uint64_t kMaxHeaderBytes = 100ULL << 20;
constexpr std::size_t kMaxTensors = 100'000;
constexpr std::size_t kMaxDims = 8;

struct DTypeRow {
  DType dtype;
  std::string_view name;
  std::size_t size;
};
constexpr std::array kDTypes{
    DTypeRow{DType::f32, "F32", 4}, DTypeRow{DType::f16, "F16", 2}, DTypeRow{DType::bf16, "BF16", 2},
    DTypeRow{DType::f64, "F64", 8}, DTypeRow{DType::i8, "I8", 1},   DTypeRow{DType::u8, "U8", 1},
    DTypeRow{DType::i16, "I16", 2}, DTypeRow{DType::u16, "U16", 2}, DTypeRow{DType::i32, "I32", 4},
    DTypeRow{DType::u32, "U32", 4}, DTypeRow{DType::i64, "I64", 8}, DTypeRow{DType::u64, "U64", 8},
    DTypeRow{DType::boolean, "BOOL", 1}};

const DTypeRow& row_of(DType dtype) {
  for (const auto& row : kDTypes)
    if (row.dtype == dtype) return row;
  return kDTypes[0];
}

std::string shape_text(std::span<const std::uint64_t> shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (i > 0) text += ", ";
    text += std::to_string(shape[i]);
  }
  return text + "]";
}

/// Whole number in [0, max]; nullopt otherwise.
std::optional<std::uint64_t> as_count(const boost::json::value& value, std::uint64_t max) {
  if (value.is_uint64() && value.get_uint64() <= max) return value.get_uint64();
  if (value.is_int64() && value.get_int64() >= 0 && static_cast<std::uint64_t>(value.get_int64()) <= max)
    return static_cast<std::uint64_t>(value.get_int64());
  return std::nullopt;
}

}  // namespace

std::size_t size_of(DType dtype) noexcept { return row_of(dtype).size; }
std::string_view name_of(DType dtype) noexcept { return row_of(dtype).name; }

struct SafeTensors::Mapping {
  void* address = nullptr;
  std::size_t size = 0;
  std::string path;
  std::map<std::string, TensorView, std::less<>> tensors;
  std::map<std::string, std::string, std::less<>> metadata;
  ~Mapping() { if (address != nullptr) ::munmap(address, size); }

  [[nodiscard]] Error corrupt(const std::string& what) const {
    return {ErrorCode::corrupt, path + ": " + what};
  }
  Status parse_entry(const std::string& name, const boost::json::value& value,
                     std::span<const std::byte> data);
  Status parse();
};

Status SafeTensors::Mapping::parse_entry(const std::string& name, const boost::json::value& value,
                                         std::span<const std::byte> data) {
  const auto* object = value.if_object();
  if (object == nullptr) return corrupt("tensor \"" + name + "\" is not an object");
  const auto* dtype = object->if_contains("dtype");
  const auto* shape = object->if_contains("shape");
  const auto* offsets = object->if_contains("data_offsets");
  if (dtype == nullptr || !dtype->is_string() || shape == nullptr || !shape->is_array() ||
      offsets == nullptr || !offsets->is_array() || offsets->get_array().size() != 2)
    return corrupt("tensor \"" + name + "\" lacks dtype, shape or data_offsets");
  TensorView view;
  bool known = false;
  for (const auto& row : kDTypes)
    if (row.name == std::string_view(dtype->get_string())) view.dtype = row.dtype, known = true;
  if (!known) return corrupt("tensor \"" + name + "\" has an unknown dtype");
  if (shape->get_array().size() > kMaxDims) return corrupt("tensor \"" + name + "\" has too many dimensions");
  std::uint64_t bytes = size_of(view.dtype);
  for (const auto& dim : shape->get_array()) {
    const auto count = as_count(dim, data.size());
    if (!count) return corrupt("tensor \"" + name + "\" has a dimension larger than the file");
    view.shape.push_back(*count);
    if (__builtin_mul_overflow(bytes, *count, &bytes)) return corrupt("tensor \"" + name + "\" overflows");
  }
  const auto begin = as_count(offsets->get_array()[0], data.size());
  const auto end = as_count(offsets->get_array()[1], data.size());
  if (!begin || !end || *end < *begin) return corrupt("tensor \"" + name + "\" lies outside the file");
  if (*end - *begin != bytes)
    return corrupt("tensor \"" + name + "\" has " + std::to_string(*end - *begin) + " bytes, its shape " +
                   shape_text(view.shape) + " needs " + std::to_string(bytes));
  view.bytes = data.subspan(*begin, bytes);
  tensors.emplace(name, std::move(view));
  return {};
}

Status SafeTensors::Mapping::parse() {
  if (size < 8) return corrupt("too short for a safetensors file");
  const auto* bytes = static_cast<const std::byte*>(address);
  std::uint64_t header_size = 0;
  std::memcpy(&header_size, bytes, 8);
  if (header_size > kMaxHeaderBytes || header_size > size - 8)
    return corrupt("header of " + std::to_string(header_size) + " bytes does not fit the file");
  const std::span data(bytes + 8 + header_size, size - 8 - header_size);
  boost::system::error_code error;
  boost::json::parse_options options;
  options.max_depth = 8;
  const auto header = boost::json::parse(
      std::string_view(reinterpret_cast<const char*>(bytes) + 8, header_size), error, {}, options);
  if (error || !header.is_object()) return corrupt("header is not a JSON object");
  if (header.get_object().size() > kMaxTensors) return corrupt("too many tensors");
  for (const auto& [key, value] : header.get_object()) {
    const std::string name(key);
    if (name == "__metadata__") {
      if (!value.is_object()) return corrupt("__metadata__ is not an object");
      for (const auto& [k, v] : value.get_object()) {
        if (!v.is_string()) return corrupt("__metadata__ value is not a string");
        metadata.emplace(std::string(k), std::string(v.get_string()));
      }
      continue;
    }
    PENCHANT_DO(parse_entry(name, value, data));
  }
  // In order, the tensors must cover the data exactly: no gap, no overlap, nothing after.
  std::vector<std::pair<std::size_t, std::size_t>> ranges;
  for (const auto& [name, view] : tensors)
    ranges.emplace_back(static_cast<std::size_t>(view.bytes.data() - data.data()), view.bytes.size());
  std::sort(ranges.begin(), ranges.end());
  std::size_t at = 0;
  for (const auto& [begin, length] : ranges) {
    if (begin != at) return corrupt("tensors overlap or leave a gap at byte " + std::to_string(at));
    at += length;
  }
  if (at != data.size()) return corrupt("bytes after the last tensor, or the file is truncated");
  return {};
}

SafeTensors::SafeTensors(std::unique_ptr<Mapping> mapping) : mapping_(std::move(mapping)) {}
SafeTensors::SafeTensors(SafeTensors&&) noexcept = default;
SafeTensors& SafeTensors::operator=(SafeTensors&&) noexcept = default;
SafeTensors::~SafeTensors() = default;

Result<SafeTensors> SafeTensors::open(const std::string& path) {
  auto mapping = std::make_unique<Mapping>();
  mapping->path = path;
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return Error{errno == ENOENT ? ErrorCode::not_found : ErrorCode::io,
                 path + ": cannot open: " + std::strerror(errno)};
  struct stat info {};
  const bool regular = ::fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
  if (regular && info.st_size > 0) {
    mapping->size = static_cast<std::size_t>(info.st_size);
    void* address = ::mmap(nullptr, mapping->size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (address != MAP_FAILED) mapping->address = address;
  }
  ::close(fd);
  if (!regular) return Error{ErrorCode::corrupt, path + ": is not a regular file"};
  if (mapping->address == nullptr) return mapping->corrupt("empty, or cannot be mapped");
  PENCHANT_DO(mapping->parse());
  return SafeTensors(std::move(mapping));
}

const std::map<std::string, TensorView, std::less<>>& SafeTensors::tensors() const noexcept {
  return mapping_->tensors;
}
const std::map<std::string, std::string, std::less<>>& SafeTensors::metadata() const noexcept {
  return mapping_->metadata;
}
bool SafeTensors::contains(std::string_view name) const noexcept {
  return mapping_->tensors.find(name) != mapping_->tensors.end();
}

Result<TensorView> SafeTensors::get(std::string_view name) const {
  const auto it = mapping_->tensors.find(name);
  if (it == mapping_->tensors.end()) return mapping_->corrupt("tensor \"" + std::string(name) + "\" is missing");
  return it->second;
}

namespace {

/// Checks type, rank, alignment; returns the typed elements.
template <class T>
Result<std::span<const T>> typed(const TensorView& view, DType dtype, std::size_t rank,
                                 const std::string& where) {
  if (view.dtype != dtype)
    return Error{ErrorCode::corrupt, where + " is " + std::string(name_of(view.dtype)) + ", expected " +
                                         std::string(name_of(dtype))};
  if (view.shape.size() != rank)
    return Error{ErrorCode::corrupt, where + " has shape " + shape_text(view.shape) + ", expected " +
                                         std::to_string(rank) + " dimensions"};
  if (reinterpret_cast<std::uintptr_t>(view.bytes.data()) % alignof(T) != 0)
    return Error{ErrorCode::corrupt, where + " is not aligned; write it with 8-byte aligned headers"};
  return std::span<const T>(reinterpret_cast<const T*>(view.bytes.data()), view.bytes.size() / sizeof(T));
}

}  // namespace

Result<std::span<const float>> SafeTensors::vector_f32(std::string_view name, std::size_t expected) const {
  PENCHANT_TRY(view, get(name));
  const std::string where = mapping_->path + ": tensor \"" + std::string(name) + "\"";
  PENCHANT_TRY(values, typed<float>(view, DType::f32, 1, where));
  if (values.size() != expected)
    return Error{ErrorCode::corrupt, where + " has shape " + shape_text(view.shape) + ", expected [" +
                                         std::to_string(expected) + "]"};
  return values;
}

Result<MatrixView<const float>> SafeTensors::matrix_f32(std::string_view name) const {
  PENCHANT_TRY(view, get(name));
  PENCHANT_TRY(values, typed<float>(view, DType::f32, 2, mapping_->path + ": tensor \"" + std::string(name) + "\""));
  return MatrixView<const float>(values.data(), view.shape[0], view.shape[1]);
}

Result<MatrixView<const float>> SafeTensors::matrix_f32(std::string_view name, std::size_t rows,
                                                        std::size_t cols) const {
  PENCHANT_TRY(matrix, matrix_f32(name));
  if (matrix.rows() != rows || matrix.cols() != cols)
    return mapping_->corrupt("tensor \"" + std::string(name) + "\" has shape [" +
                             std::to_string(matrix.rows()) + ", " + std::to_string(matrix.cols()) +
                             "], expected [" + std::to_string(rows) + ", " + std::to_string(cols) + "]");
  return matrix;
}

Result<MatrixView<const std::uint16_t>> SafeTensors::matrix_u16(std::string_view name) const {
  PENCHANT_TRY(view, get(name));
  PENCHANT_TRY(values, typed<std::uint16_t>(view, DType::u16, 2, mapping_->path + ": tensor \"" + std::string(name) + "\""));
  return MatrixView<const std::uint16_t>(values.data(), view.shape[0], view.shape[1]);
}

Result<std::span<const std::int32_t>> SafeTensors::vector_i32(std::string_view name) const {
  PENCHANT_TRY(view, get(name));
  return typed<std::int32_t>(view, DType::i32, 1, mapping_->path + ": tensor \"" + std::string(name) + "\"");
}

Result<std::span<const std::int64_t>> SafeTensors::vector_i64(std::string_view name) const {
  PENCHANT_TRY(view, get(name));
  return typed<std::int64_t>(view, DType::i64, 1, mapping_->path + ": tensor \"" + std::string(name) + "\"");
}

void SafeTensorsWriter::add(std::string name, DType dtype, std::vector<std::uint64_t> shape,
                            std::span<const std::byte> bytes) {
  std::uint64_t expected = size_of(dtype);
  for (auto dim : shape) expected *= dim;
  PENCHANT_CHECK(expected == bytes.size(), name);
  entries_.push_back({std::move(name), dtype, std::move(shape), {bytes.begin(), bytes.end()}});
}

void SafeTensorsWriter::add(std::string name, MatrixView<const float> values) {
  std::vector<float> dense;
  dense.reserve(values.rows() * values.cols());
  for (std::size_t r = 0; r < values.rows(); ++r) dense.insert(dense.end(), values.row(r).begin(), values.row(r).end());
  add(std::move(name), DType::f32, {values.rows(), values.cols()}, std::as_bytes(std::span(dense)));
}
void SafeTensorsWriter::add(std::string name, std::span<const float> values) {
  add(std::move(name), DType::f32, {values.size()}, std::as_bytes(values));
}
void SafeTensorsWriter::add(std::string name, MatrixView<const std::uint16_t> values) {
  std::vector<std::uint16_t> dense;
  for (std::size_t r = 0; r < values.rows(); ++r) dense.insert(dense.end(), values.row(r).begin(), values.row(r).end());
  add(std::move(name), DType::u16, {values.rows(), values.cols()}, std::as_bytes(std::span(dense)));
}
void SafeTensorsWriter::add(std::string name, std::span<const std::int32_t> values) {
  add(std::move(name), DType::i32, {values.size()}, std::as_bytes(values));
}
void SafeTensorsWriter::add(std::string name, std::span<const std::int64_t> values) {
  add(std::move(name), DType::i64, {values.size()}, std::as_bytes(values));
}
void SafeTensorsWriter::set_metadata(std::string key, std::string value) {
  metadata_[std::move(key)] = std::move(value);
}

Status SafeTensorsWriter::write(const std::string& path) const {
  // Widest elements first keeps every tensor aligned without gaps.
  std::vector<const Entry*> order;
  for (const auto& entry : entries_) order.push_back(&entry);
  std::stable_sort(order.begin(), order.end(),
                   [](auto* a, auto* b) { return size_of(a->dtype) > size_of(b->dtype); });
  boost::json::object header;
  if (!metadata_.empty()) {
    boost::json::object metadata;
    for (const auto& [key, value] : metadata_) metadata[key] = value;
    header["__metadata__"] = std::move(metadata);
  }
  std::uint64_t at = 0;
  for (const auto* entry : order) {
    boost::json::array shape;
    for (auto dim : entry->shape) shape.emplace_back(dim);
    if (header.contains(entry->name)) return invalid("tensor \"" + entry->name + "\" added twice");
    header[entry->name] = {{"dtype", name_of(entry->dtype)},
                           {"shape", std::move(shape)},
                           {"data_offsets", {at, at + entry->bytes.size()}}};
    at += entry->bytes.size();
  }
  std::string text = boost::json::serialize(header);
  while (text.size() % 8 != 0) text.push_back(' ');
  std::string bytes(8, '\0');
  const std::uint64_t header_size = text.size();
  std::memcpy(bytes.data(), &header_size, 8);
  bytes.reserve(8 + text.size() + at);
  bytes += text;
  for (const auto* entry : order)
    bytes.append(reinterpret_cast<const char*>(entry->bytes.data()), entry->bytes.size());
  return write_file(path, bytes);
}

}  // namespace penchant::artifact
