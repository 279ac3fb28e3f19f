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
#include "penchant/recommend/text_cache.h"

namespace penchant::evaluate {
namespace {

constexpr std::size_t kEncodedTogether = 512;  ///< texts between two looks at `progress` and the cache
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

Result<Matrix<float>> encode_item_texts(const text::SentenceEncoder& encoder, std::span<const std::string> texts,
                                        const std::string& cache_file, Executor& executor, const ProgressSink& progress) {
  recommend::TextCache cache(cache_file, encoder.sha256(), encoder.dim());
  Matrix<float> vectors(texts.size(), encoder.dim());
  std::vector<std::size_t> missing;
  for (std::size_t r = 0; r < texts.size(); ++r) {
    if (texts[r].empty()) continue;
    const auto known = cache.find(texts[r]);
    if (known.empty())
      missing.push_back(r);
    else
      std::ranges::copy(known, vectors.row(r).begin());
  }
  for (std::size_t begin = 0; begin < missing.size(); begin += kEncodedTogether) {
    const std::size_t count = std::min(kEncodedTogether, missing.size() - begin);
    std::vector<std::string> some;
    for (std::size_t k = 0; k < count; ++k) some.push_back(texts[missing[begin + k]]);
    PENCHANT_TRY(encoded, encoder.encode(some, executor));
    for (std::size_t k = 0; k < count; ++k) {
      std::ranges::copy(encoded.row(k), vectors.row(missing[begin + k]).begin());
      cache.add(some[k], encoded.row(k));
    }
    if (!cache_file.empty()) static_cast<void>(cache.save_if_grown());  // a cache: unwritable, the next run encodes again
    if (progress && !progress({"encode item texts", begin + count, missing.size(), ""}))
      return Error{ErrorCode::cancelled, "the evaluation was cancelled while encoding item texts"};
  }
  return vectors;
}

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
    PENCHANT_TRY(text, encode_item_texts(*encoder, contents.texts, options.cache_file, executor, progress));
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
