#include "penchant/learn/trainer.h"

#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>

#include "penchant/learn/torch/auxiliary.h"
#include "penchant/learn/torch/checkpoint.h"
#include "penchant/learn/torch/generator_trainer.h"
#include "penchant/learn/torch/losses.h"
#include "penchant/learn/torch/network.h"
#include "penchant/learn/torch/optimiser.h"
#include "penchant/learn/torch/ranks.h"
#include "penchant/learn/torch/run_id.h"
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
constexpr std::uint32_t kMaxReturns = 5;         ///< to the checkpoint, when an epoch has too many of them
constexpr double kRateAfterReturn = 0.5;         ///< share of the learning rate after each
constexpr double kLastLearningRate = 0.05;       ///< share left at the end of the cosine

/// Mixes (seed, a, b) into one 64-bit seed.
std::uint64_t mix(std::uint64_t seed, std::uint64_t a, std::uint64_t b) {
  Rng rng(seed ^ (a * 0x9e3779b97f4a7c15ULL) ^ (b * 0xd1342543de82ef95ULL));
  return rng();
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
  /// \param known lives longer than the run, as `ranks` does
  Run(const TrainingData& data, const TrainOptions& options, const Knowledge& known, Ranks& ranks)
      : data_(data), options_(options), known_(known), ranks_(ranks), run_id_(run_id(data, options, known)),
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
    if (!ranks_.agree(run_id_))
      return invalid("the ranks do not train the same network: start all of them with the same home, settings, seed and --threads");
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
    if (!ranks_.agree(std::to_string(position_.epochs_done)))
      return invalid("the ranks do not resume from the same epoch: the checkpoint must lie where all of them see it");
    ranks_.follow(now_);  // equal already, unless two machines compute differently
    if (position_.epochs_done == 0) PENCHANT_DO(save());
    while (position_.epochs_done < last_epoch() && !out_of_patience()) {
      PENCHANT_TRY(report, epoch(sink));
      if (report.skipped_steps > most_skipped()) {
        PENCHANT_DO(go_back(report));
        continue;
      }
      PENCHANT_DO(finish_epoch(report, sink));
    }
    {
      torch::NoGradGuard no_grad;
      for (std::size_t i = 0; i < now_.size(); ++i) now_[i].copy_(best_[i]);
    }
    std::vector<GeneratorEpoch> generator;
    if (!data_.codes.empty()) {
      PENCHANT_TRY(learned, train_generator(network_, data_, options_, windows_, executor_, ranks_, sink));
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
    std::uint32_t returns = returns_;
    for (const EpochReport& r : position_.curve) returns += r.returns;
    double rate = options_.learning_rate * std::pow(kRateAfterReturn, returns);
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

  /// This rank's windows of one step, packed `batch` at a time; parts without a position to learn from are left out.
  std::vector<Batch> parts_of(std::span<const std::uint32_t> windows, const std::vector<std::uint64_t>& order, Rng& rng) const {
    const std::vector<std::uint32_t> mine = shard_of(windows_, windows, ranks_.rank(), ranks_.size());
    std::vector<Batch> parts;
    for (std::size_t at = 0; at < mine.size(); at += options_.batch) {
      const auto chosen = std::span(mine).subspan(at, std::min<std::size_t>(options_.batch, mine.size() - at));
      Batch part = options_.architecture.objective == Objective::cloze
                       ? pack_cloze(data_.train, windows_, chosen, options_, data_.items, rng)
                       : pack(data_.train, order, windows_, chosen, options_, strengths_);
      if (!part.positions.empty()) parts.push_back(std::move(part));
    }
    return parts;
  }

  /// One move of the optimiser along the mean gradient over the positions of all parts of all ranks; none where none has one.
  StepLoss step(const std::vector<Batch>& parts, double rate) {
    StepLoss out;
    double positions = 0;
    for (const Batch& part : parts) positions += static_cast<double>(part.positions.size());
    positions = ranks_.sum(positions);
    if (positions == 0) return out;
    out.positions = static_cast<std::size_t>(positions);
    optimiser_.zero_grad();
    for (const Batch& part : parts) {
      const double share = static_cast<double>(part.positions.size()) / positions;
      const auto [loss, all] = mean_losses(part);
      all.backward(torch::full({}, share, all.options()));
      out.value += share * loss.item<double>();
    }
    optimiser_.join(ranks_, out.value);
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

  [[nodiscard]] std::uint32_t most_skipped() const {
    return static_cast<std::uint32_t>(std::min<std::size_t>(kMaxSkippedSteps, steps_per_epoch_ - 1));
  }

  /// All over again from the last checkpoint, with a lower learning rate. \return internal when that was tried often enough
  Status go_back(const EpochReport& report) {
    if (options_.checkpoint.empty() || returns_ == kMaxReturns)
      return Error{ErrorCode::internal, "the loss did not stay finite in epoch " + std::to_string(report.epoch) +
                                            (returns_ > 0 ? ", nor with " + std::to_string(report.learning_rate) + " as learning rate" : "") +
                                            ": try --set learning_rate with a lower one"};
    PENCHANT_TRY(found, load_checkpoint(options_.checkpoint, run_id_, now_, best_, optimiser_));
    position_ = std::move(found);
    ++returns_;
    return {};
  }

  /// One pass; ends at once when more than most_skipped() steps were skipped.
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
      torch::manual_seed(mix(options_.seed ^ ranks_.rank(), position_.epochs_done, 3 + b));
      const StepLoss loss = step(parts, report.learning_rate);
      if (loss.skipped && ++report.skipped_steps > most_skipped()) return report;
      if (!loss.skipped) {
        const double n = static_cast<double>(loss.positions);
        total += loss.value * n, seen += n;
      }
      ++position_.steps_done;
      fill(report, total, seen, seconds());
      TrainProgress p{report.epoch, last_epoch(), b + 1, batches.size(), report.loss, report.events_per_second, 0, nullptr};
      p.seconds_left = seconds_left(seconds() / double(b + 1), batches.size() - b - 1);
      if (ranks_.any(sink && !sink(p))) return Error{ErrorCode::cancelled, "training was cancelled in epoch " + std::to_string(report.epoch)};
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
    report.returns = std::exchange(returns_, 0);
    const bool judged = std::isfinite(report.valid_ndcg10);
    const bool first = position_.best_epoch == 0 && known_.start == nullptr;
    const bool better = !judged || first || report.valid_ndcg10 > best_ndcg();
    position_.curve.push_back(report);
    if (better) {
      keep_as_best();
      position_.best_epoch = report.epoch;
    }
    position_.stale_epochs = better ? 0 : position_.stale_epochs + 1;
    PENCHANT_DO(save());
    TrainProgress p{report.epoch, last_epoch(), steps_per_epoch_, steps_per_epoch_, report.loss,
                    report.events_per_second, 0, &report};
    p.seconds_left = report.seconds * (last_epoch() - position_.epochs_done);
    if (ranks_.any(sink && !sink(p))) return Error{ErrorCode::cancelled, "training was cancelled after epoch " + std::to_string(report.epoch)};
    return {};
  }

  [[nodiscard]] Status save() const {
    if (options_.checkpoint.empty() || !ranks_.leads()) return {};
    return save_checkpoint(options_.checkpoint, run_id_, now_, best_, optimiser_, position_);
  }

  [[nodiscard]] double validate_network() const { return validation_ndcg10(network_, data_, mix(options_.seed, 0, 4), ranks_); }

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
  Ranks& ranks_;                  // likewise
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
  std::uint32_t returns_ = 0;  ///< to the checkpoint, in the running epoch
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
    PENCHANT_TRY(ranks, Ranks::join(options.launch));
    return Run(data, options, known, ranks).go(sink);
  } catch (const RankLost& e) {
    return Error{ErrorCode::unavailable, e.what()};
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
