#pragma once
/// \file The semantic IDs of a catalogue as the generator searches them. Layer 5.
#include "penchant/base/executor.h"
#include "penchant/generate/generator.h"
#include "penchant/recommend/release_model.h"

namespace penchant::recommend {

/// Immutable; of the rows that had an ID when it was made. Threads: const calls are safe together.
struct Paths {
  semantic_id::ItemTrie trie;
  generate::Lookahead lookahead;
};

/// \param earlier of the same release with fewer new items: what did not change is taken from it
Result<Paths> make_paths(const ReleaseModel& model, const ItemTables& tables, Executor& executor, const Paths* earlier = nullptr);

/// Views of all three, which live longer.
[[nodiscard]] generate::Generator generator_of(const ReleaseModel& model, const ItemTables& tables, const Paths& paths);

}  // namespace penchant::recommend
