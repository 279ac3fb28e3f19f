#include "penchant/evaluate/downstream/user_features.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <mutex>
#include <optional>

#include "penchant/evaluate/release/columns.h"
#include "penchant/evaluate/split/split.h"
#include "penchant/kernels/vectors.h"

namespace penchant::evaluate {
namespace {

constexpr float kCosineScale = 4, kVectorScale = 0.5;  // found on validation days: larger vectors are learned by heart

/// Moment before which events are read.
std::int64_t read_until(std::int64_t time_ms, std::int64_t first_day_ms, std::size_t refresh_days) {
  if (refresh_days == 0) return time_ms;
  const std::int64_t every = static_cast<std::int64_t>(refresh_days) * kDayMs;
  return first_day_ms + (time_ms - first_day_ms) / every * every;
}

}  // namespace

Result<UserVectors> user_vectors_at(const recommend::UserModel& model, const EventLog& log, std::span<const Outcome> outcomes,
                                    std::size_t refresh_days, Executor& executor) {
  UserVectors out{Matrix<float>(outcomes.size(), model.dim()), std::vector<float>(outcomes.size(), -1.0F)};
  if (outcomes.empty()) return out;
  const std::int64_t first_day = outcomes[0].time_ms - outcomes[0].time_ms % kDayMs;
  std::vector<std::vector<std::size_t>> of_user(log.users());
  for (std::size_t i = 0; i < outcomes.size(); ++i) of_user[outcomes[i].user].push_back(i);

  std::mutex mutex;  // guards the error
  std::optional<Error> error;
  executor.parallel_for(log.users(), 4, [&](std::size_t begin, std::size_t end) {
    for (std::size_t u = begin; u < end; ++u) {
      if (of_user[u].empty()) continue;
      const auto events = log.of(u);
      std::vector<std::size_t> after, row(of_user[u].size());  // distinct beginnings of the history; which one an outcome reads
      for (std::size_t k = 0; k < of_user[u].size(); ++k) {
        const std::int64_t until = read_until(outcomes[of_user[u][k]].time_ms, first_day, refresh_days);
        const auto read = static_cast<std::size_t>(std::ranges::lower_bound(events, until, {}, &Interaction::time_ms) - events.begin());
        if (after.empty() || after.back() != read) after.push_back(read);
        row[k] = after.size() - 1;
      }
      auto vectors = model.user_vectors(to_history(events, log.types, log.items()), after);
      if (!vectors.ok()) {
        const std::scoped_lock lock(mutex);
        error = std::move(vectors).error().within("user " + log.user_ids[u]);
        return;
      }
      for (std::size_t k = 0; k < of_user[u].size(); ++k) {
        const auto vector = vectors->row(row[k]);
        if (std::ranges::all_of(vector, [](float x) { return x == 0; })) continue;
        const std::size_t i = of_user[u][k];
        std::ranges::copy(vector, out.rows.row(i).begin());
        out.age_days[i] = static_cast<float>(static_cast<double>(outcomes[i].time_ms - read_until(outcomes[i].time_ms, first_day, refresh_days)) /
                                             static_cast<double>(kDayMs));
      }
    }
  });
  if (error) return std::move(*error);
  return out;
}

Matrix<float> with_user_model(const Matrix<float>& base, std::span<const Outcome> outcomes, const UserVectors& users,
                              MatrixView<const float> items) {
  const std::size_t c = base.cols(), dim = users.rows.cols();
  Matrix<float> out(base.rows(), c + 3 + 2 * dim);
  for (std::size_t i = 0; i < base.rows(); ++i) {
    const auto row = out.row(i);
    std::ranges::copy(base.row(i), row.begin());
    if (users.age_days[i] >= 0) {
      row[c] = 1;
      row[c + 1] = std::log1p(users.age_days[i]);
    }
    const auto user = row.subspan(c + 3, dim), item = row.subspan(c + 3 + dim, dim);
    std::ranges::copy(users.rows.row(i), user.begin());
    if (outcomes[i].item < items.rows()) std::ranges::copy(items.row(outcomes[i].item), item.begin());
    kernels::l2_normalise(user);
    kernels::l2_normalise(item);
    row[c + 2] = kCosineScale * kernels::dot(user, item);
    for (float& x : row.subspan(c + 3)) x *= kVectorScale;
  }
  return out;
}

}  // namespace penchant::evaluate
