#include "penchant/learn/torch/generator_trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

#include "penchant/base/rng.h"
#include "penchant/generate/lookahead.h"
#include "penchant/learn/torch/losses.h"
#include "penchant/learn/torch/optimiser.h"
#include "penchant/learn/torch/tensors.h"

namespace penchant::learn {
namespace {

using semantic_id::ItemTrie;
using torch::Tensor;
using SteadyClock = std::chrono::steady_clock;

constexpr double kLearningRate = 1e-3, kWeightDecay = 0.01, kClip = 1;
constexpr double kLogitsAtOnce = 4e6;  ///< of the dense head: how many positions a step or a part of validation takes
constexpr std::size_t kValidationUsers = 2048;
constexpr float kNever = -1e30F;  ///< logit of a code that does not follow

/// log of sums of exponentials over neighbours of a row.
float log_sum(std::span<const float> logits, std::span<const catalog::ItemId> items) {
  float highest = kNever, sum = 0;
  for (const auto item : items) highest = std::max(highest, logits[catalog::index(item)]);
  for (const auto item : items) sum += std::exp(logits[catalog::index(item)] - highest);
  return highest + std::log(sum);
}

double seconds_since(SteadyClock::time_point start) { return std::chrono::duration<double>(SteadyClock::now() - start).count(); }

class GeneratorTraining {
 public:
  GeneratorTraining(Network& network, const TrainingData& data, const TrainOptions& options, const std::vector<Window>& windows,
                    Executor& executor, Ranks& ranks, const TrainSink& sink)
      : network_(network), data_(data), options_(options), windows_(windows), executor_(executor), ranks_(ranks), sink_(sink), rng_(options.seed ^ 0x67656e6572617465ULL) {
    for (const Network::Weight& w : network.weights())
      if (w.name.starts_with("depth.")) weights_.push_back(w);
  }

  Result<std::vector<GeneratorEpoch>> run() {
    PENCHANT_DO(see_items());
    choose_users();
    Optimiser optimiser(weights_, {.weight_decay = kWeightDecay, .beta2 = 0.98});
    std::vector<Tensor> best;
    for (const auto& w : weights_) best.push_back(w.value.detach().clone());
    std::vector<GeneratorEpoch> curve{{0, std::numeric_limits<double>::quiet_NaN(), validation_loss(), 0}};
    std::size_t best_epoch = 0;
    for (std::uint32_t e = 1; e <= options_.generator_epochs; ++e) {
      PENCHANT_TRY(report, epoch(e, optimiser));
      curve.push_back(report);
      if (report.valid_loss >= curve[best_epoch].valid_loss) continue;  // NaN: the last one stays
      best_epoch = e;
      torch::NoGradGuard no_grad;
      for (std::size_t i = 0; i < best.size(); ++i) best[i].copy_(weights_[i].value);
    }
    torch::NoGradGuard no_grad;
    for (std::size_t i = 0; i < best.size(); ++i) weights_[i].value.detach().copy_(best[i]);
    return curve;
  }

 private:
  /// What stays as it is: item vectors, the trie of the trained items and the groups below its prefixes.
  Status see_items() {
    torch::NoGradGuard no_grad;
    vectors_ = network_.item_vectors();
    dense_ = network_.dense_items(vectors_).contiguous();
    bias_.assign(data_.items, 0);
    if (network_.bias().defined()) std::copy_n(network_.bias().data_ptr<float>(), data_.items, bias_.begin());
    untrained_.resize(data_.items);
    std::vector<catalog::ItemId> rows;
    std::vector<std::uint16_t> codes;
    for (std::uint32_t i = 0; i < data_.items; ++i) {
      untrained_[i] = data_.train_count[i] == 0 ? 1 : 0;
      if (untrained_[i] != 0) continue;
      rows.push_back(catalog::ItemId{i});
      codes.insert(codes.end(), data_.codes.row(i).begin(), data_.codes.row(i).end());
    }
    PENCHANT_TRY(trie, ItemTrie::build({codes.data(), rows.size(), data_.codes.cols()}, rows, data_.codebook_size));
    trie_ = std::move(trie);
    PENCHANT_TRY(lookahead, generate::Lookahead::build(trie_, items(), executor_));
    lookahead_ = std::move(lookahead);
    return {};
  }

  [[nodiscard]] generate::DenseItems items() const { return {view_of(dense_), bias_, untrained_}; }

  void choose_users() {
    for (const ValidationCase& c : data_.validation)
      if (data_.train_count[c.target] > 0) asked_.push_back(c);
    rng_.shuffle(std::span(asked_));
    if (asked_.size() > kValidationUsers) asked_.resize(kValidationUsers);
  }

  /// \param hidden [rows, d]; \param codes int64 [rows, L], paths of the trie
  CodeSteps steps_of(const Tensor& hidden, const Tensor& codes) {
    torch::NoGradGuard no_grad;
    const std::int64_t rows = hidden.size(0), levels = codes.size(1), k = data_.codebook_size;
    CodeSteps out;
    for (std::int64_t l = 0; l < levels; ++l) {
      out.ahead.push_back(torch::zeros({rows, k}));
      out.never.push_back(torch::full({rows, k}, kNever));
      out.wanted.push_back(torch::zeros({rows, k}));
    }
    const Tensor queries = network_.dense_users(hidden).contiguous();
    Tensor all = torch::mm(queries, dense_.t());
    if (network_.bias().defined()) all += network_.bias();
    const auto users = view_of(queries), logits = view_of(all);
    const auto* path = codes.data_ptr<std::int64_t>();
    const generate::DenseItems dense = items();
    executor_.parallel_for(static_cast<std::size_t>(rows), 16, [&](std::size_t begin, std::size_t end) {
      std::vector<float> scores;
      for (std::size_t r = begin; r < end; ++r) {
        auto node = ItemTrie::Node::root;
        for (std::size_t l = 0; l < out.ahead.size(); ++l) {
          const auto edges = trie_.children(node);
          scores.resize(edges.codes.size());
          lookahead_.children(trie_, node, dense, users.row(r), scores, logits.row(r));
          const std::size_t row = r * static_cast<std::size_t>(k);
          float *ahead = out.ahead[l].data_ptr<float>() + row, *never = out.never[l].data_ptr<float>() + row,
                *wanted = out.wanted[l].data_ptr<float>() + row;
          const float whole = log_sum(logits.row(r), trie_.items_below(node));
          for (std::uint32_t c = 0; c < scores.size(); ++c) {
            ahead[edges.codes[c]] = scores[c];
            never[edges.codes[c]] = 0;
            wanted[edges.codes[c]] = std::exp(log_sum(logits.row(r), trie_.items_below(ItemTrie::Node{edges.first + c})) - whole);
          }
          node = *trie_.child(node, static_cast<std::uint16_t>(path[r * out.ahead.size() + l]));
        }
      }
    });
    return out;
  }

  Tensor loss_of(const Tensor& hidden, const Tensor& codes) {
    return generator_loss(network_.code_logits(hidden, codes), network_.look(), steps_of(hidden, codes));
  }

  Tensor codes_of(const Tensor& targets) const { return network_.codes().index_select(0, targets).contiguous(); }

  double validation_loss() {
    if (asked_.empty()) return std::numeric_limits<double>::quiet_NaN();
    torch::NoGradGuard no_grad;
    double sum = 0;
    const auto some = static_cast<std::size_t>(rows_at_once());
    for (std::size_t at = ranks_.rank() * some; at < asked_.size(); at += ranks_.size() * some) {
      std::vector<std::uint32_t> users;
      std::vector<std::int64_t> targets;
      for (std::size_t k = at; k < std::min(at + some, asked_.size()); ++k) {
        users.push_back(asked_[k].user);
        targets.push_back(asked_[k].target);
      }
      const PackedEvents batch = pack_histories(data_.train, users, network_.query_length(), network_.shape().gaps);
      sum += loss_of(network_.user_states(vectors_, batch), codes_of(tensor_of(targets))).item<double>() * static_cast<double>(users.size());
    }
    return ranks_.sum(sum) / static_cast<double>(asked_.size());
  }

  Result<GeneratorEpoch> epoch(std::uint32_t number, Optimiser& optimiser) {
    const auto started = SteadyClock::now();
    const auto order = event_order(data_.train, options_.shuffle_ties, rng_);
    const auto batches = plan_batches(windows_, windows_per_step(options_), rng_);
    double loss = 0, seen = 0;
    for (std::size_t b = 0; b < batches.size(); ++b) {
      const Batch batch = pack(data_.train, order, windows_, shard_of(windows_, batches[b], ranks_.rank(), ranks_.size()), options_);
      const double count = ranks_.sum(static_cast<double>(batch.positions.size()));
      if (count > 0) {
        torch::manual_seed(rng_() + ranks_.rank());
        const double value = step(batch, rate((double(number - 1) + double(b) / double(batches.size())) / options_.generator_epochs), optimiser);
        if (std::isfinite(value)) loss += value * count, seen += count;
      }
      const double spent = seconds_since(started), per_step = spent / double(b + 1);
      TrainProgress p{number, options_.generator_epochs, b + 1, batches.size(), seen > 0 ? loss / seen : 0, spent > 0 ? seen / spent : 0, 0, nullptr, "generator"};
      p.seconds_left = per_step * double(batches.size() - b - 1 + (options_.generator_epochs - number) * batches.size());
      if (ranks_.any(sink_ && !sink_(p))) return Error{ErrorCode::cancelled, "training was cancelled in epoch " + std::to_string(number) + " of the generator"};
    }
    const GeneratorEpoch report{number, loss / std::max(1.0, seen), validation_loss(), seconds_since(started)};
    return report;
  }

  /// Of one rank.
  [[nodiscard]] std::int64_t rows_at_once() const { return std::max<std::int64_t>(1, std::llround(kLogitsAtOnce / data_.items / ranks_.size())); }

  /// Cosine from kLearningRate to a twentieth. \param done share of the training
  static double rate(double done) { return kLearningRate * (0.05 + 0.95 * 0.5 * (1 + std::cos(M_PI * done))); }

  /// \return the loss; not finite: nothing was learned
  double step(const Batch& batch, double learning_rate, Optimiser& optimiser) {
    const auto count = static_cast<std::int64_t>(batch.positions.size());
    const std::int64_t some = std::min(count, rows_at_once());
    const double all = ranks_.sum(static_cast<double>(some));
    optimiser.zero_grad();
    double value = 0;
    if (some > 0) {
      const Tensor chosen = torch::randperm(count, torch::kInt64).narrow(0, 0, some);
      Tensor hidden;
      {
        torch::NoGradGuard no_grad;
        hidden = network_.states(vectors_, tensors_of(batch.events))
                     .index_select(0, tensor_of(batch.positions).index_select(0, chosen));
      }
      const Tensor codes = codes_of(tensor_of(batch.targets).view({count, -1}).select(1, 0).index_select(0, chosen));
      const Tensor loss = loss_of(hidden, codes);
      const double share = static_cast<double>(some) / all;
      loss.backward(torch::full({}, share, loss.options()));
      value = share * loss.item<double>();
    }
    optimiser.join(ranks_, value);
    const double norm = optimiser.gradient_norm();
    if (!std::isfinite(norm)) return norm;
    optimiser.step(learning_rate, norm > kClip ? kClip / norm : 1, executor_);
    return value;
  }

  Network& network_;
  const TrainingData& data_;
  const TrainOptions& options_;
  const std::vector<Window>& windows_;
  Executor& executor_;
  Ranks& ranks_;
  const TrainSink& sink_;
  Rng rng_;
  std::vector<Network::Weight> weights_;
  Tensor vectors_, dense_;  ///< [n, d], as read and as scored
  std::vector<float> bias_;
  std::vector<std::uint8_t> untrained_;
  ItemTrie trie_;
  generate::Lookahead lookahead_;
  std::vector<ValidationCase> asked_;
};

}  // namespace

Result<std::vector<GeneratorEpoch>> train_generator(Network& network, const TrainingData& data, const TrainOptions& options,
                                                    const std::vector<Window>& windows, Executor& executor, Ranks& ranks, const TrainSink& sink) {
  return GeneratorTraining(network, data, options, windows, executor, ranks, sink).run();
}

}  // namespace penchant::learn
