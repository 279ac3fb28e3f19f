/// \file embeddings: user vectors of the user model, for other models.
#include <CLI/CLI.hpp>

#include "context.h"

namespace penchant::app {

void add_embeddings(CLI::App& app, Run& run) {
  auto* embeddings = app.add_subcommand("embeddings", "user vectors of the user model, for other models");
  embeddings->require_subcommand(1);
  add_embeddings_evaluate(*embeddings, run);
}

}  // namespace penchant::app
