#include "penchant/evaluate/baselines/trained_files.h"

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>
#include <filesystem>
#include <limits>

#include "penchant/artifact/files.h"
#include "penchant/artifact/safetensors.h"
#include "penchant/kernels/vectors.h"

namespace penchant::evaluate {
namespace {

namespace json = boost::json;

constexpr std::uint64_t kMaxJsonBytes = 1 << 20;
constexpr std::size_t kMaxDim = 8192;
constexpr int kFormat = 1;
constexpr const char* kRecord = "cached.json";
constexpr const char* kFiles[] = {"model.json", "model.safetensors"};

Error corrupt(const std::string& what) { return {ErrorCode::corrupt, what}; }

/// Compressed rows of item numbers.
struct Rows {
  std::vector<std::int64_t> offsets{0};
  std::vector<std::int32_t> items;
  void add(std::span<const Interaction> history) {
    for (const auto& event : history) items.push_back(static_cast<std::int32_t>(event.item));
    offsets.push_back(static_cast<std::int64_t>(items.size()));
  }
};

Result<json::object> read_object(const std::string& path) {
  PENCHANT_TRY(text, artifact::read_file(path, kMaxJsonBytes));
  json::error_code error;
  auto value = json::parse(text, error);
  if (error || !value.is_object()) return corrupt(path + ": not a JSON object");
  return std::move(value.get_object());
}

Status all_finite(std::span<const float> values, const std::string& path, std::string_view name) {
  for (std::size_t i = 0; i < values.size(); ++i)
    if (!std::isfinite(values[i]))
      return corrupt(path + ": tensor \"" + std::string(name) + "\" holds a value that is not finite at " +
                     std::to_string(i) + ": training diverged; try a smaller learning rate");
  return {};
}

Result<Matrix<float>> finite_matrix(const artifact::SafeTensors& file, const std::string& path,
                                    std::string_view name, std::size_t rows, std::size_t cols) {
  PENCHANT_TRY(view, file.matrix_f32(name, rows, cols));
  Matrix<float> matrix(rows, cols);
  for (std::size_t r = 0; r < rows; ++r) std::ranges::copy(view.row(r), matrix.row(r).begin());
  PENCHANT_DO(all_finite(matrix.values(), path, name));
  return matrix;
}

}  // namespace

Status write_sequences(const std::string& path, const FitInput& input, bool with_content) {
  const auto& training = input.training;
  if (training.items > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max()))
    return Error{ErrorCode::resource_exhausted, "more than 2^31 items cannot be trained on"};
  Rows rows;
  std::vector<std::int32_t> row_of(training.users.size(), -1);
  for (std::size_t u = 0; u < training.users.size(); ++u) {
    if (training.users[u].empty()) continue;
    row_of[u] = static_cast<std::int32_t>(rows.offsets.size() - 1);
    rows.add(training.users[u]);
  }
  if (rows.items.empty()) return invalid("no user has a training event: there is nothing to train on");
  std::vector<std::int32_t> users, targets;
  for (const auto& query : input.validation) {
    PENCHANT_CHECK(query.user < row_of.size() && query.target < training.items, "validation query");
    if (row_of[query.user] < 0) continue;  // no history to encode
    users.push_back(row_of[query.user]);
    targets.push_back(static_cast<std::int32_t>(query.target));
  }
  artifact::SafeTensorsWriter file;
  file.set_metadata("format", std::to_string(kFormat));
  file.set_metadata("items", std::to_string(training.items));
  file.set_metadata("removes_seen", input.removes_seen ? "true" : "false");
  file.add("offsets", std::span<const std::int64_t>(rows.offsets));
  file.add("items", std::span<const std::int32_t>(rows.items));
  file.add("validation.user", std::span<const std::int32_t>(users));
  file.add("validation.target", std::span<const std::int32_t>(targets));
  for (const ContentKind& kind : with_content ? input.content_kinds : std::span<const ContentKind>()) {
    Matrix<float> block(training.items, kind.dim);
    for (std::size_t r = 0; r < training.items; ++r)
      std::ranges::copy(input.content.row(r).subspan(kind.begin, kind.dim), block.row(r).begin());
    kernels::l2_normalise_rows(block.view());
    file.add("content." + kind.name, std::as_const(block).view());
  }
  return file.write(path);
}

Status write_histories(const std::string& path, std::span<const Query> queries) {
  Rows rows;
  for (const auto& query : queries)
    rows.add(query.history.last(std::min(query.history.size(), kEncodedHistory)));
  artifact::SafeTensorsWriter file;
  file.set_metadata("format", std::to_string(kFormat));
  file.add("offsets", std::span<const std::int64_t>(rows.offsets));
  file.add("items", std::span<const std::int32_t>(rows.items));
  return file.write(path);
}

Result<Encoded> read_encoded(const std::string& path, std::size_t queries, std::size_t items) {
  PENCHANT_TRY(file, artifact::SafeTensors::open(path));
  PENCHANT_TRY(users, file.get("users"));
  if (users.shape.size() != 2 || users.shape[1] < 1 || users.shape[1] > kMaxDim)
    return corrupt(path + ": tensor \"users\" must be a matrix of 1 to " + std::to_string(kMaxDim) + " columns");
  const auto dim = static_cast<std::size_t>(users.shape[1]);
  Encoded encoded;
  PENCHANT_TRY(user_rows, finite_matrix(file, path, "users", queries, dim));
  PENCHANT_TRY(item_rows, finite_matrix(file, path, "items", items, dim));
  PENCHANT_TRY(bias, file.vector_f32("bias", items));
  PENCHANT_DO(all_finite(bias, path, "bias"));
  encoded.users = std::move(user_rows);
  encoded.items = std::move(item_rows);
  encoded.bias.assign(bias.begin(), bias.end());
  return encoded;
}

Status seal_trained(const std::string& folder, CacheRecord record) {
  const auto context = "the trainer left no usable model";
  for (const char* name : kFiles) {
    auto hash = artifact::sha256_file(folder + "/" + name);
    if (!hash.ok()) return corrupt(std::string(context) + ": " + hash.error().message);
    record.files[name] = *hash;
  }
  if (auto description = read_object(folder + "/model.json"); !description.ok())
    return corrupt(std::string(context) + ": " + description.error().message);
  if (auto weights = artifact::SafeTensors::open(folder + "/model.safetensors"); !weights.ok())
    return corrupt(std::string(context) + ": " + weights.error().message);
  json::object settings, files;
  for (const auto& [name, value] : record.settings) settings[name] = value;
  for (const auto& [name, hash] : record.files) files[name] = hash;
  const json::object value{{"format", kFormat}, {"key", record.key},         {"model", record.model},
                           {"settings", settings}, {"seed", record.seed}, {"seconds", record.seconds},
                           {"files", files}};
  return artifact::write_file(folder + "/" + kRecord, json::serialize(value));
}

Result<CacheRecord> check_trained(const std::string& folder, const std::string& key) {
  if (!std::filesystem::is_directory(folder)) return Error{ErrorCode::not_found, folder + " is not there"};
  PENCHANT_TRY(object, read_object(folder + "/" + kRecord));
  const auto text = [&](const json::object& of, const char* name) -> std::string {
    const auto* found = of.if_contains(name);
    return found != nullptr && found->is_string() ? std::string(found->get_string()) : "";
  };
  CacheRecord record{.key = text(object, "key"), .model = text(object, "model")};
  if (record.key != key) return corrupt(folder + ": holds another model");
  if (const auto* seconds = object.if_contains("seconds"); seconds != nullptr && seconds->is_number())
    record.seconds = seconds->to_number<double>();
  const auto* files = object.if_contains("files");
  for (const char* name : kFiles) {
    const std::string expected = files != nullptr && files->is_object() ? text(files->get_object(), name) : "";
    PENCHANT_TRY(found, artifact::sha256_file(folder + "/" + name));
    if (found != expected) return corrupt(folder + "/" + name + ": not the bytes that were trained");
    record.files[name] = found;
  }
  return record;
}

}  // namespace penchant::evaluate
