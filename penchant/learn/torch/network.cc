#include "penchant/learn/torch/network.h"

#include <cmath>
#include <limits>
#include <utility>

#include "penchant/learn/torch/tensors.h"

namespace penchant::learn {

using torch::Tensor;

Tensor drop(const Tensor& x, double p, bool training) {
  const int threshold = static_cast<int>(std::lround(p * 256));
  if (!training || threshold <= 0) return x;
  const std::int64_t n = x.numel();
  const Tensor words = torch::empty({(n + 7) / 8}, torch::kInt64)
                           .random_(std::numeric_limits<std::int64_t>::min(), std::optional<std::int64_t>());
  const Tensor keep = words.view(torch::kUInt8).narrow(0, 0, n).view(x.sizes()).ge(threshold);
  return x * keep.to(x.dtype()).mul_(256.0 / (256 - threshold));
}

namespace {

/// Rotates pairs (j, j + D/2) of [rows, heads, cols, D].
Tensor rotate_pairs(const Tensor& x, const Tensor& cosines, const Tensor& sines) {
  const std::int64_t cols = x.size(2), half = x.size(3) / 2;
  const Tensor a = x.narrow(3, 0, half), b = x.narrow(3, half, half);
  const Tensor c = cosines.narrow(0, 0, cols), s = sines.narrow(0, 0, cols);
  return torch::cat({a * c - b * s, a * s + b * c}, 3);
}

Tensor unit_rows(const Tensor& x) { return x / x.norm(2, {-1}, true).clamp_min(1e-12); }

}  // namespace

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
                 Tensor codes, Tensor counts, double id_scale, double weight_scale, torch::Dtype dtype)
    : shape_(shape), architecture_(architecture), dtype_(dtype), weight_scale_(weight_scale), codes_(std::move(codes)), counts_(counts.to(dtype).unsqueeze(1)) {
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
  for (const ModalityInput& m : modalities_) content = content + m.projection(m.vectors) * m.present;
  return content;
}

Tensor Network::item_vectors(bool training, double id_dropout) const {
  if (!has_content()) return id_;
  Tensor g = gate();
  if (training && id_dropout > 0) g = g * torch::rand_like(g).ge(id_dropout).to(dtype_);
  // The id is learned as what content leaves out: g * id + content = g * (id + content) + (1 - g) * content,
  // and `id + content` is what the release calls item.id.
  return g * id_ + content_vectors();
}

Tensor Network::run(const Block& b, Tensor x, const Rates& rates, bool training, bool rotate,
                    const Tensor& mask) const {
  const double attention = training && architecture_.drops_attention ? rates.inner : 0;
  const std::int64_t rows = x.size(0), cols = x.size(1), d = shape_.dim, heads = shape_.heads;
  const Tensor qkv = b.qkv(b.norm1(x)).view({rows, cols, 3, heads, d / heads}).permute({2, 0, 3, 1, 4});
  Tensor q = qkv[0], k = qkv[1];
  if (rotate) {
    q = rotate_pairs(q, cosines_, sines_);
    k = rotate_pairs(k, cosines_, sines_);
  }
  const Tensor mixed = mask.defined() ? torch::scaled_dot_product_attention(q, k, qkv[2], mask, attention)
                                    : torch::scaled_dot_product_attention(q, k, qkv[2], {}, attention, /*is_causal=*/true);
  x = x + drop(b.out(mixed.transpose(1, 2).reshape({rows, cols, d})), rates.inner, training);
  const Tensor inner = drop(torch::gelu(b.up(b.norm2(x))), rates.inner, training);
  return x + drop(b.down(inner), rates.inner, training);
}

Tensor Network::states(const Tensor& item_vectors, const EventTensors& events, const Rates& rates,
                       bool training, std::vector<Tensor>* layers) const {
  const Tensor table = cloze() ? torch::cat({item_vectors, mask_item_}) : item_vectors;
  Tensor x = torch::embedding(table, events.items);
  if (architecture_.context) x = x + torch::embedding(actions_, events.actions) + torch::embedding(gaps_, events.gaps);
  if (architecture_.scaled_input) x = x * std::sqrt(static_cast<double>(shape_.dim));
  if (positions_.defined() && architecture_.from_end) {
    const Tensor place = torch::arange(x.size(1), torch::kInt64).unsqueeze(0) + (shape_.max_len - events.lengths).unsqueeze(1);
    x = x + torch::embedding(positions_, place.clamp_max(shape_.max_len - 1));
  } else if (positions_.defined()) {
    x = x + positions_.narrow(0, 0, x.size(1));
  }
  if (architecture_.input_norm) x = input_norm_(x);
  x = drop(x, rates.input, training);
  if (layers) layers->push_back(x);
  if (architecture_.encoder == Encoder::gru) return drop(run_gru(x), rates.inner, training);
  Tensor mask;
  if (cloze()) {  // every event sees every other of its history, and none of the padding
    const Tensor column = torch::arange(x.size(1), torch::kInt64).unsqueeze(0);
    mask = torch::zeros({x.size(0), x.size(1)}, x.options())
               .masked_fill_(column.ge(events.lengths.unsqueeze(1)), -std::numeric_limits<double>::infinity())
               .view({x.size(0), 1, 1, x.size(1)});
  }
  for (const Block& b : blocks_) {
    x = run(b, x, rates, training, architecture_.rotary, mask);
    if (layers) layers->push_back(x);
  }
  return final_norm_(x);
}

Tensor Network::run_gru(const Tensor& x) const {
  const auto layers = static_cast<std::int64_t>(shape_.layers);
  std::vector<Tensor> parts;
  for (std::int64_t l = 0; l < layers; ++l) {
    const auto at = static_cast<std::size_t>(2 * l), biases = static_cast<std::size_t>(2 * layers);
    for (const std::size_t k : {at, at + 1, biases + at, biases + at + 1}) parts.push_back(gru_[k]);
  }
  const Tensor start = torch::zeros({layers, x.size(0), x.size(2)}, x.options());
  return std::get<0>(torch::gru(x, start, parts, /*has_biases=*/true, layers, /*dropout=*/0, /*train=*/false,
                                /*bidirectional=*/false, /*batch_first=*/true));
}

Tensor Network::user_states(const Tensor& item_vectors, const HistoryBatch& h) const {
  const auto rows = static_cast<std::int64_t>(h.rows);
  EventTensors events{grid_of(h.items, h.rows, h.cols), grid_of(h.actions, h.rows, h.cols), grid_of(h.gaps, h.rows, h.cols), {}};
  Tensor last = tensor_of(h.last);
  events.lengths = last + 1;
  const Tensor row = torch::arange(rows, torch::kInt64);
  if (cloze()) {
    const std::int64_t mask = item_vectors.size(0);
    const Tensor free = torch::zeros({rows, 1}, torch::kInt64);
    last = last + 1;
    events.items = torch::cat({events.items, free}, 1).index_put_({row, last}, torch::full({1}, mask, torch::kInt64));
    events.actions = torch::cat({events.actions, free}, 1);
    events.gaps = torch::cat({events.gaps, free}, 1);
    events.lengths = last + 1;
  }
  return states(item_vectors, events).index({row, last});
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
  Tensor z = torch::stack(steps, 1) + depth_step_;
  for (const Block& b : depth_blocks_) z = run(b, z, {}, false, /*rotate=*/false);
  z = depth_norm_(z);
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
    if (w.name == "item.id" && has_content()) value = id_ + content_vectors();
    if (w.name == "item.age") value = log_age_.exp();
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
