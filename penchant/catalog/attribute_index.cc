#include "penchant/catalog/attribute_index.h"

#include <map>
#include <unordered_map>

#include "penchant/catalog/filter_value.h"
#include "penchant/catalog/text_form.h"

namespace penchant::catalog {
namespace {

/// A row's slot: nothing, one dictionary entry, or (top bit) a list of entries.
using Slot = std::uint32_t;
constexpr Slot kNone = 0x7fffffff;
constexpr Slot kListBit = 0x80000000;

class Column {
 public:
  void set(std::size_t row, const AttributeValue* value) {
    if (value == nullptr && row >= slots_.size()) return;
    if (row >= slots_.size()) slots_.resize(row + 1, kNone);
    Slot& slot = slots_[row];
    if ((slot & kListBit) != 0) {
      auto& old = lists_[slot & ~kListBit];
      old.clear();
      free_lists_.push_back(slot & ~kListBit);
    }
    slot = kNone;
    if (value == nullptr) return;
    std::vector<Operand> operands;
    append_operands(*value, operands);
    if (operands.empty()) return;
    if (operands.size() == 1) {
      slot = code_of(std::move(operands.front()));
      return;
    }
    if (free_lists_.empty()) {
      free_lists_.push_back(static_cast<Slot>(lists_.size()));
      lists_.emplace_back();
    }
    slot = free_lists_.back() | kListBit;
    free_lists_.pop_back();
    auto& list = lists_[slot & ~kListBit];
    list.reserve(operands.size());
    for (auto& operand : operands) list.push_back(code_of(std::move(operand)));
  }

  /// Sets the bits of the rows of which one element is `accepted` (by dictionary entry).
  void mark(const std::vector<std::uint8_t>& accepted, Bitmap& out) const {
    for (std::size_t row = 0; row < slots_.size(); ++row) {
      const Slot slot = slots_[row];
      if (slot == kNone) continue;
      if ((slot & kListBit) == 0) {
        if (accepted[slot] != 0) out.set(row);
        continue;
      }
      for (const Slot code : lists_[slot & ~kListBit])
        if (accepted[code] != 0) {
          out.set(row);
          break;
        }
    }
  }

  /// accepted[code] = 1 where the entry compares as asked with one of the literals.
  [[nodiscard]] std::vector<std::uint8_t> accept(FilterOp op, const std::vector<Operand>& literals) const {
    std::vector<std::uint8_t> out(entries_.size(), op == FilterOp::exists ? 1 : 0);
    for (std::size_t code = 0; code < entries_.size() && op != FilterOp::exists; ++code)
      for (const auto& literal : literals)
        if (holds(op, entries_[code], literal)) {
          out[code] = 1;
          break;
        }
    return out;
  }

  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    std::size_t bytes = slots_.capacity() * sizeof(Slot) + lists_.capacity() * sizeof(lists_[0]) +
                        entries_.capacity() * (sizeof(Operand) + 64);
    for (const auto& list : lists_) bytes += list.capacity() * sizeof(Slot);
    for (const auto& entry : entries_) bytes += 2 * entry.folded.capacity();
    return bytes;
  }

 private:
  Slot code_of(Operand&& operand) {
    std::string key(1, static_cast<char>('0' + static_cast<int>(operand.kind)));
    key.append(operand.folded);
    const auto [found, added] = codes_.try_emplace(std::move(key), static_cast<Slot>(entries_.size()));
    if (added) {
      PENCHANT_CHECK(entries_.size() < kNone, "too many distinct values");
      entries_.push_back(std::move(operand));
    }
    return found->second;
  }

  std::vector<Slot> slots_;  ///< [<= rows]
  std::vector<std::vector<Slot>> lists_;
  std::vector<Slot> free_lists_;
  std::vector<Operand> entries_;                 ///< the dictionary
  std::unordered_map<std::string, Slot> codes_;  ///< kind and folded text -> entry
};

}  // namespace

struct AttributeIndex::Impl {
  std::map<std::string, Column, std::less<>> columns;
  Column id, title, available;
  std::size_t rows = 0;

  void put(std::size_t row, const Item& item) {
    for (auto& [name, column] : columns)
      if (!item.attributes.contains(name)) column.set(row, nullptr);
    for (const auto& [name, value] : item.attributes) columns[name].set(row, &value);
    const AttributeValue id_value = item.id, title_value = item.title, available_value = item.available;
    id.set(row, &id_value);
    title.set(row, item.title.empty() ? nullptr : &title_value);
    available.set(row, &available_value);
  }

  [[nodiscard]] const Column* find(std::string_view name) const {
    if (const auto found = columns.find(name); found != columns.end()) return &found->second;
    return name == "id" ? &id : name == "title" ? &title : name == "available" ? &available : nullptr;
  }

  [[nodiscard]] std::vector<std::string> names() const {
    std::map<std::string, int> all{{"id", 0}, {"title", 0}, {"available", 0}};
    for (const auto& [name, column] : columns) all[name] = 0;
    std::vector<std::string> out;
    for (const auto& [name, unused] : all) out.push_back(name);
    return out;
  }

  Result<Bitmap> evaluate(const FilterNode& node, const Attributes* user,
                          std::vector<std::string>* unresolved) const {
    if (node.op == FilterOp::negation) {
      PENCHANT_TRY(out, evaluate(node.children.front(), user, unresolved));
      return Bitmap(out.flip());
    }
    if (node.op == FilterOp::all_of || node.op == FilterOp::any_of) {
      Bitmap out(rows, node.op == FilterOp::all_of);
      for (const auto& child : node.children) {
        PENCHANT_TRY(bits, evaluate(child, user, unresolved));
        if (node.op == FilterOp::all_of)
          out &= bits;
        else
          out |= bits;
      }
      return out;
    }
    const Column* column = find(node.attribute);
    if (column == nullptr)
      return invalid("filter, column " + std::to_string(node.column) + ": no item has an attribute '" +
                     quoted_for_message(node.attribute) + "'" + near_names_hint(node.attribute, names()));
    Bitmap out(rows);
    const auto literals = resolve(node, user, unresolved);
    if (!literals) return out;
    const bool negated = node.op == FilterOp::not_equal || node.op == FilterOp::not_in;
    column->mark(column->accept(negated ? FilterOp::equal : node.op, *literals), out);
    if (negated) out.flip();
    return out;
  }
};

AttributeIndex::AttributeIndex() : impl_(std::make_unique<Impl>()) {}
AttributeIndex::~AttributeIndex() = default;
AttributeIndex::AttributeIndex(AttributeIndex&&) noexcept = default;
AttributeIndex& AttributeIndex::operator=(AttributeIndex&&) noexcept = default;

Status AttributeIndex::append(ItemId id, const Item& item) {
  if (index(id) != impl_->rows)
    return invalid("attribute index: row " + std::to_string(index(id)) + " is not the next row " +
                   std::to_string(impl_->rows));
  impl_->put(impl_->rows++, item);
  return {};
}

Status AttributeIndex::replace(ItemId id, const Item& item) {
  if (index(id) >= impl_->rows)
    return Error{ErrorCode::not_found, "attribute index: no row " + std::to_string(index(id))};
  impl_->put(index(id), item);
  return {};
}

std::size_t AttributeIndex::rows() const noexcept { return impl_->rows; }
std::vector<std::string> AttributeIndex::names() const { return impl_->names(); }

Result<Bitmap> AttributeIndex::evaluate(const Filter& filter, const Attributes* user,
                                        std::vector<std::string>* unresolved) const {
  return impl_->evaluate(filter.root(), user, unresolved);
}

std::size_t AttributeIndex::memory_bytes() const noexcept {
  std::size_t bytes =
      impl_->id.memory_bytes() + impl_->title.memory_bytes() + impl_->available.memory_bytes();
  for (const auto& [name, column] : impl_->columns) bytes += column.memory_bytes();
  return bytes;
}

}  // namespace penchant::catalog
