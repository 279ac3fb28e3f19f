#pragma once
/// \file The live memory of a project: catalogue, people, counts and the tables of the live release,
/// with the changes that writes make. Layer 5. No locks here: the engine holds them.
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "penchant/base/bitmap.h"
#include "penchant/base/result.h"
#include "penchant/catalog/attribute_index.h"
#include "penchant/catalog/item.h"
#include "penchant/recommend/paths.h"
#include "penchant/recommend/release_model.h"
#include "penchant/recommend/signals.h"
#include "penchant/retrieve/lexical.h"
#include "penchant/retrieve/popularity.h"
#include "penchant/retrieve/transitions.h"
#include "penchant/semantic_id/prefix_names.h"
#include "penchant/store/store.h"

namespace penchant::recommend {

using catalog::UserId;

/// Number of an attribute value ("genres" = "Comedy") in the project, for reasons.
using FacetId = std::uint32_t;
struct Facet {
  std::string attribute, value;
};

/// One event that is learned from (type weight > 0).
struct HistoryEntry {
  ItemId item{};
  std::uint16_t type = 0;
  std::uint64_t seq = 0;
  double value = 0;          ///< NaN: none
  std::int64_t time_ms = 0;
};

struct Person {
  std::string id;                        ///< empty: deleted, or the row is not used
  catalog::Attributes attributes;
  std::vector<HistoryEntry> history;     ///< by (time, seq)
  std::vector<ItemId> disliked;          ///< items of events with negative weight
  std::uint32_t version = 0;             ///< changes when the history does other than grow at its end
};

/// Threads: const calls are safe together; changes need it alone.
class World {
 public:
  World();

  // Catalogue. Rows come in order; a row that is there is replaced.
  Status put_item(ItemId row, const catalog::Item& item);
  void set_available(ItemId row, bool available);
  [[nodiscard]] std::size_t items() const noexcept { return ids.size(); }
  [[nodiscard]] std::optional<ItemId> find_item(std::string_view id) const;

  // People and events.
  void put_user(UserId row, std::string id, catalog::Attributes attributes);
  void forget_user(UserId row);
  [[nodiscard]] const Person* find_user(std::string_view id, UserId* row = nullptr) const;
  /// Adds an event to the history and to all counts. Rows must exist.
  void add_event(const store::StoredEvent& event);
  /// Loading: events of one user after another, in order; counts follow in finish_loading().
  void load_event(const store::StoredEvent& event);
  void finish_loading();
  /// Share of events that repeat an item of the same user.
  [[nodiscard]] double repeat_share() const noexcept;

  /// Puts the tables of a release in place: its rows must be the first rows of the catalogue.
  /// \param made of the release alone
  /// \return invalid_argument when it was trained on another catalogue
  Status adopt(LoadedRelease release, Paths made);
  /// Content of an item that the release does not know: codes and vectors; nothing else moves.
  /// settle_items() must follow, once for many. \param modalities as concatenate(); all empty = blank
  Status place_item(ItemId row, std::span<const std::span<const float>> modalities);
  /// New content of a trained item: search and similarity follow, its ID and vector stay.
  void refresh_content(ItemId row, std::span<const std::span<const float>> modalities);
  /// Placed items borrow from those alike, and can be found by their codes.
  Status settle_items(Executor& executor);
  [[nodiscard]] bool trained_row(ItemId row) const noexcept {
    return model != nullptr && index(row) < model->manifest.model.items;
  }
  [[nodiscard]] std::string_view type_name(std::uint16_t type) const;
  [[nodiscard]] FacetId facet(const std::string& attribute, const std::string& value);
  /// There must be a model.
  [[nodiscard]] generate::Generator generator() const { return generator_of(*model, tables, paths); }
  [[nodiscard]] CountViews count_views() const { return {&transitions, popularity.last_seen_ms()}; }

  std::vector<std::string> ids, titles;                ///< [items]
  std::vector<std::vector<FacetId>> facets_of;         ///< [items], texts and list elements, sorted
  std::vector<Facet> facets;
  Bitmap available;                                    ///< [items]
  catalog::AttributeIndex attributes;
  semantic_id::PrefixNamer names;                      ///< what items have, to name groups of them
  std::unique_ptr<retrieve::LexicalIndex> lexical;
  std::vector<Person> people;                          ///< by UserId
  retrieve::TransitionModel transitions;               ///< all events of the store
  retrieve::Popularity popularity;
  std::vector<store::EventType> types;
  std::map<std::uint16_t, double> highest_value;       ///< per event type, to tell a high rating from a low one
  std::uint64_t last_seq = 0;
  bool calendar_times = true;                          ///< false: times are positions, now means nothing
  std::string item_noun = "items";                     ///< plural, for template lines

  std::shared_ptr<const ReleaseModel> model;           ///< null: no release
  ItemTables tables;                                   ///< rows = items() where there is a model
  Paths paths;
  MedianItem median;
  std::size_t texts_left_out = 0;                      ///< new items whose text is not encoded yet

 private:
  std::unordered_map<std::string, ItemId> row_of_;
  std::unordered_map<std::string, UserId> person_of_;
  std::map<std::pair<std::string, std::string>, FacetId> facet_of_;
  std::uint64_t events_ = 0, repeats_ = 0;
  std::vector<std::uint32_t> placed_;  ///< since settle_items()
};

}  // namespace penchant::recommend
