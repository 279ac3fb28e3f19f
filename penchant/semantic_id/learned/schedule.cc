#include "penchant/semantic_id/learned/schedule.h"

#include <algorithm>

namespace penchant::semantic_id {
namespace {

constexpr std::uint64_t kReportSteps = 16;
constexpr std::uint64_t kPasses = 200;
constexpr std::uint64_t kWarmUp = 20;  // a twentieth of the steps

}  // namespace

std::uint64_t step_count(std::size_t rows, std::size_t batch, std::uint64_t most) noexcept {
  return std::min<std::uint64_t>(most, kPasses * ((rows + batch - 1) / batch));
}

double rate_at(double rate, std::uint64_t step, std::uint64_t steps) noexcept {
  const std::uint64_t warm = std::max<std::uint64_t>(steps / kWarmUp, 1);
  if (step < warm) return rate * static_cast<double>(step + 1) / static_cast<double>(warm);
  return rate * static_cast<double>(steps - step) / static_cast<double>(steps - warm + 1);
}

Status tell_step(const ProgressSink& sink, std::uint64_t step, std::uint64_t total, const char* detail) {
  if (!sink || step % kReportSteps != 0 ||
      sink({.step = "semantic IDs", .done = step, .total = total, .detail = detail}))
    return {};
  return Error{ErrorCode::cancelled, "training of the semantic IDs was cancelled"};
}

RowOrder::RowOrder(std::vector<std::uint32_t> rows, std::uint64_t seed)
    : rows_(std::move(rows)), at_(rows_.size()), rng_(seed) {}

std::span<const std::uint32_t> RowOrder::next(std::size_t most) {
  const std::size_t count = std::min(most, rows_.size());
  if (at_ + count > rows_.size()) {
    rng_.shuffle(std::span(rows_));
    at_ = 0;
  }
  at_ += count;
  return std::span(rows_).subspan(at_ - count, count);
}

}  // namespace penchant::semantic_id
