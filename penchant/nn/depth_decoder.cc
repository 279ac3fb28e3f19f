#include <algorithm>
#include <string>
#include <utility>

#include "penchant/kernels/attention.h"
#include "penchant/kernels/vectors.h"
#include "penchant/nn/sequence_model.h"
#include "penchant/nn/transformer_block.h"

namespace penchant::nn {

struct DepthDecoder::Impl {
  artifact::ModelShape shape;
  kernels::PackedLinear in;
  std::vector<Matrix<float>> code;  // [levels - 1] of [K, d]
  Matrix<float> step;               // [levels, d]
  std::vector<float> look;          // [levels]
  std::vector<TransformerBlock> blocks;
  Norm norm;
  std::vector<kernels::PackedLinear> out;  // [levels], d -> K

  /// Runs the inputs x [beams, d] of the current step and returns log-probabilities [beams, K].
  Matrix<float> advance(Matrix<float> x, Cache& cache) const;
};

Matrix<float> DepthDecoder::Impl::advance(Matrix<float> x, Cache& cache) const {
  const std::size_t d = shape.dim, sequence = shape.levels * d, at = cache.step;
  BlockScratch scratch;
  for (std::size_t layer = 0; layer < blocks.size(); ++layer) {
    blocks[layer].project(x.view(), scratch);
    for (std::size_t b = 0; b < x.rows(); ++b) {
      const auto qkv = scratch.qkv.row(b);
      float* keys = cache.keys[layer].data() + b * sequence;
      float* values = cache.values[layer].data() + b * sequence;
      std::copy_n(qkv.data() + d, d, keys + at * d);
      std::copy_n(qkv.data() + 2 * d, d, values + at * d);
      kernels::attend(qkv.subspan(0, d), {keys, values, at + 1, d}, shape.heads, scratch.logits,
                      scratch.mixed.row(b));
    }
    blocks[layer].finish(x.view(), scratch);
  }
  kernels::layer_norm(x.view(), norm.view(), x.view());
  Matrix<float> log_p(x.rows(), shape.codebook);
  out[at].apply(x.view(), log_p.view());
  for (std::size_t b = 0; b < log_p.rows(); ++b) kernels::log_softmax(log_p.row(b));
  ++cache.step;
  return log_p;
}

DepthDecoder::DepthDecoder(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
DepthDecoder::~DepthDecoder() = default;

Result<std::unique_ptr<DepthDecoder>> DepthDecoder::load(const artifact::SafeTensors& tensors,
                                                         const artifact::ModelShape& shape) {
  PENCHANT_DO(check_shape(shape));
  const std::size_t d = shape.dim, codes = shape.codebook;
  auto impl = std::make_unique<Impl>();
  impl->shape = shape;
  PENCHANT_TRY(in, read_linear(tensors, "depth.in", d, d));
  PENCHANT_TRY(step, read_table(tensors, "depth.step", shape.levels, d));
  PENCHANT_TRY(norm, read_norm(tensors, "depth.norm", d));
  PENCHANT_TRY(look, read_vector(tensors, "depth.look", shape.levels));
  impl->in = std::move(in);
  impl->step = std::move(step);
  impl->norm = std::move(norm);
  impl->look = std::move(look);
  for (std::uint32_t l = 0; l + 1 < shape.levels; ++l) {
    PENCHANT_TRY(code, read_table(tensors, "depth.code." + std::to_string(l), codes, d));
    impl->code.push_back(std::move(code));
  }
  for (std::uint32_t b = 0; b < shape.depth_layers; ++b) {
    PENCHANT_TRY(block, TransformerBlock::load(tensors, "depth.block." + std::to_string(b), shape));
    impl->blocks.push_back(std::move(block));
  }
  for (std::uint32_t l = 0; l < shape.levels; ++l) {
    PENCHANT_TRY(out, read_linear(tensors, "depth.out." + std::to_string(l), codes, d));
    impl->out.push_back(std::move(out));
  }
  return std::unique_ptr<DepthDecoder>(new DepthDecoder(std::move(impl)));
}

Matrix<float> DepthDecoder::start(std::span<const float> hidden, Cache& cache) const {
  const Impl& impl = *impl_;
  const std::size_t d = impl.shape.dim;
  PENCHANT_CHECK(hidden.size() == d, "DepthDecoder::start: hidden is not [d]");
  cache.beams = 1;
  cache.step = 0;
  cache.keys.assign(impl.blocks.size(), std::vector<float>(impl.shape.levels * d));
  cache.values = cache.keys;
  Matrix<float> x(1, d);
  impl.in.apply({hidden.data(), 1, d}, x.view());
  kernels::add(x.row(0), impl.step.row(0));
  return impl.advance(std::move(x), cache);
}

Matrix<float> DepthDecoder::next(std::span<const std::uint32_t> parents, std::span<const std::uint16_t> codes,
                                 Cache& cache) const {
  const Impl& impl = *impl_;
  const std::size_t d = impl.shape.dim, sequence = impl.shape.levels * d, beams = parents.size();
  PENCHANT_CHECK(codes.size() == beams, "DepthDecoder::next: one code per beam");
  PENCHANT_CHECK(cache.step >= 1 && cache.step < impl.shape.levels &&
                     cache.keys.size() == impl.blocks.size() && cache.values.size() == impl.blocks.size(),
                 "DepthDecoder::next: the cache has no step to go on from");
  const Matrix<float>& table = impl.code[cache.step - 1];
  Matrix<float> x(beams, d);
  for (std::size_t b = 0; b < beams; ++b) {
    PENCHANT_CHECK(parents[b] < cache.beams, "DepthDecoder::next: parent out of range");
    PENCHANT_CHECK(codes[b] < impl.shape.codebook, "DepthDecoder::next: code out of range");
    const auto embedding = table.row(codes[b]);
    std::copy(embedding.begin(), embedding.end(), x.row(b).begin());
    kernels::add(x.row(b), impl.step.row(cache.step));
  }
  const auto reorder = [&](std::vector<float>& rows) {
    std::vector<float> ordered(beams * sequence);
    for (std::size_t b = 0; b < beams; ++b)
      std::copy_n(rows.data() + parents[b] * sequence, cache.step * d, ordered.data() + b * sequence);
    rows = std::move(ordered);
  };
  for (auto& rows : cache.keys) reorder(rows);
  for (auto& rows : cache.values) reorder(rows);
  cache.beams = beams;
  return impl.advance(std::move(x), cache);
}

float DepthDecoder::look(std::size_t level) const { return impl_->look[level]; }

const artifact::ModelShape& DepthDecoder::shape() const noexcept { return impl_->shape; }

}  // namespace penchant::nn
