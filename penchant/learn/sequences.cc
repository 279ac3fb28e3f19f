#include "penchant/learn/sequences.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>

#include "penchant/artifact/safetensors.h"

namespace penchant::learn {
namespace {

constexpr std::uint32_t kMaxItems = 100'000'000;

Error bad(const std::string& path, const std::string& what) { return {ErrorCode::corrupt, path + ": " + what}; }

Result<std::uint32_t> item_count(const artifact::SafeTensors& file, const std::string& path) {
  const auto found = file.metadata().find("items");
  std::uint32_t items = 0;
  if (found != file.metadata().end()) {
    const std::string& text = found->second;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), items);
    if (error != std::errc{} || end != text.data() + text.size()) items = 0;
  }
  if (items == 0 || items > kMaxItems) return bad(path, "metadata \"items\" must be the number of items, at least 1");
  return items;
}

Result<Histories> histories_of(const artifact::SafeTensors& file, const std::string& path, std::uint32_t items) {
  PENCHANT_TRY(offsets, file.vector_i64("offsets"));
  PENCHANT_TRY(rows, file.vector_i32("items"));
  if (offsets.empty() || offsets.front() != 0 || !std::ranges::is_sorted(offsets) ||
      offsets.back() != static_cast<std::int64_t>(rows.size()))
    return bad(path, "tensor offsets must rise from 0 to the number of events");
  Histories h;
  h.offsets.assign(offsets.begin(), offsets.end());
  h.items.reserve(rows.size());
  for (std::size_t e = 0; e < rows.size(); ++e) {
    if (rows[e] < 0 || static_cast<std::uint32_t>(rows[e]) >= items)
      return bad(path, "tensor items: event " + std::to_string(e) + " is item " + std::to_string(rows[e]) +
                           ", not a row below " + std::to_string(items));
    h.items.push_back(static_cast<std::uint32_t>(rows[e]));
  }
  h.actions.assign(h.items.size(), 0);
  h.times_ms.resize(h.items.size());
  std::iota(h.times_ms.begin(), h.times_ms.end(), std::int64_t{0});
  h.is_target.assign(h.items.size(), 1);
  return h;
}

}  // namespace

Result<TrainingData> read_sequences(const std::string& path) {
  PENCHANT_TRY(file, artifact::SafeTensors::open(path));
  if (const auto format = file.metadata().find("format"); format == file.metadata().end() || format->second != "1")
    return bad(path, "metadata \"format\" must be 1");
  TrainingData data;
  PENCHANT_TRY(items, item_count(file, path));
  data.items = items;
  data.actions = {{.type = "unknown"}};
  PENCHANT_TRY(train, histories_of(file, path, items));
  data.train = std::move(train);
  PENCHANT_TRY(users, file.vector_i32("validation.user"));
  PENCHANT_TRY(targets, file.vector_i32("validation.target"));
  if (users.size() != targets.size()) return bad(path, "validation.user and validation.target differ in length");
  for (std::size_t k = 0; k < users.size(); ++k) {
    const bool good = users[k] >= 0 && static_cast<std::size_t>(users[k]) < data.train.users() && targets[k] >= 0 &&
                      static_cast<std::uint32_t>(targets[k]) < items &&
                      data.train.length(static_cast<std::size_t>(users[k])) > 0;
    if (!good) return bad(path, "validation case " + std::to_string(k) + " names no user with a history, or no item");
    data.validation.push_back({static_cast<std::uint32_t>(users[k]), static_cast<std::uint32_t>(targets[k]), 0});
  }
  constexpr std::string_view kContent = "content.";
  for (const auto& [name, tensor] : file.tensors()) {
    if (!name.starts_with(kContent)) continue;
    PENCHANT_TRY(rows, file.matrix_f32(name));
    if (rows.rows() != items || rows.cols() == 0) return bad(path, "tensor " + name + " must have one row per item");
    Modality modality{name.substr(kContent.size()), "given", "", Matrix<float>(rows.rows(), rows.cols())};
    for (std::size_t i = 0; i < rows.rows(); ++i) {
      std::ranges::copy(rows.row(i), modality.vectors.row(i).begin());
      if (!std::ranges::all_of(rows.row(i), [](float v) { return std::isfinite(v); }))
        return bad(path, "tensor " + name + ": row " + std::to_string(i) + " holds a value that is not finite");
    }
    data.modalities.push_back(std::move(modality));
  }
  const auto removes = file.metadata().find("removes_seen");
  data.removes_seen = removes == file.metadata().end() || removes->second != "false";
  count_events(data);
  return data;
}

Result<Histories> read_histories(const std::string& path, std::uint32_t items) {
  PENCHANT_TRY(file, artifact::SafeTensors::open(path));
  PENCHANT_TRY(h, histories_of(file, path, items));
  for (std::size_t u = 0; u < h.users(); ++u)
    if (h.length(u) == 0) return bad(path, "history " + std::to_string(u) + " is empty");
  return h;
}

}  // namespace penchant::learn
