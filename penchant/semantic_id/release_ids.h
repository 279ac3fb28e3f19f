#pragma once
/// \file The semantic IDs of a release folder, without its networks. Layer 3. Bytes:
/// docs/formats/release.md.
#include <string>
#include <vector>

#include "penchant/artifact/manifest.h"
#include "penchant/base/matrix_view.h"
#include "penchant/base/result.h"
#include "penchant/semantic_id/codebooks.h"

namespace penchant::semantic_id {

struct ReleaseIds {
  artifact::Manifest manifest;
  std::vector<std::string> items;  ///< [n], external ids
  StoredCodes stored;
};

/// items.json: external ids in row order.
/// \return not_found, io, or corrupt naming the file when it does not hold `expected` ids of 1 to 512 bytes
Result<std::vector<std::string>> read_item_ids(const std::string& path, std::size_t expected);
/// Verifies the folder, then reads. \return what artifact::verify_release and load_codebooks say
Result<ReleaseIds> read_release_ids(const std::string& folder);

}  // namespace penchant::semantic_id
