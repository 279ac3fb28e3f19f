#pragma once
/// \file One request on its way: what is allowed, what is known of the person, the candidates and
/// their features, the arranged list, its reasons. Layer 5, internal to the engine.
/// Lives inside one read lock; everything it views belongs to the world or to the request.
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "penchant/base/bitmap.h"
#include "penchant/base/clock.h"
#include "penchant/base/executor.h"
#include "penchant/explain/reasons.h"
#include "penchant/rank/ranker.h"
#include "penchant/recommend/engine.h"
#include "penchant/recommend/history_input.h"
#include "penchant/recommend/signals.h"
#include "penchant/recommend/state_cache.h"
#include "penchant/recommend/world.h"
#include "penchant/text/encoder.h"

namespace penchant::recommend {

inline constexpr std::size_t kMaxList = 1000;
inline constexpr std::size_t kMaxExclude = 10'000;
inline constexpr std::size_t kMaxSession = 1000;
inline constexpr std::size_t kMaxAnchors = 100;
inline constexpr std::size_t kMaxBoosts = 32;
inline constexpr std::size_t kMaxBeamWidth = 1024;
/// Up to this many allowed items all of them are candidates; above, the best of each source are.
inline constexpr std::size_t kRankAll = 4096;
/// Items at the top of the preliminary ranking whose generator score is computed exactly.
inline constexpr std::size_t kExactGenerator = 100;
/// At most this share of a list (but at least one place) goes to items that training never saw,
/// unless the others do not fill it.
inline constexpr double kMaxColdShare = 0.3;
/// At least this share of a list of twenty or more goes to them, at its end where their scores alone do not lift them:
/// what nobody is shown nobody can choose.
inline constexpr double kLeastColdShare = 0.05;
/// An item is named as found by a source when it is among its best so many.
inline constexpr std::size_t kNamedDepth = 50;
/// Repeats below this share of all events: people do not come back to what they know.
inline constexpr double kRepeatShare = 0.01;
/// Longest time that reasons of one list may take, beside the deadline.
inline constexpr std::int64_t kExplainBudgetMs = 1500;

/// What a run needs from its engine. Views: live as long as the run.
struct RunContext {
  const World* world = nullptr;
  StateCache* states = nullptr;
  const text::SentenceEncoder* encoder = nullptr;  ///< null: none
  std::string_view encoder_problem;                ///< why there is none
  const EngineOptions* options = nullptr;
  Executor* executor = nullptr;
  std::int64_t now_ms = 0;
};

/// Threads: used by one.
class RequestRun {
 public:
  RequestRun(const RunContext& context, const Request& request);
  /// Checks the request alone; invalid_argument naming the field.
  static Status check(const Request& request);

  Result<Response> list();                                   ///< the whole way
  Result<ScoredItem> explain_one(ItemId item);               ///< one item, whether or not it is listed
  Result<std::vector<double>> score_all();                   ///< [items], exact, -inf = not allowed

 private:
  /// What found a candidate; in the order of the names.
  enum class Source : std::uint8_t { content, dense, fresh, generator, lexical, popular, towers, transitions };
  static constexpr std::string_view kSourceNames[] = {"content", "dense", "fresh", "generator", "lexical", "popular", "towers", "transitions"};
  class Removal;  ///< Rescorer of explain: scores with evidence taken away
  using Steady = std::chrono::steady_clock;

  Status prepare();                 ///< allow, history, state, signals, query
  Status read_allowed();
  Status read_history();
  Status read_state();
  Status read_query();
  void read_anchors();
  Status read_boosts();
  void choose_task();
  Status find_candidates();         ///< pool_ and found_by_
  [[nodiscard]] bool ranks_all() const;  ///< every allowed item is a candidate
  Status run_beam();                ///< candidates and scores of the generator
  void add_candidates(Source source, std::span<const float> scores);
  void add_candidate(std::uint32_t row, Source source, std::size_t rank);
  void fill_features();             ///< features_ of pool_, generator as far as known
  void exact_generator(std::size_t count);
  void apply_boosts();
  [[nodiscard]] std::vector<std::size_t> arrange();  ///< positions in pool_, best first
  [[nodiscard]] bool is_cold(std::size_t position) const;  ///< training saw no event of the candidate
  void reserve_for_cold(std::vector<std::size_t>& list) const;  ///< kLeastColdShare
  [[nodiscard]] ScoredItem scored(std::size_t position, std::size_t rank) const;
  void explain(std::vector<ScoredItem>& items, std::span<const std::size_t> positions);
  [[nodiscard]] explain::Context reason_context(std::span<const std::size_t> positions);
  [[nodiscard]] std::vector<std::size_t> events_to_try(std::span<const std::size_t> positions) const;
  [[nodiscard]] std::vector<explain::InputDrop> input_drops(std::size_t position);
  [[nodiscard]] explain::Tone tone_of(const HistoryEvent& event) const;
  void fill_query_features(std::span<const std::uint32_t> rows, MatrixView<float> out) const;
  [[nodiscard]] bool uses(rank::Feature feature) const;
  [[nodiscard]] bool expired() const;
  void lap(std::string_view stage);  ///< time since the last call, to the timings
  void degrade(std::string part, std::string why);

  const RunContext& context_;
  const World& world_;
  const Request& request_;
  Steady::time_point start_ = Steady::now(), lap_ = start_;
  Response response_;

  Bitmap allowed_;                          ///< [items]
  std::size_t allowed_count_ = 0;           ///< from find_candidates() on
  const Person* person_ = nullptr;
  UserId user_{};
  std::vector<HistoryEvent> history_;       ///< stored, then session
  std::vector<ItemId> history_items_;
  std::size_t stored_events_ = 0;
  std::vector<std::uint8_t> seen_;          ///< [items]
  nn::UserState state_;                     ///< after the whole history
  HistorySignals signals_;
  rank::Task task_ = rank::Task::guest;
  rank::Ranker ranker_;

  std::vector<ItemId> anchors_;
  std::vector<float> anchor_vector_, anchor_content_, anchor_transitions_;  ///< [items] or empty
  std::vector<std::string> terms_;
  std::vector<Bitmap> boosted_;                        ///< [boosts] of [items]
  std::unordered_map<std::uint32_t, float> lexical_;   ///< row -> BM25
  float best_lexical_ = 0;
  std::vector<float> text_;                            ///< [items], cosine with the query; or empty

  std::vector<std::uint32_t> pool_;                    ///< candidate rows, ascending
  Matrix<float> features_;                             ///< [pool, kFeatures]
  std::vector<double> scores_;                         ///< [pool]
  std::vector<double> boosts_;                         ///< [pool], part of scores_
  Bitmap found_;                                       ///< [items] candidates
  std::vector<std::uint8_t> found_by_;                 ///< [items] bit s: among the best of Source s
  std::unordered_map<std::uint32_t, float> beam_;      ///< row -> exact path score
  float beam_floor_ = 0;                               ///< for rows that the beam did not reach
  std::vector<std::uint8_t> exact_;                    ///< [pool], 1: generator score is exact

  std::vector<float> medians_;              ///< [kFeatures] over the pool; empty until needed
  // Backing of explain::Context.
  std::vector<explain::ListedItem> listed_;
  std::vector<explain::PastEvent> past_;
  std::vector<std::size_t> tried_;
  std::vector<explain::NamedValue> anchor_names_;
};

}  // namespace penchant::recommend
