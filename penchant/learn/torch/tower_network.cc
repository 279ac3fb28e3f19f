#include "penchant/learn/torch/tower_network.h"

#include <cmath>

#include "penchant/learn/torch/dropout.h"

namespace penchant::learn {

using torch::Tensor;

namespace {

constexpr std::int64_t kBuckets = 12;  ///< of the gate, by log2 of an item's events
constexpr std::int64_t kHeads = 4;
constexpr double kIdScale = 0.05;
constexpr double kNeighbourDropout = 0.5;  ///< each step reads a sample of the neighbours

Tensor unit_rows(const Tensor& x) { return x / x.norm(2, {-1}, true).clamp_min(1e-9); }

Tensor averages(const Tensor& table, const Bags& bags) {
  return std::get<0>(torch::embedding_bag(table, bags.rows, bags.offsets, false, 0, false, bags.weights));
}

}  // namespace

Tensor TowerNetwork::add(std::string name, Tensor value, bool decays) {
  value = value.contiguous().set_requires_grad(true);
  weights_.push_back({std::move(name), value, decays});
  return value;
}

Linear TowerNetwork::linear(const std::string& name, std::int64_t out, std::int64_t in) {
  const double bound = 1 / std::sqrt(static_cast<double>(in));
  Linear l;
  l.weight = add(name + ".weight", torch::empty({out, in}).uniform_(-bound, bound), true);
  l.bias = add(name + ".bias", torch::zeros({out}), false);
  return l;
}

TowerNetwork::TowerNetwork(const TowerOptions& options, std::vector<TowerModality> modalities, Neighbours neighbours,
                           Tensor counts)
    : options_(options), modalities_(std::move(modalities)), neighbours_(std::move(neighbours)) {
  const std::int64_t n = counts.size(0), d = options_.dim, m = static_cast<std::int64_t>(modalities_.size());
  seen_ = counts > 0;
  bucket_ = (counts + 1).log2().floor().to(torch::kInt64).clamp(0, kBuckets - 1);
  id_ = add("item.id", torch::randn({n, d}) * kIdScale, true);
  bias_ = add("item.bias", 0.5 * (counts + 1).log(), false);
  new_bias_ = add("new.bias", torch::zeros({1}), false);
  gate_ = add("gate", torch::zeros({kBuckets}), false);
  log_scale_ = add("scale", torch::full({1}, std::log(options_.scale)), false);
  if (options_.neighbours > 0 && options_.ids) {
    query_ = linear("neighbour.query", d, d);
    user_key_ = linear("neighbour.user_key", d, d);
    user_value_ = linear("neighbour.user_value", d, d);
    item_key_ = linear("neighbour.item_key", d, d);
    item_value_ = linear("neighbour.item_value", d, d);
    behaviour_ = linear("behaviour", d, 3 * d);
  }
  if (options_.ids) user_id_ = linear("user.id", d, d);
  for (const TowerModality& modality : modalities_) {
    const std::string prefix = "modality." + modality.name;
    Side side;
    side.projection = linear(prefix + ".projection", d, modality.vectors.size(1));
    side.top = linear(prefix + ".top", d, 2 * d);
    side.interest = linear(prefix + ".interest", d, 2 * d);
    if (modality.cluster.defined())
      side.table = add(prefix + ".table", torch::randn({modality.centroids.size(0), d}) * kIdScale, true);
    sides_.push_back(std::move(side));
  }
  if (m > 0) intensity_ = linear("intensity", m, (m + (options_.ids ? 1 : 0)) * d);
}

Tensor TowerNetwork::attend(const Linear& key, const Linear& value, const Tensor& from, const Tensor& which,
                            const Tensor& has, bool training) const {
  const std::int64_t n = which.size(0), k = which.size(1), d = options_.dim, part = d / kHeads;
  const auto gathered = [&](const Linear& l) {
    return l(from).index_select(0, which.flatten()).view({n, k, kHeads, part});
  };
  const Tensor q = query_(id_.detach()).view({n, 1, kHeads, part});
  Tensor open = has;
  if (training) open = open & (torch::rand(has.sizes()) > kNeighbourDropout);
  const Tensor weights = ((q * gathered(key)).sum(3) / std::sqrt(static_cast<double>(part)))
                             .masked_fill(~open.unsqueeze(2), -1e4);  // [n, k, heads]
  // A zero logit and a zero value stand beside the neighbours: an item without any reads nothing.
  const Tensor shares = torch::softmax(torch::cat({weights, torch::zeros({n, 1, kHeads})}, 1), 1).narrow(1, 0, k);
  return (shares.unsqueeze(3) * gathered(value)).sum(1).reshape({n, d});
}

Tensor TowerNetwork::behaviour(bool training) const {
  if (!behaviour_.weight.defined()) return unit_rows(id_);
  const Tensor users = averages(id_, neighbours_.user_histories);
  const Tensor near_users = attend(user_key_, user_value_, users, neighbours_.users, neighbours_.has_user, training);
  const Tensor near_items = attend(item_key_, item_value_, id_, neighbours_.items, neighbours_.has_item, training);
  return unit_rows(id_ + behaviour_(torch::cat({id_, near_users, near_items}, 1)));
}

TowerItems TowerNetwork::items(bool training, const Tensor& as_new) const {
  TowerItems out;
  const Tensor fresh = (as_new.defined() ? as_new | ~seen_ : ~seen_).unsqueeze(1);
  out.bias = torch::where(fresh.squeeze(1), new_bias_, bias_);
  std::vector<Tensor> vectors;
  const Tensor bucket = torch::where(fresh.squeeze(1), torch::zeros_like(bucket_), bucket_);
  const Tensor gate = options_.gate ? torch::sigmoid(gate_.index_select(0, bucket)).unsqueeze(1)
                                    : torch::full({id_.size(0), 1}, 0.5);
  if (options_.ids) {
    const Tensor side = behaviour(training).masked_fill(fresh, 0);
    vectors.push_back(sides_.empty() ? side : gate * side);
  }
  for (std::size_t m = 0; m < sides_.size(); ++m) {
    const TowerModality& modality = modalities_[m];
    const Tensor projected = drop(sides_[m].projection(modality.vectors), options_.dropout, training);
    const Tensor row = sides_[m].table.defined() ? sides_[m].table.index_select(0, modality.cluster)
                                                 : torch::zeros_like(projected);
    out.parts.push_back(torch::cat({projected, row}, 1) * modality.present);
    const Tensor side = unit_rows(sides_[m].top(out.parts.back())) * modality.present;
    vectors.push_back(options_.ids ? (1 - gate) * side : side);
  }
  out.vectors = torch::cat(vectors, 1);
  return out;
}

TowerNetwork::Users TowerNetwork::users(const TowerItems& items, const Bags& histories, bool training) const {
  Users out;
  std::vector<Tensor> parts, known;
  if (options_.ids) {
    parts.push_back(unit_rows(drop(user_id_(averages(id_.masked_fill(~seen_.unsqueeze(1), 0), histories)), options_.dropout, training)));
    known.push_back(parts[0].detach());
  }
  for (std::size_t m = 0; m < sides_.size(); ++m) {
    out.interests.push_back(unit_rows(sides_[m].interest(averages(items.parts[m], histories))));
    known.push_back(out.interests.back().detach());
  }
  if (!sides_.empty()) {
    const std::int64_t count = static_cast<std::int64_t>(sides_.size());
    const Tensor intensities =
        options_.intensities ? torch::softmax(torch::sigmoid(intensity_(torch::cat(known, 1))) / options_.temperature, 1)
                             : torch::full({histories.offsets.size(0), count}, 1.0 / static_cast<double>(count));
    for (std::int64_t m = 0; m < count; ++m)
      parts.push_back(intensities.narrow(1, m, 1) * out.interests[static_cast<std::size_t>(m)]);
  }
  out.vectors = torch::cat(parts, 1) * log_scale_.exp();
  return out;
}

std::vector<std::pair<std::string, Tensor>> TowerNetwork::exported() const {
  torch::NoGradGuard no_grad;
  const TowerItems all = items(false);
  std::vector<std::pair<std::string, Tensor>> out{
      {"item.vector", all.vectors},
      {"item.bias", all.bias},
      {"new.bias", new_bias_},
      {"new.gate", options_.gate ? torch::sigmoid(gate_.narrow(0, 0, 1)) : torch::full({1}, 0.5)},
      {"scale", log_scale_.exp()},
      {"temperature", torch::full({1}, options_.temperature)},
      {"history", torch::full({1}, static_cast<double>(options_.history))}};
  const auto linear = [&](const std::string& name, const Linear& l) {
    out.emplace_back(name + ".weight", l.weight);
    out.emplace_back(name + ".bias", l.bias);
  };
  if (options_.ids) {
    out.emplace_back("item.id", id_.masked_fill(~seen_.unsqueeze(1), 0));
    linear("user.id", user_id_);
  }
  if (options_.intensities && !sides_.empty()) linear("intensity", intensity_);
  for (std::size_t m = 0; m < sides_.size(); ++m) {
    const std::string prefix = "modality." + modalities_[m].name;
    out.emplace_back(prefix + ".mean", modalities_[m].mean);
    linear(prefix + ".projection", sides_[m].projection);
    linear(prefix + ".top", sides_[m].top);
    linear(prefix + ".interest", sides_[m].interest);
    out.emplace_back(prefix + ".part", all.parts[m]);
    if (!sides_[m].table.defined()) continue;
    out.emplace_back(prefix + ".centroids", modalities_[m].centroids);
    out.emplace_back(prefix + ".table", sides_[m].table);
  }
  return out;
}

}  // namespace penchant::learn
