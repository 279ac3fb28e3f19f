#pragma once
/// \file Content vectors of all items, for content baselines and list diversity. Layer 6.
#include <map>
#include <span>
#include <string>
#include <vector>

#include "penchant/base/executor.h"
#include "penchant/base/matrix_view.h"
#include "penchant/base/progress.h"
#include "penchant/base/result.h"
#include "penchant/evaluate/model.h"
#include "penchant/store/store.h"

namespace penchant::evaluate {

struct ContentOptions {
  std::string encoder_dir;  ///< sentence encoder; empty or absent: only given vectors are used
  std::string cache_file;   ///< encoded texts are kept here (docs/formats/text_vectors.md); empty: nowhere
};

/// Content by kind: the vectors that items carry and, unless a kind is called "text", sentence
/// vectors of their texts; every row L2-normalised, a zero row = missing. Rows before `first_row` may
/// be left without a sentence vector.
/// \return [items, dim] each, at least one; errors as load_content
Result<std::map<std::string, Matrix<float>>> load_content_kinds(store::Store& store, const ContentOptions& options,
                                                                Executor& executor, std::size_t first_row = 0,
                                                                const ProgressSink& progress = {});

/// Content of a whole catalogue.
struct ContentVectors {
  Matrix<float> rows;              ///< [items, d]
  std::vector<ContentKind> kinds;  ///< blocks of columns
};

/// One vector per catalogue row: the vectors that items carry, each kind normalised, side by side;
/// and sentence vectors of their texts, unless a kind is called "text". Rows have length one; an item
/// without content has a zero row. Nothing is fitted: items held out of training may be in it.
/// Texts are encoded once: what `cache_file` holds is not encoded again.
/// \return [items, sum of dims]; invalid_argument when items carry no vectors and there is no encoder,
/// or when there are too many kinds; cancelled
Result<ContentVectors> load_content(store::Store& store, const ContentOptions& options, Executor& executor,
                                   const ProgressSink& progress = {});

}  // namespace penchant::evaluate
