#include "penchant/learn/torch/network.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <utility>

#include "penchant/kernels/softmax_loss.h"
#include "penchant/learn/torch/attention.h"
#include "penchant/learn/torch/dropout.h"
#include "penchant/learn/torch/rounded_linear.h"
#include "penchant/learn/torch/tensors.h"

namespace penchant::learn {

using torch::Tensor;

namespace {

constexpr double kRequestUnknown = 0.1;  ///< share of positions that are not told when they are asked

Tensor unit_rows(const Tensor& x) { return x / x.norm(2, {-1}, true).clamp_min(1e-12); }

}  // namespace

EventTensors tensors_of(const PackedEvents& e) {
  return {tensor_of(e.items), tensor_of(e.actions), tensor_of(e.gaps), tensor_of(e.offsets), tensor_of(e.requests)};
}

Tensor Network::add(std::string name, Tensor value, bool decays) {
  value = value.to(dtype_).contiguous().set_requires_grad(true);
  weights_.push_back({std::move(name), value, decays});
  return value;
}

Linear Network::linear(const std::string& name, std::int64_t out, std::int64_t in) {
  const double bound = 1 / std::sqrt(static_cast<double>(in));
  Linear l;
  const Tensor weight = torch::empty({out, in});
  l.weight = add(name + ".weight", weight_scale_ > 0 ? weight.normal_(0, weight_scale_) : weight.uniform_(-bound, bound), true);
  l.bias = add(name + ".bias", torch::zeros({out}), false);
  return l;
}

Norm Network::norm(const std::string& name) {
  const std::int64_t d = shape_.dim;
  Norm n;
  n.weight = add(name + ".weight", torch::ones({d}), false);
  n.bias = add(name + ".bias", torch::zeros({d}), false);
  return n;
}

Block Network::block(const std::string& prefix) {
  const std::int64_t d = shape_.dim, f = shape_.ffn;
  Block b;
  b.norm1 = norm(prefix + ".norm1");
  b.qkv = linear(prefix + ".attn.qkv", 3 * d, d);
  b.out = linear(prefix + ".attn.out", d, d);
  b.norm2 = norm(prefix + ".norm2");
  b.up = linear(prefix + ".ffn.up", f, d);
  b.down = linear(prefix + ".ffn.down", d, f);
  return b;
}

Network::Network(const artifact::ModelShape& shape, const Architecture& architecture, std::vector<Modality> modalities,
                 Tensor codes, Tensor counts, Executor& executor, double id_scale, double weight_scale, torch::Dtype dtype)
    : shape_(shape), architecture_(architecture), dtype_(dtype), executor_(&executor), weight_scale_(weight_scale), codes_(std::move(codes)), counts_(counts.to(dtype).unsqueeze(1)) {
  const std::int64_t n = shape.items, d = shape.dim;
  const double unit = 1 / std::sqrt(static_cast<double>(d));
  // Content starts large and ids small, so that items are told apart by content first. A dot-product
  // head needs ids of length 1 to move at all.
  if (id_scale == 0) id_scale = shape.normalised ? 0.02 : unit;
  id_ = add("item.id", torch::randn({n, d}) * id_scale, true);
  for (std::uint32_t l = 0; l < shape.levels; ++l)
    item_codes_.push_back(add("item.code." + std::to_string(l), torch::randn({shape.codebook, d}) * (0.5 * unit), true));
  for (std::size_t m = 0; m < modalities.size(); ++m) {
    ModalityInput input;
    input.name = modalities[m].name;
    const Tensor x = modalities[m].vectors.to(dtype);
    input.present = x.abs().amax(1, true).gt(0).to(dtype);
    const double rows = std::max(1.0, input.present.sum().item<double>());
    input.mean = x.sum(0) / rows;
    const Tensor centred = (x - input.mean) * input.present;
    input.scale = std::max(1e-6, centred.norm(2, {1}).sum().item<double>() / rows);
    input.vectors = centred / input.scale;
    if (dtype == torch::kFloat32 && kernels::fastest_precision() == kernels::Precision::bf16)
      input.rounded = input.vectors.to(torch::kBFloat16);
    const std::string name = "item.modality." + std::to_string(m);
    input.projection.weight = add(name + ".weight", torch::randn({d, x.size(1)}) * (0.5 * unit), true);
    input.projection.bias = add(name + ".bias", torch::zeros({d}), false);
    modalities_.push_back(std::move(input));
  }
  if (has_content()) log_age_ = add("item.age", torch::full({1}, std::log(2.0)), false);
  if (cloze()) mask_item_ = add("item.mask", torch::randn({1, d}) * id_scale, true);
  if (architecture_.item_bias) bias_ = add("item.bias", torch::zeros({n}), false);
  if (shape.normalised) log_scale_ = add("logit_scale", torch::full({1}, std::log(shape.logit_scale)), false);
  if (architecture_.context) {
    actions_ = add("event.action", torch::randn({shape.actions, d}) * 0.02, true);
    gaps_ = add("event.gap", torch::randn({shape.gaps, d}) * 0.02, true);
  }
  if (shape.reads_request) requests_ = add("request.gap", torch::zeros({shape.gaps, d}), true);
  if (shape.mixes_layers) layer_mix_ = add("layer.mix", torch::zeros({shape.layers + 1}), false);
  if (architecture_.encoder == Encoder::gru) {
    for (std::uint32_t b = 0; b < shape.layers; ++b)
      for (const char* part : {".input", ".state"}) gru_.push_back(add("gru." + std::to_string(b) + part + ".weight", torch::empty({3 * d, d}).uniform_(-unit, unit), true));
    for (std::uint32_t b = 0; b < shape.layers; ++b)
      for (const char* part : {".input", ".state"}) gru_.push_back(add("gru." + std::to_string(b) + part + ".bias", torch::zeros({3 * d}), false));
    return;
  }
  if (!architecture_.rotary) positions_ = add("event.position", torch::randn({shape.max_len, d}) * id_scale, true);
  if (architecture_.input_norm) input_norm_ = norm("input_norm");
  for (std::uint32_t b = 0; b < shape.layers; ++b) blocks_.push_back(block("block." + std::to_string(b)));
  final_norm_ = norm("final_norm");
  const std::int64_t half = d / shape.heads / 2;
  const Tensor exponent = torch::arange(half, torch::kFloat64) * (-1.0 / static_cast<double>(half));
  const Tensor angles = torch::outer(torch::arange(shape.max_len, torch::kFloat64),
                                     torch::pow(torch::full({1}, 10000.0, torch::kFloat64), exponent));
  cosines_ = angles.cos().to(dtype);
  sines_ = angles.sin().to(dtype);
  if (!has_content()) return;  // no codes: no generator
  depth_in_ = linear("depth.in", d, d);
  for (std::uint32_t l = 0; l + 1 < shape.levels; ++l)
    depth_codes_.push_back(add("depth.code." + std::to_string(l), torch::randn({shape.codebook, d}) * 0.02, true));
  depth_step_ = add("depth.step", torch::randn({shape.levels, d}) * 0.02, true);
  for (std::uint32_t b = 0; b < shape.depth_layers; ++b)
    depth_blocks_.push_back(block("depth.block." + std::to_string(b)));
  depth_norm_ = norm("depth.norm");
  for (std::uint32_t l = 0; l < shape.levels; ++l)
    depth_out_.push_back(linear("depth.out." + std::to_string(l), shape.codebook, d));
  // The generator starts as the lookahead alone.
  torch::NoGradGuard no_grad;
  for (const Linear& out : depth_out_) out.weight.detach().zero_();
  depth_look_ = add("depth.look", torch::ones({shape.levels}), false);
}

void Network::set_age(double events) {
  torch::NoGradGuard no_grad;
  log_age_.fill_(std::log(events));
  log_age_.set_requires_grad(false);
}

Tensor Network::gate() const { return counts_ / (counts_ + log_age_.exp()); }

double Network::logit_scale() const {
  return shape_.normalised ? log_scale_.exp().item<double>() : shape_.logit_scale / export_scale();
}

double Network::export_scale() const {
  return architecture_.scaled_input && has_content() ? std::sqrt(static_cast<double>(shape_.dim)) : 1;
}

Tensor Network::content_vectors() const {
  Tensor content;
  for (std::uint32_t l = 0; l < shape_.levels; ++l) {
    const Tensor part = torch::embedding(item_codes_[l], codes_.select(1, l));
    content = content.defined() ? content + part : part;
  }
  for (const ModalityInput& m : modalities_) {
    const bool rounds = m.rounded.defined() && torch::GradMode::is_enabled();
    content = content + (rounds ? rounded_linear(m.rounded, m.projection.weight, m.projection.bias) : m.projection(m.vectors)) * m.present;
  }
  return content;
}

Tensor Network::item_vectors(bool training, double id_dropout) const {
  if (!has_content()) return id_;
  Tensor g = gate();
  if (training && id_dropout > 0) g = g * torch::rand_like(g).ge(id_dropout).to(dtype_);
  // The id is what content leaves out.
  const Tensor own = g * id_ + content_vectors();
  return lending_ ? own + (1 - g) * lent(*lending_, id_, *executor_) : own;
}

Tensor Network::run(const Block& b, Tensor x, const Tensor& offsets, const Rates& rates, bool training, bool rotate) const {
  AttentionOptions how{shape_.heads, !cloze()};
  if (rotate) how.cosines = cosines_, how.sines = sines_;
  if (training && architecture_.drops_attention) how.dropout = rates.inner;
  const Tensor mixed = attention(b.qkv(b.norm1(x)), offsets, how, *executor_);
  x = x + drop(b.out(mixed), rates.inner, training);
  const Tensor inner = drop(torch::gelu(b.up(b.norm2(x))), rates.inner, training);
  return x + drop(b.down(inner), rates.inner, training);
}

Tensor Network::places(const Tensor& offsets) const {
  const auto* at = offsets.data_ptr<std::int64_t>();
  std::vector<std::int64_t> place;
  for (std::int64_t s = 0; s + 1 < offsets.numel(); ++s) {
    const std::int64_t n = at[s + 1] - at[s], first = architecture_.from_end ? shape_.max_len - n : 0;
    for (std::int64_t e = 0; e < n; ++e) place.push_back(first + e);
  }
  return tensor_of(place);
}

Tensor Network::states(const Tensor& item_vectors, const EventTensors& events, const Rates& rates,
                       bool training, std::vector<Tensor>* layers) const {
  const Tensor table = cloze() ? torch::cat({item_vectors, mask_item_}) : item_vectors;
  Tensor x = torch::embedding(table, events.items);
  if (architecture_.context) x = x + torch::embedding(actions_, events.actions) + torch::embedding(gaps_, events.gaps);
  if (architecture_.scaled_input) x = x * std::sqrt(static_cast<double>(shape_.dim));
  if (positions_.defined()) x = x + torch::embedding(positions_, places(events.offsets));
  if (architecture_.input_norm) x = input_norm_(x);
  x = drop(x, rates.input, training);
  if (layers) layers->push_back(x);
  if (architecture_.encoder == Encoder::gru) return drop(run_gru(x, events.offsets), rates.inner, training);
  const Tensor shares = layer_mix_.defined() ? torch::softmax(layer_mix_, 0) : Tensor();
  Tensor mixed = shares.defined() ? x * shares[0] : Tensor();
  for (std::size_t b = 0; b < blocks_.size(); ++b) {
    x = run(blocks_[b], x, events.offsets, rates, training, architecture_.rotary);
    if (layers) layers->push_back(x);
    if (shares.defined()) mixed = mixed + x * shares[static_cast<std::int64_t>(b + 1)];
  }
  if (shares.defined()) x = mixed;
  if (requests_.defined()) {
    Tensor asked = events.requests;
    if (training) asked = asked * torch::rand(asked.sizes()).ge(kRequestUnknown).to(torch::kInt64);
    x = x + torch::embedding(requests_, asked);
  }
  return final_norm_(x);
}

Tensor Network::run_gru(const Tensor& x, const Tensor& offsets) const {
  const auto layers = static_cast<std::int64_t>(shape_.layers);
  std::vector<Tensor> parts;
  for (std::int64_t l = 0; l < layers; ++l) {
    const auto at = static_cast<std::size_t>(2 * l), biases = static_cast<std::size_t>(2 * layers);
    for (const std::size_t k : {at, at + 1, biases + at, biases + at + 1}) parts.push_back(gru_[k]);
  }
  // LibTorch wants the first events of all histories, then the second ones, the longest history first.
  const auto* at = offsets.data_ptr<std::int64_t>();
  std::vector<std::int64_t> order(static_cast<std::size_t>(offsets.numel() - 1)), rows, alive;
  std::iota(order.begin(), order.end(), std::int64_t{0});
  std::ranges::stable_sort(order, std::greater(), [&](std::int64_t s) { return at[s + 1] - at[s]; });
  while (!order.empty() && at[order.back() + 1] == at[order.back()]) order.pop_back();
  for (std::int64_t e = 0, left = static_cast<std::int64_t>(order.size()); left > 0; ++e) {
    alive.push_back(left);
    for (std::int64_t s = 0; s < left; ++s) rows.push_back(at[order[static_cast<std::size_t>(s)]] + e);
    while (left > 0 && at[order[static_cast<std::size_t>(left - 1)] + 1] - at[order[static_cast<std::size_t>(left - 1)]] == e + 1) --left;
  }
  const Tensor by_time = tensor_of(rows);
  const Tensor start = torch::zeros({layers, static_cast<std::int64_t>(order.size()), x.size(1)}, x.options());
  const Tensor out = std::get<0>(torch::gru(x.index_select(0, by_time), tensor_of(alive), start, parts, /*has_biases=*/true, layers,
                                            /*dropout=*/0, /*train=*/false, /*bidirectional=*/false));
  return out.index_select(0, by_time.argsort());
}

Tensor Network::user_states(const Tensor& item_vectors, const PackedEvents& histories) const {
  PackedEvents asked;
  if (cloze()) {  // a mask after each history is what is to be found
    for (std::size_t s = 0; s + 1 < histories.offsets.size(); ++s) {
      asked.items.insert(asked.items.end(), histories.items.begin() + histories.offsets[s], histories.items.begin() + histories.offsets[s + 1]);
      asked.items.push_back(item_vectors.size(0));
      asked.offsets.push_back(static_cast<std::int64_t>(asked.rows()));
    }
    asked.actions.assign(asked.rows(), 0);
    asked.gaps.assign(asked.rows(), 0);
  }
  const EventTensors events = tensors_of(cloze() ? asked : histories);
  return states(item_vectors, events).index_select(0, events.offsets.slice(0, 1) - 1);
}

Tensor Network::dense_users(const Tensor& states) const {
  if (!shape_.normalised) return states * shape_.logit_scale;
  return unit_rows(states) * log_scale_.exp();
}

Tensor Network::dense_items(const Tensor& item_vectors) const {
  return shape_.normalised ? unit_rows(item_vectors) : item_vectors;
}

std::vector<Tensor> Network::code_logits(const Tensor& states, const Tensor& codes) const {
  std::vector<Tensor> steps{depth_in_(states)};
  for (std::uint32_t l = 0; l + 1 < shape_.levels; ++l)
    steps.push_back(torch::embedding(depth_codes_[l], codes.select(1, l)));
  const std::int64_t rows = states.size(0), levels = shape_.levels, d = shape_.dim;
  Tensor z = (torch::stack(steps, 1) + depth_step_).view({rows * levels, d});
  const Tensor offsets = torch::arange(0, rows * levels + 1, levels, torch::kInt64);
  for (const Block& b : depth_blocks_) z = run(b, z, offsets, {}, false, /*rotate=*/false);
  z = depth_norm_(z).view({rows, levels, d});
  std::vector<Tensor> logits;
  for (std::uint32_t l = 0; l < shape_.levels; ++l) logits.push_back(depth_out_[l](z.select(1, l)));
  return logits;
}

std::vector<std::pair<std::string, Tensor>> Network::exported() const {
  torch::NoGradGuard no_grad;
  std::vector<std::pair<std::string, Tensor>> out;
  for (const Weight& w : weights_) {
    if (w.name == "logit_scale") continue;  // a number of the manifest
    Tensor value = w.value;
    if (w.name == "item.age") value = log_age_.exp();
    if (w.name == "layer.mix") value = torch::softmax(layer_mix_, 0);
    out.emplace_back(w.name, value);
  }
  for (std::size_t m = 0; m < modalities_.size(); ++m) {
    // W (x - mean) / s + b = (W / s) x + (b - W mean / s)
    const ModalityInput& input = modalities_[m];
    const std::string from = "item.modality." + std::to_string(m);
    const Tensor weight = input.projection.weight / input.scale;
    for (auto& [name, value] : out) {
      if (name == from + ".weight") name = "item.modality." + input.name + ".weight", value = weight;
      else if (name == from + ".bias")
        name = "item.modality." + input.name + ".bias", value = input.projection.bias - torch::mv(weight, input.mean);
    }
  }
  out.emplace_back("item.vector", item_vectors());
  if (const double scale = export_scale(); scale != 1)
    for (auto& [name, value] : out)
      if ((name.starts_with("item.") && name != "item.age" && name != "item.bias") || name.starts_with("event.")) value = value * scale;
  return out;
}

}  // namespace penchant::learn
