#include "penchant/artifact/manifest.h"

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>
#include <filesystem>
#include <optional>

#include "penchant/artifact/files.h"

namespace penchant::artifact {
namespace {

namespace json = boost::json;
namespace fs = std::filesystem;
constexpr std::uint64_t kMaxManifestBytes = 4ULL << 20;

/// Reads typed, range-checked fields of one object; the first failure is kept.
class Reader {
 public:
  Reader(const json::object& object, std::string where) : object_(object), where_(std::move(where)) {}

  template <class T>
  void whole(std::string_view key, T& out, double min, double max, bool required = true) {
    if (const auto* value = find(key, required)) {
      const auto number = as_number(*value);
      if (!number || *number != std::floor(*number) || *number < min || *number > max)
        return fail(key, "must be a whole number from " + std::to_string(static_cast<long long>(min)) +
                             " to " + std::to_string(static_cast<long long>(max)));
      out = static_cast<T>(*number);
    }
  }
  void u64(std::string_view key, std::uint64_t& out) {
    if (const auto* value = find(key, false)) {
      json::error_code error;
      const auto number = value->to_number<std::uint64_t>(error);
      if (error) return fail(key, "must be a whole number not below 0");
      out = number;
    }
  }
  void i64(std::string_view key, std::int64_t& out) {
    if (const auto* value = find(key, false)) {
      json::error_code error;
      const auto number = value->to_number<std::int64_t>(error);
      if (error) return fail(key, "must be a whole number");
      out = number;
    }
  }
  void real(std::string_view key, double& out) {
    if (const auto* value = find(key, false)) {
      const auto number = as_number(*value);
      if (!number || !std::isfinite(*number)) return fail(key, "must be a number");
      out = *number;
    }
  }
  void flag(std::string_view key, bool& out) {
    if (const auto* value = find(key, false)) {
      if (!value->is_bool()) return fail(key, "must be true or false");
      out = value->get_bool();
    }
  }
  void text(std::string_view key, std::string& out, bool required = true) {
    if (const auto* value = find(key, required)) {
      if (!value->is_string() || value->get_string().size() > 4096) return fail(key, "must be a short string");
      out = std::string(value->get_string());
    }
  }
  const json::object* object(std::string_view key, bool required = true) {
    const auto* value = find(key, required);
    if (value != nullptr && !value->is_object()) fail(key, "must be an object");
    return value == nullptr ? nullptr : value->if_object();
  }
  const json::array* array(std::string_view key, std::size_t max, bool required = true) {
    const auto* value = find(key, required);
    if (value != nullptr && (!value->is_array() || value->get_array().size() > max)) {
      fail(key, "must be a list of at most " + std::to_string(max));
      return nullptr;
    }
    return value == nullptr ? nullptr : value->if_array();
  }
  void fail(std::string_view key, const std::string& what) {
    if (error_.empty()) error_ = where_ + "/" + std::string(key) + " " + what;
  }
  [[nodiscard]] Status status() const {
    if (error_.empty()) return {};
    return Error{ErrorCode::corrupt, error_};
  }

 private:
  static std::optional<double> as_number(const json::value& value) {
    json::error_code error;
    const double number = value.is_number() ? value.to_number<double>(error) : NAN;
    return std::isnan(number) ? std::nullopt : std::optional(number);
  }
  const json::value* find(std::string_view key, bool required) {
    const auto* value = object_.if_contains(key);
    if (value == nullptr && required) fail(key, "is missing");
    return value;
  }
  const json::object& object_;
  std::string where_;
  std::string error_;
};

Status read_model(const json::object& object, ModelShape& m) {
  Reader in(object, "/model");
  in.whole("items", m.items, 0, 100'000'000);
  in.whole("dim", m.dim, 1, 16'384);
  in.whole("layers", m.layers, 1, 256);
  in.whole("heads", m.heads, 1, 256);
  in.whole("ffn", m.ffn, 1, 131'072);
  in.whole("max_len", m.max_len, 1, 65'536);
  in.whole("depth_layers", m.depth_layers, 1, 64);
  in.whole("levels", m.levels, 1, 16);
  in.whole("codebook", m.codebook, 1, 65'535);
  in.whole("gaps", m.gaps, 2, 1024);
  in.whole("actions", m.actions, 1, 65'536);
  in.real("logit_scale", m.logit_scale);
  in.flag("normalised", m.normalised);
  in.flag("mixes_layers", m.mixes_layers);
  in.flag("reads_request", m.reads_request);
  if (m.heads > 0 && (m.dim % m.heads != 0 || (m.dim / m.heads) % 2 != 0))
    in.fail("heads", "must divide dim into even head sizes");
  return in.status();
}

Status read_semantic_ids(const json::object& object, Manifest& m) {
  Reader in(object, "/semantic_ids");
  in.text("quantiser", m.quantiser, false);
  in.text("collisions", m.collisions, false);
  in.text("sizes", m.codebook_sizes, false);
  in.real("balance", m.balance);
  if (const auto* sizes = in.array("codebooks", 16, false))
    for (const auto& size : *sizes) {
      json::error_code error;
      const auto number = size.to_number<std::uint32_t>(error);
      if (error || number < 1 || number > 65'536) in.fail("codebooks", "must be whole numbers from 1 to 65536");
      m.codebooks.push_back(number);
    }
  return in.status();
}

}  // namespace

Result<Manifest> parse_manifest(const std::string& text) {
  if (text.size() > kMaxManifestBytes) return Error{ErrorCode::corrupt, "manifest is larger than 4 MiB"};
  json::error_code error;
  const auto value = json::parse(text, error);
  if (error || !value.is_object()) return Error{ErrorCode::corrupt, "manifest is not a JSON object"};
  Manifest manifest;
  Reader in(value.get_object(), "");
  in.whole("format", manifest.format, 0, 1'000'000);
  PENCHANT_DO(in.status());
  if (manifest.format < kOldestFormat || manifest.format > kReleaseFormat)
    return invalid("release format " + std::to_string(manifest.format) + " is not known here (this program reads " +
                   std::to_string(kOldestFormat) + " to " + std::to_string(kReleaseFormat) + "); train again or update penchant");
  in.text("name", manifest.name);
  in.text("created", manifest.created, false);
  in.text("preset", manifest.preset, false);
  in.text("holdout", manifest.holdout, false);
  in.u64("seed", manifest.seed);
  in.i64("holdout_time_ms", manifest.holdout_time_ms);
  in.i64("holdout_test_ms", manifest.holdout_test_ms);
  in.real("cold_share", manifest.cold_share);
  in.u64("cold_seed", manifest.cold_seed);
  in.text("cold_by", manifest.cold_by, false);
  in.u64("ties_seed", manifest.ties_seed);
  in.u64("events", manifest.events);
  in.u64("users", manifest.users);
  if (const auto* model = in.object("model")) PENCHANT_DO(read_model(*model, manifest.model));
  if (const auto* ids = in.object("semantic_ids", false)) PENCHANT_DO(read_semantic_ids(*ids, manifest));
  if (const auto* rows = in.array("actions", 65'536)) {
    for (std::size_t i = 0; i < rows->size(); ++i) {
      if (!(*rows)[i].is_object()) return Error{ErrorCode::corrupt, "/actions/" + std::to_string(i) + " is not an object"};
      Reader row((*rows)[i].get_object(), "/actions/" + std::to_string(i));
      ActionRow action;
      row.text("type", action.type);
      row.real("from", action.from);
      row.real("to", action.to);
      row.flag("has_value", action.has_value);
      PENCHANT_DO(row.status());
      manifest.actions.push_back(std::move(action));
    }
  }
  if (const auto* rows = in.array("modalities", 64)) {
    for (std::size_t i = 0; i < rows->size(); ++i) {
      if (!(*rows)[i].is_object()) return Error{ErrorCode::corrupt, "/modalities/" + std::to_string(i) + " is not an object"};
      Reader row((*rows)[i].get_object(), "/modalities/" + std::to_string(i));
      ModalityRow modality;
      row.text("name", modality.name);
      row.whole("dim", modality.dim, 1, 65'536);
      row.text("encoder", modality.encoder, false);
      row.text("encoder_sha256", modality.encoder_sha256, false);
      PENCHANT_DO(row.status());
      manifest.modalities.push_back(std::move(modality));
    }
  }
  if (const auto* files = in.object("files")) {
    for (const auto& [name, hash] : *files) {
      const std::string file(name);
      if (!hash.is_string() || file.empty() || file.find('/') != std::string::npos || file[0] == '.')
        return Error{ErrorCode::corrupt, "/files/" + file + " is not a plain file name with a hash"};
      manifest.files.emplace(file, std::string(hash.get_string()));
    }
  }
  PENCHANT_DO(in.status());
  if (manifest.actions.size() != manifest.model.actions)
    return Error{ErrorCode::corrupt, "/actions has " + std::to_string(manifest.actions.size()) +
                                         " rows, /model/actions says " + std::to_string(manifest.model.actions)};
  return manifest;
}

std::string to_json(const Manifest& manifest) {
  const auto& m = manifest.model;
  json::object root;
  root["format"] = manifest.format;
  root["name"] = manifest.name;
  root["created"] = manifest.created;
  root["preset"] = manifest.preset;
  root["seed"] = manifest.seed;
  root["holdout"] = manifest.holdout;
  root["holdout_time_ms"] = manifest.holdout_time_ms;
  if (manifest.holdout_test_ms != 0) root["holdout_test_ms"] = manifest.holdout_test_ms;
  if (manifest.cold_share != 0) {
    root["cold_share"] = manifest.cold_share;
    root["cold_seed"] = manifest.cold_seed;
    root["cold_by"] = manifest.cold_by;
  }
  if (manifest.ties_seed != 0) root["ties_seed"] = manifest.ties_seed;
  root["events"] = manifest.events;
  root["users"] = manifest.users;
  root["model"] = {{"items", m.items}, {"dim", m.dim}, {"layers", m.layers}, {"heads", m.heads},
                   {"ffn", m.ffn}, {"max_len", m.max_len}, {"depth_layers", m.depth_layers},
                   {"levels", m.levels}, {"codebook", m.codebook}, {"gaps", m.gaps},
                   {"actions", m.actions}, {"logit_scale", m.logit_scale}, {"normalised", m.normalised},
                   {"mixes_layers", m.mixes_layers}, {"reads_request", m.reads_request}};
  if (!manifest.quantiser.empty()) {
    json::object ids{{"quantiser", manifest.quantiser}, {"codebooks", json::value_from(manifest.codebooks)}};
    if (!manifest.collisions.empty()) ids["collisions"] = manifest.collisions;
    if (!manifest.codebook_sizes.empty()) ids["sizes"] = manifest.codebook_sizes;
    if (manifest.balance != 0) ids["balance"] = manifest.balance;
    root["semantic_ids"] = std::move(ids);
  }
  json::array actions, modalities;
  for (const auto& a : manifest.actions)
    actions.push_back({{"type", a.type}, {"has_value", a.has_value}, {"from", a.from}, {"to", a.to}});
  for (const auto& row : manifest.modalities)
    modalities.push_back({{"name", row.name}, {"dim", row.dim}, {"encoder", row.encoder},
                          {"encoder_sha256", row.encoder_sha256}});
  root["actions"] = std::move(actions);
  root["modalities"] = std::move(modalities);
  json::object files;
  for (const auto& [name, hash] : manifest.files) files[name] = hash;
  root["files"] = std::move(files);
  return json::serialize(root);
}

Result<Manifest> verify_release(const std::string& folder) {
  auto text = read_file(folder + "/manifest.json", kMaxManifestBytes);
  if (!text.ok()) {
    if (text.error().code == ErrorCode::not_found)
      return Error{ErrorCode::not_found, folder + ": no manifest.json, so this is not a finished release"};
    return std::move(text).error();
  }
  auto manifest = parse_manifest(*text);
  if (!manifest.ok()) return std::move(manifest).error().within(folder + "/manifest.json");
  for (const auto& [name, expected] : manifest->files) {
    auto found = sha256_file(folder + "/" + name);
    if (!found.ok())
      return Error{ErrorCode::corrupt, folder + "/" + name + ": named by the manifest but not readable (" +
                                           found.error().message + "); train again or restore the folder"};
    if (*found != expected)
      return Error{ErrorCode::corrupt, folder + "/" + name +
                                           ": SHA-256 differs from the manifest; the file was changed or damaged: "
                                           "train again or restore the folder"};
  }
  return manifest;
}

Status seal_release(const std::string& folder, Manifest manifest) {
  manifest.files.clear();
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (!entry.is_regular_file() || name == "manifest.json" || name.starts_with(".")) continue;
    PENCHANT_TRY(hash, sha256_file(entry.path().string()));
    manifest.files[name] = hash;
  }
  if (error) return Error{ErrorCode::io, folder + ": " + error.message()};
  return write_file(folder + "/manifest.json", to_json(manifest));
}

}  // namespace penchant::artifact
