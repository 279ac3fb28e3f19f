#pragma once
/// \file The files between evaluation and penchant-train: docs/formats/sequences.md. Layer 6.
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "penchant/base/matrix_view.h"
#include "penchant/base/result.h"
#include "penchant/evaluate/model.h"

namespace penchant::evaluate {

/// Longest history that is encoded: its newest events. No network of the trainer looks further back.
inline constexpr std::size_t kEncodedHistory = 4096;

/// Writes sequences.safetensors: item rows of every user with training events, oldest first, and the
/// validation targets of those users; `with_content`: the content vectors too, each kind by itself. The
/// same input gives the same bytes.
Status write_sequences(const std::string& path, const FitInput& input, bool with_content = false);

/// Writes the item rows of the histories of all queries.
Status write_histories(const std::string& path, std::span<const Query> queries);

/// score(query, item) = <users[query], items[item]> + bias[item].
struct Encoded {
  Matrix<float> users;  ///< [queries, d]
  Matrix<float> items;  ///< [items, d]
  std::vector<float> bias;  ///< [items]
};
/// Reads what `penchant-train encode` wrote, as if hostile: shapes as asked for, 1 <= d <= 8192, every
/// number finite. corrupt, naming the tensor, otherwise.
Result<Encoded> read_encoded(const std::string& path, std::size_t queries, std::size_t items);

/// What a folder of the cache says about itself (cached.json).
struct CacheRecord {
  std::string key;
  std::string model;
  std::map<std::string, std::string> settings;
  std::uint64_t seed = 0;
  double seconds = 0;                        ///< that training took
  std::map<std::string, std::string> files;  ///< name -> SHA-256
};
/// Checks that the trainer left model.safetensors and model.json in `folder` and that both can be
/// read, hashes them into the record and writes it, last.
Status seal_trained(const std::string& folder, CacheRecord record);
/// \return not_found where there is no folder; corrupt where its record has another key or a file is
/// not what was sealed
Result<CacheRecord> check_trained(const std::string& folder, const std::string& key);

}  // namespace penchant::evaluate
