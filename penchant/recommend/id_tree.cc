#include "penchant/recommend/id_tree.h"

#include <algorithm>

namespace penchant::recommend {
namespace {

using semantic_id::ItemTrie;
using semantic_id::PrefixName;

class Browser {
 public:
  Browser(const World& world, const IdTreeQuery& query) : world_(world), query_(query) {}

  Result<IdTree> browse() {
    IdTree out{.release = world_.model->manifest.name, .levels = world_.model->manifest.model.levels};
    auto root = node({}, ItemTrie::Node::root);
    all_ = root.items;
    if (all_ == 0) return Error{ErrorCode::not_found, "no available item has a semantic ID"};
    root.share = 1;
    out.path.push_back(std::move(root));
    auto at = ItemTrie::Node::root;
    for (const Code code : query_.prefix) {
      const auto name = world_.names.child(world_.paths.trie, at, code, &world_.available);
      if (!name) return Error{ErrorCode::not_found, "no available item has a semantic ID that begins with " + asked()};
      at = name->node;
      out.path.push_back(named(out.path.back().prefix, *name));
    }
    if (world_.paths.trie.is_leaf(at)) list_items(at, out);
    else list_children(at, out);
    return out;
  }

 private:
  [[nodiscard]] std::string asked() const {
    std::string text;
    for (const Code code : query_.prefix) text += (text.empty() ? "" : ",") + std::to_string(code);
    return text;
  }

  /// Available items below, the most events first, then by row.
  [[nodiscard]] std::vector<ItemId> items_below(ItemTrie::Node at, std::size_t most) const {
    std::vector<ItemId> items;
    for (const ItemId item : world_.paths.trie.items_below(at))
      if (world_.available.test(index(item))) items.push_back(item);
    const auto before = [&](ItemId a, ItemId b) {
      const auto more = world_.transitions.count(a), less = world_.transitions.count(b);
      return more != less ? more > less : a < b;
    };
    const auto cut = items.begin() + static_cast<std::ptrdiff_t>(std::min(most, items.size()));
    std::partial_sort(items.begin(), cut, items.end(), before);
    items.erase(cut, items.end());
    return items;
  }

  [[nodiscard]] IdTreeNode::Example example(ItemId item) const {
    const auto events = std::max<std::int64_t>(world_.transitions.count(item), 0);
    return {world_.ids[index(item)], world_.titles[index(item)], static_cast<std::uint64_t>(events)};
  }

  [[nodiscard]] IdTreeNode node(std::vector<Code> prefix, ItemTrie::Node at) const {
    IdTreeNode out{.prefix = std::move(prefix)};
    if (world_.paths.trie.nodes() == 0) return out;
    for (const ItemId item : world_.paths.trie.items_below(at)) out.items += world_.available.test(index(item)) ? 1 : 0;
    if (all_ > 0) out.share = static_cast<double>(out.items) / static_cast<double>(all_);
    for (const ItemId item : items_below(at, query_.examples)) out.examples.push_back(example(item));
    return out;
  }

  [[nodiscard]] IdTreeNode named(std::vector<Code> parent, const PrefixName& name) const {
    parent.push_back(name.code);
    IdTreeNode out = node(std::move(parent), name.node);
    out.name = name.name;
    for (const auto& term : name.terms)
      out.terms.push_back({term.feature.attribute, term.feature.value, term.share, term.share_outside});
    return out;
  }

  void list_children(ItemTrie::Node at, IdTree& out) const {
    auto names = world_.names.children(world_.paths.trie, at, &world_.available);
    out.below = names.size();
    std::stable_sort(names.begin(), names.end(), [](const PrefixName& a, const PrefixName& b) { return a.items > b.items; });
    const auto& parent = out.path.back().prefix;
    for (std::size_t i = query_.offset; i < names.size() && i - query_.offset < query_.limit; ++i)
      out.children.push_back(named(parent, names[i]));
  }

  void list_items(ItemTrie::Node at, IdTree& out) const {
    out.below = out.path.back().items;
    if (query_.offset >= out.below) return;
    const auto items = items_below(at, query_.offset + std::min(query_.limit, out.below - query_.offset));
    for (std::size_t i = query_.offset; i < items.size(); ++i) out.items.push_back(example(items[i]));
  }

  const World& world_;        // both live through id_tree_of
  const IdTreeQuery& query_;
  std::size_t all_ = 0;       // available items with an ID
};

}  // namespace

Result<IdTree> id_tree_of(const World& world, const IdTreeQuery& query) {
  if (world.model == nullptr)
    return Error{ErrorCode::not_found, "no release is live, so items have no semantic IDs yet: train one first"};
  if (query.prefix.size() > world.model->manifest.model.levels)
    return invalid("prefix: " + std::to_string(query.prefix.size()) + " codes, a semantic ID of this release has " +
                   std::to_string(world.model->manifest.model.levels));
  return Browser(world, query).browse();
}

}  // namespace penchant::recommend
