#pragma once
/// \file What a user model says of the user and item of an outcome, as inputs of a click model. Layer 6.
#include <cstdint>
#include <span>
#include <vector>

#include "penchant/base/executor.h"
#include "penchant/base/matrix_view.h"
#include "penchant/base/result.h"
#include "penchant/evaluate/clicks/periods.h"
#include "penchant/evaluate/event_log.h"
#include "penchant/learn/click/click_data.h"
#include "penchant/recommend/user_model.h"

namespace penchant::evaluate {

/// User vectors as a downstream model had them at the time of each outcome.
struct UserVectors {
  Matrix<float> rows;            ///< [n, d]; zeros where there is none
  std::vector<float> age_days;   ///< [n] since it was made; 0: of the moment; below 0: there is none
};

/// \param outcomes [n], by time, whose users and items are those of the log
/// \param refresh_days 0: read inline, after every event older than the outcome; N: pushed every N days at midnight
/// UTC, counted from the day of the first outcome, so that it holds events older than the latest push
/// \return cancelled, or the error of the model
Result<UserVectors> user_vectors_at(const recommend::UserModel& model, const EventLog& log, std::span<const Outcome> outcomes,
                                    std::size_t refresh_days, Executor& executor);

/// Context of a click model with what a user model says behind it: whether there is a user vector, how old it is,
/// its cosine with the vector of the item, and the directions of both. [n, c + 3 + 2 d]
/// \param base [n, c] \param items [items of the release, d]; an outcome's item beyond them has no vector
[[nodiscard]] Matrix<float> with_user_model(const Matrix<float>& base, std::span<const Outcome> outcomes, const UserVectors& users,
                                            MatrixView<const float> items);

}  // namespace penchant::evaluate
