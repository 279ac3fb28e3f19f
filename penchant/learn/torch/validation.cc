#include "penchant/learn/torch/validation.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "penchant/base/rng.h"
#include "penchant/learn/torch/tensors.h"
#include "penchant/learn/windows.h"
#include "penchant/metrics/ranking.h"

namespace penchant::learn {
namespace {

constexpr std::size_t kRowsAtOnce = 64;

/// Case numbers to ask, sorted by length of the history so that batches pad little.
std::vector<std::size_t> chosen_cases(const TrainingData& data, std::uint64_t seed) {
  std::vector<std::size_t> cases(data.validation.size());
  std::iota(cases.begin(), cases.end(), std::size_t{0});
  if (cases.size() > kValidationCases) {
    Rng rng(seed);
    rng.shuffle(std::span(cases));
    cases.resize(kValidationCases);
  }
  std::ranges::stable_sort(cases, {}, [&](std::size_t k) { return data.train.length(data.validation[k].user); });
  return cases;
}

std::vector<std::uint32_t> seen_items(const Histories& h, std::uint32_t user) {
  std::vector<std::uint32_t> seen(h.items.begin() + static_cast<std::ptrdiff_t>(h.offsets[user]),
                                  h.items.begin() + static_cast<std::ptrdiff_t>(h.offsets[user + 1]));
  std::ranges::sort(seen);
  seen.erase(std::unique(seen.begin(), seen.end()), seen.end());
  return seen;
}

}  // namespace

double validation_ndcg10(const Network& network, const TrainingData& data, std::uint64_t seed, Ranks& ranks) {
  const auto cases = chosen_cases(data, seed);
  if (cases.empty()) return std::numeric_limits<double>::quiet_NaN();
  torch::NoGradGuard no_grad;
  const torch::Tensor vectors = network.item_vectors();
  const torch::Tensor items = network.dense_items(vectors).t().contiguous();
  double sum = 0;
  for (std::size_t at = ranks.rank() * kRowsAtOnce; at < cases.size(); at += ranks.size() * kRowsAtOnce) {
    const std::size_t rows = std::min(kRowsAtOnce, cases.size() - at);
    std::vector<std::uint32_t> users;
    std::vector<std::int64_t> asked;
    for (std::size_t r = 0; r < rows; ++r) {
      users.push_back(data.validation[cases[at + r]].user);
      asked.push_back(data.validation[cases[at + r]].time_ms);
    }
    const PackedEvents batch = pack_histories(data.train, users, network.query_length(), network.shape().gaps, asked);
    const torch::Tensor last = network.dense_users(network.user_states(vectors, batch));
    const torch::Tensor logits =
        (network.bias().defined() ? torch::addmm(network.bias(), last, items) : torch::mm(last, items)).to(torch::kFloat32).contiguous();
    for (std::size_t r = 0; r < rows; ++r) {
      const std::span<const float> scores(logits.data_ptr<float>() + r * data.items, data.items);
      const std::uint32_t target = data.validation[cases[at + r]].target;
      const std::uint32_t rank = data.removes_seen
                                     ? metrics::pessimistic_rank(scores, target, seen_items(data.train, users[r]))
                                     : metrics::pessimistic_rank(scores, target);
      sum += metrics::ndcg_at(rank, 10);
    }
  }
  return ranks.sum(sum) / static_cast<double>(cases.size());
}

}  // namespace penchant::learn
