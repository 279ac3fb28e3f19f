#pragma once
/// \file Tensors on disk in the safetensors format, read as if hostile. Layer 1.
/// Layout: 1. u64 little-endian header length n (n <= 100 MiB and <= file size - 8); 2. n bytes of
/// JSON {"name":{"dtype":"F32","shape":[..],"data_offsets":[begin,end]}, "__metadata__":{..}};
/// 3. data. Offsets must be in order, without gaps or overlap, and end with the file.
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "penchant/base/matrix_view.h"
#include "penchant/base/result.h"

namespace penchant::artifact {

enum class DType : std::uint8_t { f32, f16, bf16, f64, i8, u8, i16, u16, i32, u32, i64, u64, boolean };
[[nodiscard]] std::size_t size_of(DType dtype) noexcept;
[[nodiscard]] std::string_view name_of(DType dtype) noexcept;  ///< "F32", "U16", …

struct TensorView {
  DType dtype = DType::f32;
  std::vector<std::uint64_t> shape;
  std::span<const std::byte> bytes;  ///< lives as long as its SafeTensors
};

/// A read-only, memory-mapped file of tensors. Threads: const calls are safe together.
class SafeTensors {
 public:
  /// Maps and checks the whole header before anything is used.
  /// \return not_found, io, or corrupt naming the tensor and what is wrong with it
  static Result<SafeTensors> open(const std::string& path);
  SafeTensors(SafeTensors&&) noexcept;
  SafeTensors& operator=(SafeTensors&&) noexcept;
  ~SafeTensors();

  [[nodiscard]] const std::map<std::string, TensorView, std::less<>>& tensors() const noexcept;
  [[nodiscard]] const std::map<std::string, std::string, std::less<>>& metadata() const noexcept;
  [[nodiscard]] bool contains(std::string_view name) const noexcept;
  Result<TensorView> get(std::string_view name) const;
  /// Tensor of exactly this type and number of dimensions 1 (f32 [n]); corrupt otherwise.
  Result<std::span<const float>> vector_f32(std::string_view name, std::size_t expected_size) const;
  /// f32 [rows, cols] with both given; corrupt, naming expected and found shape, otherwise.
  Result<MatrixView<const float>> matrix_f32(std::string_view name, std::size_t rows, std::size_t cols) const;
  /// f32 [any, any].
  Result<MatrixView<const float>> matrix_f32(std::string_view name) const;
  Result<MatrixView<const std::uint16_t>> matrix_u16(std::string_view name) const;
  Result<std::span<const std::int32_t>> vector_i32(std::string_view name) const;
  Result<std::span<const std::int64_t>> vector_i64(std::string_view name) const;

 private:
  struct Mapping;
  explicit SafeTensors(std::unique_ptr<Mapping> mapping);
  std::unique_ptr<Mapping> mapping_;
};

/// Collects tensors and writes them in one file. The bytes given to add() are copied.
class SafeTensorsWriter {
 public:
  void add(std::string name, DType dtype, std::vector<std::uint64_t> shape, std::span<const std::byte> bytes);
  void add(std::string name, MatrixView<const float> values);            ///< F32 [rows, cols]
  void add(std::string name, std::span<const float> values);             ///< F32 [n]
  void add(std::string name, MatrixView<const std::uint16_t> values);    ///< U16 [rows, cols]
  void add(std::string name, std::span<const std::int32_t> values);      ///< I32 [n]
  void add(std::string name, std::span<const std::int64_t> values);      ///< I64 [n]
  void set_metadata(std::string key, std::string value);
  /// Writes to a temporary name, syncs, renames: the file is whole or absent.
  Status write(const std::string& path) const;

 private:
  struct Entry {
    std::string name;
    DType dtype;
    std::vector<std::uint64_t> shape;
    std::vector<std::byte> bytes;
  };
  std::vector<Entry> entries_;
  std::map<std::string, std::string> metadata_;
};

}  // namespace penchant::artifact
