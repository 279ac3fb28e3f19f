#pragma once
/// \file Matrices in NumPy's .npy format, and which item each row belongs to. Internal to import.
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "penchant/base/result.h"

namespace penchant::import {

/// Reader of [rows, dim] float16, float32 or float64, little-endian, C order.
class NpyReader {
 public:
  /// \return invalid_argument or corrupt naming the file and what is wrong
  static Result<NpyReader> open(const std::string& path);
  [[nodiscard]] std::uint64_t rows() const noexcept { return rows_; }
  [[nodiscard]] std::size_t dim() const noexcept { return dim_; }
  /// The next row into `out`, [dim].
  Status next(std::vector<float>& out);

 private:
  struct Closer {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::unique_ptr<std::FILE, Closer> file_;
  std::string path_;
  std::uint64_t rows_ = 0;
  std::size_t dim_ = 0;
  int bytes_ = 4;  ///< per number: 2, 4 or 8
  std::vector<unsigned char> buffer_;
};

/// Ids beside a vector file, one a line: `visual.ids`, `visual.ids.txt`, `visual_ids.txt` or
/// `visual_ids.csv` for `visual.npy`. Empty when there is none.
Result<std::vector<std::string>> sidecar_ids(const std::string& npy_path);
/// Whether a path is such a list of ids.
[[nodiscard]] bool is_sidecar(const std::string& path);

/// "visual_embeddings.npy" -> "visual".
[[nodiscard]] std::string modality_of(const std::string& npy_path);

}  // namespace penchant::import
