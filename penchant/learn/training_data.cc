#include "penchant/learn/training_data.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace penchant::learn {
namespace {

Status check_histories(const Histories& h, std::uint32_t items, std::size_t actions) {
  if (h.offsets.empty() || h.offsets.front() != 0 || h.offsets.back() != h.items.size())
    return invalid("train.offsets must begin with 0 and end with the number of events");
  if (!std::ranges::is_sorted(h.offsets)) return invalid("train.offsets must not fall");
  if (h.actions.size() != h.items.size() || h.times_ms.size() != h.items.size() ||
      h.is_target.size() != h.items.size())
    return invalid("train.actions, times_ms and is_target must have one value per event");
  for (std::size_t e = 0; e < h.items.size(); ++e) {
    if (h.items[e] >= items)
      return invalid("event " + std::to_string(e) + ": item row " + std::to_string(h.items[e]) +
                     " is not below " + std::to_string(items));
    if (h.actions[e] >= actions)
      return invalid("event " + std::to_string(e) + ": action row " +
                     std::to_string(h.actions[e]) + " is not below " + std::to_string(actions));
  }
  return {};
}

Status check_content(const TrainingData& data) {
  for (const Modality& m : data.modalities) {
    if (m.vectors.rows() != data.items || m.vectors.cols() == 0)
      return invalid("modality " + m.name + ": one vector per item is needed");
    if (!std::ranges::all_of(m.vectors.values(), [](float v) { return std::isfinite(v); }))
      return invalid("modality " + m.name + ": a value is not finite");
  }
  if (data.codes.empty()) return {};  // items are known by their id alone, or by towers of their modalities
  if (data.codes.rows() != data.items || data.codes.cols() == 0)
    return invalid("codes: one row of at least one code per item is needed");
  for (std::size_t i = 0; i < data.codes.rows(); ++i)
    for (const std::uint16_t code : data.codes.row(i))
      if (code >= data.codebook_size)
        return invalid("codes: row " + std::to_string(i) + " holds " + std::to_string(code) +
                       ", not below codebook_size " + std::to_string(data.codebook_size));
  return {};
}

}  // namespace

Status validate(const TrainingData& data) {
  if (data.items == 0) return invalid("there are no items to learn: import a catalogue first");
  if (data.actions.empty()) return invalid("actions must hold at least row 0, \"unknown\"");
  PENCHANT_DO(check_histories(data.train, data.items, data.actions.size()));
  PENCHANT_DO(check_content(data));
  for (std::size_t k = 0; k < data.validation.size(); ++k) {
    const ValidationCase& c = data.validation[k];
    if (c.user >= data.train.users() || c.target >= data.items || data.train.length(c.user) == 0)
      return invalid("validation case " + std::to_string(k) + " names no known user with a history");
  }
  if (!data.strengths.empty() && data.strengths.size() != data.actions.size()) return invalid("strengths must have one value per action");
  if (!data.attributes.empty() && data.attributes.size() != data.items) return invalid("attributes must have one row per item");
  if (data.train_count.size() != data.items || data.last_seen_ms.size() != data.items)
    return invalid("train_count and last_seen_ms must have one value per item");
  return {};
}

void count_events(TrainingData& data) {
  data.train_count.assign(data.items, 0);
  data.last_seen_ms.assign(data.items, 0);
  for (std::size_t e = 0; e < data.train.events(); ++e) {
    const std::uint32_t item = data.train.items[e];
    ++data.train_count[item];
    data.last_seen_ms[item] = std::max(data.last_seen_ms[item], data.train.times_ms[e]);
  }
}

Matrix<float> concatenated(const std::vector<Modality>& modalities, std::size_t items) {
  std::size_t width = 0;
  for (const Modality& m : modalities) width += m.vectors.cols();
  Matrix<float> all(items, width);
  std::size_t at = 0;
  for (const Modality& m : modalities) {
    for (std::size_t r = 0; r < items; ++r)
      std::ranges::copy(m.vectors.row(r), all.row(r).begin() + static_cast<std::ptrdiff_t>(at));
    at += m.vectors.cols();
  }
  return all;
}

void choose_lenders(TrainingData& data) {
  data.lenders = {};
  const Matrix<float> all = concatenated(data.modalities, data.items);
  if (all.cols() == 0) return;
  retrieve::VectorTable content(all.cols(), true);
  content.assign(all.view());
  std::vector<std::uint8_t> untrained(data.items);
  for (std::uint32_t i = 0; i < data.items; ++i) untrained[i] = data.train_count[i] == 0 ? 1 : 0;
  std::vector<std::uint32_t> rows(data.items);
  std::iota(rows.begin(), rows.end(), 0U);
  data.lenders.find(content, untrained, rows);
}

}  // namespace penchant::learn
