#include "penchant/semantic_id/collisions.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "penchant/semantic_id/prefix_runs.h"
#include "penchant/semantic_id/reassign.h"

namespace penchant::semantic_id {
namespace {

constexpr std::array<std::string_view, 3> kNames{"reassign", "extra", "popular"};

/// What the policies work on. Lives within one call.
struct Task {
  const Codebooks& books;
  MatrixView<const float> encoded;
  MatrixView<const Code> codes;
  Executor& executor;
  const CollisionOptions& options;
  std::size_t last;  ///< the level that changes

  /// Rows by descending popularity, then ascending.
  [[nodiscard]] std::vector<std::uint32_t> by_popularity(std::span<const std::uint32_t> rows) const {
    std::vector<std::uint32_t> order(rows.begin(), rows.end());
    std::ranges::sort(order);
    if (!options.popularity.empty())
      std::ranges::stable_sort(order, std::ranges::greater{},
                               [&](std::uint32_t row) { return options.popularity[row]; });
    return order;
  }
};

Status check(const Codebooks& codebooks, MatrixView<const float> vectors, MatrixView<const Code> codes,
             const CollisionOptions& options) {
  if (codes.rows() != vectors.rows())
    return invalid(std::to_string(codes.rows()) + " semantic IDs for " + std::to_string(vectors.rows()) +
                   " vectors");
  if (!options.popularity.empty() && options.popularity.size() != codes.rows())
    return invalid(std::to_string(options.popularity.size()) + " counts of events for " +
                   std::to_string(codes.rows()) + " semantic IDs");
  if (!options.kept.empty() && options.kept.size() != codes.rows())
    return invalid(std::to_string(options.kept.size()) + " marks of kept semantic IDs for " + std::to_string(codes.rows()) +
                   " semantic IDs");
  if (options.kept.empty() && options.policy == CollisionPolicy::extra && codebooks.levels() >= kMaxLevels)
    return invalid("collisions: \"extra\" adds a level, and " + std::to_string(kMaxLevels) +
                   " are there already: use fewer levels or another policy");
  if (codes.rows() == 0) return {};
  if (vectors.cols() != codebooks.content_dim() || codes.cols() != codebooks.levels())
    return invalid("vectors or codes do not have the sizes of the codebooks");
  return codebooks.check_codes(codes);
}

/// Whether two rows of one prefix have the same last code.
bool collides(const Task& task, std::span<const std::uint32_t> rows) {
  std::vector<Code> used;
  for (const auto row : rows) used.push_back(task.codes(row, task.last));
  std::ranges::sort(used);
  return std::ranges::adjacent_find(used) != used.end();
}

PrefixOutcome popular_prefix(const Task& task, std::span<const std::uint32_t> rows, Matrix<Code>& codes) {
  PrefixOutcome outcome;
  std::vector<std::uint32_t> load(task.books.codebook(task.last), 0), homeless;
  const auto kept = [&](std::uint32_t row) { return !task.options.kept.empty() && task.options.kept[row] != 0; };
  for (const auto row : rows)
    if (kept(row)) ++load[codes(row, task.last)];
  for (const auto row : task.by_popularity(rows)) {
    if (kept(row)) continue;
    auto& mine = load[codes(row, task.last)];
    if (mine == 0) mine = 1;
    else homeless.push_back(row);
  }
  std::vector<float> left(task.books.dim()), distance(load.size());
  for (const auto row : homeless) {
    const auto least = *std::ranges::min_element(load);
    task.books.residual(task.encoded.row(row), codes.row(row), task.last, left);
    task.books.table(task.last).distances_to(left, distance);
    std::size_t best = load.size();
    for (std::size_t c = 0; c < load.size(); ++c)
      if (load[c] == least && (best == load.size() || distance[c] < distance[best])) best = c;
    outcome.cost += distance[best] - *std::ranges::min_element(distance);
    ++load[best];
    codes(row, task.last) = static_cast<Code>(best);
  }
  return outcome;
}

/// All but `extra` on codes that do not count yet: prefixes of L - 1 codes, one by one.
void change_last_codes(const Task& task, CollisionOutcome& outcome) {
  const PrefixRuns groups(task.codes, task.last);
  std::vector<PrefixOutcome> parts(groups.size());
  task.executor.parallel_for(groups.size(), 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t g = begin; g < end; ++g) {
      if (!collides(task, groups[g])) continue;
      parts[g] = task.options.policy == CollisionPolicy::popular || !task.options.kept.empty()
                     ? popular_prefix(task, groups[g], outcome.codes)
                     : reassign_prefix(task.books, task.encoded, groups[g], task.options.exact_work, outcome.codes);
    }
  });
  for (std::size_t g = 0; g < groups.size(); ++g) {
    outcome.cost += parts[g].cost;
    outcome.greedy_prefixes += parts[g].greedy;
    outcome.overfull_prefixes += groups[g].size() > task.books.codebook(task.last);
  }
  for (std::size_t i = 0; i < task.codes.rows(); ++i)
    outcome.moved += outcome.codes(i, task.last) != task.codes(i, task.last);
}

/// `extra`: one more column that counts.
void add_counting_level(const Task& task, CollisionOutcome& outcome) {
  const PrefixRuns ids(task.codes, task.books.levels());
  std::size_t largest = 1;
  for (std::size_t r = 0; r < ids.size(); ++r) largest = std::max(largest, ids[r].size());
  outcome.counting_codes =
      static_cast<std::uint32_t>(std::min<std::size_t>(largest, task.books.codebook()));
  Matrix<Code> wider(task.codes.rows(), task.books.levels() + 1);
  for (std::size_t i = 0; i < task.codes.rows(); ++i)
    std::ranges::copy(task.codes.row(i), wider.row(i).begin());
  for (std::size_t r = 0; r < ids.size(); ++r) {
    std::size_t number = 0;
    outcome.overfull_prefixes += ids[r].size() > outcome.counting_codes;
    for (const auto row : task.by_popularity(ids[r]))
      wider(row, task.books.levels()) = static_cast<Code>(number++ % outcome.counting_codes);
  }
  for (std::size_t i = 0; i < wider.rows(); ++i) outcome.moved += wider(i, task.books.levels()) != 0;
  outcome.codes = std::move(wider);
}

}  // namespace

std::span<const std::string_view> collision_policy_names() noexcept { return kNames; }

std::string_view name_of(CollisionPolicy policy) noexcept { return kNames[static_cast<std::size_t>(policy)]; }

Result<CollisionPolicy> parse_collision_policy(std::string_view name) {
  for (std::size_t i = 0; i < kNames.size(); ++i)
    if (kNames[i] == name) return static_cast<CollisionPolicy>(i);
  return invalid("collision policy \"" + std::string(name) + "\" is not known: use reassign, extra or popular");
}

Result<CollisionOutcome> resolve_collisions(const Codebooks& codebooks, MatrixView<const float> vectors,
                                            MatrixView<const Code> codes, Executor& executor,
                                            const CollisionOptions& options) {
  PENCHANT_DO(check(codebooks, vectors, codes, options));
  CollisionOutcome outcome;
  outcome.codes = Matrix<Code>(codes.rows(), codebooks.levels());
  PENCHANT_TRY(encoded, codebooks.encode(vectors, executor));
  for (std::size_t i = 0; i < codes.rows(); ++i)
    std::ranges::copy(codes.row(i), outcome.codes.row(i).begin());
  outcome.shared_before = codes.rows() == 0 ? 0 : count_shared(codes);
  const Task task{codebooks, encoded.rows, codes, executor, options, codebooks.levels() - 1};
  if (options.policy == CollisionPolicy::extra && options.kept.empty()) add_counting_level(task, outcome);
  else if (codes.rows() > 0) change_last_codes(task, outcome);
  outcome.shared = codes.rows() == 0 ? 0 : count_shared(outcome.codes.view());
  return outcome;
}

Codebooks resolved_codebooks(const Codebooks& codebooks, const CollisionOutcome& outcome) {
  return outcome.counting_codes == 0 ? codebooks : codebooks.with_zero_level(outcome.counting_codes);
}

}  // namespace penchant::semantic_id
