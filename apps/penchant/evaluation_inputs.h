#pragma once
/// \file What evaluation needs to know of this home and this program.
#include <filesystem>

#include "context.h"
#include "penchant/evaluate/baselines/registry.h"
#include "penchant/evaluate/content_vectors.h"

namespace penchant::app {

/// Trained baselines are kept in the home; without penchant-train they are unavailable.
inline evaluate::BaselineContext baseline_context(const Context& context) {
  return {.trainer = std::filesystem::exists(context.trainer()) ? context.trainer() : "",
          .cache_folder = context.globals().home + "/cache/baselines",
          .threads = context.globals().threads};
}

/// Content of the catalogue: the encoder, and the texts that it has encoded already.
inline evaluate::ContentOptions content_options(const Context& context) {
  return {.encoder_dir = context.globals().encoder_dir, .cache_file = context.text_vectors()};
}

}  // namespace penchant::app
