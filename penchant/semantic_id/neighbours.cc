#include "penchant/semantic_id/neighbours.h"

#include <algorithm>
#include <cmath>

namespace penchant::semantic_id {
namespace {

float cosine(std::span<const float> a, std::span<const float> b) {
  double dot = 0, aa = 0, bb = 0;
  for (std::size_t j = 0; j < a.size(); ++j) {
    dot += static_cast<double>(a[j]) * b[j];
    aa += static_cast<double>(a[j]) * a[j];
    bb += static_cast<double>(b[j]) * b[j];
  }
  return aa > 0 && bb > 0 ? static_cast<float>(dot / std::sqrt(aa * bb)) : 0.0f;
}

}  // namespace

std::vector<PrefixNeighbour> neighbours_by_prefix(const ItemTrie& trie, const NeighbourQuery& query) {
  std::vector<PrefixNeighbour> found;
  if (trie.nodes() == 0 || query.limit == 0) return found;
  std::vector<ItemTrie::Node> path{ItemTrie::Node::root};  // nodes of the known part of the ID
  for (const auto code : query.id) {
    const auto next = trie.child(path.back(), code);
    if (!next) break;
    path.push_back(*next);
  }
  const bool compare = !query.vector.empty() && query.vectors.cols() == query.vector.size();
  std::span<const ItemId> closer;  // items of the longer prefix, answered already
  for (std::size_t length = path.size(); length-- > query.min_shared && found.size() < query.limit;) {
    const auto items = trie.items_below(path[length]);
    const auto begin = static_cast<std::ptrdiff_t>(found.size());
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (!closer.empty() && &items[i] == closer.data()) i += closer.size();
      if (i == items.size()) break;
      const auto row = catalog::index(items[i]);
      if (items[i] == query.self || (query.allowed && !query.allowed->test(row))) continue;
      const bool known = compare && row < query.vectors.rows();
      found.push_back({items[i], length, known ? cosine(query.vector, query.vectors.row(row)) : 0.0f});
    }
    closer = items;
    std::sort(found.begin() + begin, found.end(), [](const PrefixNeighbour& a, const PrefixNeighbour& b) {
      return a.similarity != b.similarity ? a.similarity > b.similarity : a.item < b.item;
    });
  }
  if (found.size() > query.limit) found.resize(query.limit);
  return found;
}

}  // namespace penchant::semantic_id
