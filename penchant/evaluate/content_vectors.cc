#include "penchant/evaluate/content_vectors.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "penchant/catalog/item.h"
#include "penchant/kernels/vectors.h"
#include "penchant/recommend/text_cache.h"
#include "penchant/text/encoder.h"

namespace penchant::evaluate {
namespace {

constexpr std::size_t kMaxKinds = 16;
constexpr std::size_t kEncodedTogether = 2048;  ///< texts between two looks at `progress` and the cache
constexpr const char* kText = "text";

struct Contents {
  std::vector<std::string> texts;              ///< [items]
  std::map<std::string, Matrix<float>> given;  ///< kind -> [items so far, dim], zero = missing
};

Status take_vectors(const catalog::Item& item, Contents& out) {
  const std::size_t row = out.texts.size() - 1;
  for (const catalog::ModalityVector& v : item.vectors) {
    if (v.values.empty()) continue;
    auto found = out.given.find(v.modality);
    if (found == out.given.end()) {
      if (out.given.size() == kMaxKinds) return invalid("items carry more than " + std::to_string(kMaxKinds) + " kinds of vectors");
      found = out.given.emplace(v.modality, Matrix<float>(0, v.values.size())).first;
    }
    Matrix<float>& kind = found->second;
    if (kind.cols() != v.values.size())
      return invalid("item \"" + item.id + "\": its " + v.modality + " vector has " + std::to_string(v.values.size()) +
                     " values, others have " + std::to_string(kind.cols()));
    kind.values().resize(row * kind.cols(), 0.0F);
    kind.values().insert(kind.values().end(), v.values.begin(), v.values.end());
  }
  return {};
}

Result<Contents> read_contents(store::Store& store) {
  Contents out;
  Status status;
  PENCHANT_DO(store.scan_items([&](catalog::ItemId, catalog::Item&& item) {
    out.texts.push_back(catalog::item_text(item));
    status = take_vectors(item, out);
    return status.ok();
  }));
  PENCHANT_DO(std::move(status));
  for (auto& [name, kind] : out.given) {
    kind.values().resize(out.texts.size() * kind.cols(), 0.0F);
    kind = Matrix<float>(std::move(kind.values()), out.texts.size(), kind.cols());
  }
  return out;
}

Result<Matrix<float>> encode_texts(std::span<const std::string> texts, const ContentOptions& options, Executor& executor,
                                   const ProgressSink& progress) {
  PENCHANT_TRY(encoder, text::SentenceEncoder::load(options.encoder_dir));
  recommend::TextCache cache(options.cache_file, encoder->sha256(), encoder->dim());
  Matrix<float> vectors(texts.size(), encoder->dim());
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
    PENCHANT_TRY(encoded, encoder->encode(some, executor));
    for (std::size_t k = 0; k < count; ++k) {
      std::ranges::copy(encoded.row(k), vectors.row(missing[begin + k]).begin());
      cache.add(some[k], encoded.row(k));
    }
    if (progress && !progress({"encode item texts", begin + count, missing.size(), ""}))
      return Error{ErrorCode::cancelled, "the evaluation was cancelled"};
  }
  if (!missing.empty() && !options.cache_file.empty()) static_cast<void>(cache.save_if_grown());  // a cache: losing it costs time
  return vectors;
}

}  // namespace

Result<Matrix<float>> load_content(store::Store& store, const ContentOptions& options, Executor& executor,
                                   const ProgressSink& progress) {
  PENCHANT_TRY(contents, read_contents(store));
  const bool encodes = !contents.given.contains(kText) && !options.encoder_dir.empty() &&
                       std::filesystem::exists(options.encoder_dir) &&
                       std::ranges::any_of(contents.texts, [](const auto& text) { return !text.empty(); });
  if (encodes) {
    PENCHANT_TRY(text, encode_texts(contents.texts, options, executor, progress));
    contents.given.emplace(kText, std::move(text));
  }
  if (contents.given.empty())
    return invalid("items carry no content vectors and there is no sentence encoder for their texts: run ./setup, or "
                   "give --encoder a folder");
  std::size_t width = 0;
  for (const auto& [name, kind] : contents.given) width += kind.cols();
  Matrix<float> all(contents.texts.size(), width);
  std::size_t at = 0;
  for (auto& [name, kind] : contents.given) {
    kernels::l2_normalise_rows(kind.view());
    for (std::size_t r = 0; r < all.rows(); ++r) std::ranges::copy(kind.row(r), all.row(r).begin() + static_cast<std::ptrdiff_t>(at));
    at += kind.cols();
  }
  kernels::l2_normalise_rows(all.view());
  return all;
}

}  // namespace penchant::evaluate
