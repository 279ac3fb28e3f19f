#pragma once
/// \file Items and users on their way to the store, merged with what is there. Internal to import.
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "penchant/catalog/item.h"
#include "penchant/import/file_plan.h"
#include "penchant/store/store.h"

namespace penchant::import {

/// What a file says about an item replaces what an earlier file said about the same columns; other
/// columns, and vectors of other modalities, stay. Threads: one at a time.
class ItemSink {
 public:
  ItemSink(store::Store& store, bool dry_run) : store_(store), dry_run_(dry_run) {}
  /// A row of an items file; false: the id came before in this import (the last wins).
  Result<bool> put(catalog::Item item, const FilePlan& plan);
  /// Facts of an item from an events file: ignored where an items file of this import named it.
  /// The most frequent title and the last attribute values are kept.
  Status enrich(catalog::Item item);
  /// A vector of an existing or new item.
  Status put_vector(std::string id, catalog::ModalityVector vector);
  /// Writes what is pending; call at the end of each file.
  Status flush();
  [[nodiscard]] std::uint64_t written() const noexcept { return written_; }

 private:
  struct Pending {
    catalog::Item item;
    bool whole = false;  ///< from an items file: `replaced` and flags of the plan count
    std::vector<std::pair<std::string, std::uint32_t>> titles;  ///< in an events file, with their rows
  };
  static void count_title(Pending& pending, std::string&& title);
  Status flush_if_full() { return pending_.size() >= kBatch ? flush() : Status(); }

  static constexpr std::size_t kBatch = 5000;
  store::Store& store_;
  bool dry_run_;
  std::unordered_map<std::string, std::size_t> index_;  ///< id -> pending_
  std::vector<Pending> pending_;                        ///< in order of first appearance
  std::unordered_set<std::string> listed_;              ///< ids of items files
  const FilePlan* plan_ = nullptr;                      ///< of the whole records in pending_
  std::unordered_set<std::string> replaced_;            ///< attributes the plan brings
  std::uint64_t written_ = 0;
};

/// The same for users. Threads: one at a time.
class UserSink {
 public:
  UserSink(store::Store& store, bool dry_run) : store_(store), dry_run_(dry_run) {}
  /// false: the id came before in this import (the last wins, unless the plan gathers lists).
  Result<bool> put(catalog::User user, const FilePlan& plan);
  Status enrich(catalog::User user);
  Status flush();
  [[nodiscard]] std::uint64_t written() const noexcept { return written_; }

 private:
  struct Pending {
    catalog::User user;
    bool gather = false;
  };
  Pending& pending_for(const std::string& id);

  static constexpr std::size_t kBatch = 5000;
  store::Store& store_;
  bool dry_run_;
  std::unordered_map<std::string, std::size_t> index_;
  std::vector<Pending> pending_;
  std::unordered_set<std::string> listed_;
  const FilePlan* plan_ = nullptr;
  std::uint64_t written_ = 0;
};

}  // namespace penchant::import
