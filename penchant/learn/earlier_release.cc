#include "penchant/learn/earlier_release.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "penchant/learn/event_reader.h"
#include "penchant/semantic_id/collisions.h"

namespace penchant::learn {
namespace {

constexpr std::string_view kMadeElsewhere = "given";

std::string told(const std::string& name, std::uint64_t dim, const std::string& encoder) {
  return "\"" + name + "\" (" + std::to_string(dim) + " numbers, " + encoder + ")";
}

/// A value of the row's range; NaN where it has none.
double value_in(const artifact::ActionRow& row) {
  constexpr double kLowest = std::numeric_limits<double>::lowest(), kHighest = std::numeric_limits<double>::max();
  if (!row.has_value) return std::numeric_limits<double>::quiet_NaN();
  if (row.from > kLowest && row.to < kHighest) return row.from / 2 + row.to / 2;
  if (row.from > kLowest) return row.from;
  return row.to < kHighest ? std::nextafter(row.to, kLowest) : 0;
}

}  // namespace

std::optional<std::uint32_t> EarlierRelease::row(const std::string& id) const {
  const auto found = rows.find(id);
  return found == rows.end() ? std::nullopt : std::optional(found->second);
}

Result<EarlierRelease> read_earlier_release(const std::string& folder) {
  PENCHANT_TRY(ids, semantic_id::read_release_ids(folder));
  PENCHANT_TRY(weights, artifact::SafeTensors::open(folder + "/model.safetensors"));
  EarlierRelease out{std::move(ids), std::move(weights), {}, 0, {}};
  const std::string counts_file = folder + "/counts.safetensors";
  PENCHANT_TRY(counts, artifact::SafeTensors::open(counts_file));
  PENCHANT_TRY(train_count, counts.vector_i32("train_count"));
  PENCHANT_TRY(last_seen, counts.vector_i64("last_seen_ms"));
  const std::size_t n = out.ids.items.size();
  if (train_count.size() != n || last_seen.size() != n)
    return Error{ErrorCode::corrupt, counts_file + ": train_count and last_seen_ms must have one value per item"};
  out.train_count.assign(train_count.begin(), train_count.end());
  for (std::size_t i = 0; i < n; ++i)
    if (train_count[i] > 0) out.newest_event_ms = std::max(out.newest_event_ms, last_seen[i]);
  for (std::uint32_t i = 0; i < n; ++i) out.rows.emplace(out.ids.items[i], i);
  return out;
}

Status check_content(const EarlierRelease& earlier, std::span<const Modality> modalities) {
  const auto& known = earlier.manifest().modalities;
  for (std::size_t m = 0; m < std::max(known.size(), modalities.size()); ++m) {
    if (m < known.size() && m < modalities.size() && known[m].name == modalities[m].name && known[m].dim == modalities[m].vectors.cols() &&
        known[m].encoder == modalities[m].encoder && known[m].encoder_sha256 == modalities[m].encoder_sha256)
      continue;
    const std::string before = m < known.size() ? told(known[m].name, known[m].dim, known[m].encoder) : "no further one";
    const std::string now = m < modalities.size() ? told(modalities[m].name, modalities[m].vectors.cols(), modalities[m].encoder) : "no further one";
    return invalid("modality " + std::to_string(m + 1) + ": release \"" + earlier.manifest().name + "\" was trained on " + before +
                   ", items have " + now + (before == now ? ", from other files" : "") +
                   ": give --encoder and vectors as they were then, or train without --warm-start");
  }
  return {};
}

Result<MadeIds> keep_ids(const EarlierRelease& earlier, std::span<const std::string> item_ids, MatrixView<const float> content,
                         std::span<const std::int32_t> popularity, Executor& executor) {
  const semantic_id::Codebooks& books = earlier.ids.stored.codebooks;
  MadeIds out{books, {}, earlier.manifest().codebook_sizes};
  PENCHANT_TRY(codes, books.assign(content, executor));
  std::vector<std::uint8_t> kept(item_ids.size(), 0);
  for (std::size_t i = 0; i < item_ids.size(); ++i) {
    const auto before = earlier.row(item_ids[i]);
    if (!before) continue;
    kept[i] = 1;
    std::ranges::copy(earlier.ids.stored.codes.row(*before), codes.row(i).begin());
  }
  out.codes = std::move(codes);
  if (earlier.manifest().collisions == kMadeElsewhere) return out;
  PENCHANT_TRY(resolved, semantic_id::resolve_collisions(books, content, out.codes.view(), executor, {.popularity = popularity, .kept = kept}));
  out.codes = std::move(resolved.codes);
  return out;
}

std::vector<float> action_rows(const EarlierRelease& earlier, MatrixView<const float> table, std::span<const artifact::ActionRow> actions) {
  std::vector<float> out;
  for (const artifact::ActionRow& row : actions) {
    const auto vector = table.row(action_of(earlier.manifest().actions, row.type, value_in(row)));
    out.insert(out.end(), vector.begin(), vector.end());
  }
  return out;
}

}  // namespace penchant::learn
