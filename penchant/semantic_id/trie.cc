#include "penchant/semantic_id/trie.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <string>

namespace penchant::semantic_id {
namespace {

constexpr std::uint32_t kMaxCodebook = 1u << 16;  // a Code has 16 bits

/// Rows in the order (sid, item): a stable counting sort per level, last level first.
std::vector<std::uint32_t> sorted_rows(MatrixView<const Code> sids, std::span<const ItemId> items,
                                       std::uint32_t codebook_size) {
  std::vector<std::uint32_t> rows(items.size()), next(items.size());
  std::iota(rows.begin(), rows.end(), 0u);
  if (!std::ranges::is_sorted(items)) std::ranges::sort(rows, {}, [&](std::uint32_t r) { return items[r]; });
  std::vector<std::uint32_t> start(codebook_size + 1);
  for (std::size_t level = sids.cols(); level-- > 0;) {
    std::ranges::fill(start, 0u);
    for (const auto r : rows) ++start[sids(r, level) + 1u];
    std::partial_sum(start.begin(), start.end(), start.begin());
    for (const auto r : rows) next[start[sids(r, level)]++] = r;
    rows.swap(next);
  }
  return rows;
}

Status check(MatrixView<const Code> sids, std::span<const ItemId> items, std::uint32_t codebook_size) {
  if (sids.rows() != items.size())
    return invalid("semantic IDs have " + std::to_string(sids.rows()) + " rows for " +
                   std::to_string(items.size()) + " items");
  if (items.empty()) return {};
  if (sids.cols() == 0) return invalid("semantic IDs have no levels");
  if (codebook_size == 0 || codebook_size > kMaxCodebook)
    return invalid("codebook_size " + std::to_string(codebook_size) + " is not in 1..65536");
  constexpr std::size_t most = std::numeric_limits<std::uint32_t>::max() - 1;
  if (items.size() > most / (sids.cols() + 1))
    return Error{ErrorCode::resource_exhausted, std::to_string(items.size()) + " items of " +
                                                    std::to_string(sids.cols()) +
                                                    " levels are more than one trie can hold"};
  for (std::size_t r = 0; r < sids.rows(); ++r)
    for (const auto code : sids.row(r))
      if (code >= codebook_size)
        return invalid("row " + std::to_string(r) + ": code " + std::to_string(code) +
                       " is not below codebook_size " + std::to_string(codebook_size));
  std::vector<std::uint32_t> rows(items.size());
  std::iota(rows.begin(), rows.end(), 0u);
  const auto item_of = [&](std::uint32_t r) { return items[r]; };
  if (!std::ranges::is_sorted(items)) std::ranges::stable_sort(rows, {}, item_of);
  if (const auto twin = std::ranges::adjacent_find(rows, {}, item_of); twin != rows.end())
    return invalid("row " + std::to_string(twin[1]) + ": item " +
                   std::to_string(catalog::index(items[twin[1]])) + " already owns row " +
                   std::to_string(twin[0]));
  return {};
}

constexpr std::uint32_t number(ItemTrie::Node node) noexcept { return static_cast<std::uint32_t>(node); }

}  // namespace

Result<ItemTrie> ItemTrie::build(MatrixView<const Code> sids, std::span<const ItemId> items,
                                 std::uint32_t codebook_size) {
  PENCHANT_DO(check(sids, items, codebook_size));
  ItemTrie trie;
  trie.depth_ = sids.cols();
  if (items.empty()) return trie;
  const std::size_t n = items.size(), depth = sids.cols();
  const auto rows = sorted_rows(sids, items, codebook_size);

  // split[i]: levels that sorted row i shares with row i - 1; it opens a node at each deeper level.
  std::vector<std::uint32_t> split(n, 0), at_level(depth, 0);
  for (std::size_t i = 0; i < n; ++i) {
    std::size_t same = 0;
    if (i > 0)
      while (same < depth && sids(rows[i], same) == sids(rows[i - 1], same)) ++same;
    split[i] = static_cast<std::uint32_t>(same);
    for (std::size_t level = same; level < depth; ++level) ++at_level[level];
  }
  std::vector<std::uint32_t> next(depth);  // next node number of each level
  std::uint32_t total = 1;
  for (std::size_t level = 0; level < depth; ++level) {
    next[level] = total;
    total += at_level[level];
  }
  trie.first_leaf_ = total - at_level[depth - 1];
  trie.codes_.assign(total, 0);
  trie.offsets_.assign(total + 1, 0);
  trie.offsets_[0] = 1;
  trie.items_.resize(n);
  for (std::size_t i = 0; i < n; ++i) {
    trie.items_[i] = items[rows[i]];
    for (std::size_t level = split[i]; level < depth; ++level) {
      const std::uint32_t node = next[level]++;
      trie.codes_[node] = sids(rows[i], level);
      trie.offsets_[node] = level + 1 < depth ? next[level + 1] : static_cast<std::uint32_t>(i);
    }
  }
  trie.offsets_[total] = static_cast<std::uint32_t>(n);
  return trie;
}

ItemTrie::Edges ItemTrie::children(Node node) const noexcept {
  const std::uint32_t v = number(node);
  if (v >= first_leaf_) return {};
  const std::uint32_t begin = offsets_[v];
  const auto end = v + 1 == first_leaf_ ? static_cast<std::uint32_t>(codes_.size()) : offsets_[v + 1];
  return {std::span(codes_).subspan(begin, end - begin), begin};
}

std::optional<ItemTrie::Node> ItemTrie::child(Node node, Code code) const noexcept {
  const auto edges = children(node);
  const auto found = std::ranges::lower_bound(edges.codes, code);
  if (found == edges.codes.end() || *found != code) return std::nullopt;
  return Node{edges.first + static_cast<std::uint32_t>(found - edges.codes.begin())};
}

std::span<const ItemId> ItemTrie::items_at(Node leaf) const noexcept {
  const std::uint32_t v = number(leaf);
  if (v < first_leaf_ || v >= codes_.size()) return {};
  return std::span(items_).subspan(offsets_[v], offsets_[v + 1] - offsets_[v]);
}

std::span<const ItemId> ItemTrie::items_below(Node node) const noexcept {
  if (number(node) >= codes_.size()) return {};
  std::uint32_t first = number(node), last = first;  // leftmost and rightmost node of the level
  while (first < first_leaf_) {
    first = offsets_[first];
    const auto edges = children(Node{last});
    last = edges.first + static_cast<std::uint32_t>(edges.codes.size()) - 1;
  }
  return std::span(items_).subspan(offsets_[first], offsets_[last + 1] - offsets_[first]);
}

bool ItemTrie::any_below(Node node, const Bitmap& allowed) const noexcept {
  return std::ranges::any_of(items_below(node),
                             [&](ItemId item) { return allowed.test(catalog::index(item)); });
}

Code ItemTrie::code(Node node) const noexcept {
  return number(node) < codes_.size() ? codes_[number(node)] : Code{0};
}

std::optional<ItemTrie::Node> ItemTrie::find(std::span<const Code> prefix) const noexcept {
  if (codes_.empty()) return std::nullopt;
  std::optional<Node> node = Node::root;
  for (const auto code : prefix)
    if (!(node = child(*node, code))) return std::nullopt;
  return node;
}

Bitmap ItemTrie::mask(const Bitmap& allowed) const {
  Bitmap bits(codes_.size());
  for (std::uint32_t leaf = first_leaf_; leaf < codes_.size(); ++leaf)
    if (std::ranges::any_of(items_at(Node{leaf}),
                            [&](ItemId item) { return allowed.test(catalog::index(item)); }))
      bits.set(leaf);
  for (std::uint32_t node = first_leaf_; node-- > 0;) {  // children come later in breadth-first order
    const auto edges = children(Node{node});
    for (std::uint32_t c = 0; c < edges.codes.size(); ++c)
      if (bits.test(edges.first + c)) {
        bits.set(node);
        break;
      }
  }
  return bits;
}

}  // namespace penchant::semantic_id
