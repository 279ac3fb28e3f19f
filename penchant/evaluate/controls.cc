#include "penchant/evaluate/controls.h"

#include <algorithm>
#include <array>
#include <string>

#include "penchant/base/rng.h"

namespace penchant::evaluate {
namespace {

constexpr std::array<std::string_view, 6> kNames{"none", "shuffled-history", "truncated-history", "another-user", "shuffled-codes", "no-cold-lane"};

/// First case of each user, and the end. \param cases in order of user
std::vector<std::size_t> user_starts(std::span<const Case> cases) {
  std::vector<std::size_t> starts;
  for (std::size_t i = 0; i < cases.size(); ++i)
    if (i == 0 || cases[i].user != cases[i - 1].user) starts.push_back(i);
  starts.push_back(cases.size());
  return starts;
}

}  // namespace

std::string_view name_of(Control control) noexcept { return kNames[static_cast<std::size_t>(control)]; }

Result<Control> parse_control(std::string_view word) {
  for (std::size_t c = 0; c < kNames.size(); ++c)
    if (word == kNames[c]) return static_cast<Control>(c);
  return invalid("control \"" + std::string(word) +
                 "\" is not known: use shuffled-history, truncated-history, another-user, shuffled-codes, no-cold-lane or none");
}

Status check_control(std::span<const Case> cases, Control control) {
  if (control == Control::another_user && user_starts(cases).size() < 3)
    return invalid("the control another-user needs at least two users with a target");
  return {};
}

ControlledHistories::ControlledHistories(const Split& split, std::span<const Case> cases, Control control,
                                         std::uint64_t seed)
    : split_(split), cases_(cases), control_(control) {
  if (control_ == Control::shuffled_history) shuffle(seed);
  if (control_ == Control::another_user) exchange(seed);
}

void ControlledHistories::shuffle(std::uint64_t seed) {
  begin_.reserve(cases_.size());
  for (std::size_t i = 0; i < cases_.size(); ++i) {
    const Case& c = cases_[i];
    if (i > 0 && cases_[i - 1].user == c.user && cases_[i - 1].history_end == c.history_end) {
      begin_.push_back(begin_.back());
      continue;
    }
    const auto given = split_.history(c);
    begin_.push_back(shuffled_.size());
    shuffled_.insert(shuffled_.end(), given.begin(), given.end());
    const auto mine = std::span(shuffled_).subspan(begin_.back());
    Rng rng((seed * 0x9e3779b97f4a7c15ULL + c.user) * 0x9e3779b97f4a7c15ULL + given.size());
    rng.shuffle(mine);
    for (std::size_t k = 0; k < given.size(); ++k) mine[k].time_ms = given[k].time_ms;
  }
}

void ControlledHistories::exchange(std::uint64_t seed) {
  const auto starts = user_starts(cases_);
  std::vector<std::uint32_t> order(starts.size() - 1);
  for (std::size_t u = 0; u < order.size(); ++u) order[u] = static_cast<std::uint32_t>(u);
  Rng rng(seed);
  rng.shuffle(std::span(order));
  donor_.resize(cases_.size());
  for (std::size_t k = 0; k < order.size(); ++k) {  // one cycle through all users: nobody keeps their own
    const std::size_t mine = order[k], other = order[(k + 1) % order.size()];
    const std::size_t last = starts[other + 1] - 1;
    for (std::size_t i = starts[mine]; i < starts[mine + 1]; ++i)
      donor_[i] = static_cast<std::uint32_t>(std::min(starts[other] + (i - starts[mine]), last));
  }
}

std::span<const Interaction> ControlledHistories::history(std::size_t i) const {
  const Case& c = cases_[i];
  if (control_ == Control::shuffled_history)
    return std::span(shuffled_).subspan(begin_[i], split_.history(c).size());
  const auto given = split_.history(control_ == Control::another_user ? cases_[donor_[i]] : c);
  return control_ == Control::truncated_history ? given.last(std::min(given.size(), kKeptEvents)) : given;
}

}  // namespace penchant::evaluate
