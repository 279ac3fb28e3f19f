#pragma once
/// \file User vectors pushed to the store for other models, read with their age, written as files. Layer 5.
#include <cstdint>
#include <string>
#include <vector>

#include "penchant/base/clock.h"
#include "penchant/base/executor.h"
#include "penchant/base/progress.h"
#include "penchant/base/result.h"
#include "penchant/recommend/user_model.h"
#include "penchant/store/store.h"

namespace penchant::recommend {

/// UserModel::alignment_to with the histories of at most 2,000 users of the store, spread evenly over them.
Result<Alignment> alignment_on(store::Store& store, const UserModel& model, const UserModel& anchor, Executor& executor);

struct PushReport {
  std::string release, space;
  std::uint64_t users = 0;      ///< vectors that were kept
  std::uint64_t unread = 0;     ///< users without an event that the release can read: what they had stays
  std::uint64_t unusable = 0;   ///< users whose new vector is not finite: what they had stays
};

/// Computes the vector of every user from all events of types that are learned from, and puts it in the place of
/// the one before; a user who gets no new one keeps the last good one, with its stamp. Blocks of users are
/// committed one after another, so a push that is cut off leaves each vector whole, old or new.
/// \param space release whose coordinates the model has: its own name, or that of the one it was aligned to
/// \return cancelled, or the error of the store or the model
Result<PushReport> push_user_embeddings(const UserModel& model, const std::string& space, store::Store& store, const Clock& clock,
                                        Executor& executor, const ProgressSink& progress = {});

/// The space of the vectors that are stored; empty when there are none.
Result<std::string> space_of_embeddings(store::Store& store);

/// A stored vector and how far the world has moved on since.
struct EmbeddingReading {
  std::string user;
  store::UserEmbedding embedding;
  std::int64_t age_ms = 0;          ///< since it was made
  std::uint64_t events_since = 0;   ///< events of the user that it does not know
  std::vector<std::string> stale;   ///< why it is not what would be made now; empty: it is
};
/// \return not_found when there is no such user, or no vector of the user yet
Result<EmbeddingReading> read_user_embedding(store::Store& store, const std::string& user, const Clock& clock);

/// Writes `<path>.npy` ([users, d] float32), `<path>.ids` (one a line, as `penchant import` reads them beside a matrix)
/// and `<path>.stamps.csv` (user, release, space, made, until, events; the same rows). A path may end in .npy.
/// \return the number of users; not_found when there are none; invalid_argument, naming them, when the store holds
/// vectors of several spaces or sizes, which no matrix should mix
Result<std::uint64_t> export_user_embeddings(store::Store& store, const std::string& path);

}  // namespace penchant::recommend
