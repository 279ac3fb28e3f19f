/// \file The quantisers that learn, against LibTorch: gradients, the content encoder, and the codes.
#include <gtest/gtest.h>
#include <torch/torch.h>
#include <unistd.h>

#include <filesystem>

#include "penchant/artifact/safetensors.h"
#include "penchant/base/random_matrix_testing.h"
#include "penchant/learn/torch/tensors.h"
#include "penchant/semantic_id/learned/mlp_trainer.h"
#include "penchant/semantic_id/quantiser.h"
#include "penchant/semantic_id/topical_testing.h"

namespace penchant::learn {
namespace {

using torch::Tensor;

/// Dense layers with ReLU between them, in double precision.
struct Layers {
  std::vector<Tensor> weights, biases;

  explicit Layers(const std::vector<semantic_id::DenseLayer>& layers) {
    for (const auto& layer : layers) {
      weights.push_back(tensor_of(layer.weight).to(torch::kFloat64).set_requires_grad(true));
      biases.push_back(tensor_of(layer.bias).to(torch::kFloat64).set_requires_grad(true));
    }
  }
  [[nodiscard]] Tensor forward(Tensor x) const {
    for (std::size_t k = 0; k < weights.size(); ++k) {
      x = torch::linear(x, weights[k], biases[k]);
      if (k + 1 < weights.size()) x = torch::relu(x);
    }
    return x;
  }
};

double largest_difference(const Tensor& exact, const Matrix<float>& got) {
  return (exact.reshape({-1}) - tensor_of(got.values()).to(torch::kFloat64)).abs().max().item<double>();
}

TEST(QuantiserParity, GradientsAndStepsAreThoseOfAutogradAndAdamW) {
  Executor executor(1);
  Rng rng(1);
  const std::size_t widths[] = {20, 33, 17, 6};
  semantic_id::MlpTrainer ours(widths, rng);
  const Layers theirs(ours.layers());
  std::vector<Tensor> decayed = theirs.weights;
  std::vector<torch::optim::OptimizerParamGroup> groups;
  auto with = std::make_unique<torch::optim::AdamWOptions>(1e-2);
  with->weight_decay(0.1);
  auto without = std::make_unique<torch::optim::AdamWOptions>(1e-2);
  without->weight_decay(0);
  groups.emplace_back(decayed, std::move(with));
  groups.emplace_back(theirs.biases, std::move(without));
  torch::optim::AdamW optimiser(groups, torch::optim::AdamWOptions(1e-2));
  for (std::uint64_t step = 0; step < 20; ++step) {
    const auto x = random_matrix(150, 20, 10 + step), target = random_matrix(150, 6, 50 + step);
    const auto y = ours.forward(x.view(), executor);
    Matrix<float> gradient(150, 6);
    for (std::size_t i = 0; i < 150; ++i)
      for (std::size_t j = 0; j < 6; ++j) gradient(i, j) = 2 * (y(i, j) - target(i, j)) / 150;
    const Tensor input = tensor_of(x).to(torch::kFloat64).set_requires_grad(true);
    const Tensor loss = (theirs.forward(input) - tensor_of(target).to(torch::kFloat64)).pow(2).sum() / 150;
    optimiser.zero_grad();
    loss.backward();
    const auto at_input = ours.backward(gradient.view(), executor);
    if (step == 0) {  // later on the two weights differ by rounding
      EXPECT_LT(largest_difference(input.grad(), at_input), 1e-6);
      for (std::size_t k = 0; k < 3; ++k) {
        EXPECT_LT(largest_difference(theirs.weights[k].grad(), ours.gradients()[k].weight), 1e-6);
        EXPECT_LT(largest_difference(theirs.biases[k].grad(), Matrix<float>(ours.gradients()[k].bias, 1,
                                                                            ours.gradients()[k].bias.size())),
                  1e-6);
      }
    }
    optimiser.step();
    ours.step({.learning_rate = 1e-2, .weight_decay = 0.1}, executor);
    for (std::size_t k = 0; k < 3; ++k)
      EXPECT_LT(largest_difference(theirs.weights[k].detach(), ours.layers()[k].weight), 2e-4)
          << "step " << step;
  }
}

TEST(QuantiserParity, AStoredEncoderAndItsCodesAreTheSameInLibTorch) {
  Executor executor(1);
  const auto vectors = semantic_id::topical(600, 24, 30, 1);
  std::vector<semantic_id::ItemPair> pairs;
  for (std::uint32_t i = 0; i + 30 < 600; ++i) pairs.push_back({i, i + 30});
  const std::string path =
      (std::filesystem::temp_directory_path() / ("penchant-quantiser-parity-" + std::to_string(::getpid())))
          .string();
  for (const std::string name : {"rqvae", "behaviour"}) {
    const auto fit =
        semantic_id::fit_quantiser(name, vectors.view(), {.codebook = 16, .pairs = pairs}, executor).value();
    ASSERT_TRUE(semantic_id::save_codebooks(path, fit.codebooks, fit.codes.view()).ok());
    // Read as docs/formats/release.md says, with nothing of ours but the file reader.
    const auto file = artifact::SafeTensors::open(path).value();
    const auto tensor = [&](const std::string& tensor_name) {
      const auto found = file.get(tensor_name).value();
      std::vector<std::int64_t> shape(found.shape.begin(), found.shape.end());
      return torch::from_blob(const_cast<std::byte*>(found.bytes.data()), shape, torch::kFloat32)
          .to(torch::kFloat64);
    };
    Tensor z = tensor_of(vectors).to(torch::kFloat64);
    for (int k = 0; file.contains("encoder." + std::to_string(k) + ".weight"); ++k) {
      if (k > 0) z = torch::relu(z);
      z = torch::linear(z, tensor("encoder." + std::to_string(k) + ".weight"),
                        tensor("encoder." + std::to_string(k) + ".bias"));
    }
    z = z / z.norm(2, 1, true);
    const auto encoded = fit.codebooks.encode(vectors.view(), executor).value();
    EXPECT_LT(largest_difference(z, encoded.made), 1e-5) << name;
    Tensor left = z;
    for (std::int64_t l = 0; l < 3; ++l) {
      const Tensor words = tensor("codebook." + std::to_string(l));
      const Tensor distances = torch::cdist(left, words);
      const auto best = std::get<0>(distances.min(1));
      std::vector<std::int64_t> ours;
      for (std::size_t i = 0; i < 600; ++i) ours.push_back(fit.codes(i, static_cast<std::size_t>(l)));
      const Tensor codes = tensor_of(ours);
      // The same codeword, or one as near up to rounding.
      const Tensor excess = distances.gather(1, codes.unsqueeze(1)).squeeze(1) - best;
      EXPECT_LT(excess.max().item<double>(), 1e-4) << name << ", level " << l;
      EXPECT_GE((codes == distances.argmin(1)).sum().item<std::int64_t>(), 597) << name << ", level " << l;
      left = left - words.index_select(0, codes);
    }
  }
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace penchant::learn
