#include "penchant/learn/torch/teacher.h"

#include <algorithm>

#include "penchant/learn/torch/served_network.h"

namespace penchant::learn {

using torch::Tensor;

namespace {

constexpr double kLogitsAtOnce = 8e6;  ///< how many positions are scored at one time

}  // namespace

Result<Teacher> Teacher::make(const TeacherWeights& weights, Executor& executor) {
  PENCHANT_TRY(network, served_network(weights.shape, weights.weights, executor));
  Teacher teacher(std::move(network));
  torch::NoGradGuard no_grad;
  teacher.vectors_ = teacher.network_.item_vectors();
  teacher.items_ = teacher.network_.dense_items(teacher.vectors_).t().contiguous();
  return teacher;
}

Teacher::Lesson Teacher::lesson(const EventTensors& events, const Tensor& positions, std::int64_t top) const {
  torch::NoGradGuard no_grad;
  top = std::min(top, items_.size(1));
  const Tensor users = network_.dense_users(network_.states(vectors_, events).index_select(0, positions));
  const auto some = std::max<std::int64_t>(1, static_cast<std::int64_t>(kLogitsAtOnce / static_cast<double>(items_.size(1))));
  std::vector<Tensor> items, shares;
  for (const Tensor& part : users.split(some)) {
    const auto [best, rows] = torch::addmm(network_.bias(), part, items_).topk(top);
    items.push_back(rows);
    shares.push_back(torch::softmax(best, 1));
  }
  return {torch::cat(items), torch::cat(shares)};
}

}  // namespace penchant::learn
