#include "penchant/semantic_id/release_ids.h"

#include <boost/json.hpp>

#include "penchant/artifact/files.h"
#include "penchant/catalog/item.h"

namespace penchant::semantic_id {
namespace {

namespace json = boost::json;
constexpr std::uint64_t kMaxIdsBytes = 1ULL << 30;

}  // namespace

Result<std::vector<std::string>> read_item_ids(const std::string& path, std::size_t expected) {
  PENCHANT_TRY(text, artifact::read_file(path, kMaxIdsBytes));
  const auto broken = [&](const std::string& what) {
    return Error{ErrorCode::corrupt, path + ": " + what};
  };
  json::error_code error;
  const json::value root = json::parse(text, error);
  const json::value* list = !error && root.is_object() ? root.as_object().if_contains("ids") : nullptr;
  if (list == nullptr || !list->is_array()) return broken("holds no list \"ids\"");
  if (list->as_array().size() != expected)
    return broken("names " + std::to_string(list->as_array().size()) + " items, the manifest says " +
                  std::to_string(expected));
  std::vector<std::string> ids;
  ids.reserve(expected);
  for (const json::value& id : list->as_array()) {
    if (!id.is_string() || id.as_string().empty() || id.as_string().size() > catalog::kMaxIdBytes)
      return broken("id " + std::to_string(ids.size()) + " is not a text of 1 to 512 bytes");
    ids.emplace_back(id.as_string().data(), id.as_string().size());
  }
  return ids;
}

Result<ReleaseIds> read_release_ids(const std::string& folder) {
  PENCHANT_TRY(manifest, artifact::verify_release(folder));
  const auto& shape = manifest.model;
  PENCHANT_TRY(items, read_item_ids(folder + "/items.json", shape.items));
  PENCHANT_TRY(stored, load_codebooks(folder + "/codebooks.safetensors",
                                      {.levels = shape.levels, .codebook = shape.codebook, .items = shape.items}));
  return ReleaseIds{std::move(manifest), std::move(items), std::move(stored)};
}

}  // namespace penchant::semantic_id
