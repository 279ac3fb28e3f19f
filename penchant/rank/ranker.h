#pragma once
/// \file One scoring step for every task: named features times the weights of the task. Layer 4.
///
/// ranker.json: {"features": ["dense", …], "tasks": {"recommend": {"weights": […]}, …}}; one weight
/// per listed feature, in that order. Features that the file does not list weigh 0; tasks it does
/// not hold keep their default weights. Tasks and when they apply:
///   recommend  there is a history        guest    there is none: popular items, lately chosen ones first
///   search     there is a query          similar  there are anchor items
/// The features of an item:
///   dense       log-softmax of the dense head over all items, given the history
///   generator   log-probability of the item's semantic ID, given the history
///   transitions log1p(1000 * score of retrieve/transitions.h)
///   popularity  log1p(events of the item)
///   recency     -log1p(days between the item's last event and the request); 0 where times are positions
///   content     cosine of the item's content vector and the profile of the recent history
///   seen        1 if the item is in the history
///   cold        1 if training saw no event of the item
///   alike       share of the item's lenders (retrieve/lenders.h) in the history, each by its lending weight times 0.7^age
///   towers      log-softmax of the two towers over all items, given the history (nn/towers.h)
///   lexical     BM25 of the query, divided by the best one of the list
///   text        cosine of the query's and the item's sentence vectors
///   anchor_vector, anchor_content, anchor_transitions
///               mean over the anchors: cosine of item vectors, cosine of content vectors, and
///               log1p(1000 * transition score with the anchors as history)
/// A feature that has no value for a request is 0 for every item, so it moves nothing.
#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "penchant/base/matrix_view.h"
#include "penchant/base/result.h"

namespace penchant::rank {

enum class Feature : std::uint8_t {
  dense, generator, transitions, popularity, recency, content, seen, cold, towers, alike,
  lexical, text, anchor_vector, anchor_content, anchor_transitions,
};
inline constexpr std::size_t kFeatures = 15;
/// The first of them, which a history alone decides: the columns of recommend::Scorer.
inline constexpr std::size_t kHistoryFeatures = 10;
[[nodiscard]] std::string_view name_of(Feature feature) noexcept;
[[nodiscard]] constexpr std::size_t column(Feature feature) noexcept { return static_cast<std::size_t>(feature); }

enum class Task : std::uint8_t { recommend, guest, search, similar };
inline constexpr std::size_t kTasks = 4;
[[nodiscard]] std::string_view name_of(Task task) noexcept;

using Weights = std::array<double, kFeatures>;

/// Linear weights of every task. A value; threads: const calls are safe together.
class Ranker {
 public:
  Ranker();  ///< the default weights, chosen by hand
  /// Parses text of at most 1 MiB; corrupt, naming the field, on anything unexpected, not finite or
  /// beyond +-1e6.
  static Result<Ranker> parse(std::string_view json);
  /// Reads `<file>`; the defaults when it does not exist.
  static Result<Ranker> load(const std::string& file);
  [[nodiscard]] std::string to_json() const;

  [[nodiscard]] const Weights& weights(Task task) const noexcept { return tasks_[static_cast<std::size_t>(task)]; }
  void set_weights(Task task, const Weights& weights) { tasks_[static_cast<std::size_t>(task)] = weights; }
  /// Sum of weight times value; `features` [kFeatures] or a prefix of it.
  [[nodiscard]] double score(Task task, std::span<const float> features) const noexcept;

 private:
  std::array<Weights, kTasks> tasks_{};
};

}  // namespace penchant::rank
