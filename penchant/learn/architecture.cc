#include "penchant/learn/architecture.h"

#include <string>

#include "penchant/learn/options.h"

namespace penchant::learn {

const std::vector<std::string_view>& baseline_model_names() {
  static const std::vector<std::string_view> kNames{"gru4rec",    "gru4rec-bprmax", "sasrec",  "sasrec-sampled",
                                                    "sasrec-bce", "sasrec-refit",   "gsasrec", "bert4rec"};
  return kNames;
}

Result<TrainOptions> baseline_options(std::string_view model) {
  TrainOptions o;
  o.architecture.rotary = o.architecture.context = o.architecture.item_bias = false;
  o.normalised = false;
  o.logit_scale = 1;
  o.id_dropout = 0;
  o.shuffle_ties = false;
  o.id_scale = 0.02;
  o.weight_decay = 0;
  o.learning_rate = 1.5e-3;
  o.clip = 5;
  o.max_len = 50, o.stride = 50;
  o.dim = 128, o.layers = 2, o.heads = 2, o.ffn = 256;
  o.dropout = o.input_dropout = 0.5;
  o.batch = 128;
  o.epochs = 20, o.patience = 8;
  Architecture& a = o.architecture;
  a.from_end = true;
  if (model == "sasrec" || model == "sasrec-refit") {
    o.label_smoothing = 0.1;
    o.refit = model != "sasrec";
    return o;
  }
  if (model == "sasrec-sampled") {
    a.loss = Loss::sampled_softmax;
    o.dropout = o.input_dropout = 0.3;
    o.negatives = 256;
    return o;
  }
  if (model == "sasrec-bce") {
    a.loss = Loss::bce;
    o.negatives = 1;
    return o;
  }
  if (model == "gsasrec") {
    a.loss = Loss::gbce;
    o.dropout = o.input_dropout = 0.3;
    a.item_bias = true;  // it starts at the prior (starting_bias), or the ids spend the first epochs on being unlikely
    o.negatives = 256;
    return o;
  }
  if (model == "bert4rec") {
    a.objective = Objective::cloze;
    a.from_end = a.scaled_input = a.drops_attention = false;  // the mask of a query takes a place of its own
    a.input_norm = true;
    o.weight_scale = 0;
    o.epochs = 60;  // a masked fifth of the events teaches a fifth as much
    return o;
  }
  if (model == "gru4rec" || model == "gru4rec-bprmax") {
    a.encoder = Encoder::gru;
    a.scaled_input = false;
    o.weight_scale = 0;
    o.layers = 1;
    o.dropout = 0;
    if (model == "gru4rec") {
      o.learning_rate = 5e-3;
      o.id_scale = 0.1;
      o.epochs = 12;
      return o;
    }
    a.loss = Loss::bpr_max;
    o.negatives = 512;
    o.negative_power = 0.5;
    return o;
  }
  std::string known;
  for (const auto name : baseline_model_names()) known += (known.empty() ? "" : ", ") + std::string(name);
  return invalid("model \"" + std::string(model) + "\" is not known; choose one of " + known);
}

}  // namespace penchant::learn
