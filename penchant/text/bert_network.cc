#include "penchant/text/bert_network.h"

#include <algorithm>
#include <utility>

#include "penchant/kernels/attention.h"
#include "penchant/kernels/vectors.h"

namespace penchant::text {

/// Tensors by their BERT names, each checked.
class BertNetwork::Reader {
 public:
  explicit Reader(const artifact::SafeTensors& tensors)
      : tensors_(tensors),
        prefix_(tensors.contains("bert.embeddings.word_embeddings.weight") ? "bert." : "") {}

  Result<MatrixView<const float>> table(const std::string& name, std::size_t rows, std::size_t cols) const {
    auto found = tensors_.matrix_f32(prefix_ + name, rows, cols);
    if (!found.ok()) return named(std::move(found).error(), name);
    const MatrixView<const float> view = found.value();
    for (std::size_t r = 0; r < rows; ++r)
      if (!kernels::all_finite(view.row(r))) return not_finite(name);
    return view;
  }
  Result<std::vector<float>> vector(const std::string& name, std::size_t size) const {
    auto found = tensors_.vector_f32(prefix_ + name, size);
    if (!found.ok()) return named(std::move(found).error(), name);
    const std::span<const float> values = found.value();
    if (!kernels::all_finite(values)) return not_finite(name);
    return std::vector<float>(values.begin(), values.end());
  }
  Result<kernels::PackedLinear> linear(const std::string& name, std::size_t out, std::size_t in) const {
    PENCHANT_TRY(weight, table(name + ".weight", out, in));
    PENCHANT_TRY(bias, vector(name + ".bias", out));
    return kernels::PackedLinear(weight, bias);
  }
  Result<Norm> norm(const std::string& name, std::size_t dim) const {
    PENCHANT_TRY(scale, vector(name + ".weight", dim));
    PENCHANT_TRY(shift, vector(name + ".bias", dim));
    return Norm{std::move(scale), std::move(shift)};
  }
  /// Query, key and value as one product.
  Result<kernels::PackedLinear> qkv(const std::string& name, std::size_t dim) const {
    Matrix<float> weights;
    std::vector<float> biases;
    for (const char* part : {"query", "key", "value"}) {
      PENCHANT_TRY(weight, table(name + "." + part + ".weight", dim, dim));
      PENCHANT_TRY(bias, vector(name + "." + part + ".bias", dim));
      for (std::size_t r = 0; r < dim; ++r) weights.append_row(weight.row(r));
      biases.insert(biases.end(), bias.begin(), bias.end());
    }
    return kernels::PackedLinear(weights.view(), biases);
  }

 private:
  static Error named(Error error, const std::string& name) {
    error.code = ErrorCode::corrupt;
    if (error.message.find(name) == std::string::npos)
      return std::move(error).within("tensor \"" + name + "\"");
    return error;
  }
  static Error not_finite(const std::string& name) {
    return {ErrorCode::corrupt, "tensor \"" + name + "\" holds a value that is not finite"};
  }
  const artifact::SafeTensors& tensors_;
  std::string prefix_;
};

Result<BertNetwork> BertNetwork::load(artifact::SafeTensors tensors, const BertShape& shape) {
  BertNetwork network(std::move(tensors));
  network.shape_ = shape;
  const Reader reader(network.tensors_);
  const std::size_t d = shape.dim;
  PENCHANT_TRY(words, reader.table("embeddings.word_embeddings.weight", shape.vocabulary, d));
  PENCHANT_TRY(positions, reader.table("embeddings.position_embeddings.weight", shape.positions, d));
  PENCHANT_TRY(types, reader.table("embeddings.token_type_embeddings.weight", shape.token_types, d));
  PENCHANT_TRY(norm, reader.norm("embeddings.LayerNorm", d));
  network.words_ = words;
  network.embedding_norm_ = std::move(norm);
  network.positions_ = Matrix<float>(shape.positions, d);
  for (std::size_t p = 0; p < shape.positions; ++p) {
    kernels::add(network.positions_.row(p), positions.row(p));
    kernels::add(network.positions_.row(p), types.row(0));
  }
  for (std::size_t l = 0; l < shape.layers; ++l) {
    const std::string name = "encoder.layer." + std::to_string(l) + ".";
    PENCHANT_TRY(qkv, reader.qkv(name + "attention.self", d));
    PENCHANT_TRY(out, reader.linear(name + "attention.output.dense", d, d));
    PENCHANT_TRY(attention_norm, reader.norm(name + "attention.output.LayerNorm", d));
    PENCHANT_TRY(up, reader.linear(name + "intermediate.dense", shape.inner, d));
    PENCHANT_TRY(down, reader.linear(name + "output.dense", d, shape.inner));
    PENCHANT_TRY(output_norm, reader.norm(name + "output.LayerNorm", d));
    network.layers_.push_back({std::move(qkv), std::move(out), std::move(up), std::move(down),
                               std::move(attention_norm), std::move(output_norm)});
  }
  return network;
}

void BertNetwork::normalise(MatrixView<float> x, const Norm& norm) const {
  kernels::layer_norm(x, {norm.scale, norm.shift, shape_.epsilon}, x);
}

void BertNetwork::embed(std::span<const std::int32_t> tokens, std::span<const std::size_t> lengths,
                        MatrixView<float> x) const {
  std::size_t row = 0;
  for (const std::size_t length : lengths) {
    for (std::size_t p = 0; p < length; ++p, ++row) {
      const auto word = words_.row(static_cast<std::size_t>(tokens[row]));
      std::copy(word.begin(), word.end(), x.row(row).begin());
      kernels::add(x.row(row), positions_.row(p));
    }
  }
}

void BertNetwork::encode(std::span<const std::int32_t> tokens, std::span<const std::size_t> lengths,
                         MatrixView<float> out) const {
  const std::size_t rows = tokens.size(), d = shape_.dim;
  Matrix<float> x(rows, d), qkv(rows, 3 * d), mixed(rows, d), projected(rows, d);
  Matrix<float> inner(rows, shape_.inner);
  std::vector<float> logits;
  embed(tokens, lengths, x.view());
  normalise(x.view(), embedding_norm_);
  for (const Layer& layer : layers_) {
    layer.qkv.apply(x.view(), qkv.view());
    std::size_t first = 0;
    for (const std::size_t length : lengths) {
      const float* base = qkv.row(first).data();
      const kernels::KeyValues past{base + d, base + 2 * d, length, 3 * d};
      for (std::size_t t = first; t < first + length; ++t)
        kernels::attend(qkv.row(t).subspan(0, d), past, shape_.heads, logits, mixed.row(t));
      first += length;
    }
    layer.out.apply(mixed.view(), projected.view());
    kernels::add(x.values(), projected.values());
    normalise(x.view(), layer.attention_norm);
    layer.up.apply(x.view(), inner.view());
    kernels::gelu(inner.values());
    layer.down.apply(inner.view(), projected.view());
    kernels::add(x.values(), projected.values());
    normalise(x.view(), layer.output_norm);
  }
  std::size_t row = 0;
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    const auto mean = out.row(i);
    std::fill(mean.begin(), mean.end(), 0.0F);
    for (std::size_t t = 0; t < lengths[i]; ++t) kernels::add(mean, x.row(row++));
    kernels::l2_normalise(mean);  // the mean and the sum have one direction
  }
}

}  // namespace penchant::text
