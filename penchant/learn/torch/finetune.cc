#include "penchant/learn/finetune.h"

#include <torch/torch.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>
#include <filesystem>
#include <limits>
#include <map>
#include <numeric>

#include "penchant/artifact/files.h"
#include "penchant/artifact/manifest.h"
#include "penchant/artifact/safetensors.h"
#include "penchant/base/executor.h"
#include "penchant/base/rng.h"
#include "penchant/learn/torch/network.h"
#include "penchant/learn/torch/optimiser.h"
#include "penchant/learn/torch/served_network.h"
#include "penchant/learn/torch/tensors.h"
#include "penchant/metrics/auc.h"

namespace penchant::learn {
namespace {

using torch::Tensor;

constexpr std::uint32_t kHeadEpochs = 2;        // of the head alone, on the release's own vectors
constexpr std::uint64_t kMaxCard = 64ULL << 20;

Error corrupt(const std::string& what) { return {ErrorCode::corrupt, what}; }

/// The user model of a release, its last blocks with gradients. Threads: one call at a time.
class Copy {
 public:
  static Result<Copy> load(const std::string& folder, std::uint32_t blocks, Executor& executor) {
    PENCHANT_TRY(manifest, artifact::verify_release(folder));
    if (blocks > manifest.model.layers) return invalid("blocks is " + std::to_string(blocks) + "; the release has " + std::to_string(manifest.model.layers));
    PENCHANT_TRY(file, artifact::SafeTensors::open(folder + "/model.safetensors"));
    std::vector<NamedTensor> tensors;
    for (const auto& [name, view] : file.tensors()) {
      PENCHANT_TRY(tensor, named_tensor(name, view));
      tensors.push_back(std::move(tensor));
    }
    auto network = served_network(manifest.model, {{manifest.name}, tensors, manifest.model.logit_scale}, executor);
    if (!network.ok()) return corrupt(network.error().message);
    return Copy(std::move(manifest), std::move(tensors), std::move(network).value(), blocks);
  }

  /// User vectors as the dense head multiplies them, [t, d].
  [[nodiscard]] Tensor user_vectors(const EventTensors& events, double dropout, bool training) const {
    const Tensor h = network_.states(vectors_, events, {.inner = dropout}, training);
    return manifest_.model.normalised ? h / h.norm(2, {-1}, true).clamp_min(1e-12) : h;
  }

  [[nodiscard]] const Tensor& items() const { return items_; }
  [[nodiscard]] const artifact::Manifest& manifest() const { return manifest_; }
  [[nodiscard]] const std::vector<Network::Weight>& learned() const { return learned_; }
  Status write(const std::string& path) const {
    std::map<std::string, Tensor> now;
    for (const auto& [name, value] : network_.exported()) now[name] = value;
    artifact::SafeTensorsWriter writer;
    for (const NamedTensor& t : tensors_) {
      const bool changed = std::ranges::find(learned_, t.name, &Network::Weight::name) != learned_.end();
      const NamedTensor plain = changed ? named(t.name, now.at(t.name)) : t;
      writer.add(t.name, artifact::DType::f32, plain.shape, std::as_bytes(std::span(plain.values)));
    }
    return writer.write(path);
  }

 private:
  Copy(artifact::Manifest manifest, std::vector<NamedTensor> tensors, Network network, std::uint32_t blocks)
      : manifest_(std::move(manifest)), tensors_(std::move(tensors)), network_(std::move(network)) {
    vectors_ = network_.item_vectors().detach();
    items_ = network_.dense_items(vectors_);
    const bool all = blocks == 0;
    for (const Network::Weight& w : network_.weights()) {
      bool learns = w.name.starts_with("final_norm.") || (all && w.name.starts_with("event."));
      for (std::uint32_t b = all ? 0 : manifest_.model.layers - blocks; b < manifest_.model.layers; ++b)
        learns = learns || w.name.starts_with("block." + std::to_string(b) + ".");
      w.value.set_requires_grad(learns);
      if (learns) learned_.push_back(w);
    }
  }

  artifact::Manifest manifest_;
  std::vector<NamedTensor> tensors_;  ///< as in the release
  Network network_;
  std::vector<Network::Weight> learned_;
  Tensor vectors_, items_;  ///< [n, d] as read and as scored
};

/// A stretch of one history, and the outcomes that are judged by its positions.
struct Stretch {
  std::int64_t begin = 0, end = 0;       ///< events
  std::vector<std::uint32_t> outcomes;
};

/// The first window in which an outcome has as much context as there may be, or half a window of it.
std::vector<Stretch> stretches_of(const FinetuneData& data, std::uint32_t max_len, bool valid) {
  std::map<std::int64_t, Stretch> by_begin;
  const std::int64_t stride = std::max<std::int64_t>(1, max_len / 2);
  for (std::uint32_t k = 0; k < data.outcomes.size(); ++k) {
    const LabelledOutcome& o = data.outcomes[k];
    if ((o.valid != 0) != valid) continue;
    const std::int64_t over = std::max<std::int64_t>(0, static_cast<std::int64_t>(o.read) - max_len);
    const std::int64_t begin = data.offsets[o.user] + (over + stride - 1) / stride * stride;
    auto& stretch = by_begin[begin];
    stretch.begin = begin;
    stretch.end = std::max(stretch.end, data.offsets[o.user] + o.read);
    stretch.outcomes.push_back(k);
  }
  std::vector<Stretch> out;
  for (auto& [begin, stretch] : by_begin) out.push_back(std::move(stretch));
  return out;
}

/// a <u, v> + <w, u> + <c, v> + b_i + b.
struct Head {
  std::vector<Network::Weight> weights;
  Head(std::int64_t items, std::int64_t dim) {
    const auto add = [&](const char* name, Tensor value, bool decays) { weights.push_back({name, value.set_requires_grad(true), decays}); };
    add("dot", torch::ones({1}), false);
    add("user", torch::zeros({dim, 1}), true);
    add("item", torch::zeros({dim, 1}), true);
    add("bias", torch::zeros({items, 1}), true);
    add("all", torch::zeros({1}), false);
  }
  [[nodiscard]] Tensor logits(const Tensor& users, const Tensor& items, const Tensor& rows) const {
    const Tensor linear = torch::mm(users, weights[1].value) + torch::mm(items, weights[2].value) + torch::embedding(weights[3].value, rows);
    return weights[0].value * (users * items).sum(1) + linear.squeeze(1) + weights[4].value;
  }
};

class Tuning {
 public:
  Tuning(Copy copy, const FinetuneData& data, const FinetuneOptions& options, Executor& executor)
      : copy_(std::move(copy)), data_(data), options_(options), executor_(executor),
        train_(stretches_of(data, copy_.manifest().model.max_len, false)), valid_(stretches_of(data, copy_.manifest().model.max_len, true)),
        head_(copy_.items().size(0), copy_.items().size(1)), network_steps_(copy_.learned(), {.weight_decay = options.weight_decay}),
        head_steps_(head_.weights, {.weight_decay = options.weight_decay}) {}

  Result<FinetuneReport> go(const ProgressSink& progress) {
    FinetuneReport report;
    for (const auto& o : data_.outcomes) ++(o.valid ? report.valid_outcomes : report.outcomes);
    std::uint32_t stale = 0;
    for (std::uint32_t epoch = 0; epoch <= options_.epochs; ++epoch) {
      FinetuneEpoch now{.epoch = epoch};
      if (epoch == 0)
        for (std::uint32_t k = 0; k < kHeadEpochs; ++k) now.loss = pass(k, false);
      else now.loss = pass(kHeadEpochs + epoch, true);
      judge(now);
      if (!std::isfinite(now.loss))
        return Error{ErrorCode::internal, "the loss did not stay finite in epoch " + std::to_string(epoch) + ": try a lower learning_rate"};
      report.epochs.push_back(now);
      char line[96];
      std::snprintf(line, sizeof line, "loss %.4f, validation %.4f, AUC %.4f", now.loss, now.valid_loss, now.valid_auc);
      if (progress && !progress({"fine-tune", epoch, options_.epochs, line})) return Error{ErrorCode::cancelled, "fine-tuning was cancelled"};
      if (epoch == 0 || valid_.empty() || now.valid_loss < report.epochs[report.best_epoch].valid_loss) {
        report.best_epoch = epoch;
        stale = 0;
        best_.clear();
        for (const auto& w : copy_.learned()) best_.push_back(w.value.detach().clone());
      } else if (++stale >= options_.patience && options_.patience > 0) break;
    }
    torch::NoGradGuard no_grad;
    for (std::size_t i = 0; i < best_.size(); ++i) copy_.learned()[i].value.detach().copy_(best_[i]);
    return report;
  }

  [[nodiscard]] const Copy& copy() const { return copy_; }

 private:
  struct Batch {
    PackedEvents events;
    std::vector<std::int64_t> positions, items;
    std::vector<float> labels;
  };
  [[nodiscard]] Batch pack(const std::vector<Stretch>& all, std::span<const std::uint32_t> chosen) const {
    Batch out;
    for (const auto s : chosen) {
      const Stretch& stretch = all[s];
      const std::int64_t first = out.events.offsets.back();
      for (auto e = static_cast<std::size_t>(stretch.begin); e < static_cast<std::size_t>(stretch.end); ++e) {
        out.events.items.push_back(data_.items[e]);
        out.events.actions.push_back(data_.actions[e]);
        out.events.gaps.push_back(data_.gaps[e]);
      }
      out.events.offsets.push_back(static_cast<std::int64_t>(out.events.rows()));
      for (const auto k : stretch.outcomes) {
        const LabelledOutcome& o = data_.outcomes[k];
        out.positions.push_back(first + data_.offsets[o.user] + o.read - 1 - stretch.begin);
        out.items.push_back(o.item);
        out.labels.push_back(o.positive);
      }
    }
    return out;
  }

  [[nodiscard]] Tensor logits(const Batch& batch, bool training) const {
    const Tensor users = copy_.user_vectors(tensors_of(batch.events), options_.dropout, training).index_select(0, tensor_of(batch.positions));
    const Tensor rows = tensor_of(batch.items);
    return head_.logits(users, copy_.items().index_select(0, rows), rows);
  }

  /// \return mean loss of an outcome
  double pass(std::uint32_t number, bool network_learns) {
    Rng rng(options_.seed * 1000 + number);
    std::vector<std::uint32_t> order(train_.size());
    std::iota(order.begin(), order.end(), 0U);
    rng.shuffle(std::span(order));
    double total = 0, seen = 0;
    for (std::size_t at = 0; at < order.size(); at += options_.batch) {
      const Batch batch = pack(train_, std::span(order).subspan(at, std::min<std::size_t>(options_.batch, order.size() - at)));
      torch::manual_seed(rng());
      const Tensor loss = torch::binary_cross_entropy_with_logits(logits(batch, network_learns), tensor_of(batch.labels));
      head_steps_.zero_grad();
      network_steps_.zero_grad();
      loss.backward();
      head_steps_.step(options_.head_rate, 1, executor_);
      if (network_learns) {
        const double norm = network_steps_.gradient_norm();
        if (std::isfinite(norm)) network_steps_.step(options_.learning_rate, norm > 1 ? 1 / norm : 1, executor_);
      }
      total += loss.item<double>() * static_cast<double>(batch.labels.size());
      seen += static_cast<double>(batch.labels.size());
    }
    return total / std::max(1.0, seen);
  }

  void judge(FinetuneEpoch& epoch) const {
    torch::NoGradGuard no_grad;
    epoch.valid_loss = epoch.valid_auc = std::numeric_limits<double>::quiet_NaN();
    std::vector<float> scores;
    std::vector<std::uint8_t> labels;
    double total = 0;
    std::vector<std::uint32_t> order(valid_.size());
    std::iota(order.begin(), order.end(), 0U);
    for (std::size_t at = 0; at < order.size(); at += options_.batch) {
      const Batch batch = pack(valid_, std::span(order).subspan(at, std::min<std::size_t>(options_.batch, order.size() - at)));
      const Tensor z = logits(batch, false).contiguous();
      total += torch::binary_cross_entropy_with_logits(z, tensor_of(batch.labels)).item<double>() * static_cast<double>(batch.labels.size());
      scores.insert(scores.end(), z.data_ptr<float>(), z.data_ptr<float>() + z.numel());
      labels.insert(labels.end(), batch.labels.begin(), batch.labels.end());
    }
    if (labels.empty()) return;
    epoch.valid_loss = total / static_cast<double>(labels.size());
    epoch.valid_auc = metrics::auc(scores, labels);
  }

  Copy copy_;
  const FinetuneData& data_;        // outlives this, as the next two
  const FinetuneOptions& options_;
  Executor& executor_;
  std::vector<Stretch> train_, valid_;
  Head head_;
  Optimiser network_steps_, head_steps_;
  std::vector<Tensor> best_;
};

/// Everything of the release but weights and manifest, and what was done to it in the card.
Status copy_files(const std::string& from, const std::string& to, const artifact::Manifest& manifest, const FinetuneData& data,
                  const FinetuneOptions& options, const FinetuneReport& report) {
  namespace json = boost::json;
  std::error_code error;
  std::filesystem::create_directories(to, error);
  for (const auto& [name, hash] : manifest.files)
    if (name != "model.safetensors" && name != "card.json" && !error)
      std::filesystem::copy_file(from + "/" + name, to + "/" + name, std::filesystem::copy_options::overwrite_existing, error);
  if (error) return Error{ErrorCode::io, to + ": " + error.message()};
  json::array epochs;
  const auto number = [](double v) { return std::isfinite(v) ? json::value(v) : json::value(nullptr); };
  for (const auto& e : report.epochs)
    epochs.push_back(json::object{{"epoch", e.epoch}, {"loss", number(e.loss)}, {"valid_loss", number(e.valid_loss)}, {"valid_auc", number(e.valid_auc)}});
  json::object card;
  if (auto text = artifact::read_file(from + "/card.json", kMaxCard); text.ok()) {
    json::error_code bad;
    if (auto old = json::parse(text.value(), bad); !bad && old.is_object()) card = std::move(old.get_object());
  }
  card.erase("evaluation");  // of the release, not of its copy
  card["finetuning"] = json::object{{"from", manifest.name}, {"task", data.task}, {"outcomes", report.outcomes}, {"valid_outcomes", report.valid_outcomes},
                                    {"blocks", options.blocks}, {"seed", options.seed}, {"best_epoch", report.best_epoch}, {"epochs", std::move(epochs)}};
  return artifact::write_file(to + "/card.json", json::serialize(card));
}

bool fits(const FinetuneData& data, const artifact::ModelShape& shape) {
  const auto below = [](const std::vector<std::int32_t>& rows, std::uint32_t most) {
    return std::ranges::all_of(rows, [&](auto r) { return r >= 0 && static_cast<std::uint32_t>(r) < most; });
  };
  return below(data.items, shape.items) && below(data.actions, shape.actions) && below(data.gaps, shape.gaps) &&
         std::ranges::all_of(data.outcomes, [&](const auto& o) { return o.item < shape.items; });
}

}  // namespace

Result<FinetuneReport> finetune(const std::string& from, const std::string& to, const std::string& created, const FinetuneData& data,
                                const FinetuneOptions& options, const ProgressSink& progress) {
  PENCHANT_DO(validate(options));
  if (std::filesystem::exists(to + "/manifest.json")) return Error{ErrorCode::already_exists, to + " holds a release already: choose another --name"};
  try {
    torch::set_num_threads(static_cast<int>(options.threads));
    torch::manual_seed(options.seed);
    Executor executor(options.threads);
    PENCHANT_TRY(copy, Copy::load(from, options.blocks, executor));
    auto manifest = copy.manifest();
    if (!fits(data, manifest.model))
      return invalid("the outcomes name items, actions or gaps that release \"" + manifest.name + "\" does not have: write them for this release");
    if (std::ranges::none_of(data.outcomes, [](const auto& o) { return o.valid == 0; }))
      return invalid("there is no outcome with a history to learn from: import events, or choose others with --positive");
    Tuning tuning(std::move(copy), data, options, executor);
    PENCHANT_TRY(report, tuning.go(progress));
    PENCHANT_DO(copy_files(from, to, manifest, data, options, report));
    PENCHANT_DO(tuning.copy().write(to + "/model.safetensors"));
    manifest.name = std::filesystem::path(to).filename().string();
    manifest.created = created;
    if (manifest.holdout == "time" && data.until_ms > 0) manifest.holdout_test_ms = std::max(manifest.holdout_test_ms, data.until_ms);
    else manifest.holdout = "none";
    manifest.files.clear();
    PENCHANT_DO(artifact::seal_release(to, manifest));
    return report;
  } catch (const c10::Error& e) {
    return Error{ErrorCode::internal, std::string("LibTorch: ") + e.what_without_backtrace()};
  } catch (const std::bad_alloc&) {
    return Error{ErrorCode::resource_exhausted, "not enough memory: take a smaller batch (--set batch=N)"};
  }
}

}  // namespace penchant::learn
