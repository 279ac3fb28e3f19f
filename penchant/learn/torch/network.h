#pragma once
/// \file The network of docs/formats/release.md as LibTorch functions over one table of weights.
/// Private to penchant/learn/torch.
#include <torch/torch.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "penchant/artifact/manifest.h"
#include "penchant/base/executor.h"
#include "penchant/learn/architecture.h"
#include "penchant/learn/torch/lending.h"
#include "penchant/learn/trainer.h"
#include "penchant/learn/windows.h"

namespace penchant::learn {

struct Linear {
  torch::Tensor weight, bias;  ///< [out, in], [out]
  [[nodiscard]] torch::Tensor operator()(const torch::Tensor& x) const { return torch::linear(x, weight, bias); }
};

struct Norm {
  torch::Tensor weight, bias;  ///< [d]
  [[nodiscard]] torch::Tensor operator()(const torch::Tensor& x) const {
    return torch::layer_norm(x, {weight.size(0)}, weight, bias, 1e-5);
  }
};

struct Block {
  Norm norm1, norm2;
  Linear qkv, out, up, down;
};

/// Histories one after another, all int64: history s holds rows [offsets[s], offsets[s + 1]) of the others.
struct EventTensors {
  torch::Tensor items, actions, gaps;  ///< [t]
  torch::Tensor offsets;               ///< [s + 1], from 0 to t
  torch::Tensor requests;              ///< [t], read by a network that knows when it is asked
};
[[nodiscard]] EventTensors tensors_of(const PackedEvents& events);

/// Dropout rates, used when training.
struct Rates {
  double inner = 0, input = 0;
};

/// Weights and forward functions. The tensors carry gradients unless made frozen. Threads: one call at a time.
class Network {
 public:
  struct Modality {
    std::string name;
    torch::Tensor vectors;  ///< [n, dim], as given
  };
  /// Random weights from LibTorch's generator. `executor` outlives the network and its gradients.
  /// \param codes int64 [n, L], undefined where L = 0: items are then known by their id alone
  /// \param counts f32 [n], training events per item; \param id_scale 0: what suits the head; \param weight_scale as
  /// TrainOptions
  Network(const artifact::ModelShape& shape, const Architecture& architecture, std::vector<Modality> modalities, torch::Tensor codes,
          torch::Tensor counts, Executor& executor, double id_scale = 0, double weight_scale = 0, torch::Dtype dtype = torch::kFloat32);

  /// From now on an id that is young or dropped is made up for by those of the item's lenders. \param lenders [n]
  void borrow_from(const retrieve::LenderTable& lenders) { lending_ = std::make_shared<Lending>(lenders); }
  /// Items of this many training events are half their own id, half borrowed; not learned any more.
  void set_age(double events);
  /// e(i) of all items, [n, d]; with `training` some ids are dropped.
  [[nodiscard]] torch::Tensor item_vectors(bool training = false, double id_dropout = 0) const;
  /// content(i) of all items, [n, d].
  [[nodiscard]] torch::Tensor content_vectors() const;
  /// User states [t, d] after every event; `layers` receives the input and the residual stream after each block.
  [[nodiscard]] torch::Tensor states(const torch::Tensor& item_vectors, const EventTensors& events,
                                     const Rates& rates = {}, bool training = false,
                                     std::vector<torch::Tensor>* layers = nullptr) const;
  /// Events of a history that a query may hold: the mask takes one place.
  [[nodiscard]] std::uint32_t query_length() const noexcept { return shape_.max_len - (cloze() ? 1 : 0); }
  /// User states [s, d] after whole histories of one event or more; for Objective::cloze a mask is put after each.
  [[nodiscard]] torch::Tensor user_states(const torch::Tensor& item_vectors, const PackedEvents& histories) const;
  /// The two factors of the dense logits: logits = users * items^T + bias.
  [[nodiscard]] torch::Tensor dense_users(const torch::Tensor& states) const;        ///< [.., d]
  [[nodiscard]] torch::Tensor dense_items(const torch::Tensor& item_vectors) const;  ///< [n, d]
  /// Logits of the codes of each level, [L] of [rows, K], given the true codes before it.
  /// \param states [rows, d]; \param codes int64 [rows, L]
  [[nodiscard]] std::vector<torch::Tensor> code_logits(const torch::Tensor& states, const torch::Tensor& codes) const;

  struct Weight {
    std::string name;     ///< as in model.safetensors, except modality m is "item.modality.<m>.…"
    torch::Tensor value;  ///< leaf tensor
    bool decays;          ///< weight decay applies
  };
  [[nodiscard]] const std::vector<Weight>& weights() const noexcept { return weights_; }
  [[nodiscard]] const artifact::ModelShape& shape() const noexcept { return shape_; }
  /// [n], undefined without Architecture::item_bias.
  [[nodiscard]] torch::Tensor bias() const { return bias_; }
  [[nodiscard]] torch::Tensor codes() const { return codes_; }
  /// [L], weights of the lookahead beside the code logits.
  [[nodiscard]] torch::Tensor look() const { return depth_look_; }
  /// Of the exported weights.
  [[nodiscard]] double logit_scale() const;
  /// Weights in the form of the release, [name, tensor] in table order: shares folded, and so is
  /// Architecture::scaled_input where the model has content (item and event vectors grow, the logits shrink).
  [[nodiscard]] std::vector<std::pair<std::string, torch::Tensor>> exported() const;
  /// The inverse: takes the weights of a release, in the rows of this network's items and actions. An age that was set
  /// stays. \return invalid_argument naming the tensor that is missing or has another shape
  Status start_from(const StartWeights& start);

 private:
  struct ModalityInput {
    std::string name;
    torch::Tensor vectors, present, mean;  ///< centred and scaled [n, dim]; [n, 1]; [dim]
    torch::Tensor rounded;                 ///< vectors in bfloat16 for training, where that is faster; or undefined
    double scale;
    Linear projection;
  };
  [[nodiscard]] bool has_content() const noexcept { return shape_.levels > 0; }
  /// Factor of everything that is summed into an event's vector, in the exported weights.
  [[nodiscard]] double export_scale() const;
  [[nodiscard]] bool cloze() const noexcept { return architecture_.objective == Objective::cloze; }
  torch::Tensor add(std::string name, torch::Tensor value, bool decays);
  Linear linear(const std::string& name, std::int64_t out, std::int64_t in);
  Norm norm(const std::string& name);
  Block block(const std::string& prefix);
  /// One block over packed rows x [t, d].
  [[nodiscard]] torch::Tensor run(const Block& b, torch::Tensor x, const torch::Tensor& offsets, const Rates& rates, bool training,
                                  bool rotate) const;
  [[nodiscard]] torch::Tensor run_gru(const torch::Tensor& x, const torch::Tensor& offsets) const;
  /// Row of positions_ of every event, [t].
  [[nodiscard]] torch::Tensor places(const torch::Tensor& offsets) const;
  [[nodiscard]] torch::Tensor gate() const;

  artifact::ModelShape shape_;
  Architecture architecture_;
  torch::Dtype dtype_;
  Executor* executor_;
  double weight_scale_;
  torch::Tensor codes_, counts_, cosines_, sines_;
  std::vector<ModalityInput> modalities_;
  std::shared_ptr<const Lending> lending_;  ///< null: ids stand alone
  std::vector<Weight> weights_;
  torch::Tensor id_, log_age_, bias_, log_scale_, actions_, gaps_, depth_step_, depth_look_, positions_, mask_item_, layer_mix_, requests_;
  std::vector<torch::Tensor> gru_;  ///< per layer: weights of input and state, biases of both
  std::vector<torch::Tensor> item_codes_, depth_codes_;
  std::vector<Block> blocks_, depth_blocks_;
  Norm input_norm_, final_norm_, depth_norm_;
  Linear depth_in_;
  std::vector<Linear> depth_out_;
};

}  // namespace penchant::learn
