#include "penchant/semantic_id/pieces/item_pieces.h"

#include "penchant/semantic_id/pieces/row_hash.h"

namespace penchant::semantic_id {
namespace {

class HashedIds final : public PieceRule {
 public:
  HashedIds(std::uint32_t rows, std::uint64_t seed) : rows_(rows), seed_(seed) {}
  [[nodiscard]] std::uint32_t table_rows() const noexcept override { return rows_; }
  void list(std::uint64_t key, std::span<const Code>, std::vector<std::uint32_t>& rows) const override {
    rows.push_back(hashed_row(mixed(key, seed_), rows_));
  }

 private:
  std::uint32_t rows_;
  std::uint64_t seed_;
};

}  // namespace

std::uint64_t key_of(std::string_view id) noexcept {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : id) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return hash;
}

Result<std::unique_ptr<PieceRule>> hashed_ids(std::uint32_t rows, std::uint64_t seed) {
  if (rows == 0) return invalid("a table of hashed ids needs at least one row");
  return std::unique_ptr<PieceRule>(std::make_unique<HashedIds>(rows, seed));
}

void PieceRule::list_varied(std::uint64_t key, std::span<const Code> codes, Rng&, std::vector<std::uint32_t>& rows) const {
  list(key, codes, rows);
}

ItemPieces list_pieces(const PieceRule& rule, std::span<const std::uint64_t> keys, MatrixView<const Code> codes,
                       std::uint64_t seed) {
  PENCHANT_CHECK(codes.rows() == keys.size(), "codes of every item");
  ItemPieces out{.table_rows = rule.table_rows()};
  Rng rng(seed);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    rule.list(keys[i], codes.row(i), out.whole.rows);
    out.whole.offsets.push_back(out.whole.rows.size());
    for (std::size_t v = 0; v < ItemPieces::kVariations; ++v) {
      rule.list_varied(keys[i], codes.row(i), rng, out.varied.rows);
      out.varied.offsets.push_back(out.varied.rows.size());
    }
  }
  return out;
}

}  // namespace penchant::semantic_id
