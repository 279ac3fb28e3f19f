#include "penchant/learn/torch/sampled_losses.h"

#include <cmath>
#include <numeric>

#include "penchant/learn/torch/tensors.h"

namespace penchant::learn {

using torch::Tensor;

namespace {

constexpr std::int64_t kGroup = 64;        ///< positions that share their negatives
constexpr double kExcluded = -1e9;         ///< logit of a negative that is the target

/// -log sigmoid(x).
Tensor minus_log_sigmoid(const Tensor& x) { return torch::softplus(-x); }

/// beta of gBCE: 1 would be plain BCE; the smaller, the less the positive's probability is driven to 1.
double positive_exponent(double negatives, double items, double t) {
  const double rate = std::min(1.0, negatives / std::max(1.0, items - 1));
  return rate * (t * (1 - 1 / rate) + 1 / rate);
}

/// [p] losses. \param positive [p] \param negative [p, N], already excluded where equal to the target
/// \param mask [p, N] 1 = counts
Tensor losses_of(const Tensor& positive, const Tensor& negative, const Tensor& mask, const TrainOptions& o,
                 std::int64_t items) {
  switch (o.architecture.loss) {
    case Loss::sampled_softmax:
      return torch::logsumexp(torch::cat({positive.unsqueeze(1), negative}, 1), 1) - positive;
    case Loss::bce:
    case Loss::gbce: {
      const double beta = o.architecture.loss == Loss::bce ? 1 : positive_exponent(o.negatives, double(items), o.calibration);
      const Tensor sum = beta * minus_log_sigmoid(positive) + (minus_log_sigmoid(-negative) * mask).sum(1);
      return sum / (1.0 + o.negatives);
    }
    case Loss::bpr_max: {
      // Negatives weigh as the softmax of their scores: only hard ones matter.
      const Tensor weight = torch::softmax(negative, 1);
      const Tensor won = (weight * torch::sigmoid(positive.unsqueeze(1) - negative)).sum(1);
      const Tensor size = (weight * torch::where(mask.gt(0), negative, torch::zeros_like(negative)).pow(2)).sum(1);
      return -torch::log(won + 1e-12) + o.score_penalty * size;
    }
    case Loss::softmax: break;
  }
  return {};
}

}  // namespace

NegativeSampler::NegativeSampler(const std::vector<std::int32_t>& counts, double power) {
  const std::size_t n = counts.size();
  std::vector<double> share(n);
  for (std::size_t i = 0; i < n; ++i) share[i] = power == 0 ? 1 : std::pow(std::max(1, counts[i]), power);
  const double sum = std::accumulate(share.begin(), share.end(), 0.0);
  std::vector<float> keep(n, 1), log_probability(n);
  std::vector<std::int64_t> other(n);
  std::vector<std::size_t> small, large;
  for (std::size_t i = 0; i < n; ++i) {
    log_probability[i] = static_cast<float>(std::log(share[i] / sum));
    share[i] *= static_cast<double>(n) / sum;
    other[i] = static_cast<std::int64_t>(i);
    (share[i] < 1 ? small : large).push_back(i);
  }
  while (!small.empty() && !large.empty()) {
    const std::size_t s = small.back(), l = large.back();
    small.pop_back();
    keep[s] = static_cast<float>(share[s]);
    other[s] = static_cast<std::int64_t>(l);
    share[l] -= 1 - share[s];
    if (share[l] < 1) {
      large.pop_back();
      small.push_back(l);
    }
  }
  keep_ = tensor_of(keep);
  other_ = tensor_of(other);
  log_probability_ = tensor_of(log_probability);
}

Tensor NegativeSampler::draw(std::int64_t rows, std::int64_t cols) const {
  const Tensor slot = torch::randint(keep_.size(0), {rows * cols}, torch::kInt64);
  const Tensor stays = torch::rand({rows * cols}).lt(keep_.index_select(0, slot));
  return torch::where(stays, slot, other_.index_select(0, slot)).view({rows, cols});
}

double starting_bias(const TrainOptions& o, std::int64_t items) {
  if (o.architecture.loss != Loss::bce && o.architecture.loss != Loss::gbce) return 0;
  const double beta = o.architecture.loss == Loss::bce ? 1 : positive_exponent(o.negatives, double(items), o.calibration);
  return std::log(beta / o.negatives);  // beta (1 - p) = negatives p, nearly
}

Tensor sampled_loss(const Tensor& users, const Tensor& items, const Tensor& bias, const Tensor& targets,
                    const NegativeSampler& sampler, const TrainOptions& options) {
  const std::int64_t p = users.size(0), d = users.size(1), count = options.negatives;
  const std::int64_t group = options.architecture.loss == Loss::bce ? 1 : kGroup;
  const std::int64_t groups = (p + group - 1) / group;
  const Tensor padded = torch::constant_pad_nd(users, {0, 0, 0, groups * group - p}).view({groups, group, d});
  const Tensor rows = sampler.draw(groups, count);  // [groups, N]
  const Tensor vectors = torch::embedding(items, rows.view({-1})).view({groups, count, d});
  Tensor negative = torch::bmm(padded, vectors.transpose(1, 2));
  Tensor positive = (users * torch::embedding(items, targets)).sum(1);
  if (bias.defined()) {
    negative = negative + bias.index_select(0, rows.view({-1})).view({groups, 1, count});
    positive = positive + bias.index_select(0, targets);
  }
  if (options.architecture.loss == Loss::sampled_softmax) {
    // A drawn item stands for 1 / (N q) of its kind, the target for itself: the sum of exponentials is
    // then that of the whole catalogue in expectation (Bengio and Senécal 2008).
    const Tensor expected = sampler.log_probability() + std::log(double(count));
    negative = negative - expected.index_select(0, rows.view({-1})).view({groups, 1, count});
  }
  negative = negative.reshape({groups * group, count}).narrow(0, 0, p);
  const Tensor each = rows.unsqueeze(1).expand({groups, group, count}).reshape({groups * group, count}).narrow(0, 0, p);
  const Tensor hit = each.eq(targets.unsqueeze(1));
  negative = negative.masked_fill(hit, kExcluded);
  return losses_of(positive, negative, hit.logical_not().to(users.dtype()), options, items.size(0)).mean();
}

}  // namespace penchant::learn
