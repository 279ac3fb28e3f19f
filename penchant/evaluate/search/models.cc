#include "penchant/evaluate/search/models.h"

#include <algorithm>
#include <limits>

#include "penchant/base/rng.h"
#include "penchant/kernels/linear.h"
#include "penchant/retrieve/lexical.h"
#include "penchant/text/encoder.h"
#include "penchant/text/vector_cache.h"

namespace penchant::evaluate {
namespace {

class Bm25Search final : public SearchModel {
 public:
  explicit Bm25Search(std::unique_ptr<retrieve::LexicalIndex> index, std::size_t items)
      : index_(std::move(index)), items_(items) {}
  [[nodiscard]] const std::string& name() const noexcept override { return name_; }
  Status score(std::span<const std::string> queries, Executor&, MatrixView<float> out) const override {
    for (std::size_t q = 0; q < queries.size(); ++q) {
      const auto row = out.row(q);
      std::ranges::fill(row, -std::numeric_limits<float>::infinity());
      PENCHANT_TRY(hits, index_->search(queries[q], items_));
      for (const auto& hit : hits) row[catalog::index(hit.item)] = hit.score;
    }
    return {};
  }

 private:
  std::string name_ = "bm25";
  std::unique_ptr<retrieve::LexicalIndex> index_;
  std::size_t items_;
};

class DenseSearch final : public SearchModel {
 public:
  DenseSearch(std::unique_ptr<text::SentenceEncoder> encoder, const Matrix<float>& vectors)
      : encoder_(std::move(encoder)), items_(vectors.view(), {}) {}
  [[nodiscard]] const std::string& name() const noexcept override { return name_; }
  Status score(std::span<const std::string> queries, Executor& executor, MatrixView<float> out) const override {
    PENCHANT_TRY(vectors, encoder_->encode(queries, executor));
    executor.parallel_for(queries.size(), 8, [&](std::size_t begin, std::size_t end) {
      const MatrixView<const float> x(vectors.row(begin).data(), end - begin, vectors.cols());
      items_.apply(x, MatrixView<float>(out.row(begin).data(), end - begin, out.cols()));
    });
    return {};
  }

 private:
  std::string name_ = "dense-text";
  std::unique_ptr<text::SentenceEncoder> encoder_;
  kernels::PackedLinear items_;
};

class RandomSearch final : public SearchModel {
 public:
  explicit RandomSearch(std::uint64_t seed) : seed_(seed) {}
  [[nodiscard]] const std::string& name() const noexcept override { return name_; }
  Status score(std::span<const std::string> queries, Executor&, MatrixView<float> out) const override {
    for (std::size_t q = 0; q < queries.size(); ++q) {
      std::uint64_t hash = seed_;
      for (const char c : queries[q]) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
      Rng rng(hash);
      for (float& value : out.row(q)) value = static_cast<float>(rng.uniform());
    }
    return {};
  }

 private:
  std::string name_ = "random";
  std::uint64_t seed_;
};

}  // namespace

Result<std::unique_ptr<SearchModel>> make_bm25_search(std::span<const catalog::Item> items,
                                                      const ProgressSink& progress) {
  PENCHANT_TRY(index, retrieve::LexicalIndex::create());
  PENCHANT_DO(index->begin());
  for (std::size_t i = 0; i < items.size(); ++i) {
    PENCHANT_DO(index->put(catalog::ItemId{static_cast<std::uint32_t>(i)}, items[i]));
    if (i % 4096 == 0 && progress && !progress({"index item texts", i, items.size(), ""}))
      return Error{ErrorCode::cancelled, "the evaluation was cancelled while indexing"};
  }
  PENCHANT_DO(index->commit());
  return std::unique_ptr<SearchModel>(std::make_unique<Bm25Search>(std::move(index), items.size()));
}

Result<std::unique_ptr<SearchModel>> make_dense_search(std::span<const catalog::Item> items,
                                                       const std::string& encoder_dir,
                                                       const std::string& cache_file, Executor& executor,
                                                       const ProgressSink& progress) {
  if (encoder_dir.empty())
    return invalid("dense-text needs a sentence encoder: run ./setup, or give its folder with --encoder");
  if (items.empty()) return invalid("there are no items to search: import a catalogue with `penchant import`");
  PENCHANT_TRY(encoder, text::SentenceEncoder::load(encoder_dir));
  std::vector<std::string> texts;
  for (const auto& item : items) texts.push_back(catalog::item_text(item));
  PENCHANT_TRY(vectors, text::encode_once(*encoder, texts, cache_file, executor, progress));
  return std::unique_ptr<SearchModel>(std::make_unique<DenseSearch>(std::move(encoder), vectors));
}

std::unique_ptr<SearchModel> make_random_search(std::uint64_t seed) { return std::make_unique<RandomSearch>(seed); }

}  // namespace penchant::evaluate
