#include <string>
#include <utility>

#include "penchant/kernels/linear.h"
#include "penchant/kernels/vectors.h"
#include "penchant/nn/sequence_model.h"
#include "penchant/nn/weights.h"

namespace penchant::nn {

struct ItemEmbedder::Impl {
  std::size_t dim = 0, codebook = 0;
  std::vector<Matrix<float>> code;  // [levels] of [K, d]
  std::vector<std::string> names;   // of the modalities
  std::vector<kernels::PackedLinear> modality;
};

ItemEmbedder::ItemEmbedder(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ItemEmbedder::~ItemEmbedder() = default;

Result<std::unique_ptr<ItemEmbedder>> ItemEmbedder::load(const artifact::SafeTensors& tensors,
                                                         const artifact::Manifest& manifest) {
  const artifact::ModelShape& shape = manifest.model;
  PENCHANT_DO(check_shape(shape));
  auto impl = std::make_unique<Impl>();
  impl->dim = shape.dim;
  impl->codebook = shape.codebook;
  for (std::uint32_t l = 0; l < shape.levels; ++l) {
    PENCHANT_TRY(code, read_table(tensors, "item.code." + std::to_string(l), shape.codebook, shape.dim));
    impl->code.push_back(std::move(code));
  }
  for (const auto& row : manifest.modalities) {
    if (row.dim == 0) return Error{ErrorCode::corrupt, "modality \"" + row.name + "\" has dimension 0"};
    PENCHANT_TRY(projection, read_linear(tensors, "item.modality." + row.name, shape.dim, row.dim));
    impl->names.push_back(row.name);
    impl->modality.push_back(std::move(projection));
  }
  return std::unique_ptr<ItemEmbedder>(new ItemEmbedder(std::move(impl)));
}

Result<std::vector<float>> ItemEmbedder::content_vector(
    std::span<const std::uint16_t> codes, std::span<const std::span<const float>> modalities) const {
  const Impl& impl = *impl_;
  if (codes.size() != impl.code.size())
    return invalid("an item has " + std::to_string(impl.code.size()) + " codes, not " +
                   std::to_string(codes.size()));
  if (modalities.size() != impl.modality.size())
    return invalid("the model has " + std::to_string(impl.modality.size()) + " modalities, not " +
                   std::to_string(modalities.size()));
  std::vector<float> vector(impl.dim), projected(impl.dim);
  for (std::size_t l = 0; l < codes.size(); ++l) {
    if (codes[l] >= impl.codebook)
      return invalid("code " + std::to_string(codes[l]) + " of level " + std::to_string(l) +
                     " is not below " + std::to_string(impl.codebook));
    kernels::add(vector, impl.code[l].row(codes[l]));
  }
  for (std::size_t m = 0; m < modalities.size(); ++m) {
    const auto x = modalities[m];
    if (x.empty()) continue;
    const std::size_t wanted = impl.modality[m].inputs();
    if (x.size() != wanted || !kernels::all_finite(x))
      return invalid("modality \"" + impl.names[m] + "\" needs " + std::to_string(wanted) +
                     " finite values, " + std::to_string(x.size()) + " were given");
    impl.modality[m].apply({x.data(), 1, wanted}, {projected.data(), 1, impl.dim});
    kernels::add(vector, projected);
  }
  return vector;
}

}  // namespace penchant::nn
