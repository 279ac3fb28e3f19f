#include "penchant/recommend/user_model.h"

#include <algorithm>
#include <unordered_map>

#include "penchant/kernels/vectors.h"
#include "penchant/recommend/history_input.h"

namespace penchant::recommend {
namespace {

constexpr std::size_t kHalvings = 4;  // beginnings of a history that an alignment is learned from, beside the whole

/// Vectors after a history and after some of its beginnings, by two models, [k, d] each.
Result<std::pair<Matrix<float>, Matrix<float>>> read_by_both(const UserModel& a, const UserModel& b, std::span<const HistoryEvent> history) {
  std::vector<std::size_t> after;
  for (std::size_t k = 0, n = history.size(); k <= kHalvings && n > 0; ++k, n /= 2) after.insert(after.begin(), n);
  PENCHANT_TRY(by_a, a.user_vectors(history, after));
  PENCHANT_TRY(by_b, b.user_vectors(history, after));
  return std::pair(std::move(by_a), std::move(by_b));
}

}  // namespace

UserModel::UserModel(LoadedRelease release) : release_(std::move(release)) {
  const auto& table = manifest().model.normalised ? release_.tables.unit_vectors : release_.tables.vectors;
  items_ = Matrix<float>(table.rows(), table.dim());
  std::ranges::copy(std::span(table.view().data(), items_.values().size()), items_.values().begin());
}

Result<std::unique_ptr<UserModel>> UserModel::load(const std::string& folder) {
  PENCHANT_TRY(release, load_release(folder));
  return std::unique_ptr<UserModel>(new UserModel(std::move(release)));
}

Result<Alignment> UserModel::alignment_to(const UserModel& anchor, std::span<const std::vector<HistoryEvent>> histories,
                                          Executor& executor) const {
  std::unordered_map<std::string_view, std::size_t> row_of;
  for (std::size_t i = 0; i < anchor.release_.ids.size(); ++i)
    if (anchor.release_.tables.untrained[i] == 0) row_of.emplace(anchor.release_.ids[i], i);
  Matrix<float> from(0, dim()), to(0, anchor.dim());
  for (std::size_t i = 0; i < release_.ids.size(); ++i) {
    const auto found = row_of.find(release_.ids[i]);
    if (found == row_of.end() || release_.tables.untrained[i] != 0) continue;
    from.append_row(items_.row(i));
    to.append_row(anchor.items_.row(found->second));
  }
  std::vector<Result<std::pair<Matrix<float>, Matrix<float>>>> read(histories.size(), std::pair<Matrix<float>, Matrix<float>>());
  executor.parallel_for(histories.size(), 4, [&](std::size_t begin, std::size_t end) {
    for (std::size_t u = begin; u < end; ++u) read[u] = read_by_both(*this, anchor, histories[u]);
  });
  for (auto& user : read) {
    PENCHANT_TRY(rows, std::move(user));
    for (std::size_t k = 0; k < rows.first.rows(); ++k) {
      from.append_row(rows.first.row(k));
      to.append_row(rows.second.row(k));
    }
  }
  return fit_alignment(from.view(), to.view(), executor);
}

void UserModel::align(Alignment alignment, Executor& executor) {
  PENCHANT_CHECK(!alignment_, "a model is aligned once");
  items_ = aligned(alignment, items_.view(), executor);
  alignment_ = std::move(alignment);
}

UserModel::Known UserModel::known(std::span<const HistoryEvent> history) const {
  Known out{.before = {0}};
  for (const HistoryEvent& event : history) {
    if (catalog::index(event.item) < items_.rows()) out.events.push_back(event);
    out.before.push_back(out.events.size());
  }
  return out;
}

void UserModel::finish(std::span<const float> hidden, std::span<float> out) const {
  std::vector<float> vector(hidden.begin(), hidden.end());
  if (manifest().model.normalised) kernels::l2_normalise(vector);
  if (!alignment_) {
    std::ranges::copy(vector, out.begin());
    return;
  }
  for (std::size_t i = 0; i < out.size(); ++i) {
    double sum = 0;
    for (std::size_t j = 0; j < out.size(); ++j) sum += alignment_->rotation(i, j) * vector[j];
    out[i] = static_cast<float>(sum);
  }
}

std::vector<UserModel::Input> UserModel::inputs(std::span<const HistoryEvent> history, std::vector<std::size_t>& before) const {
  Known events = known(history);
  before = std::move(events.before);
  std::vector<Input> out;
  const auto read = event_inputs(*release_.model, release_.tables, events.events, 0);
  for (std::size_t t = 0; t < read.size(); ++t) out.push_back({catalog::index(events.events[t].item), read[t].action, read[t].gap});
  return out;
}

Result<std::vector<float>> UserModel::user_vector(std::span<const HistoryEvent> history) const {
  const std::size_t all = history.size();
  PENCHANT_TRY(rows, user_vectors(history, {&all, 1}));
  if (known(history).events.empty()) return std::vector<float>();
  return std::vector<float>(rows.row(0).begin(), rows.row(0).end());
}

Result<Matrix<float>> UserModel::user_vectors(std::span<const HistoryEvent> history, std::span<const std::size_t> after) const {
  const Known events = known(history);
  Matrix<float> out(after.size(), dim());
  std::size_t first_long = 0;  // of `after`: the first that does not fit into one window with the others
  const std::size_t window = manifest().model.max_len;
  while (first_long < after.size() && events.before[after[first_long]] <= window) ++first_long;
  if (first_long > 0 && events.before[after[first_long - 1]] > 0) {
    const auto begun = std::span(events.events).first(events.before[after[first_long - 1]]);
    PENCHANT_TRY(states, release_.model->sequence->forward(event_inputs(*release_.model, release_.tables, begun, 0)));
    for (std::size_t k = 0; k < first_long; ++k)
      if (const std::size_t read = events.before[after[k]]; read > 0) finish(states.row(read - 1), out.row(k));
  }
  for (std::size_t k = first_long; k < after.size(); ++k) {
    PENCHANT_TRY(state, encode_history(*release_.model, release_.tables, std::span(events.events).first(events.before[after[k]])));
    finish(state.hidden, out.row(k));
  }
  return out;
}

}  // namespace penchant::recommend
