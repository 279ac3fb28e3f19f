#include "penchant/recommend/history_input.h"

#include <algorithm>

namespace penchant::recommend {

std::vector<nn::EventInput> event_inputs(const ReleaseModel& model, const ItemTables& tables,
                                         std::span<const HistoryEvent> history, std::size_t begin) {
  std::vector<nn::EventInput> inputs;
  inputs.reserve(history.size() - begin);
  for (std::size_t t = begin; t < history.size(); ++t) {
    const HistoryEvent& event = history[t];
    nn::EventInput input;
    input.vector = tables.vectors.row(index(event.item));
    input.action = model.actions.row(event.type, event.value);
    if (t > 0)
      input.gap = nn::gap_bucket(static_cast<double>(event.time_ms - history[t - 1].time_ms) / 1000.0,
                                 model.manifest.model.gaps);
    inputs.push_back(input);
  }
  return inputs;
}

std::size_t window_begin(const ReleaseModel& model, std::size_t events) noexcept {
  const std::size_t window = model.manifest.model.max_len, hop = std::max<std::size_t>(1, window / kHops);
  return events > window ? (events - window + hop - 1) / hop * hop : 0;
}

Result<nn::UserState> encode_history(const ReleaseModel& model, const ItemTables& tables,
                                     std::span<const HistoryEvent> history, std::int64_t at_ms) {
  nn::UserState state;
  if (history.empty()) return state;
  const auto inputs = event_inputs(model, tables, history, window_begin(model, history.size()));
  PENCHANT_DO(model.sequence->append(state, inputs));
  ask_at(model, history, at_ms, state);
  return state;
}

void ask_at(const ReleaseModel& model, std::span<const HistoryEvent> history, std::int64_t at_ms, nn::UserState& state) {
  if (at_ms == 0 || history.empty()) return;
  const auto passed = static_cast<double>(std::max<std::int64_t>(0, at_ms - history.back().time_ms));
  model.sequence->ask(state, nn::gap_bucket(passed / 1000.0, model.manifest.model.gaps));
}

nn::UserState prefix_of(const nn::UserState& state, std::uint32_t length, std::size_t dim) {
  nn::UserState prefix;
  prefix.length = length;
  const auto cut = [&](const std::vector<std::vector<float>>& layers) {
    std::vector<std::vector<float>> out;
    for (const auto& layer : layers)
      out.emplace_back(layer.begin(), layer.begin() + static_cast<std::ptrdiff_t>(length * dim));
    return out;
  };
  prefix.keys = cut(state.keys);
  prefix.values = cut(state.values);
  return prefix;
}

}  // namespace penchant::recommend
