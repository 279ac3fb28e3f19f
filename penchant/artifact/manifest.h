#pragma once
/// \file manifest.json of a release folder: what it is, and the SHA-256 of every file. Layer 1.
/// The byte contract is docs/formats/release.md.
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "penchant/base/result.h"

namespace penchant::artifact {

inline constexpr int kReleaseFormat = 3;
/// Readers take these too: a release of format 2 neither mixes layers nor reads requests.
inline constexpr int kOldestFormat = 2;

/// Sizes of the user foundation model; see docs/formats/release.md.
struct ModelShape {
  std::uint32_t items = 0;         ///< rows of the item tables
  std::uint32_t dim = 0;           ///< d
  std::uint32_t layers = 0;
  std::uint32_t heads = 0;         ///< dim % heads == 0, head size even
  std::uint32_t ffn = 0;           ///< inner width of the feed-forward part
  std::uint32_t max_len = 0;       ///< window in events
  std::uint32_t depth_layers = 0;  ///< layers of the depth decoder (generator head)
  std::uint32_t levels = 0;        ///< L, codes per semantic ID
  std::uint32_t codebook = 0;      ///< K, codes of the largest level
  std::uint32_t gaps = 32;         ///< time-gap buckets
  std::uint32_t actions = 0;       ///< rows of the action table
  double logit_scale = 1;          ///< dense logit = logit_scale * dot(h, out(i)) + bias(i)
  bool normalised = false;         ///< cosine head: h and out(i) are L2-normalised first
  bool mixes_layers = false;       ///< the user state is a weighted mean of the input and of every block's output
  bool reads_request = false;      ///< the user state depends on the time since the newest event
};

/// One row of the action table: an event type and a range of its value.
struct ActionRow {
  std::string type;
  double from = 0, to = 0;  ///< value in [from, to); both 0 with has_value false
  bool has_value = false;
};

struct ModalityRow {
  std::string name;          ///< "text", …
  std::uint32_t dim = 0;
  std::string encoder;       ///< "all-MiniLM-L6-v2", or "given"
  std::string encoder_sha256;
};

struct Manifest {
  int format = kReleaseFormat;
  std::string name;                 ///< release name = folder name
  std::string created;              ///< ISO 8601 UTC
  std::string preset;               ///< tiny|small|sparse|base|large
  std::uint64_t seed = 0;
  std::string holdout;              ///< "last-out", "time", "cold", "none": what training did not see
  std::int64_t holdout_time_ms = 0; ///< cut for "time": events at or after are unseen
  std::int64_t holdout_test_ms = 0; ///< "time": the early stop looked at events older than this; 0: not told
  double cold_share = 0;            ///< "cold": share of the items that nothing was fitted on
  std::uint64_t cold_seed = 0;      ///< "cold": seed of their draw (catalog/cold_items.h)
  std::string cold_by = "random";   ///< "cold": how they were chosen, "random" or "first-seen"
  std::uint64_t ties_seed = 0;      ///< events of one moment were shuffled by catalog/ties.h with it; 0: as the store has them
  std::uint64_t events = 0, users = 0;
  ModelShape model;
  std::string quantiser;                 ///< that made the semantic IDs; empty: not told (residual k-means)
  std::vector<std::uint32_t> codebooks;  ///< [L], codes of every level; empty: not told (K each)
  std::string collisions;                ///< policy they have been through; empty: not told (reassign)
  std::string codebook_sizes;            ///< why they are as large as they are; empty: not told
  double balance = 0;                    ///< price on uneven codebook use in training; 0: none
  std::vector<ActionRow> actions;   ///< row i of the action table; row 0 is "unknown"
  std::vector<ModalityRow> modalities;
  std::map<std::string, std::string> files;  ///< relative name -> SHA-256
};

/// Parses text of at most 4 MiB; every number is range-checked, unknown fields are ignored.
Result<Manifest> parse_manifest(const std::string& json);
[[nodiscard]] std::string to_json(const Manifest& manifest);

/// Reads `<folder>/manifest.json` and checks that every named file is there with its hash.
/// \return not_found, corrupt naming the file, or invalid_argument for a format we do not know
Result<Manifest> verify_release(const std::string& folder);
/// Hashes the files of the folder into manifest.files and writes manifest.json last.
Status seal_release(const std::string& folder, Manifest manifest);

}  // namespace penchant::artifact
