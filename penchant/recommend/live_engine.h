#pragma once
/// \file The engine over a store: a world under one lock, writes that are durable first. Layer 5,
/// internal: callers use Engine::open.
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <string>
#include <vector>

#include "penchant/recommend/engine.h"
#include "penchant/recommend/request_run.h"
#include "penchant/recommend/state_cache.h"
#include "penchant/recommend/world.h"
#include "penchant/text/encoder.h"
#include "penchant/text/vector_cache.h"

namespace penchant::recommend {

class LiveEngine final : public Engine {
 public:
  LiveEngine(store::Store& store, EngineOptions options, Executor& executor, const Clock& clock);
  Status open();
  /// The same with an encoder given (tests, other encoders); null: none, for the reason given.
  Status open(std::unique_ptr<text::SentenceEncoder> encoder, std::string problem = "no sentence encoder is configured");

  Result<Response> recommend(const Request& request) override;
  Result<ScoredItem> explain(const Request& request, const std::string& item) override;
  Result<ItemCard> item_card(const std::string& item) override;
  Result<IdTree> id_tree(const IdTreeQuery& query) override;
  Result<std::vector<double>> score_all(const Request& request) override;

  Result<store::AppendReport> append_events(std::span<const catalog::Event> events,
                                            const store::AppendOptions& options) override;
  Status put_items(std::span<const catalog::Item> items) override;
  Status put_users(std::span<const catalog::User> users) override;
  Status delete_item(const std::string& id) override;
  Status delete_user(const std::string& id) override;
  Status promote(const std::string& release) override;
  Status reload() override;
  [[nodiscard]] std::string live_release() const override;

 private:
  /// Item vectors of the modalities of a release, ready for World::place_item.
  struct Content {
    std::vector<std::vector<float>> parts;  ///< [modalities], L2-normalised; empty = missing
    std::string text;                       ///< what was encoded
    [[nodiscard]] std::vector<std::span<const float>> spans() const { return {parts.begin(), parts.end()}; }
  };
  /// Readers pass the gate too, so that a waiting writer is not starved by a stream of readers.
  [[nodiscard]] std::shared_lock<std::shared_mutex> read_lock() const;
  [[nodiscard]] std::unique_lock<std::shared_mutex> write_lock();
  [[nodiscard]] RunContext context() const;

  /// Opening has to be quick: at most so many texts of new items are encoded then (others come from
  /// the cache); reload() encodes all.
  static constexpr std::size_t kEncodedAtOpen = 32;
  static constexpr std::size_t kNoLimit = static_cast<std::size_t>(-1);
  Result<std::unique_ptr<World>> load_world(std::size_t encode_at_most);
  Status load_live_release(World& world, std::size_t encode_at_most);
  /// Places all items that the release does not know, texts encoded in one batch.
  Status place_new_items(World& world, std::size_t first_row, std::size_t encode_at_most);
  /// \param left_out receives how many texts were beyond the limit
  [[nodiscard]] std::vector<Content> contents_of(const ReleaseModel& model, std::span<const catalog::Item> items,
                                                 std::size_t encode_at_most = kNoLimit, std::size_t* left_out = nullptr);
  [[nodiscard]] const text::SentenceEncoder* encoder_for(const ReleaseModel* model) const;

  // Under writing_: bring memory to what the store holds.
  Status apply_items(std::span<const catalog::Item> items, std::span<const Content> contents);
  Status apply_tail();
  Status reload_locked();
  Status learn_rows();

  store::Store& store_;          ///< outlives the engine
  const EngineOptions options_;
  Executor& executor_;           ///< likewise
  const Clock& clock_;           ///< likewise
  std::unique_ptr<text::SentenceEncoder> encoder_;
  std::string encoder_problem_;  ///< why there is none
  std::unique_ptr<text::VectorCache> texts_;  ///< null without an encoder
  mutable std::mutex gate_;
  mutable std::shared_mutex world_mutex_;
  std::mutex writing_;           ///< one writer at a time; taken before the world's lock
  std::mutex pending_mutex_;
  /// Ids of events on their way into the store that memory may not know; whoever reads the tail of
  /// the log learns them, because the events of several callers are committed together.
  std::multiset<std::string> pending_users_, pending_items_;
  std::unique_ptr<World> world_; ///< guarded by world_mutex_
  mutable StateCache states_;
};

}  // namespace penchant::recommend
