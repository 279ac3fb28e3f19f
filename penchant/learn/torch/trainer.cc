#include "penchant/learn/trainer.h"

#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>

#include "penchant/artifact/files.h"
#include "penchant/learn/torch/auxiliary.h"
#include "penchant/learn/torch/checkpoint.h"
#include "penchant/learn/torch/generator_trainer.h"
#include "penchant/learn/torch/losses.h"
#include "penchant/learn/torch/network.h"
#include "penchant/learn/torch/optimiser.h"
#include "penchant/learn/torch/sampled_losses.h"
#include "penchant/learn/torch/teacher.h"
#include "penchant/learn/torch/tensors.h"
#include "penchant/learn/torch/validation.h"
#include "penchant/learn/windows.h"

namespace penchant::learn {
namespace {

using torch::Tensor;
using Seconds = std::chrono::duration<double>;
using SteadyClock = std::chrono::steady_clock;

constexpr std::uint32_t kMaxSkippedSteps = 10;   ///< steps without a finite gradient, per epoch; never all of them
constexpr double kLastLearningRate = 0.05;       ///< share left at the end of the cosine

/// Mixes (seed, a, b) into one 64-bit seed.
std::uint64_t mix(std::uint64_t seed, std::uint64_t a, std::uint64_t b) {
  Rng rng(seed ^ (a * 0x9e3779b97f4a7c15ULL) ^ (b * 0xd1342543de82ef95ULL));
  return rng();
}

/// Fingerprint of everything that decides the weights: a checkpoint fits no other run.
std::string fingerprint(const TrainingData& data, const TrainOptions& o, const Knowledge& known) {
  std::string text = "1";
  const auto put = [&](double v) { text += ' ' + std::to_string(v); };
  for (const double v : {double(o.dim), double(o.layers), double(o.heads), double(o.ffn), double(o.max_len),
                         double(o.depth_layers), double(o.gaps), double(o.normalised), o.logit_scale,
                         double(o.multi_token), o.multi_token_decay,
                         o.label_smoothing, o.dropout, o.input_dropout, o.id_dropout, double(o.batch),
                         double(o.stride), double(o.shuffle_ties), o.learning_rate * 1e6, o.weight_decay * 1e6,
                         o.clip, double(o.warmup_steps), double(o.cosine), double(o.epochs), double(o.threads),
                         double(o.architecture.encoder), double(o.architecture.objective), double(o.architecture.loss),
                         double(o.architecture.rotary), double(o.architecture.context),
                         double(o.architecture.input_norm), double(o.architecture.item_bias), double(o.negatives), o.negative_power, o.calibration,
                         o.score_penalty, o.mask_share, o.id_scale, o.weight_scale, double(o.architecture.from_end),
                         double(o.architecture.scaled_input), double(o.architecture.drops_attention), o.age, double(o.borrow),
                         double(o.mix_layers), double(o.read_request), o.engagement, o.next_action, o.next_gap, o.next_attributes, double(o.accumulate)})
    put(v);
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
  if (known.teacher != nullptr) put(o.teacher_share), put(o.teacher_top), weights(known.teacher->weights);
  return artifact::sha256(text);
}

Network make_network(const TrainingData& data, const TrainOptions& options, Executor& executor) {
  std::vector<Network::Modality> modalities;
  for (const Modality& m : data.modalities)
    modalities.push_back({m.name, tensor_of(m.vectors)});
  const artifact::ModelShape shape =
      shape_of(options, data.items, static_cast<std::uint32_t>(data.actions.size()),
               static_cast<std::uint32_t>(data.codes.cols()), data.codebook_size);
  std::vector<float> counts(data.train_count.begin(), data.train_count.end());
  Network network(shape, options.architecture, std::move(modalities), data.codes.empty() ? Tensor() : tensor_of(data.codes),
                  tensor_of(counts), executor, options.id_scale, options.weight_scale);
  if (options.age > 0 && !data.codes.empty()) network.set_age(options.age);
  if (options.borrow && data.lenders.items() > 0) network.borrow_from(data.lenders);
  if (network.bias().defined()) network.bias().detach().fill_(starting_bias(options, data.items));
  return network;
}

/// One run: the network, its optimiser and where it stands.
class Run {
 public:
  /// \param known lives longer than the run
  Run(const TrainingData& data, const TrainOptions& options, const Knowledge& known)
      : data_(data), options_(options), known_(known), run_id_(fingerprint(data, options, known)),
        windows_(make_windows(data.train, options.max_len, options.stride)), executor_(options.threads),
        network_(make_network(data, options, executor_)), auxiliary_(data, options),
        optimiser_(weights(), {.weight_decay = options.weight_decay, .beta2 = 0.98}) {
    if (options.architecture.loss != Loss::softmax) sampler_.emplace(data.train_count, options.negative_power);
    if (!data.codes.empty()) choose_learned();
    steps_per_epoch_ = plan().size();
    if (options.engagement > 0) strengths_ = counted_strengths(data, options.engagement);
    for (const Network::Weight& w : weights()) {
      now_.push_back(w.value.detach());  // shares memory with the weight
      best_.push_back(w.value.detach().clone());
    }
  }

  Result<TrainedModel> go(const TrainSink& sink) {
    if (known_.teacher != nullptr) {
      PENCHANT_TRY(teacher, Teacher::make(*known_.teacher, executor_));
      teacher_.emplace(std::move(teacher));
    }
    if (known_.start != nullptr) {
      PENCHANT_DO(network_.start_from(*known_.start));
      keep_as_best();
      start_ndcg_ = validate_network();
    }
    if (options_.resume) {
      auto found = load_checkpoint(options_.checkpoint, run_id_, now_, best_, optimiser_);
      if (found.ok()) position_ = std::move(found).value();
      else if (found.error().code != ErrorCode::not_found) return std::move(found).error();
    }
    while (position_.epochs_done < last_epoch() && !out_of_patience()) {
      PENCHANT_TRY(report, epoch(sink));
      PENCHANT_DO(finish_epoch(report, sink));
    }
    {
      torch::NoGradGuard no_grad;
      for (std::size_t i = 0; i < now_.size(); ++i) now_[i].copy_(best_[i]);
    }
    std::vector<GeneratorEpoch> generator;
    if (!data_.codes.empty()) {
      PENCHANT_TRY(learned, train_generator(network_, data_, options_, windows_, executor_, sink));
      generator = std::move(learned);
    }
    return result(std::move(generator));
  }

 private:
  /// Of the network, then of the auxiliary heads.
  [[nodiscard]] std::vector<Network::Weight> weights() const {
    std::vector<Network::Weight> all = network_.weights();
    all.insert(all.end(), auxiliary_.weights().begin(), auxiliary_.weights().end());
    return all;
  }

  [[nodiscard]] std::vector<std::vector<std::uint32_t>> plan() const {
    Rng rng(mix(options_.seed, position_.epochs_done, 1));
    return plan_batches(windows_, windows_per_step(options_), rng);
  }

  [[nodiscard]] std::uint32_t last_epoch() const {
    return options_.stop_after > 0 ? std::min(options_.stop_after, options_.epochs) : options_.epochs;
  }

  [[nodiscard]] bool out_of_patience() const {
    return options_.patience > 0 && position_.stale_epochs >= options_.patience;
  }

  [[nodiscard]] double learning_rate() const {
    const double step = static_cast<double>(position_.steps_done);
    const double total = static_cast<double>(steps_per_epoch_) * options_.epochs;
    double rate = options_.learning_rate;
    if (options_.warmup_steps > 0) rate *= std::min(1.0, (step + 1) / options_.warmup_steps);
    if (options_.cosine)
      rate *= kLastLearningRate + (1 - kLastLearningRate) * 0.5 * (1 + std::cos(M_PI * step / std::max(1.0, total)));
    return rate;
  }

  struct StepLoss {
    double value = 0;
    std::size_t positions = 0;
    bool skipped = false;
  };

  /// The windows of one step, packed `batch` at a time; parts without a position to learn from are left out.
  std::vector<Batch> parts_of(std::span<const std::uint32_t> windows, const std::vector<std::uint64_t>& order, Rng& rng) const {
    std::vector<Batch> parts;
    for (std::size_t at = 0; at < windows.size(); at += options_.batch) {
      const auto chosen = windows.subspan(at, std::min<std::size_t>(options_.batch, windows.size() - at));
      Batch part = options_.architecture.objective == Objective::cloze
                       ? pack_cloze(data_.train, windows_, chosen, options_, data_.items, rng)
                       : pack(data_.train, order, windows_, chosen, options_, strengths_);
      if (!part.positions.empty()) parts.push_back(std::move(part));
    }
    return parts;
  }

  /// One move of the optimiser along the mean gradient over the positions of all parts, each of which has one.
  StepLoss step(const std::vector<Batch>& parts, double rate) {
    StepLoss out;
    for (const Batch& part : parts) out.positions += part.positions.size();
    optimiser_.zero_grad();
    for (const Batch& part : parts) {
      const double share = static_cast<double>(part.positions.size()) / static_cast<double>(out.positions);
      const auto [loss, all] = mean_losses(part);
      all.backward(torch::full({}, share, all.options()));
      out.value += share * loss.item<double>();
    }
    const double norm = optimiser_.gradient_norm();
    out.skipped = !std::isfinite(norm) || !std::isfinite(out.value);
    if (!out.skipped) optimiser_.step(rate, norm > options_.clip ? options_.clip / norm : 1, executor_);
    return out;
  }

  /// Means over the positions of a batch: of the next item, and with the auxiliary losses.
  std::pair<Tensor, Tensor> mean_losses(const Batch& batch) {
    const std::int64_t ahead = options_.multi_token;
    const Tensor vectors = network_.item_vectors(true, options_.id_dropout);
    const EventTensors events = tensors_of(batch.events);
    const Tensor positions = tensor_of(batch.positions);
    const Tensor hidden = network_.states(vectors, events, {options_.dropout, options_.input_dropout}, true).index_select(0, positions);
    const std::int64_t count = hidden.size(0);
    Tensor targets = tensor_of(batch.targets).view({count, ahead}), weights = tensor_of(batch.weights).view({count, ahead});
    if (teacher_) {
      const Teacher::Lesson lesson = teacher_->lesson(events, positions, options_.teacher_top);
      const Tensor whole = weights.sum(1, true);
      targets = torch::cat({targets, lesson.items}, 1);
      weights = torch::cat({weights * (1 - options_.teacher_share), lesson.share * whole * options_.teacher_share}, 1);
    }
    const Tensor users = network_.dense_users(hidden), items = network_.dense_items(vectors);
    const Tensor loss = sampler_ ? sampled_loss(users, items, network_.bias(), targets.select(1, 0), *sampler_, options_)
                                  : softmax_loss(users, items, targets, weights);
    const Tensor beside = auxiliary_.loss(hidden, batch);
    return {loss, beside.defined() ? loss + beside : loss};
  }

  /// Over the items that can be targets, where the model has content: an item without a training event would be a
  /// negative of every position, and learn that its content is never wanted.
  Tensor softmax_loss(const Tensor& users, const Tensor& items, const Tensor& targets, const Tensor& weights) {
    if (!learned_.defined()) return dense_loss(users, items, network_.bias(), targets, weights, options_.label_smoothing, executor_);
    const Tensor bias = network_.bias().defined() ? network_.bias().index_select(0, learned_) : Tensor();
    return dense_loss(users, items.index_select(0, learned_), bias, place_.index_select(0, targets.view({-1})).view(targets.sizes()), weights,
                      options_.label_smoothing, executor_);
  }

  /// learned_ and place_; both stay undefined where every item was learned from.
  void choose_learned() {
    std::vector<std::int64_t> rows, places(data_.items, 0);
    for (std::uint32_t i = 0; i < data_.items; ++i)
      if (data_.train_count[i] > 0) places[i] = static_cast<std::int64_t>(rows.size()), rows.push_back(i);
    if (rows.size() == data_.items || rows.empty()) return;
    learned_ = tensor_of(rows);
    place_ = tensor_of(places);
  }

  Result<EpochReport> epoch(const TrainSink& sink) {
    EpochReport report;
    report.epoch = position_.epochs_done + 1;
    const auto started = SteadyClock::now();
    const auto seconds = [&] { return Seconds(SteadyClock::now() - started).count(); };
    Rng rng(mix(options_.seed, position_.epochs_done, 2));
    const auto order = event_order(data_.train, options_.shuffle_ties, rng);
    const auto batches = plan();
    double total = 0, seen = 0;
    for (std::size_t b = 0; b < batches.size(); ++b) {
      const std::vector<Batch> parts = parts_of(batches[b], order, rng);
      report.learning_rate = learning_rate();
      if (!parts.empty()) {
        torch::manual_seed(mix(options_.seed, position_.epochs_done, 3 + b));
        const StepLoss loss = step(parts, report.learning_rate);
        if (loss.skipped && ++report.skipped_steps > std::min<std::size_t>(kMaxSkippedSteps, batches.size() - 1))
          return Error{ErrorCode::internal,
                       "the loss did not stay finite in epoch " + std::to_string(report.epoch) + ", step " +
                           std::to_string(b + 1) + ": try a lower learning rate; the checkpoint of epoch " +
                           std::to_string(position_.epochs_done) + " is untouched"};
        if (!loss.skipped) {
          const double n = static_cast<double>(loss.positions);
          total += loss.value * n, seen += n;
        }
      }
      ++position_.steps_done;
      fill(report, total, seen, seconds());
      TrainProgress p{report.epoch, last_epoch(), b + 1, batches.size(), report.loss, report.events_per_second, 0, nullptr};
      p.seconds_left = seconds_left(seconds() / double(b + 1), batches.size() - b - 1);
      if (sink && !sink(p)) return Error{ErrorCode::cancelled, "training was cancelled in epoch " + std::to_string(report.epoch)};
    }
    report.valid_ndcg10 = validate_network();
    const double rate = report.events_per_second;
    report.seconds = seconds();
    report.events_per_second = rate;
    return report;
  }

  static void fill(EpochReport& r, double total, double seen, double seconds) {
    r.loss = total / std::max(1.0, seen);
    r.events_per_second = seconds > 0 ? seen / seconds : 0;
    r.seconds = seconds;
  }

  [[nodiscard]] double seconds_left(double per_step, std::size_t steps_left) const {
    const double epochs_left = static_cast<double>(last_epoch() - position_.epochs_done - 1);
    double whole = per_step * static_cast<double>(steps_per_epoch_);
    if (!position_.curve.empty()) whole = position_.curve.back().seconds;
    return per_step * static_cast<double>(steps_left) + epochs_left * whole;
  }

  Status finish_epoch(EpochReport report, const TrainSink& sink) {
    ++position_.epochs_done;
    const bool judged = std::isfinite(report.valid_ndcg10);
    const bool first = position_.best_epoch == 0 && known_.start == nullptr;
    const bool better = !judged || first || report.valid_ndcg10 > best_ndcg();
    position_.curve.push_back(report);
    if (better) {
      keep_as_best();
      position_.best_epoch = report.epoch;
    }
    position_.stale_epochs = better ? 0 : position_.stale_epochs + 1;
    if (!options_.checkpoint.empty())
      PENCHANT_DO(save_checkpoint(options_.checkpoint, run_id_, now_, best_, optimiser_, position_));
    TrainProgress p{report.epoch, last_epoch(), steps_per_epoch_, steps_per_epoch_, report.loss,
                    report.events_per_second, 0, &report};
    p.seconds_left = report.seconds * (last_epoch() - position_.epochs_done);
    if (sink && !sink(p)) return Error{ErrorCode::cancelled, "training was cancelled after epoch " + std::to_string(report.epoch)};
    return {};
  }

  [[nodiscard]] double validate_network() const { return validation_ndcg10(network_, data_, mix(options_.seed, 0, 4)); }

  void keep_as_best() {
    torch::NoGradGuard no_grad;
    for (std::size_t i = 0; i < now_.size(); ++i) best_[i].copy_(now_[i]);
  }

  [[nodiscard]] double best_ndcg() const {
    if (position_.best_epoch == 0) return known_.start == nullptr ? 0 : start_ndcg_;
    return position_.curve[position_.best_epoch - 1].valid_ndcg10;
  }

  TrainedModel result(std::vector<GeneratorEpoch> generator) const {
    torch::NoGradGuard no_grad;
    TrainedModel model;
    model.generator = std::move(generator);
    model.shape = network_.shape();
    model.shape.logit_scale = network_.logit_scale();
    for (const auto& [name, value] : network_.exported()) model.tensors.push_back(named(name, value));
    model.epochs = position_.curve;
    model.best_epoch = position_.best_epoch;
    model.best_ndcg10 = best_ndcg();
    model.start_ndcg10 = start_ndcg_;
    for (const Network::Weight& w : network_.weights()) model.parameters += static_cast<std::uint64_t>(w.value.numel());
    return model;
  }

  const TrainingData& data_;      // lives longer than the run
  const TrainOptions& options_;   // likewise
  const Knowledge& known_;        // likewise
  std::string run_id_;
  std::vector<Window> windows_;
  Executor executor_;                        // of attention and the softmax loss; LibTorch has its own threads
  Network network_;
  AuxiliaryHeads auxiliary_;
  std::optional<Teacher> teacher_;
  Optimiser optimiser_;
  std::vector<float> strengths_;            ///< [actions], what a target counts for, 1 on average; empty: all alike
  std::optional<NegativeSampler> sampler_;  // sampled losses
  Tensor learned_, place_;                   ///< int64: rows with a training event; [items] their number among these
  std::size_t steps_per_epoch_ = 0;
  std::vector<Tensor> now_, best_;
  double start_ndcg_ = std::numeric_limits<double>::quiet_NaN();  ///< of validation, before the first step
  Position position_;
};

}  // namespace

Result<TrainedModel> train_from(const Knowledge& known, const TrainingData& data, const TrainOptions& options, const TrainSink& sink) {
  PENCHANT_DO(validate(options));
  PENCHANT_DO(validate(data));
  if (known.teacher != nullptr && options.architecture.loss != Loss::softmax) return invalid("a teacher needs the softmax loss: sampled losses know one target");
  if (options.read_request && !data.has_clock) return invalid("read_request: the events carry positions, not times, so nobody knows how long after one it is asked");
  if (options.engagement > 0 && data.strengths.empty()) return invalid("engagement: the data do not say how strong an action is");
  if (options.next_attributes > 0 && data.attribute_values == 0)
    return invalid("next_attributes: no attribute value is shared by enough items to be asked for");
  if (data.codes.empty() && !data.modalities.empty())
    return invalid("codes: the user model reads modalities together with semantic IDs, and there are none");
  if (make_windows(data.train, options.max_len, options.stride).empty())
    return invalid("no user has two events to learn from: import more events");
  try {
    torch::set_num_threads(static_cast<int>(options.threads));
    torch::manual_seed(mix(options.seed, 0, 0));
    return Run(data, options, known).go(sink);
  } catch (const c10::Error& e) {
    return Error{ErrorCode::internal, std::string("LibTorch: ") + e.what_without_backtrace()};
  } catch (const std::bad_alloc&) {
    return Error{ErrorCode::resource_exhausted, "not enough memory: choose a smaller preset or --set batch, with --set accumulate for steps as large as before"};
  }
}

Result<TrainedModel> train(const TrainingData& data, const TrainOptions& options, const TrainSink& sink) {
  return train_from({}, data, options, sink);
}

}  // namespace penchant::learn
