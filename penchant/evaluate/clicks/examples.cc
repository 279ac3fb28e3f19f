#include "penchant/evaluate/clicks/examples.h"

#include <cmath>
#include <numbers>
#include <span>

#include "penchant/evaluate/split/split.h"

namespace penchant::evaluate {
namespace {

constexpr std::size_t kContext = 9;
constexpr std::int64_t kHourMs = 3'600'000;

/// A place on a circle of `around` as two numbers.
void circle(double at, double around, float* out) {
  const double angle = 2 * std::numbers::pi * at / around;
  out[0] = static_cast<float>(std::sin(angle));
  out[1] = static_cast<float>(std::cos(angle));
}

void write_context(std::span<float> out, learn::ItemRun liked, learn::ItemRun disliked, std::int64_t time_ms, std::int64_t last_ms) {
  const double yes = liked.last - liked.first, no = disliked.last - disliked.first;
  out[0] = static_cast<float>(2 * (yes + 2) / (yes + no + 4) - 1);
  out[1] = static_cast<float>(std::log1p(yes) / 5);
  out[2] = static_cast<float>(std::log1p(no) / 5);
  out[3] = yes + no == 0 ? 1.0F : 0.0F;
  out[4] = yes + no == 0 ? 0.0F : static_cast<float>(std::log1p(static_cast<double>(time_ms - last_ms) / kHourMs) / 8);
  circle(static_cast<double>(time_ms % kDayMs) / kHourMs, 24, &out[5]);
  circle(static_cast<double>(time_ms / kDayMs % 7), 7, &out[7]);
}

}  // namespace

learn::ClickData click_data(const Periods& periods, std::size_t users) {
  const auto& outcomes = periods.outcomes;
  learn::ClickData data;
  data.items.reserve(outcomes.size());
  data.context = Matrix<float>(outcomes.size(), kContext);
  data.liked.resize(outcomes.size());
  data.disliked.resize(outcomes.size());
  std::vector<std::vector<std::uint32_t>> of_user(users);
  for (std::uint32_t i = 0; i < outcomes.size(); ++i) {
    data.items.push_back(outcomes[i].item);
    data.positive.push_back(outcomes[i].positive ? 1 : 0);
    of_user[outcomes[i].user].push_back(i);
  }
  for (const auto& rows : of_user) {
    const auto first_liked = static_cast<std::uint32_t>(data.liked_items.size());
    const auto first_disliked = static_cast<std::uint32_t>(data.disliked_items.size());
    std::int64_t last_ms = 0;
    for (std::size_t begin = 0; begin < rows.size();) {
      const std::int64_t now = outcomes[rows[begin]].time_ms;
      const learn::ItemRun liked{first_liked, static_cast<std::uint32_t>(data.liked_items.size())};
      const learn::ItemRun disliked{first_disliked, static_cast<std::uint32_t>(data.disliked_items.size())};
      std::size_t end = begin;
      for (; end < rows.size() && outcomes[rows[end]].time_ms == now; ++end) {
        const Outcome& outcome = outcomes[rows[end]];
        data.liked[rows[end]] = liked;
        data.disliked[rows[end]] = disliked;
        write_context(data.context.row(rows[end]), liked, disliked, now, last_ms);
        if (!outcome.sampled) (outcome.positive ? data.liked_items : data.disliked_items).push_back(outcome.item);
      }
      begin = end;
      last_ms = now;
    }
  }
  return data;
}

}  // namespace penchant::evaluate
