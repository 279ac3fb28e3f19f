#pragma once
/// \file The user model of a release as a part of another model: history in, user vector out, at the moment it
/// is asked. Layer 5.
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "penchant/artifact/manifest.h"
#include "penchant/base/executor.h"
#include "penchant/base/matrix_view.h"
#include "penchant/base/result.h"
#include "penchant/recommend/alignment.h"
#include "penchant/recommend/release_model.h"
#include "penchant/recommend/scorer.h"

namespace penchant::recommend {

/// What a downstream model may embed: no catalogue, no rules, no ranking. User and item vectors lie in one space
/// of d numbers and are what the dense head multiplies: unit vectors where the release is normalised, so that
/// their dot product times a number is the score of the dense head, item biases aside.
/// Its vectors are those of the release, or, once aligned, in the coordinates of another one.
/// Threads: const calls are safe together.
class UserModel {
 public:
  /// \return not_found, or corrupt naming file and tensor
  static Result<std::unique_ptr<UserModel>> load(const std::string& folder);

  /// What turns these vectors into the coordinates of `anchor`, learned from the items that both releases were
  /// trained on, matched by id, and from users as both read them: after the whole history, and after its first
  /// half, quarter, eighth and sixteenth, since what a short history looks like is not what items and long ones tell.
  /// \param histories of some users, best as many as there are items; their item rows mean the same in both. May be empty
  /// \return invalid_argument when sizes differ or too little is shared
  Result<Alignment> alignment_to(const UserModel& anchor, std::span<const std::vector<HistoryEvent>> histories, Executor& executor) const;
  /// From now on all vectors are turned so. Once at most.
  void align(Alignment alignment, Executor& executor);

  /// After the newest max_len events; events of items that the release does not know are left out, and an empty
  /// vector comes back where none is left.
  Result<std::vector<float>> user_vector(std::span<const HistoryEvent> history) const;
  /// After each of several beginnings of one history, [after.size(), d]; a zero row where there is nothing to read.
  /// As exact as user_vector(), at the cost of one pass for all that are at most max_len events long.
  /// \param after numbers of events, ascending, at most history.size()
  Result<Matrix<float>> user_vectors(std::span<const HistoryEvent> history, std::span<const std::size_t> after) const;
  /// One event as the network reads it: rows of its tables of items, actions and gaps.
  struct Input {
    std::uint32_t item = 0, action = 0, gap = 0;
  };
  /// The events of known items, oldest first. \param before receives, [history.size() + 1], how many of them every
  /// beginning of the history holds
  [[nodiscard]] std::vector<Input> inputs(std::span<const HistoryEvent> history, std::vector<std::size_t>& before) const;
  /// [items, d]; a row of zeros: the item has no vector. Lives until the model is aligned.
  [[nodiscard]] MatrixView<const float> item_vectors() const noexcept { return items_.view(); }
  [[nodiscard]] std::span<const std::string> item_ids() const noexcept { return release_.ids; }
  [[nodiscard]] std::size_t dim() const noexcept { return items_.cols(); }
  [[nodiscard]] const artifact::Manifest& manifest() const noexcept { return release_.model->manifest; }

 private:
  explicit UserModel(LoadedRelease release);
  /// The events of known items, and for every beginning of the history how many of them it holds.
  struct Known {
    std::vector<HistoryEvent> events;
    std::vector<std::size_t> before;  ///< [history.size() + 1]
  };
  [[nodiscard]] Known known(std::span<const HistoryEvent> history) const;
  /// From a user state h, [d], to `out`, [d].
  void finish(std::span<const float> hidden, std::span<float> out) const;

  LoadedRelease release_;
  std::optional<Alignment> alignment_;
  Matrix<float> items_;
};

}  // namespace penchant::recommend
