#include "penchant/nn/transformer_block.h"

#include <utility>

#include "penchant/kernels/vectors.h"

namespace penchant::nn {
namespace {

void fit(Matrix<float>& m, std::size_t rows, std::size_t cols) {
  if (m.rows() != rows || m.cols() != cols) m = Matrix<float>(rows, cols);
}

void add_rows(MatrixView<float> x, const Matrix<float>& y) {
  for (std::size_t r = 0; r < x.rows(); ++r) kernels::add(x.row(r), y.row(r));
}

}  // namespace

Result<TransformerBlock> TransformerBlock::load(const artifact::SafeTensors& tensors,
                                                const std::string& prefix,
                                                const artifact::ModelShape& shape) {
  const std::size_t d = shape.dim, f = shape.ffn;
  PENCHANT_TRY(norm1, read_norm(tensors, prefix + ".norm1", d));
  PENCHANT_TRY(qkv, read_linear(tensors, prefix + ".attn.qkv", 3 * d, d));
  PENCHANT_TRY(out, read_linear(tensors, prefix + ".attn.out", d, d));
  PENCHANT_TRY(norm2, read_norm(tensors, prefix + ".norm2", d));
  PENCHANT_TRY(up, read_linear(tensors, prefix + ".ffn.up", f, d));
  PENCHANT_TRY(down, read_linear(tensors, prefix + ".ffn.down", d, f));
  TransformerBlock block;
  block.norm1_ = std::move(norm1);
  block.norm2_ = std::move(norm2);
  block.qkv_ = std::move(qkv);
  block.out_ = std::move(out);
  block.up_ = std::move(up);
  block.down_ = std::move(down);
  return block;
}

void TransformerBlock::project(MatrixView<const float> x, BlockScratch& scratch) const {
  fit(scratch.normed, x.rows(), x.cols());
  fit(scratch.qkv, x.rows(), qkv_.outputs());
  fit(scratch.mixed, x.rows(), x.cols());
  kernels::layer_norm(x, norm1_.view(), scratch.normed.view());
  qkv_.apply(scratch.normed.view(), scratch.qkv.view());
}

void TransformerBlock::finish(MatrixView<float> x, BlockScratch& scratch) const {
  fit(scratch.normed, x.rows(), x.cols());
  fit(scratch.inner, x.rows(), up_.outputs());
  out_.apply(scratch.mixed.view(), scratch.normed.view());
  add_rows(x, scratch.normed);
  kernels::layer_norm(x, norm2_.view(), scratch.normed.view());
  up_.apply(scratch.normed.view(), scratch.inner.view());
  kernels::gelu(scratch.inner.values());
  down_.apply(scratch.inner.view(), scratch.normed.view());
  add_rows(x, scratch.normed);
}

}  // namespace penchant::nn
