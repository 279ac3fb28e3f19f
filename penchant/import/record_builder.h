#pragma once
/// \file From a row and a plan to an item, a user or an event. Internal to import.
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "penchant/catalog/item.h"
#include "penchant/import/file_plan.h"

namespace penchant::import {

/// What one row of an events file says.
struct EventDraft {
  catalog::Event event;
  std::int64_t position = 0;  ///< where the file has one
  catalog::Item item;         ///< embedded facts of the item; id is set
  catalog::Attributes user;   ///< embedded facts of the user
  bool has_item_facts = false;
};

/// Threads: one at a time.
class RecordBuilder {
 public:
  explicit RecordBuilder(const FilePlan& plan) : plan_(plan), uses_(plan.uses) {}

  /// Each returns the reason to reject the row, or an empty text. `columns` are the reader's.
  std::string item(const Row& row, const std::vector<Column>& columns, catalog::Item& out);
  std::string user(const Row& row, const std::vector<Column>& columns, catalog::User& out);
  std::string event(const Row& row, const std::vector<Column>& columns, EventDraft& out);

  [[nodiscard]] const std::vector<ColumnUse>& uses() const noexcept { return uses_; }
  [[nodiscard]] std::uint64_t texts_cut() const noexcept { return texts_cut_; }
  [[nodiscard]] std::uint64_t attributes_dropped() const noexcept { return attributes_dropped_; }
  /// Reason why the vector of the last record was left out; empty: none was.
  [[nodiscard]] const std::string& vector_problem() const noexcept { return vector_problem_; }
  /// Dimension that vectors of a modality must have (that of the first one).
  std::map<std::string, std::size_t>& dimensions() noexcept { return dimensions_; }

 private:
  const ColumnUse& use_of(std::uint32_t column, const std::vector<Column>& columns);
  std::string id_of(const Cell& cell, const ColumnUse& use, const char* what, std::string& out);
  std::string cut(std::string_view text);
  void put_attribute(const Cell& cell, const ColumnUse& use, catalog::Attributes& out);
  void put_vector(const Cell& cell, const ColumnUse& use, catalog::Item& out);
  void put_item_cell(const Cell& cell, const ColumnUse& use, catalog::Item& out);
  std::string event_cell(const Cell& cell, const ColumnUse& use, EventDraft& out);

  const FilePlan& plan_;
  std::vector<ColumnUse> uses_;  ///< of the plan, and of columns that came up later
  std::map<std::string, std::size_t> dimensions_;
  std::uint64_t texts_cut_ = 0, attributes_dropped_ = 0;
  std::string vector_problem_;
  std::string scratch_;
  bool has_time_ = false;
};

/// Reads "0.1 0.2 …", "[0.1, 0.2]" into numbers; false when something else stands there.
[[nodiscard]] bool parse_vector_text(std::string_view text, std::vector<float>& out);

}  // namespace penchant::import
