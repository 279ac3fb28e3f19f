#include "penchant/recommend/paths.h"

namespace penchant::recommend {
namespace {

generate::DenseItems dense_items(const ReleaseModel& model, const ItemTables& tables) {
  return {model.manifest.model.normalised ? tables.unit_vectors.view() : tables.vectors.view(), tables.bias, tables.untrained};
}

}  // namespace

Result<Paths> make_paths(const ReleaseModel& model, const ItemTables& tables, Executor& executor, const Paths* earlier) {
  std::vector<ItemId> rows;
  std::vector<Code> codes;
  for (std::uint32_t i = 0; i < tables.rows(); ++i) {
    if (tables.has_id[i] == 0) continue;
    rows.push_back(ItemId{i});
    const auto code = tables.codes.row(i);
    codes.insert(codes.end(), code.begin(), code.end());
  }
  const auto& shape = model.manifest.model;
  Paths paths;
  PENCHANT_TRY(trie, semantic_id::ItemTrie::build({codes.data(), rows.size(), shape.levels}, rows, shape.codebook));
  paths.trie = std::move(trie);
  PENCHANT_TRY(lookahead, generate::Lookahead::build(paths.trie, dense_items(model, tables), executor,
                                                     earlier != nullptr ? &earlier->trie : nullptr,
                                                     earlier != nullptr ? &earlier->lookahead : nullptr));
  paths.lookahead = std::move(lookahead);
  return paths;
}

generate::Generator generator_of(const ReleaseModel& model, const ItemTables& tables, const Paths& paths) {
  return {*model.decoder, paths.trie, paths.lookahead, dense_items(model, tables)};
}

}  // namespace penchant::recommend
