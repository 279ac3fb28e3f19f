#include "penchant/semantic_id/product_quantiser.h"

#include <cmath>

#include "penchant/semantic_id/kmeans.h"
#include "penchant/semantic_id/rotation.h"

namespace penchant::semantic_id {
namespace {

constexpr double kTolerance = 1e-4;  // rounds end when the error falls by less than this share of itself

Result<QuantiserInput> prepare_product(MatrixView<const float> vectors, const QuantiserOptions& options,
                                       Rng& rng) {
  PENCHANT_TRY(input, prepare(vectors, options, rng));
  if (input.codebooks.size() > vectors.cols())
    return invalid("product quantisation cuts a vector into " + std::to_string(input.codebooks.size()) +
                   " parts; content vectors have only " + std::to_string(vectors.cols()) + " numbers");
  return input;
}

/// Columns of one subspace; lives as long as `rows`.
MatrixView<const float> part_of(const Matrix<float>& rows, Subspace part) {
  return {rows.values().data() + part.first, rows.rows(), part.width, rows.cols()};
}

/// One k-means per subspace.
class ProductTrainer {
 public:
  ProductTrainer(const QuantiserInput& input, const QuantiserOptions& options, std::uint32_t rounds,
                 Executor& executor)
      : input_(input),
        options_(options),
        parts_(subspaces(input.rows.cols(), input.codebooks.size())),
        fits_(parts_.size()),
        executor_(executor) {
    const std::uint64_t steps = options.iterations;
    const std::uint64_t descents = 1 + (rounds > 0) + (options.balance > 0);
    progress_ = {.step = "semantic IDs", .total = parts_.size() * (steps * descents + rounds)};
  }

  /// k-means++ and Lloyd's steps in every subspace of `rows`.
  Status start(const Matrix<float>& rows, Rng& rng, double balance) {
    for (std::size_t l = 0; l < parts_.size(); ++l)
      PENCHANT_DO(fit(rows, l, {.iterations = options_.iterations, .seed = rng(), .balance = balance}));
    return {};
  }
  /// Lloyd's steps from where the codewords are.
  Status go_on(const Matrix<float>& rows, std::uint32_t iterations, double balance) {
    for (std::size_t l = 0; l < parts_.size(); ++l) {
      const Matrix<float> from = std::move(fits_[l].centroids);
      PENCHANT_DO(fit(rows, l, {.iterations = iterations, .start = from.view(), .balance = balance}));
    }
    return {};
  }
  [[nodiscard]] double error() const {
    double sum = 0;
    for (const auto& fit : fits_) sum += fit.error;
    return sum;
  }
  /// Sum over the training rows v of (codewords of v) v^T, [x, x].
  [[nodiscard]] Matrix<double> product() const {
    const std::size_t dim = input_.rows.cols();
    Matrix<double> out(dim, dim);
    executor_.parallel_for(parts_.size(), 1, [&](std::size_t begin, std::size_t end) {
      for (std::size_t l = begin; l < end; ++l) add_product(l, out);
    });
    return out;
  }
  /// Codewords of level l in the space of the vectors, [K_l, x]; rotation null: as they are.
  [[nodiscard]] Matrix<float> codewords(std::size_t l, const Rotation* rotation) const {
    const auto& centroids = fits_[l].centroids;
    const std::size_t dim = input_.rows.cols();
    Matrix<float> out(centroids.rows(), dim);
    std::vector<double> sum(dim);
    for (std::size_t k = 0; k < out.rows(); ++k) {
      if (!rotation) {
        std::ranges::copy(centroids.row(k), out.row(k).subspan(parts_[l].first).begin());
        continue;
      }
      std::ranges::fill(sum, 0.0);
      for (std::size_t j = 0; j < parts_[l].width; ++j)
        for (std::size_t a = 0; a < dim; ++a) sum[a] += centroids(k, j) * (*rotation)(parts_[l].first + j, a);
      for (std::size_t a = 0; a < dim; ++a) out(k, a) = static_cast<float>(sum[a]);
    }
    return out;
  }
  Result<QuantiserFit> finish(MatrixView<const float> vectors, const Rotation* rotation) const {
    std::vector<Matrix<float>> books;
    for (std::size_t l = 0; l < parts_.size(); ++l) books.push_back(codewords(l, rotation));
    return code_all(std::move(books), vectors, executor_);
  }
  [[nodiscard]] std::vector<std::size_t> widths() const {
    std::vector<std::size_t> widths;
    for (const auto part : parts_) widths.push_back(part.width);
    return widths;
  }

 private:
  Status fit(const Matrix<float>& rows, std::size_t l, KMeansOptions kmeans) {
    kmeans.clusters = input_.codebooks[l];
    progress_.detail = "part " + std::to_string(l + 1) + " of " + std::to_string(parts_.size());
    kmeans.keep_going = count_steps(options_.progress, progress_);
    progress_.done += std::uint64_t{kmeans.iterations} * (kmeans.balance > 0 ? 2 : 1);
    PENCHANT_TRY(fitted, fit_kmeans(part_of(rows, parts_[l]), kmeans, executor_));
    fits_[l] = std::move(fitted);
    return {};
  }

  void add_product(std::size_t l, Matrix<double>& out) const {
    const auto& fit = fits_[l];
    Matrix<double> sums(fit.centroids.rows(), input_.rows.cols());  // of the rows of each codeword
    for (std::size_t i = 0; i < input_.rows.rows(); ++i) {
      const auto sum = sums.row(fit.codes[i]);
      const auto row = input_.rows.row(i);
      for (std::size_t a = 0; a < row.size(); ++a) sum[a] += row[a];
    }
    for (std::size_t k = 0; k < sums.rows(); ++k)
      for (std::size_t j = 0; j < parts_[l].width; ++j) {
        const auto to = out.row(parts_[l].first + j);
        const double factor = fit.centroids(k, j);
        for (std::size_t a = 0; a < to.size(); ++a) to[a] += factor * sums(k, a);
      }
  }

  const QuantiserInput& input_;      // lives through the training
  const QuantiserOptions& options_;  // likewise
  std::vector<Subspace> parts_;      // [L]
  std::vector<KMeansFit> fits_;      // [L]
  Executor& executor_;               // likewise
  Progress progress_;
};

}  // namespace

std::vector<Subspace> subspaces(std::size_t dim, std::size_t levels) {
  std::vector<Subspace> parts;
  for (std::size_t l = 0, first = 0; l < levels; ++l) {
    parts.push_back({first, dim / levels + (l < dim % levels)});
    first += parts.back().width;
  }
  return parts;
}

Result<QuantiserFit> train_product_quantiser(MatrixView<const float> vectors, const QuantiserOptions& options,
                                             Executor& executor) {
  Rng rng(options.seed);
  PENCHANT_TRY(input, prepare_product(vectors, options, rng));
  ProductTrainer trainer(input, options, 0, executor);
  PENCHANT_DO(trainer.start(input.rows, rng, options.balance));
  return trainer.finish(vectors, nullptr);
}

Result<QuantiserFit> train_optimised_product_quantiser(MatrixView<const float> vectors,
                                                       const QuantiserOptions& options, Executor& executor) {
  Rng rng(options.seed);
  PENCHANT_TRY(input, prepare_product(vectors, options, rng));
  for (std::size_t i = 0; i < vectors.rows(); ++i) {  // rotated, all of it may fall on one coordinate
    double square = 0;
    for (const float v : vectors.row(i)) square += double{v} * v;
    if (square > double{kMaxCoordinate} * kMaxCoordinate)
      return invalid(
          "content vector of " +
          (options.names.empty() ? "row " + std::to_string(i) : "item \"" + options.names[i] + "\"") +
          " is longer than 1e15; correct or leave out this vector");
  }
  ProductTrainer trainer(input, options, options.rotation_rounds, executor);
  Rotation rotation = principal_rotation(input.rows.view(), trainer.widths(), executor);
  // Balance comes last: a price on sizes is not what the turns of the rotation go down on.
  const std::uint32_t rounds = options.rotation_rounds;
  const double first_balance = rounds > 0 ? 0 : options.balance;
  PENCHANT_DO(trainer.start(rotate(rotation, input.rows.view(), executor), rng, first_balance));
  for (std::uint32_t round = 0; round < rounds; ++round) {
    const double before = trainer.error();
    rotation = procrustes_rotation(trainer.product(), rotation, executor);
    PENCHANT_DO(trainer.go_on(rotate(rotation, input.rows.view(), executor), 1, 0));
    if (!(before - trainer.error() > kTolerance * before)) break;
  }
  if (rounds > 0)
    PENCHANT_DO(
        trainer.go_on(rotate(rotation, input.rows.view(), executor), options.iterations, options.balance));
  return trainer.finish(vectors, &rotation);
}

}  // namespace penchant::semantic_id
