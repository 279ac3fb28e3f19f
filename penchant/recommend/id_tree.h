#pragma once
/// \file The semantic IDs of a live release as a tree with readable names. Layer 5, internal.
#include "penchant/recommend/engine.h"
#include "penchant/recommend/world.h"

namespace penchant::recommend {

/// Engine::id_tree over a world that nobody changes meanwhile. O(items below the prefix).
[[nodiscard]] Result<IdTree> id_tree_of(const World& world, const IdTreeQuery& query);

}  // namespace penchant::recommend
