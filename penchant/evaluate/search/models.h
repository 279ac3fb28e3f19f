#pragma once
/// \file What answers a query in the search protocol, and the baselines that do. Layer 6.
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "penchant/base/executor.h"
#include "penchant/base/matrix_view.h"
#include "penchant/base/progress.h"
#include "penchant/base/result.h"
#include "penchant/catalog/item.h"

namespace penchant::evaluate {

/// Query text in, a score for every item of the catalogue out. What it knows of the catalogue is its
/// own matter; of the judgments it knows nothing. Threads: score() is called by one thread at a time.
class SearchModel {
 public:
  virtual ~SearchModel() = default;
  [[nodiscard]] virtual const std::string& name() const noexcept = 0;
  /// Higher is better; -infinity = not found. Everything in `out` [queries, items] is overwritten.
  virtual Status score(std::span<const std::string> queries, Executor& executor, MatrixView<float> out) const = 0;
};

/// BM25 over titles and attribute values (retrieve/lexical.h): the items that hold a word of the query.
/// \param items row i is item i; copied into an index in memory
Result<std::unique_ptr<SearchModel>> make_bm25_search(std::span<const catalog::Item> items,
                                                      const ProgressSink& progress = {});

/// Bi-encoder: cosine of the sentence vector of the query and that of each item's text.
/// \param encoder_dir folder of text::SentenceEncoder
/// \param cache_file vectors of item texts are kept here (docs/formats/text_vectors.md); empty: nowhere
/// \return cancelled, or the error of the encoder
Result<std::unique_ptr<SearchModel>> make_dense_search(std::span<const catalog::Item> items,
                                                       const std::string& encoder_dir,
                                                       const std::string& cache_file, Executor& executor,
                                                       const ProgressSink& progress = {});

/// Scores that mean nothing, the same for a seed and a query text: the floor under all others.
std::unique_ptr<SearchModel> make_random_search(std::uint64_t seed);

}  // namespace penchant::evaluate
