#include "penchant/learn/finetune.h"

#include <algorithm>
#include <array>

#include "penchant/artifact/safetensors.h"
#include "penchant/learn/setting_table.h"

namespace penchant::learn {
namespace {

constexpr std::array<SettingField<FinetuneOptions>, 8> kSettings{{
    {"blocks", &FinetuneOptions::blocks}, {"epochs", &FinetuneOptions::epochs}, {"patience", &FinetuneOptions::patience},
    {"batch", &FinetuneOptions::batch}, {"learning_rate", &FinetuneOptions::learning_rate}, {"head_rate", &FinetuneOptions::head_rate},
    {"weight_decay", &FinetuneOptions::weight_decay}, {"dropout", &FinetuneOptions::dropout},
}};

constexpr std::array<const char*, 5> kColumns{"outcome.user", "outcome.read", "outcome.item", "outcome.positive", "outcome.valid"};

Error bad(const std::string& path, const std::string& what) { return {ErrorCode::corrupt, path + ": " + what}; }

Status check_histories(const std::string& path, const FinetuneData& data) {
  const auto events = static_cast<std::int64_t>(data.items.size());
  if (data.offsets.empty() || data.offsets.front() != 0 || data.offsets.back() != events || !std::ranges::is_sorted(data.offsets))
    return bad(path, "tensor offsets must rise from 0 to the number of events");
  if (data.actions.size() != data.items.size() || data.gaps.size() != data.items.size())
    return bad(path, "tensors items, actions and gaps differ in length");
  return {};
}

}  // namespace

Status apply_setting(FinetuneOptions& options, std::string_view setting) { return apply_setting(options, setting, kSettings); }

Status validate(const FinetuneOptions& o) {
  PENCHANT_DO(in_range("blocks", o.blocks, 0, 1024));
  PENCHANT_DO(in_range("epochs", o.epochs, 1, 100'000));
  PENCHANT_DO(in_range("batch", o.batch, 1, 65536));
  PENCHANT_DO(in_range("learning_rate", o.learning_rate, 1e-9, 10));
  PENCHANT_DO(in_range("head_rate", o.head_rate, 1e-9, 10));
  PENCHANT_DO(in_range("weight_decay", o.weight_decay, 0, 10));
  PENCHANT_DO(in_range("dropout", o.dropout, 0, 0.95));
  return in_range("threads", o.threads, 1, 1024);
}

Result<FinetuneData> read_outcomes(const std::string& path) {
  PENCHANT_TRY(file, artifact::SafeTensors::open(path));
  const auto text = [&](const char* key) {
    const auto found = file.metadata().find(key);
    return found == file.metadata().end() ? std::string() : found->second;
  };
  if (text("format") != "1") return bad(path, "metadata \"format\" must be 1");
  FinetuneData data;
  data.task = text("task");
  if (!parse_whole(std::string_view(text("until_ms")), data.until_ms)) return bad(path, "metadata \"until_ms\" must be a whole number");
  PENCHANT_TRY(offsets, file.vector_i64("offsets"));
  PENCHANT_TRY(items, file.vector_i32("items"));
  PENCHANT_TRY(actions, file.vector_i32("actions"));
  PENCHANT_TRY(gaps, file.vector_i32("gaps"));
  data.offsets.assign(offsets.begin(), offsets.end());
  data.items.assign(items.begin(), items.end());
  data.actions.assign(actions.begin(), actions.end());
  data.gaps.assign(gaps.begin(), gaps.end());
  PENCHANT_DO(check_histories(path, data));
  std::array<std::span<const std::int32_t>, kColumns.size()> columns;
  for (std::size_t c = 0; c < kColumns.size(); ++c) {
    PENCHANT_TRY(column, file.vector_i32(kColumns[c]));
    columns[c] = column;
    if (column.size() != columns[0].size()) return bad(path, std::string(kColumns[c]) + " and " + kColumns[0] + " differ in length");
  }
  const auto users = static_cast<std::int64_t>(data.offsets.size()) - 1;
  for (std::size_t k = 0; k < columns[0].size(); ++k) {
    const std::int64_t user = columns[0][k], read = columns[1][k];
    const bool good = user >= 0 && user < users && read >= 1 &&
                      read <= data.offsets[static_cast<std::size_t>(user) + 1] - data.offsets[static_cast<std::size_t>(user)] && columns[2][k] >= 0;
    if (!good) return bad(path, "outcome " + std::to_string(k) + " names no user, no part of a history, or no item");
    data.outcomes.push_back({static_cast<std::uint32_t>(user), static_cast<std::uint32_t>(read), static_cast<std::uint32_t>(columns[2][k]),
                             static_cast<std::uint8_t>(columns[3][k] != 0), static_cast<std::uint8_t>(columns[4][k] != 0)});
  }
  return data;
}

Status write_outcomes(const std::string& path, const FinetuneData& data) {
  artifact::SafeTensorsWriter writer;
  writer.set_metadata("format", "1");
  writer.set_metadata("task", data.task);
  writer.set_metadata("until_ms", std::to_string(data.until_ms));
  writer.add("offsets", std::span<const std::int64_t>(data.offsets));
  writer.add("items", std::span<const std::int32_t>(data.items));
  writer.add("actions", std::span<const std::int32_t>(data.actions));
  writer.add("gaps", std::span<const std::int32_t>(data.gaps));
  std::array<std::vector<std::int32_t>, kColumns.size()> columns;
  for (const auto& o : data.outcomes) {
    columns[0].push_back(static_cast<std::int32_t>(o.user));
    columns[1].push_back(static_cast<std::int32_t>(o.read));
    columns[2].push_back(static_cast<std::int32_t>(o.item));
    columns[3].push_back(o.positive);
    columns[4].push_back(o.valid);
  }
  for (std::size_t c = 0; c < kColumns.size(); ++c) writer.add(kColumns[c], std::span<const std::int32_t>(columns[c]));
  return writer.write(path);
}

}  // namespace penchant::learn
