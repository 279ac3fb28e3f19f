#include "penchant/semantic_id/report.h"

#include <algorithm>
#include <cmath>

#include "penchant/base/rng.h"
#include "penchant/semantic_id/prefix_runs.h"
#include "penchant/semantic_id/printing.h"

namespace penchant::semantic_id {
namespace {

double dot(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (std::size_t j = 0; j < a.size(); ++j) sum += static_cast<double>(a[j]) * b[j];
  return sum;
}

Status check(const Codebooks& codebooks, MatrixView<const float> vectors, MatrixView<const Code> codes) {
  if (codes.rows() != vectors.rows() || codes.cols() != codebooks.levels())
    return invalid("the report needs one semantic ID of " + std::to_string(codebooks.levels()) +
                   " codes per vector");
  return codebooks.check_codes(codes);
}

LevelReport level_report(const Codebooks& codebooks, MatrixView<const float> encoded,
                         MatrixView<const Code> codes, std::size_t level, double mean_square) {
  LevelReport report{.codebook = codebooks.codebook(level)};
  std::vector<std::size_t> counts(report.codebook, 0);
  std::vector<float> left(codebooks.dim());
  const auto n = static_cast<double>(codes.rows());
  for (std::size_t i = 0; i < codes.rows(); ++i) {
    ++counts[codes(i, level)];
    codebooks.residual(encoded.row(i), codes.row(i), level + 1, left);
    report.error += dot(left, left) / n;
  }
  for (const auto count : counts) {
    if (count == 0) continue;
    ++report.used;
    report.largest = std::max(report.largest, count);
    const double p = static_cast<double>(count) / n;
    report.entropy_bits -= p * std::log2(p);
  }
  report.perplexity = std::exp2(report.entropy_bits);
  report.explained = mean_square > 0 ? 1 - report.error / mean_square : 0;
  return report;
}

/// What is compared: content, its length, and what the levels quantise.
struct ComparedRows {
  MatrixView<const float> content;
  std::vector<double> norms;  ///< [n]
  MatrixView<const float> encoded;
};

double cosine_of(std::span<const float> a, std::span<const float> b) {
  const double squares = dot(a, a) * dot(b, b);
  return squares > 0 ? dot(a, b) / std::sqrt(squares) : 0;
}

/// Pairs within random items' prefixes, items with content only.
CoherenceReport coherence_of(const ComparedRows& rows, MatrixView<const Code> codes, std::size_t length,
                             const ReportOptions& options) {
  CoherenceReport report{.length = length};
  const PrefixRuns runs(codes, length);
  std::vector<std::vector<std::uint32_t>> groups;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> members;  // (group, place) of items with company
  for (std::size_t r = 0; r < runs.size(); ++r) {
    std::vector<std::uint32_t> group;
    for (const auto row : runs[r])
      if (rows.norms[row] > 0) group.push_back(row);
    if (group.size() < 2) continue;
    for (std::uint32_t i = 0; i < group.size(); ++i)
      members.emplace_back(static_cast<std::uint32_t>(groups.size()), i);
    groups.push_back(std::move(group));
  }
  if (members.empty()) return report;
  Rng rng(options.seed * 1000003 + length);
  double sum = 0, squares = 0, encoded = 0;
  for (; report.pairs < options.pairs; ++report.pairs) {
    const auto [g, place] = members[rng.below(members.size())];
    auto other = rng.below(groups[g].size() - 1);
    other += other >= place;
    const auto a = groups[g][place], b = groups[g][other];
    const double cosine =
        dot(rows.content.row(a), rows.content.row(b)) / (rows.norms[a] * rows.norms[b]);
    encoded += rows.encoded.data() == rows.content.data()
                   ? cosine
                   : cosine_of(rows.encoded.row(a), rows.encoded.row(b));
    sum += cosine;
    squares += cosine * cosine;
  }
  const auto n = static_cast<double>(report.pairs);
  report.cosine = sum / n;
  report.encoded = encoded / n;
  const double half = 1.96 * std::sqrt(std::max(0.0, squares / n - report.cosine * report.cosine) / n);
  report.low = report.cosine - half;
  report.high = report.cosine + half;
  return report;
}

/// "  sizes: …", lines broken at spaces.
std::string wrapped_sizes(const std::string& sizes) {
  std::string text = "  sizes:";
  std::size_t width = text.size();
  for (std::size_t at = 0; at < sizes.size();) {
    const auto end = std::min(sizes.find(' ', at), sizes.size());
    const bool breaks = width + 1 + (end - at) > 100;
    text.append(breaks ? "\n   " : " ").append(sizes, at, end - at);
    width = (breaks ? 4 : width + 1) + (end - at);
    at = end + 1;
  }
  return text + "\n";
}

}  // namespace

Result<SidReport> make_report(const Codebooks& codebooks, MatrixView<const float> vectors,
                              MatrixView<const Code> codes, Executor& executor,
                              const ReportOptions& options) {
  PENCHANT_DO(check(codebooks, vectors, codes));
  PENCHANT_TRY(nearest, codebooks.assign(vectors, executor));
  PENCHANT_TRY(encoded, codebooks.encode(vectors, executor));
  SidReport report{.collisions = options.collisions,
                   .sizes = options.sizes,
                   .items = codes.rows(),
                   .dim = codebooks.content_dim(),
                   .encoded_dim = codebooks.encoder() ? codebooks.dim() : 0,
                   .codebook = codebooks.codebook()};
  report.levels.resize(codebooks.levels());
  for (std::size_t l = 0; l < codebooks.levels(); ++l) report.levels[l].codebook = codebooks.codebook(l);
  if (report.items == 0) return report;

  ComparedRows rows{vectors, std::vector<double>(report.items), encoded.rows};
  double mean_square = 0;
  for (std::size_t i = 0; i < report.items; ++i) {
    const double square = dot(vectors.row(i), vectors.row(i));
    rows.norms[i] = std::sqrt(square);
    mean_square += dot(rows.encoded.row(i), rows.encoded.row(i)) / static_cast<double>(report.items);
    report.without_content += square == 0;
    report.moved += !std::ranges::equal(codes.row(i), nearest.row(i));
  }
  for (std::size_t l = 0; l < codebooks.levels(); ++l)
    report.levels[l] = level_report(codebooks, rows.encoded, codes, l, mean_square);

  report.distinct_before = PrefixRuns(nearest.view(), codebooks.levels()).size();
  report.shared_before = count_shared(nearest.view());
  const PrefixRuns ids(codes, codebooks.levels());
  report.distinct = ids.size();
  for (std::size_t r = 0; r < ids.size(); ++r) {
    report.largest_id = std::max(report.largest_id, ids[r].size());
    if (ids[r].size() > 1) report.shared += ids[r].size();
  }
  report.unique_share = 1 - static_cast<double>(report.shared) / static_cast<double>(report.items);
  for (std::size_t length = 0; length <= codebooks.levels(); ++length)
    report.coherence.push_back(coherence_of(rows, codes, length, options));
  return report;
}

std::string to_json(const SidReport& r) {
  JsonObject object;
  if (!r.collisions.empty()) object.add("collisions", quoted(r.collisions));
  if (!r.sizes.empty()) object.add("sizes", quoted(r.sizes));
  object.add("items", r.items)
      .add("codebook", r.codebook)
      .add("dim", r.dim)
      .add("without_content", r.without_content);
  if (r.encoded_dim > 0) object.add("encoded_dim", r.encoded_dim);
  object.add("levels", json_array(r.levels, [](const LevelReport& l) {
               return JsonObject()
                   .add("codebook", l.codebook)
                   .add("used", l.used)
                   .add("largest", l.largest)
                   .add("entropy_bits", l.entropy_bits)
                   .add("perplexity", l.perplexity)
                   .add("error", l.error)
                   .add("explained", l.explained)
                   .str();
             }));
  object.add("distinct_before", r.distinct_before)
      .add("shared_before", r.shared_before)
      .add("distinct", r.distinct)
      .add("shared", r.shared)
      .add("largest_id", r.largest_id)
      .add("moved", r.moved)
      .add("unique_share", r.unique_share);
  object.add("coherence", json_array(r.coherence, [](const CoherenceReport& c) {
               return JsonObject()
                   .add("length", c.length)
                   .add("pairs", c.pairs)
                   .add("cosine", c.cosine)
                   .add("low", c.low)
                   .add("high", c.high)
                   .add("encoded", c.encoded)
                   .str();
             }));
  if (r.drift) object.add("drift", to_json(*r.drift));
  return object.str();
}

std::string to_text(const SidReport& r) {
  const bool even =
      std::ranges::all_of(r.levels, [&](const auto& level) { return level.codebook == r.codebook; });
  std::string text =
      line("Semantic IDs: %zu items, %zu levels of %s%zu codes, content vectors of %zu numbers\n", r.items,
           r.levels.size(), even ? "" : "up to ", r.codebook, r.dim);
  if (r.encoded_dim > 0)
    text += line("  an encoder makes %zu numbers of each; errors are of those\n", r.encoded_dim);
  if (r.without_content > 0)
    text += line("  %zu items have no content vector; their codes only spread them\n", r.without_content);
  if (!r.sizes.empty()) text += wrapped_sizes(r.sizes);
  text += "\n  level   codes used     entropy   perplexity   largest code   left over   explained\n";
  for (std::size_t l = 0; l < r.levels.size(); ++l) {
    const auto& level = r.levels[l];
    text += line("  %5zu   %5zu (%3.0f %%)   %7.2f   %10.1f   %12zu   %9.4f   %7.1f %%\n", l + 1, level.used,
                 100.0 * static_cast<double>(level.used) /
                     static_cast<double>(std::max<std::size_t>(level.codebook, 1)),
                 level.entropy_bits, level.perplexity, level.largest, level.error, 100 * level.explained);
  }
  text += line("\n  different IDs: %zu with nearest codewords, %zu after the collision policy%s\n",
               r.distinct_before, r.distinct,
               r.collisions.empty() ? "" : (" (" + r.collisions.substr(0, 20) + ")").c_str());
  text += line("  items that share an ID: %zu before, %zu after; %zu items moved\n", r.shared_before,
               r.shared, r.moved);
  text +=
      line("  unique: %.1f %% of items; most crowded ID: %zu items\n", 100 * r.unique_share, r.largest_id);
  text += "\n  same first codes   mean cosine of two items    95 % interval";
  text += r.encoded_dim > 0 ? "    encoded\n" : "\n";
  for (const auto& c : r.coherence) {
    const std::string name = c.length == 0 ? "any two items" : std::to_string(c.length);
    if (c.pairs == 0) {
      text += line("  %16s   no two items\n", name.c_str());
      continue;
    }
    text += line("  %16s   %24.3f    %.3f .. %.3f", name.c_str(), c.cosine, c.low, c.high);
    text += r.encoded_dim > 0 ? line("    %7.3f\n", c.encoded) : "\n";
  }
  if (r.drift) text += to_text(*r.drift);
  return text;
}

}  // namespace penchant::semantic_id
