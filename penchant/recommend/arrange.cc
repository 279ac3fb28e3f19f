/// From scored candidates to the list: boosts, the share of unseen items, diversity.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "penchant/recommend/request_run.h"

namespace penchant::recommend {

void RequestRun::apply_boosts() {
  boosts_.assign(pool_.size(), 0);
  if (request_.boosts.empty() || pool_.empty()) return;
  double mean = 0, square = 0;
  std::size_t counted = 0;
  for (std::size_t p = 0; p < pool_.size(); ++p) {
    if (!allowed_.test(pool_[p])) continue;
    ++counted;
    const double delta = scores_[p] - mean;
    mean += delta / static_cast<double>(counted);
    square += delta * (scores_[p] - mean);
  }
  const double deviation = counted > 1 ? std::sqrt(square / static_cast<double>(counted)) : 0;
  const double unit = deviation > 1e-9 ? deviation : 1;
  for (std::size_t b = 0; b < boosted_.size(); ++b)
    for (std::size_t p = 0; p < pool_.size(); ++p)
      if (boosted_[b].test(pool_[p])) boosts_[p] += request_.boosts[b].weight * unit;
  for (std::size_t p = 0; p < pool_.size(); ++p) scores_[p] += boosts_[p];
}

namespace {

/// Likeness of two items in 0..1 or so: item vectors, else content, else shared attribute values.
double likeness(const World& world, std::uint32_t a, std::uint32_t b) {
  if (world.model != nullptr && world.tables.unit_vectors.present(a) && world.tables.unit_vectors.present(b))
    return world.tables.unit_vectors.cosine(a, b);
  const auto &left = world.facets_of[a], &right = world.facets_of[b];
  if (left.empty() || right.empty()) return 0;
  std::vector<FacetId> shared;
  std::set_intersection(left.begin(), left.end(), right.begin(), right.end(), std::back_inserter(shared));
  return static_cast<double>(shared.size()) / static_cast<double>(left.size() + right.size() - shared.size());
}

/// Maximal marginal relevance (Carbonell, Goldstein, SIGIR 1998): each place goes to the candidate
/// with the highest (1 - w) relevance - w * likeness to the nearest item already in the list.
std::vector<std::size_t> diversify(const World& world, std::span<const std::uint32_t> pool, std::span<const double> scores,
                                   std::vector<std::size_t> ranked, std::size_t n, double weight) {
  if (ranked.empty()) return ranked;
  const double top = scores[ranked.front()], low = scores[ranked.back()];
  const double range = top > low ? top - low : 1;
  std::vector<double> nearest(ranked.size(), -1);  // -1: nothing in the list yet
  std::vector<std::uint8_t> taken(ranked.size(), 0);
  std::vector<std::size_t> out;
  while (out.size() < n && out.size() < ranked.size()) {
    std::size_t best = ranked.size();
    double best_value = 0;
    for (std::size_t r = 0; r < ranked.size(); ++r) {
      if (taken[r] != 0) continue;
      const double value = (1 - weight) * (scores[ranked[r]] - low) / range - weight * (out.empty() ? 0 : nearest[r]);
      if (best == ranked.size() || value > best_value) {
        best = r;
        best_value = value;
      }
    }
    taken[best] = 1;
    out.push_back(ranked[best]);
    for (std::size_t r = 0; r < ranked.size(); ++r)
      if (taken[r] == 0) nearest[r] = std::max(nearest[r], likeness(world, pool[ranked[r]], pool[ranked[best]]));
  }
  return out;
}

}  // namespace

std::vector<std::size_t> RequestRun::arrange() {
  std::vector<std::size_t> order(pool_.size());
  std::iota(order.begin(), order.end(), 0U);
  const std::size_t n = std::min(request_.n, order.size());
  const auto worse = [&](std::size_t a, std::size_t b) { return scores_[a] != scores_[b] ? scores_[a] < scores_[b] : a > b; };
  std::make_heap(order.begin(), order.end(), worse);
  const bool capped = task_ == rank::Task::recommend || task_ == rank::Task::guest;
  const std::size_t reach = request_.diversity > 0 ? std::min(order.size(), std::max<std::size_t>(5 * n, 50)) : n;
  const auto cap = [&](std::size_t size) {
    return std::max<std::size_t>(1, static_cast<std::size_t>(kMaxColdShare * static_cast<double>(size)));
  };
  // `next` gives positions in pool_, best first, and as many as there are.
  const auto take = [&](std::size_t available, auto&& next, std::size_t size) {
    std::vector<std::size_t> list, left_out;
    std::size_t cold = 0;
    for (std::size_t seen = 0; seen < available && list.size() < size; ++seen) {
      const std::size_t p = next();
      if (capped && is_cold(p) && ++cold > cap(size)) left_out.push_back(p);
      else list.push_back(p);
    }
    // Nothing else fills the list: then these do, in their place at the end.
    for (const std::size_t p : left_out)
      if (list.size() < size) list.push_back(p);
    return list;
  };
  auto end = order.end();
  const auto best_left = [&] {
    std::pop_heap(order.begin(), end, worse);
    return *--end;
  };
  auto ranked = take(order.size(), best_left, reach);
  if (request_.diversity > 0) {
    const auto spread = diversify(world_, pool_, scores_, std::move(ranked), reach, request_.diversity);
    ranked = take(spread.size(), [at = spread.begin()]() mutable { return *at++; }, n);
  }
  if (capped) reserve_for_cold(ranked);
  return ranked;
}

bool RequestRun::is_cold(std::size_t position) const {
  const std::uint32_t row = pool_[position];
  return world_.model != nullptr ? world_.tables.untrained[row] != 0 : world_.transitions.count(ItemId{row}) == 0;
}

void RequestRun::reserve_for_cold(std::vector<std::size_t>& list) const {
  const auto wanted = static_cast<std::size_t>(kLeastColdShare * static_cast<double>(list.size()));
  const auto there = static_cast<std::size_t>(std::ranges::count_if(list, [&](std::size_t p) { return is_cold(p); }));
  if (there >= wanted) return;
  std::vector<std::uint8_t> listed(pool_.size(), 0);
  for (const std::size_t p : list) listed[p] = 1;
  std::vector<std::size_t> fresh;
  for (std::size_t p = 0; p < pool_.size(); ++p)
    if (listed[p] == 0 && is_cold(p)) fresh.push_back(p);
  std::ranges::sort(fresh, [&](std::size_t a, std::size_t b) { return scores_[a] != scores_[b] ? scores_[a] > scores_[b] : a < b; });
  fresh.resize(std::min(fresh.size(), wanted - there));
  for (std::size_t removed = 0; removed < fresh.size(); ++removed)
    list.erase(std::next(std::ranges::find_if(list.rbegin(), list.rend(), [&](std::size_t p) { return !is_cold(p); })).base());
  list.insert(list.end(), fresh.begin(), fresh.end());
}

ScoredItem RequestRun::scored(std::size_t position, std::size_t rank) const {
  const std::uint32_t row = pool_[position];
  ScoredItem item;
  item.id = world_.ids[row];
  item.title = world_.titles[row];
  item.score = scores_[position];
  item.rank = rank;
  if (world_.model != nullptr && world_.tables.has_id[row] != 0) {
    const auto codes = world_.tables.codes.row(row);
    item.semantic_id.assign(codes.begin(), codes.end());
  }
  for (std::size_t s = 0; s < std::size(kSourceNames); ++s)
    if ((found_by_[row] >> s & 1U) != 0) item.sources.emplace_back(kSourceNames[s]);
  if (request_.explain != Explain::none) {
    for (std::size_t f = 0; f < rank::kFeatures; ++f)
      item.features[std::string(rank::name_of(static_cast<rank::Feature>(f)))] = static_cast<double>(features_(position, f));
    if (boosts_[position] != 0) item.features["boost"] = boosts_[position];
  }
  return item;
}

}  // namespace penchant::recommend
