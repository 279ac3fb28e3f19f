#include "penchant/evaluate/content_vectors.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "penchant/catalog/given_vectors.h"
#include "penchant/catalog/item.h"
#include "penchant/kernels/vectors.h"
#include "penchant/text/vector_cache.h"

namespace penchant::evaluate {
namespace {

constexpr const char* kText = "text";

struct Contents {
  std::vector<std::string> texts;              ///< [items]
  std::map<std::string, Matrix<float>> given;  ///< kind -> [items, dim], zero = missing
};

Result<Contents> read_contents(store::Store& store) {
  Contents out;
  catalog::GivenVectors given;
  Status status;
  PENCHANT_DO(store.scan_items([&](catalog::ItemId, catalog::Item&& item) {
    out.texts.push_back(catalog::item_text(item));
    status = given.add(item);
    return status.ok();
  }));
  PENCHANT_DO(std::move(status));
  out.given = given.take();
  return out;
}

}  // namespace

Result<std::map<std::string, Matrix<float>>> load_content_kinds(store::Store& store, const ContentOptions& options,
                                                                Executor& executor, std::size_t first_row,
                                                                const ProgressSink& progress) {
  PENCHANT_TRY(contents, read_contents(store));
  for (std::size_t row = 0; row < std::min(first_row, contents.texts.size()); ++row) contents.texts[row].clear();
  const bool encodes = !contents.given.contains(kText) && !options.encoder_dir.empty() &&
                       std::filesystem::exists(options.encoder_dir) &&
                       std::ranges::any_of(contents.texts, [](const auto& text) { return !text.empty(); });
  if (encodes) {
    PENCHANT_TRY(encoder, text::SentenceEncoder::load(options.encoder_dir));
    PENCHANT_TRY(text, text::encode_once(*encoder, contents.texts, options.cache_file, executor, progress));
    contents.given.emplace(kText, std::move(text));
  }
  if (contents.given.empty())
    return invalid("items carry no content vectors and there is no sentence encoder for their texts: run ./setup, or "
                   "give --encoder a folder");
  for (auto& [name, kind] : contents.given) kernels::l2_normalise_rows(kind.view());
  return std::move(contents.given);
}

Result<ContentVectors> load_content(store::Store& store, const ContentOptions& options, Executor& executor,
                                   const ProgressSink& progress) {
  PENCHANT_TRY(kinds, load_content_kinds(store, options, executor, 0, progress));
  std::size_t width = 0;
  for (const auto& [name, kind] : kinds) width += kind.cols();
  ContentVectors all{Matrix<float>(kinds.begin()->second.rows(), width), {}};
  std::size_t at = 0;
  for (const auto& [name, kind] : kinds) {
    for (std::size_t r = 0; r < all.rows.rows(); ++r)
      std::ranges::copy(kind.row(r), all.rows.row(r).begin() + static_cast<std::ptrdiff_t>(at));
    all.kinds.push_back({name, at, kind.cols()});
    at += kind.cols();
  }
  kernels::l2_normalise_rows(all.rows.view());
  return all;
}

}  // namespace penchant::evaluate
