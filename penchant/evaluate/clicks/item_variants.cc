#include "penchant/evaluate/clicks/item_variants.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "penchant/semantic_id/quantiser.h"

namespace penchant::evaluate {
namespace {

constexpr std::string_view kShuffled = "-shuffled";
constexpr std::uint64_t kShuffleSeed = 20'240'817;  // one order for all, as the codes are one for all

/// Mean 0 and mean squared length 1 over the known items that have content; the others stay zero.
Matrix<float> standardised(MatrixView<const float> content, std::span<const std::uint32_t> known) {
  std::vector<double> mean(content.cols(), 0.0);
  std::vector<std::uint32_t> with;
  const auto is_zero = [&](std::uint32_t row) { return std::ranges::all_of(content.row(row), [](float v) { return v == 0; }); };
  std::ranges::copy_if(known, std::back_inserter(with), [&](auto row) { return !is_zero(row); });
  for (const auto row : with)
    for (std::size_t x = 0; x < mean.size(); ++x) mean[x] += content(row, x) / static_cast<double>(with.size());
  double length = 0;
  for (const auto row : with)
    for (std::size_t x = 0; x < mean.size(); ++x) length += std::pow(content(row, x) - mean[x], 2) / static_cast<double>(with.size());
  const double scale = length > 0 ? 1 / std::sqrt(length) : 1;
  Matrix<float> out(content.rows(), content.cols());
  for (std::uint32_t row = 0; row < content.rows(); ++row)
    if (!is_zero(row))
      for (std::size_t x = 0; x < mean.size(); ++x) out(row, x) = static_cast<float>((content(row, x) - mean[x]) * scale);
  return out;
}

Matrix<catalog::Code> with_other_rows(const Matrix<catalog::Code>& codes) {
  std::vector<std::uint32_t> order(codes.rows());
  std::iota(order.begin(), order.end(), 0U);
  Rng rng(kShuffleSeed);
  rng.shuffle(std::span(order));
  Matrix<catalog::Code> out(codes.rows(), codes.cols());
  for (std::size_t row = 0; row < codes.rows(); ++row) std::ranges::copy(codes.row(order[row]), out.row(row).begin());
  return out;
}

std::uint32_t default_pieces(const FittedItems& fitted) {
  const auto known = static_cast<std::uint32_t>(std::ranges::count_if(fitted.impressions, [](auto n) { return n > 0; }));
  return std::max(known * 2 / 3, std::accumulate(fitted.codebooks.begin(), fitted.codebooks.end(), 0U));
}

Result<std::unique_ptr<semantic_id::PieceRule>> rule_of(const ItemVariant& variant, const FittedItems& fitted,
                                                        const VariantOptions& options, std::uint32_t rows, std::uint64_t seed) {
  using Kind = ItemVariant::Kind;
  if (variant.kind == Kind::ngrams) return semantic_id::ngrams(variant.ngrams, fitted.codebooks, rows, seed);
  if (variant.kind != Kind::sentencepiece) return semantic_id::hashed_ids(rows, seed);
  auto how = options.vocabulary;
  how.pieces = std::min(how.pieces == 0 ? default_pieces(fitted) : how.pieces, rows);
  const auto& codes = variant.shuffled ? fitted.shuffled : fitted.codes;
  PENCHANT_TRY(vocabulary, semantic_id::train_vocabulary(codes.view(), fitted.impressions, fitted.codebooks, how));
  return semantic_id::vocabulary_pieces(std::move(vocabulary), rows);
}

}  // namespace

Result<ItemVariant> parse_item_variant(std::string_view name) {
  using Kind = ItemVariant::Kind;
  using semantic_id::NgramKind;
  ItemVariant out{.name = std::string(name)};
  std::string_view base = name;
  if (base.ends_with(kShuffled)) {
    base.remove_suffix(kShuffled.size());
    out.shuffled = true;
  }
  if (base == "sentencepiece") out.kind = Kind::sentencepiece;
  else if (base == "content" || base == "content+hash") out.kind = Kind::content;
  else if (base != "hash") out.kind = Kind::ngrams;
  out.with_hash = base == "content+hash";
  bool known = out.kind != Kind::ngrams;
  for (const auto kind : {NgramKind::unigram, NgramKind::bigram, NgramKind::prefix})
    if (base == name_of(kind)) {
      out.ngrams = kind;
      known = true;
    }
  if (!known || (out.shuffled && !out.reads_codes()))
    return invalid("\"" + std::string(name.substr(0, 40)) + "\" is no way to name an item: hash, unigram, bigram, prefix, sentencepiece, " +
                   "content, content+hash; unigram to sentencepiece also with -shuffled");
  return out;
}

Result<FittedItems> fit_items(std::span<const Outcome> training, MatrixView<const float> content,
                              std::span<const std::string> ids, const VariantOptions& options, Executor& executor) {
  PENCHANT_CHECK(content.rows() == ids.size(), "content of every item");
  FittedItems out;
  for (const auto& id : ids) out.keys.push_back(semantic_id::key_of(id));
  out.impressions.assign(ids.size(), 0);
  for (const Outcome& outcome : training)
    if (!outcome.sampled) ++out.impressions[outcome.item];
  std::vector<std::uint32_t> known;
  for (std::uint32_t item = 0; item < ids.size(); ++item)
    if (out.impressions[item] > 0) known.push_back(item);
  Matrix<float> rows;
  std::vector<std::string> names;
  for (const auto item : known) {
    rows.append_row(content.row(item));
    names.push_back(ids[item]);
  }
  auto how = options.quantise;
  how.names = names;
  if (how.codebook == 0 && how.codebooks.empty()) how.codebook = std::max(2U, semantic_id::choose_codebook(known.size()) / 2);
  PENCHANT_TRY(fit, semantic_id::fit_quantiser(options.quantiser, rows.view(), how, executor));
  for (std::size_t l = 0; l < fit.codebooks.levels(); ++l) out.codebooks.push_back(fit.codebooks.codebook(l));
  PENCHANT_TRY(codes, fit.codebooks.assign(content, executor));
  out.codes = std::move(codes);
  out.shuffled = with_other_rows(out.codes);
  out.content = standardised(content, known);
  return out;
}

Result<VariantItems> make_variant(const ItemVariant& variant, const FittedItems& fitted, const VariantOptions& options,
                                  std::uint64_t seed) {
  VariantItems out;
  const std::size_t row_bytes = options.dim * sizeof(float);
  std::size_t rows = options.table_bytes / row_bytes;
  if (variant.kind == ItemVariant::Kind::content) {
    out.content = fitted.content.view();
    const std::size_t least = fitted.content.cols() + (variant.with_hash ? 1 : 0);
    if (rows < least)
      return invalid(variant.name + ": the projection of " + std::to_string(fitted.content.cols()) + " numbers to " +
                     std::to_string(options.dim) + " takes at least " + std::to_string(least * row_bytes) + " bytes, the table has " +
                     std::to_string(options.table_bytes));
    rows -= fitted.content.cols();
    if (!variant.with_hash) return out;
  }
  if (rows == 0 || rows > (std::size_t{1} << 31))
    return invalid("a table of " + std::to_string(options.table_bytes) + " bytes has " + std::to_string(rows) + " rows of " +
                   std::to_string(options.dim) + " numbers: give it 1 to 2^31");
  auto rule = rule_of(variant, fitted, options, static_cast<std::uint32_t>(rows), seed);
  if (!rule.ok()) return std::move(rule).error().within(variant.name);
  out.pieces = list_pieces(**rule, fitted.keys, (variant.shuffled ? fitted.shuffled : fitted.codes).view(), seed);
  std::vector<bool> used(rows, false);
  for (const auto row : out.pieces->whole.rows) used[row] = true;
  out.used_rows = static_cast<std::size_t>(std::ranges::count(used, true));
  return out;
}

}  // namespace penchant::evaluate
