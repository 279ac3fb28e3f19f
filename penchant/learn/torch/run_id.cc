#include "penchant/learn/torch/run_id.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "penchant/artifact/files.h"

namespace penchant::learn {
namespace {

/// Settings that a run may be resumed with other values of.
constexpr std::array<std::string_view, 2> kLeaveWeights{"patience", "generator_epochs"};

}  // namespace

std::string run_id(const TrainingData& data, const TrainOptions& o, const Knowledge& known) {
  std::string text = "2";
  const auto put = [&](double v) { text += ' ' + std::to_string(v); };
  for (const std::string& setting : settings_of(o))
    if (std::ranges::find(kLeaveWeights, std::string_view(setting).substr(0, setting.find('='))) == kLeaveWeights.end()) text += ' ' + setting;
  const Architecture& how = o.architecture;
  for (const auto v : {double(how.encoder), double(how.objective), double(how.loss), double(how.rotary), double(how.context), double(how.from_end),
                       double(how.scaled_input), double(how.drops_attention), double(how.input_norm), double(how.item_bias)})
    put(v);
  put(o.threads), put(o.launch.size);
  text += ' ' + std::to_string(o.seed);
  const auto bytes = [&](const auto& v) {
    text += ' ' + artifact::sha256({reinterpret_cast<const char*>(v.data()), v.size() * sizeof(v[0])});
  };
  bytes(data.train.offsets);
  bytes(data.train.items);
  bytes(data.train.actions);
  bytes(data.train.times_ms);
  bytes(data.codes.values());
  for (const Modality& m : data.modalities) bytes(m.vectors.values());
  const auto weights = [&](const StartWeights& w) {
    put(w.logit_scale);
    for (const NamedTensor& t : w.tensors) bytes(t.values);
  };
  if (known.start != nullptr) weights(*known.start);
  if (known.teacher != nullptr) weights(known.teacher->weights);
  return artifact::sha256(text);
}

}  // namespace penchant::learn
