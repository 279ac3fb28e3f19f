#include "penchant/semantic_id/learned/rqvae.h"

#include <algorithm>
#include <numeric>

#include "penchant/semantic_id/kmeans.h"
#include "penchant/semantic_id/learned/mlp_trainer.h"
#include "penchant/semantic_id/learned/schedule.h"
#include "penchant/semantic_id/learned/standardise.h"

namespace penchant::semantic_id {
namespace {

constexpr std::size_t kHidden[] = {256, 128};
constexpr std::size_t kInner = 32;   // numbers of z
constexpr std::size_t kBatch = 256;  // rows of a step
constexpr std::uint64_t kMostSteps = 3000;
constexpr std::uint64_t kPlainShare = 5;  // a fifth of the steps goes without codebooks
constexpr double kLearningRate = 1e-3, kWeightDecay = 1e-2;
constexpr float kCommitment = 0.25F;
constexpr double kMemory = 0.99;  // of the moving means
constexpr double kDead = 0.05;    // share of the mean use below which a code is put elsewhere

/// One level: codewords as moving means of the rows that chose them.
struct Level {
  Matrix<float> words;       ///< [K, d]
  std::vector<double> uses;  ///< [K], rows per step
  Matrix<double> sums;       ///< [K, d], of those rows

  Level(Matrix<float> start, std::size_t batch)
      : words(std::move(start)), uses(words.rows()), sums(words.rows(), words.cols()) {
    const double even = static_cast<double>(batch) / static_cast<double>(words.rows());
    for (std::size_t k = 0; k < words.rows(); ++k) put(k, words.row(k), even);
  }
  void put(std::size_t k, std::span<const float> at, double use) {
    uses[k] = use;
    for (std::size_t j = 0; j < at.size(); ++j) {
      words(k, j) = at[j];
      sums(k, j) = use * at[j];
    }
  }
  /// \param left [b, d] before this level; codes [b]
  void follow(MatrixView<const float> left, std::span<const std::uint32_t> codes, Rng& rng) {
    for (std::size_t k = 0; k < words.rows(); ++k) {
      uses[k] *= kMemory;
      for (double& v : sums.row(k)) v *= kMemory;
    }
    for (std::size_t i = 0; i < codes.size(); ++i) {
      uses[codes[i]] += 1 - kMemory;
      const auto sum = sums.row(codes[i]);
      for (std::size_t j = 0; j < sum.size(); ++j) sum[j] += (1 - kMemory) * left(i, j);
    }
    const double mean = static_cast<double>(codes.size()) / static_cast<double>(words.rows());
    for (std::size_t k = 0; k < words.rows(); ++k) {
      if (uses[k] < kDead * mean) {
        put(k, left.row(rng.below(left.rows())), mean);
        continue;
      }
      for (std::size_t j = 0; j < words.cols(); ++j) words(k, j) = static_cast<float>(sums(k, j) / uses[k]);
    }
  }
};

std::vector<std::uint32_t> all_rows(std::size_t n) {
  std::vector<std::uint32_t> rows(n);
  std::iota(rows.begin(), rows.end(), 0u);
  return rows;
}

class RqVae {
 public:
  RqVae(const QuantiserInput& input, const QuantiserOptions& options, Rng& rng, Executor& executor)
      : input_(input),
        options_(options),
        rng_(rng),
        executor_(executor),
        standard_(input.rows.view()),
        encoder_(widths(false), rng),
        decoder_(widths(true), rng),
        order_(all_rows(input.rows.rows()), rng()),
        steps_(options.steps > 0 ? options.steps : step_count(input.rows.rows(), kBatch, kMostSteps)),
        total_(steps_ + input.codebooks.size() * options.iterations * (options.balance > 0 ? 2 : 1)) {}

  Status train() {
    for (std::uint64_t step = 0; step < steps_; ++step) {
      PENCHANT_DO(tell_step(options_.progress, step, total_, "RQ-VAE"));
      if (step == steps_ / kPlainShare) PENCHANT_DO(start_codebooks());
      learn(order_.next(kBatch), rate_at(kLearningRate, step, steps_));
    }
    return {};
  }

  Result<QuantiserFit> finish(MatrixView<const float> vectors) {
    PENCHANT_TRY(encoder, standard_.fold_into(encoder_.layers()));
    PENCHANT_TRY(left, encoder->encode(input_.rows.view(), executor_));
    std::vector<Matrix<float>> books;
    for (std::size_t l = 0; l < levels_.size(); ++l) {
      const Level& level = levels_[l];
      const Progress from{
          .step = "semantic IDs",
          .done = steps_ + (total_ - steps_) / levels_.size() * l,
          .total = total_,
          .detail = "level " + std::to_string(l + 1) + " of " + std::to_string(levels_.size())};
      const KMeansOptions kmeans{.clusters = static_cast<std::uint32_t>(level.words.rows()),
                                 .iterations = options_.iterations,
                                 .start = level.words.view(),
                                 .balance = options_.balance,
                                 .keep_going = count_steps(options_.progress, from)};
      PENCHANT_TRY(fit, fit_kmeans(left.view(), kmeans, executor_));
      subtract(fit.centroids, fit.codes, left);
      books.push_back(std::move(fit.centroids));
    }
    return code_all(std::move(books), vectors, executor_, std::move(encoder));
  }

 private:
  [[nodiscard]] std::vector<std::size_t> widths(bool decoder) const {
    std::vector<std::size_t> out{input_.rows.cols()};
    out.insert(out.end(), std::begin(kHidden), std::end(kHidden));
    out.push_back(kInner);
    if (decoder) std::ranges::reverse(out);
    return out;
  }

  static void subtract(const Matrix<float>& words, std::span<const std::uint32_t> codes,
                       Matrix<float>& from) {
    for (std::size_t i = 0; i < from.rows(); ++i) {
      const auto word = words.row(codes[i]);
      const auto row = from.row(i);
      for (std::size_t j = 0; j < row.size(); ++j) row[j] -= word[j];
    }
  }

  /// Residual k-means of all training rows under the encoder of now.
  Status start_codebooks() {
    PENCHANT_TRY(encoder, standard_.fold_into(encoder_.layers()));
    PENCHANT_TRY(left, encoder->encode(input_.rows.view(), executor_));
    for (const auto size : input_.codebooks) {
      PENCHANT_TRY(
          fit, fit_kmeans(left.view(), {.clusters = size, .iterations = options_.iterations, .seed = rng_()},
                          executor_));
      subtract(fit.centroids, fit.codes, left);
      levels_.emplace_back(std::move(fit.centroids), std::min(kBatch, left.rows()));
    }
    return {};
  }

  void learn(std::span<const std::uint32_t> rows, double rate) {
    const Matrix<float> x = standard_.batch(input_.rows.view(), rows);
    Matrix<float> z = copy(encoder_.forward(x.view(), executor_));
    const auto lengths = to_unit_rows(z);
    Matrix<float> left = z, committed(z.rows(), z.cols());  // committed: sum over l of r_l - e_l
    std::vector<std::uint32_t> codes(z.rows());
    std::vector<float> distances(z.rows());
    for (auto& level : levels_) {
      CodewordTable(level.words.view()).nearest(left.view(), codes, distances, executor_);
      const Matrix<float> before = left;
      subtract(level.words, codes, left);
      level.follow(before.view(), codes, rng_);
      for (std::size_t i = 0; i < left.values().size(); ++i) committed.values()[i] += left.values()[i];
    }
    Matrix<float> coded = z;
    if (!levels_.empty())
      for (std::size_t i = 0; i < z.values().size(); ++i) coded.values()[i] -= left.values()[i];
    Matrix<float> gradient = copy(decoder_.forward(coded.view(), executor_));
    const auto share = 2.0F / static_cast<float>(rows.size());
    for (std::size_t i = 0; i < gradient.values().size(); ++i)
      gradient.values()[i] = share * (gradient.values()[i] - x.values()[i]);
    gradient = decoder_.backward(gradient.view(), executor_);
    for (std::size_t i = 0; i < gradient.values().size(); ++i)
      gradient.values()[i] += share * kCommitment * committed.values()[i];
    through_unit_rows(z.view(), lengths, gradient);
    encoder_.backward(gradient.view(), executor_, false);
    const kernels::AdamW how{.learning_rate = rate, .weight_decay = kWeightDecay};
    encoder_.step(how, executor_);
    decoder_.step(how, executor_);
  }

  static Matrix<float> copy(MatrixView<const float> m) {
    Matrix<float> out(m.rows(), m.cols());
    for (std::size_t r = 0; r < m.rows(); ++r) std::ranges::copy(m.row(r), out.row(r).begin());
    return out;
  }

  const QuantiserInput& input_;      // lives through the training
  const QuantiserOptions& options_;  // likewise
  Rng& rng_;                         // likewise
  Executor& executor_;               // likewise
  Standardiser standard_;
  MlpTrainer encoder_, decoder_;
  RowOrder order_;
  std::vector<Level> levels_;  ///< [L] once they have started
  std::uint64_t steps_;        ///< of the networks
  std::uint64_t total_;        ///< units of progress
};

}  // namespace

Result<QuantiserFit> train_rqvae(MatrixView<const float> vectors, const QuantiserOptions& options,
                                 Executor& executor) {
  Rng rng(options.seed);
  PENCHANT_TRY(input, prepare(vectors, options, rng));
  RqVae model(input, options, rng, executor);
  PENCHANT_DO(model.train());
  return model.finish(vectors);
}

}  // namespace penchant::semantic_id
