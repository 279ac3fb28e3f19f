#include "penchant/semantic_id/pieces/ngrams.h"

#include <algorithm>
#include <limits>

#include "penchant/semantic_id/pieces/row_hash.h"

namespace penchant::semantic_id {
namespace {

constexpr std::uint64_t kTooMany = std::numeric_limits<std::uint32_t>::max();

/// Codes [first, first + length) of a path.
struct Place {
  std::uint32_t first = 0, length = 1;
  std::uint64_t values = 1;      ///< how many different ones there are, at most kTooMany
  bool direct = false;           ///< a row for every value
  std::uint32_t row = 0;         ///< the first of them
};

std::vector<Place> places_of(NgramKind kind, std::span<const std::uint32_t> codebooks) {
  std::vector<Place> places;
  const auto levels = static_cast<std::uint32_t>(codebooks.size());
  for (std::uint32_t l = 0; l < levels; ++l) {
    if (kind == NgramKind::unigram) places.push_back({l, 1});
    if (kind == NgramKind::prefix) places.push_back({0, l + 1});
    if (kind == NgramKind::bigram && (l + 1 < levels || levels == 1)) places.push_back({l, std::min(2U, levels)});
  }
  for (auto& place : places)
    for (std::uint32_t l = place.first; l < place.first + place.length; ++l)
      place.values = std::min(place.values * codebooks[l], kTooMany);
  return places;
}

class Ngrams final : public PieceRule {
 public:
  Ngrams(NgramKind kind, std::span<const std::uint32_t> codebooks, std::uint32_t rows, std::uint64_t seed)
      : kind_(kind), places_(places_of(kind, codebooks)), codebooks_(codebooks.begin(), codebooks.end()), rows_(rows), seed_(seed) {
    std::uint64_t all = 0;
    for (const auto& place : places_) all += place.values;
    const std::uint64_t room = all <= rows ? rows : rows / 2;
    for (auto& place : places_) {
      if (direct_ + place.values > room) break;
      place.direct = true;
      place.row = direct_;
      direct_ += static_cast<std::uint32_t>(place.values);
    }
  }
  [[nodiscard]] std::uint32_t table_rows() const noexcept override { return rows_; }
  void list(std::uint64_t, std::span<const Code> codes, std::vector<std::uint32_t>& rows) const override {
    list_first(places_.size(), codes, rows);
  }
  void list_varied(std::uint64_t, std::span<const Code> codes, Rng& rng, std::vector<std::uint32_t>& rows) const override {
    const bool cuts = kind_ == NgramKind::prefix && places_.size() > 1;
    list_first(cuts ? 1 + rng.below(places_.size() - 1) : places_.size(), codes, rows);
  }

 private:
  void list_first(std::size_t places, std::span<const Code> codes, std::vector<std::uint32_t>& rows) const {
    for (std::size_t p = 0; p < places; ++p) {
      const Place& place = places_[p];
      std::uint64_t value = 0, hash = mixed(p, seed_);
      for (std::uint32_t l = place.first; l < place.first + place.length; ++l) {
        value = value * codebooks_[l] + codes[l];
        hash = mixed(hash, codes[l]);
      }
      rows.push_back(place.direct ? place.row + static_cast<std::uint32_t>(value)
                                  : direct_ + hashed_row(hash, rows_ - direct_));
    }
  }

  NgramKind kind_;
  std::vector<Place> places_;
  std::vector<std::uint32_t> codebooks_;
  std::uint32_t rows_, direct_ = 0;
  std::uint64_t seed_;
};

}  // namespace

std::string_view name_of(NgramKind kind) noexcept {
  switch (kind) {
    case NgramKind::unigram: return "unigram";
    case NgramKind::bigram: return "bigram";
    case NgramKind::prefix: return "prefix";
  }
  return "";
}

Result<std::unique_ptr<PieceRule>> ngrams(NgramKind kind, std::span<const std::uint32_t> codebooks,
                                          std::uint32_t rows, std::uint64_t seed) {
  if (codebooks.empty() || std::ranges::count(codebooks, 0U) > 0) return invalid("N-grams need levels with at least one code each");
  const auto places = places_of(kind, codebooks).size();
  if (rows < places)
    return invalid("a table of " + std::to_string(rows) + " rows is too small for " + std::to_string(places) +
                   " pieces an item");
  return std::unique_ptr<PieceRule>(std::make_unique<Ngrams>(kind, codebooks, rows, seed));
}

}  // namespace penchant::semantic_id
