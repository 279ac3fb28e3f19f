#include "penchant/nn/sequence_model.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "penchant/base/executor.h"
#include "penchant/kernels/attention.h"
#include "penchant/kernels/packed_attention.h"
#include "penchant/kernels/vectors.h"
#include "penchant/nn/transformer_block.h"

namespace penchant::nn {
namespace {

constexpr std::size_t kTogether = 32;  ///< rows of a fresh sequence from which on they attend together

}  // namespace

std::uint32_t gap_bucket(double seconds, std::uint32_t buckets) noexcept {
  if (buckets < 2 || !(seconds >= 0)) return 0;
  const double level = std::floor(std::log2(1.0 + seconds));
  return 1 + static_cast<std::uint32_t>(std::min(level, static_cast<double>(buckets - 2)));
}

struct SequenceModel::Impl {
  artifact::ModelShape shape;
  Matrix<float> action, gap, request;  // [actions, d], [gaps, d], [gaps, d] or none
  std::vector<float> mix;              // [layers + 1] shares of the input and of every block's output, or none
  std::vector<TransformerBlock> blocks;
  Norm final_norm;
  Matrix<float> cos, sin;  // [max_len, head size / 2]

  void prepare_rotation() {
    const std::size_t half = shape.dim / shape.heads / 2;
    cos = Matrix<float>(shape.max_len, half);
    sin = Matrix<float>(shape.max_len, half);
    for (std::size_t position = 0; position < shape.max_len; ++position)
      for (std::size_t j = 0; j < half; ++j) {
        const double angle = static_cast<double>(position) *
                             std::pow(10000.0, -static_cast<double>(j) / static_cast<double>(half));
        cos(position, j) = static_cast<float>(std::cos(angle));
        sin(position, j) = static_cast<float>(std::sin(angle));
      }
  }

  Status check_events(const UserState& state, std::span<const EventInput> events) const;
  void embed(std::span<const EventInput> events, Matrix<float>& x) const;
  void attend_new(UserState& state, std::size_t layer, std::size_t first_query, BlockScratch& scratch) const;
  Matrix<float> run(UserState& state, std::span<const EventInput> events, bool all_rows,
                    std::vector<Matrix<float>>* per_layer) const;
};

Status SequenceModel::Impl::check_events(const UserState& state, std::span<const EventInput> events) const {
  const std::size_t d = shape.dim;
  if (state.length > shape.max_len || events.size() > shape.max_len - state.length)
    return invalid("a history of " + std::to_string(state.length + events.size()) +
                   " events passes max_len " + std::to_string(shape.max_len) +
                   "; start again from the newest events");
  if (state.length > 0) {
    const auto fits = [&](const std::vector<std::vector<float>>& cache) {
      return cache.size() == shape.layers &&
             std::all_of(cache.begin(), cache.end(), [&](auto& c) { return c.size() == state.length * d; });
    };
    if (!fits(state.keys) || !fits(state.values)) return invalid("the user state belongs to another model");
  }
  for (std::size_t i = 0; i < events.size(); ++i) {
    const EventInput& event = events[i];
    const std::string where = "event " + std::to_string(i) + ": ";
    if (event.vector.size() != d)
      return invalid(where + "vector of " + std::to_string(event.vector.size()) +
                     " values, the model has dim " + std::to_string(d));
    if (event.action >= shape.actions)
      return invalid(where + "action " + std::to_string(event.action) + " is not below " +
                     std::to_string(shape.actions));
    if (event.gap >= shape.gaps)
      return invalid(where + "gap " + std::to_string(event.gap) + " is not below " +
                     std::to_string(shape.gaps));
    if (event.request >= shape.gaps)
      return invalid(where + "request " + std::to_string(event.request) + " is not below " + std::to_string(shape.gaps));
    if (!kernels::all_finite(event.vector)) return invalid(where + "vector is not finite");
  }
  return {};
}

void SequenceModel::Impl::embed(std::span<const EventInput> events, Matrix<float>& x) const {
  for (std::size_t t = 0; t < events.size(); ++t) {
    const auto row = x.row(t);
    std::copy(events[t].vector.begin(), events[t].vector.end(), row.begin());
    kernels::add(row, action.row(events[t].action));
    kernels::add(row, gap.row(events[t].gap));
  }
}

/// Stores the new keys and values, and attends from the new rows on from `first_query`:
/// scratch.mixed row i belongs to new row first_query + i.
void SequenceModel::Impl::attend_new(UserState& state, std::size_t layer, std::size_t first_query,
                                     BlockScratch& scratch) const {
  const std::size_t d = shape.dim, rows = scratch.qkv.rows();
  auto& keys = state.keys[layer];
  auto& values = state.values[layer];
  for (std::size_t t = 0; t < rows; ++t) {
    const auto qkv = scratch.qkv.row(t);
    const auto c = cos.row(state.length + t), s = sin.row(state.length + t);
    kernels::rotate_pairs(qkv.subspan(0, d), shape.heads, c, s);
    kernels::rotate_pairs(qkv.subspan(d, d), shape.heads, c, s);
    keys.insert(keys.end(), qkv.begin() + static_cast<std::ptrdiff_t>(d),
                qkv.begin() + static_cast<std::ptrdiff_t>(2 * d));
    values.insert(values.end(), qkv.begin() + static_cast<std::ptrdiff_t>(2 * d), qkv.end());
  }
  if (state.length == 0 && first_query == 0 && rows >= kTogether) {
    const std::int64_t offsets[] = {0, static_cast<std::int64_t>(rows)};
    std::vector<float> log_sums(rows * shape.heads);
    Executor executor(1);
    kernels::packed_attention({.offsets = offsets, .heads = shape.heads}, scratch.qkv.view(), scratch.mixed.view(), log_sums, executor);
    return;
  }
  for (std::size_t t = first_query; t < rows; ++t) {
    const kernels::KeyValues past{keys.data(), values.data(), state.length + t + 1, d};
    kernels::attend(scratch.qkv.row(t).subspan(0, d), past, shape.heads, scratch.logits,
                    scratch.mixed.row(t - first_query));
  }
}

/// Hidden states of all new rows, or of the newest alone ([1, d]): the last block then finishes one
/// row only, since no later block reads the others.
Matrix<float> SequenceModel::Impl::run(UserState& state, std::span<const EventInput> events, bool all_rows,
                                       std::vector<Matrix<float>>* per_layer) const {
  const std::size_t rows = events.size(), d = shape.dim;
  Matrix<float> x(rows, d), mixed;
  embed(events, x);
  const auto add_share = [&](std::size_t layer) {
    for (std::size_t r = 0; r < mixed.rows(); ++r)
      kernels::add_scaled(mixed.row(r), mix[layer], x.row(x.rows() - mixed.rows() + r));
  };
  if (!mix.empty()) {
    mixed = Matrix<float>(all_rows ? rows : 1, d);
    add_share(0);
  }
  state.keys.resize(shape.layers);
  state.values.resize(shape.layers);
  BlockScratch scratch;
  for (std::size_t layer = 0; layer < shape.layers; ++layer) {
    const bool newest_only = !all_rows && layer + 1 == shape.layers && rows > 1;
    blocks[layer].project(x.view(), scratch);
    if (newest_only) {
      scratch.mixed = Matrix<float>(1, d);
      const auto newest = x.row(rows - 1);
      x = Matrix<float>(std::vector<float>(newest.begin(), newest.end()), 1, d);
    }
    attend_new(state, layer, newest_only ? rows - 1 : 0, scratch);
    blocks[layer].finish(x.view(), scratch);
    if (per_layer != nullptr) per_layer->push_back(x);
    if (!mix.empty()) add_share(layer + 1);
  }
  state.length += static_cast<std::uint32_t>(rows);
  if (!mix.empty()) x = std::move(mixed);
  if (shape.reads_request) {
    const auto newest = x.row(x.rows() - 1);
    state.residual.assign(newest.begin(), newest.end());
    for (std::size_t r = 0; r < x.rows(); ++r) kernels::add(x.row(r), request.row(events[rows - x.rows() + r].request));
  }
  kernels::layer_norm(x.view(), final_norm.view(), x.view());
  const auto newest = x.row(x.rows() - 1);
  state.hidden.assign(newest.begin(), newest.end());
  return x;
}

SequenceModel::SequenceModel(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SequenceModel::~SequenceModel() = default;

Result<std::unique_ptr<SequenceModel>> SequenceModel::load(const artifact::SafeTensors& tensors,
                                                           const artifact::ModelShape& shape) {
  PENCHANT_DO(check_shape(shape));
  auto impl = std::make_unique<Impl>();
  impl->shape = shape;
  PENCHANT_TRY(action, read_table(tensors, "event.action", shape.actions, shape.dim));
  PENCHANT_TRY(gap, read_table(tensors, "event.gap", shape.gaps, shape.dim));
  impl->action = std::move(action);
  impl->gap = std::move(gap);
  for (std::uint32_t b = 0; b < shape.layers; ++b) {
    PENCHANT_TRY(block, TransformerBlock::load(tensors, "block." + std::to_string(b), shape));
    impl->blocks.push_back(std::move(block));
  }
  if (shape.reads_request) {
    PENCHANT_TRY(request, read_table(tensors, "request.gap", shape.gaps, shape.dim));
    impl->request = std::move(request);
  }
  if (shape.mixes_layers) {
    PENCHANT_TRY(mix, read_vector(tensors, "layer.mix", shape.layers + 1));
    impl->mix = std::move(mix);
  }
  PENCHANT_TRY(final_norm, read_norm(tensors, "final_norm", shape.dim));
  impl->final_norm = std::move(final_norm);
  impl->prepare_rotation();
  return std::unique_ptr<SequenceModel>(new SequenceModel(std::move(impl)));
}

Status SequenceModel::append(UserState& state, std::span<const EventInput> events) const {
  PENCHANT_DO(impl_->check_events(state, events));
  if (!events.empty()) impl_->run(state, events, /*all_rows=*/false, nullptr);
  return {};
}

void SequenceModel::ask(UserState& state, std::uint32_t request) const {
  if (!impl_->shape.reads_request || state.residual.empty()) return;
  PENCHANT_CHECK(request < impl_->shape.gaps, "SequenceModel::ask: no such bucket");
  Matrix<float> x(state.residual, 1, state.residual.size());
  kernels::add(x.row(0), impl_->request.row(request));
  kernels::layer_norm(x.view(), impl_->final_norm.view(), x.view());
  state.hidden.assign(x.row(0).begin(), x.row(0).end());
}

Result<Matrix<float>> SequenceModel::forward(std::span<const EventInput> events,
                                             std::vector<Matrix<float>>* per_layer) const {
  UserState state;
  PENCHANT_DO(impl_->check_events(state, events));
  if (per_layer != nullptr) per_layer->clear();
  if (events.empty()) return Matrix<float>(0, impl_->shape.dim);
  return impl_->run(state, events, /*all_rows=*/true, per_layer);
}

const artifact::ModelShape& SequenceModel::shape() const noexcept { return impl_->shape; }

}  // namespace penchant::nn
