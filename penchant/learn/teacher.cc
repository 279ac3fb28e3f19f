#include "penchant/learn/teacher.h"

#include <algorithm>
#include <span>
#include <string>

namespace penchant::learn {
namespace {

constexpr float kNever = -1e9F;  ///< bias of an item that is not to be named

/// Whether the encoder or the dense head reads it as it is.
bool read_as_it_is(std::string_view name) {
  return name.starts_with("block.") || name.starts_with("final_norm.") || name == "event.gap" || name == "layer.mix" || name == "request.gap";
}

}  // namespace

Result<TeacherWeights> teacher_weights(const EarlierRelease& teacher, const Dataset& dataset, const TrainOptions& options) {
  TeacherWeights out{teacher.manifest().model, {{teacher.manifest().name}, {}, teacher.manifest().model.logit_scale}};
  artifact::ModelShape& shape = out.shape;
  const std::string release = "teacher \"" + teacher.manifest().name + "\"";
  if (options.max_len > shape.max_len)
    return invalid(release + " reads " + std::to_string(shape.max_len) + " events, the student " + std::to_string(options.max_len) +
                   ": set max_len=" + std::to_string(shape.max_len) + " at most");
  if (options.gaps != shape.gaps)
    return invalid(release + " knows " + std::to_string(shape.gaps) + " time gaps, the student " + std::to_string(options.gaps) + ": set gaps=" +
                   std::to_string(shape.gaps));
  PENCHANT_TRY(vectors, teacher.weights.matrix_f32("item.vector", shape.items, shape.dim));
  PENCHANT_TRY(biases, teacher.weights.vector_f32("item.bias", shape.items));
  PENCHANT_TRY(actions, teacher.weights.matrix_f32("event.action", shape.actions, shape.dim));
  NamedTensor vectors_now{"item.vector", {dataset.data.items, shape.dim}, {}}, bias{"item.bias", {dataset.data.items}, {}};
  const std::vector<float> nothing(shape.dim, 0);
  for (std::uint32_t i = 0; i < dataset.data.items; ++i) {
    const auto row = teacher.row(dataset.item_ids[i]);
    const std::span<const float> vector = row ? vectors.row(*row) : std::span<const float>(nothing);
    vectors_now.values.insert(vectors_now.values.end(), vector.begin(), vector.end());
    const bool known = row && teacher.train_count[*row] > 0 && dataset.data.train_count[i] > 0;
    bias.values.push_back(known ? biases[*row] : kNever);
  }
  if (std::ranges::all_of(bias.values, [](float b) { return b == kNever; })) return invalid(release + " knows none of the items that are learned here");
  out.weights.tensors = {std::move(vectors_now), std::move(bias),
                         {"event.action", {dataset.data.actions.size(), shape.dim}, action_rows(teacher, actions, dataset.data.actions)}};
  for (const auto& [name, tensor] : teacher.weights.tensors()) {
    if (!read_as_it_is(name)) continue;
    PENCHANT_TRY(same, named_tensor(name, tensor));
    out.weights.tensors.push_back(std::move(same));
  }
  shape.items = dataset.data.items;
  shape.actions = static_cast<std::uint32_t>(dataset.data.actions.size());
  return out;
}

}  // namespace penchant::learn
