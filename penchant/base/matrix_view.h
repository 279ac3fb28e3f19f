#pragma once
/// \file Non-owning row-major matrix, and an owning one. Layer 0.
#include <algorithm>
#include <cstddef>
#include <span>
#include <type_traits>
#include <vector>

#include "penchant/base/result.h"

namespace penchant {

/// [rows, cols] row-major view with a row stride in elements. Does not own: the viewed memory
/// must outlive the view. Threads: as the viewed memory.
template <class T>
class MatrixView {
 public:
  MatrixView() = default;
  MatrixView(T* data, std::size_t rows, std::size_t cols) : MatrixView(data, rows, cols, cols) {}
  MatrixView(T* data, std::size_t rows, std::size_t cols, std::size_t stride)
      : data_(data), rows_(rows), cols_(cols), stride_(stride) {}
  /// A mutable view reads as a const one.
  operator MatrixView<const T>() const requires(!std::is_const_v<T>) {  // NOLINT: implicit
    return {data_, rows_, cols_, stride_};
  }
  [[nodiscard]] std::size_t rows() const noexcept { return rows_; }
  [[nodiscard]] std::size_t cols() const noexcept { return cols_; }
  [[nodiscard]] std::size_t stride() const noexcept { return stride_; }
  [[nodiscard]] T* data() const noexcept { return data_; }
  [[nodiscard]] bool empty() const noexcept { return rows_ == 0 || cols_ == 0; }
  /// Row r, [cols].
  [[nodiscard]] std::span<T> row(std::size_t r) const {
    PENCHANT_DCHECK(r < rows_);
    return {data_ + r * stride_, cols_};
  }
  [[nodiscard]] T& operator()(std::size_t r, std::size_t c) const {
    PENCHANT_DCHECK(r < rows_ && c < cols_);
    return data_[r * stride_ + c];
  }
  /// Rows [first, first + count).
  [[nodiscard]] MatrixView rows_from(std::size_t first, std::size_t count) const {
    PENCHANT_DCHECK(first + count <= rows_);
    return {data_ + first * stride_, count, cols_, stride_};
  }

 private:
  T* data_ = nullptr;
  std::size_t rows_ = 0, cols_ = 0, stride_ = 0;
};

/// Owning dense [rows, cols] row-major matrix, zero-filled.
template <class T>
class Matrix {
 public:
  Matrix() = default;
  Matrix(std::size_t rows, std::size_t cols) : values_(rows * cols), rows_(rows), cols_(cols) {}
  Matrix(std::vector<T> values, std::size_t rows, std::size_t cols)
      : values_(std::move(values)), rows_(rows), cols_(cols) {
    PENCHANT_CHECK(values_.size() == rows * cols, "matrix size");
  }
  [[nodiscard]] std::size_t rows() const noexcept { return rows_; }
  [[nodiscard]] std::size_t cols() const noexcept { return cols_; }
  [[nodiscard]] bool empty() const noexcept { return values_.empty(); }
  [[nodiscard]] std::span<T> row(std::size_t r) { return {values_.data() + r * cols_, cols_}; }
  [[nodiscard]] std::span<const T> row(std::size_t r) const {
    return {values_.data() + r * cols_, cols_};
  }
  T& operator()(std::size_t r, std::size_t c) { return values_[r * cols_ + c]; }
  const T& operator()(std::size_t r, std::size_t c) const { return values_[r * cols_ + c]; }
  [[nodiscard]] std::vector<T>& values() noexcept { return values_; }
  [[nodiscard]] const std::vector<T>& values() const noexcept { return values_; }
  [[nodiscard]] MatrixView<T> view() { return {values_.data(), rows_, cols_}; }
  [[nodiscard]] MatrixView<const T> view() const { return {values_.data(), rows_, cols_}; }
  /// Adds one row at the end; `row` has `cols()` values (sets `cols()` when the matrix is empty).
  void append_row(std::span<const T> row) {
    if (rows_ == 0 && cols_ == 0) cols_ = row.size();
    PENCHANT_CHECK(row.size() == cols_, "row length");
    values_.insert(values_.end(), row.begin(), row.end());
    ++rows_;
  }

 private:
  std::vector<T> values_;
  std::size_t rows_ = 0, cols_ = 0;
};

}  // namespace penchant
