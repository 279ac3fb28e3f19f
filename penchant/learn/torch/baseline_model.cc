#include "penchant/learn/baseline_model.h"

#include <torch/torch.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <numeric>
#include <variant>

#include "penchant/artifact/files.h"
#include "penchant/artifact/safetensors.h"
#include "penchant/learn/sequences.h"
#include "penchant/learn/torch/network.h"
#include "penchant/learn/torch/tensors.h"
#include "penchant/learn/torch/tower_data.h"
#include "penchant/learn/windows.h"
#include "penchant/nn/towers.h"

namespace penchant::learn {
namespace {

namespace json = boost::json;
using torch::Tensor;

constexpr std::uint64_t kMaxJson = 1 << 20;
constexpr std::size_t kRowsAtOnce = 256;

json::value number(double v) { return std::isfinite(v) ? json::value(v) : json::value(nullptr); }

struct Loaded {
  std::variant<TrainOptions, TowerOptions> options;
  std::uint32_t items = 0;
  double logit_scale = 1;
};

Result<Loaded> read_description(const std::string& path) {
  PENCHANT_TRY(text, artifact::read_file(path, kMaxJson));
  try {
    const json::value value = json::parse(text);
    const json::object& o = value.as_object();
    if (o.at("format").to_number<int>() != 1) return Error{ErrorCode::corrupt, path + ": format is not 1"};
    const std::string model(o.at("model").as_string());
    std::variant<TrainOptions, TowerOptions> options = TowerOptions();
    if (model != kTowersModel) {
      PENCHANT_TRY(baseline, baseline_options(model));
      options = baseline;
    }
    for (const json::value& setting : o.at("settings").as_array())
      PENCHANT_DO(std::visit([&](auto& known) { return apply_setting(known, std::string(setting.as_string())); }, options));
    PENCHANT_DO(std::visit([](const auto& known) { return validate(known); }, options));
    return Loaded{options, o.at("items").to_number<std::uint32_t>(), o.at("logit_scale").to_number<double>()};
  } catch (const std::exception& e) {
    return Error{ErrorCode::corrupt, path + ": " + e.what()};
  }
}

Status fill(const Network& network, const artifact::SafeTensors& file) {
  torch::NoGradGuard no_grad;
  for (const Network::Weight& w : network.weights()) {
    if (w.name == "logit_scale") continue;
    PENCHANT_TRY(found, file.get(w.name));
    std::vector<std::uint64_t> shape;
    for (const std::int64_t size : w.value.sizes()) shape.push_back(static_cast<std::uint64_t>(size));
    if (found.dtype != artifact::DType::f32 || found.shape != shape)
      return Error{ErrorCode::corrupt, "tensor " + w.name + " has another type or shape than model.json says"};
    Tensor target = w.value.detach();
    std::memcpy(target.data_ptr<float>(), found.bytes.data(), found.bytes.size());
  }
  return {};
}

Matrix<float> floats_of(const Tensor& value) {
  const Tensor t = value.detach().to(torch::kFloat32).contiguous();
  Matrix<float> out(static_cast<std::size_t>(t.size(0)), static_cast<std::size_t>(t.size(1)));
  if (!out.empty()) std::memcpy(out.values().data(), t.data_ptr<float>(), out.values().size() * sizeof(float));
  return out;
}

Matrix<float> user_vectors(const Network& network, const Histories& histories) {
  torch::NoGradGuard no_grad;
  std::vector<std::uint32_t> order(histories.users());
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::stable_sort(order, {}, [&](std::uint32_t u) { return histories.length(u); });
  const Tensor vectors = network.item_vectors();
  Matrix<float> users(histories.users(), network.shape().dim);
  for (std::size_t at = 0; at < order.size(); at += kRowsAtOnce) {
    const std::span rows(order.data() + at, std::min(kRowsAtOnce, order.size() - at));
    const PackedEvents batch = pack_histories(histories, rows, network.query_length(), network.shape().gaps);
    const Matrix<float> part = floats_of(network.dense_users(network.user_states(vectors, batch)));
    for (std::size_t r = 0; r < rows.size(); ++r) std::ranges::copy(part.row(r), users.row(rows[r]).begin());
  }
  return users;
}

/// Writes weights and a description; `leave_out` is a tensor made from the others.
template <class Options>
Status write_model(const std::string& folder, const std::string& name, const Options& options, const TrainedModel& model,
                   double seconds, std::string_view leave_out) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return Error{ErrorCode::io, folder + ": " + error.message()};
  artifact::SafeTensorsWriter writer;
  for (const NamedTensor& t : model.tensors)
    if (t.name != leave_out)
      writer.add(t.name, artifact::DType::f32, t.shape, std::as_bytes(std::span(t.values)));
  PENCHANT_DO(writer.write(folder + "/model.safetensors"));
  json::array settings, epochs;
  for (const std::string& setting : settings_of(options)) settings.emplace_back(setting);
  for (const EpochReport& e : model.epochs)
    epochs.push_back(json::object{{"epoch", e.epoch}, {"loss", number(e.loss)}, {"valid_ndcg10", number(e.valid_ndcg10)},
                                  {"seconds", e.seconds}, {"events_per_second", e.events_per_second}});
  const json::object description{{"format", 1}, {"model", name}, {"items", model.shape.items},
                                 {"logit_scale", model.shape.logit_scale}, {"settings", std::move(settings)},
                                 {"seed", options.seed}, {"threads", options.threads}, {"parameters", model.parameters},
                                 {"best_epoch", model.best_epoch}, {"best_valid_ndcg10", number(model.best_ndcg10)},
                                 {"seconds", seconds}, {"epochs", std::move(epochs)}};
  return artifact::write_file(folder + "/model.json", json::serialize(description) + "\n");
}

/// Two towers need no LibTorch to be asked.
Result<Encoded> encode_towers(const artifact::SafeTensors& file, std::uint32_t items,
                              const std::string& histories_path, std::uint32_t threads) {
  PENCHANT_TRY(towers, nn::Towers::load(file, items));
  PENCHANT_TRY(histories, read_histories(histories_path, items));
  const UserItems distinct = distinct_items(histories);
  Encoded out{Matrix<float>(histories.users(), towers.width()), Matrix<float>(items, towers.width()),
              {towers.bias().begin(), towers.bias().end()}};
  for (std::size_t i = 0; i < items; ++i) std::ranges::copy(towers.vectors().row(i), out.items.row(i).begin());
  Executor executor(threads);
  executor.parallel_for(histories.users(), 64, [&](std::size_t begin, std::size_t end) {
    std::vector<nn::Towers::Event> events;
    for (std::size_t u = begin; u < end; ++u) {
      events.clear();
      const auto all = distinct.of(u);
      for (const auto item : all.last(std::min(all.size(), towers.history()))) events.push_back({item, nullptr});
      towers.user(events, out.users.row(u));
    }
  });
  return out;
}

}  // namespace

Status write_baseline(const std::string& folder, const std::string& name, const TrainOptions& options,
                      const TrainedModel& model, double seconds) {
  return write_model(folder, name, options, model, seconds, "item.vector");  // made from the others
}
Status write_baseline(const std::string& folder, const std::string& name, const TowerOptions& options,
                      const TrainedModel& model, double seconds) {
  return write_model(folder, name, options, model, seconds, "");
}

Result<Encoded> encode(const std::string& model_folder, const std::string& histories_path, std::uint32_t threads) {
  PENCHANT_TRY(loaded, read_description(model_folder + "/model.json"));
  PENCHANT_TRY(file, artifact::SafeTensors::open(model_folder + "/model.safetensors"));
  if (std::holds_alternative<TowerOptions>(loaded.options)) {
    auto encoded = encode_towers(file, loaded.items, histories_path, threads);
    if (!encoded.ok()) return std::move(encoded).error().within(model_folder);
    return encoded;
  }
  const auto& options = std::get<TrainOptions>(loaded.options);
  PENCHANT_TRY(histories, read_histories(histories_path, loaded.items));
  try {
    torch::set_num_threads(static_cast<int>(threads));
    artifact::ModelShape shape = shape_of(options, loaded.items, 1, 0, 0);
    shape.logit_scale = loaded.logit_scale;
    Executor executor(threads);
    const Network network(shape, options.architecture, {}, {}, torch::ones({loaded.items}), executor);
    if (auto filled = fill(network, file); !filled.ok()) return std::move(filled).error().within(model_folder);
    Encoded out{user_vectors(network, histories), {}, std::vector<float>(loaded.items, 0)};
    torch::NoGradGuard no_grad;
    out.items = floats_of(network.dense_items(network.item_vectors()));
    if (network.bias().defined()) {
      const Matrix<float> bias = floats_of(network.bias().unsqueeze(0));
      out.bias.assign(bias.values().begin(), bias.values().end());
    }
    return out;
  } catch (const c10::Error& e) {
    return Error{ErrorCode::internal, std::string("LibTorch: ") + e.what_without_backtrace()};
  }
}

Status write_encoded(const std::string& path, const Encoded& encoded) {
  artifact::SafeTensorsWriter writer;
  writer.add("users", encoded.users.view());
  writer.add("items", encoded.items.view());
  writer.add("bias", std::span<const float>(encoded.bias));
  return writer.write(path);
}

}  // namespace penchant::learn
