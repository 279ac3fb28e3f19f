// Wall and CPU seconds of a whole evaluation of a dot-product model: ranking of all users in both seen
// settings, all metrics, slices, 1,000 resamples.
//   evaluation_bench [FOLDER of events.csv] [dim] [threads]; without a folder: made histories of Amazon Beauty's size.
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "penchant/base/cpu_time.h"
#include "penchant/base/rng.h"
#include "penchant/evaluate/baselines/factors.h"
#include "penchant/evaluate/report/report.h"
#include "penchant/evaluate/runner.h"
#include "penchant/evaluate/test_logs.h"

namespace penchant::evaluate {
namespace {

/// Random item vectors; a user is the sum of their newest items' vectors, as cheap as a model can be.
class DotModel final : public Model {
 public:
  explicit DotModel(std::size_t dim) : dim_(dim) {}
  [[nodiscard]] const std::vector<std::string>& names() const noexcept override { return names_; }
  Status fit(const FitInput& input, Executor&, const ProgressSink&) override {
    Rng rng(1);
    vectors_ = Matrix<float>(input.training.items, dim_);
    for (float& x : vectors_.values()) x = static_cast<float>(rng.uniform() - 0.5);
    packed_ = ItemVectors(vectors_.view(), {}, {});
    return {};
  }
  Status score(std::span<const Query> queries, MatrixView<float> out) const override {
    Matrix<float> users(queries.size(), dim_);
    for (std::size_t q = 0; q < queries.size(); ++q)
      for (const auto& event : queries[q].history)
        for (std::size_t d = 0; d < dim_; ++d) users(q, d) += vectors_(event.item, d);
    packed_.score(users.view(), out);
    return {};
  }

 private:
  std::size_t dim_;
  std::vector<std::string> names_{"dot"};
  Matrix<float> vectors_;
  ItemVectors packed_;
};

EventLog made_log() {
  Rng rng(2);
  std::vector<std::vector<Step>> users(22363);
  for (auto& steps : users)
    for (std::int64_t t = 0; t < 5 + static_cast<std::int64_t>(rng.below(8)); ++t)
      steps.push_back({static_cast<std::uint32_t>(rng.below(12101)), t});
  return log_of(users, 12101);
}

int run(int argc, char** argv) {
  const EventLog log = argc > 1 ? read_sequences(argv[1]) : made_log();
  const std::size_t dim = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 64;
  Executor executor(argc > 3 ? std::strtoul(argv[3], nullptr, 10) : 2);
  const std::vector<ModelSource> sources{{.name = "dot", .bind = [dim](const Split&) -> Result<BoundModel> {
                                            return BoundModel{std::make_unique<DotModel>(dim)};
                                          }}};
  for (int round = 0; round < 3; ++round) {
    const auto start = std::chrono::steady_clock::now();
    const double cpu = cpu_seconds();
    const auto report = run_models(log, sources, {}, executor);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    if (!report.ok()) return std::fprintf(stderr, "%s\n", report.error().message.c_str()), 1;
    std::printf("%zu users, %zu items, dim %zu: %.2f s wall, %.2f s CPU; of it ranking %.2f s wall\n",
                report->results[0].users, report->items, dim, took.count(), cpu_seconds() - cpu,
                report->results[0].score_seconds);
  }
  return 0;
}

}  // namespace
}  // namespace penchant::evaluate

int main(int argc, char** argv) { return penchant::evaluate::run(argc, argv); }
