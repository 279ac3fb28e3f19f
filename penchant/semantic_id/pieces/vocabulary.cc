#include "penchant/semantic_id/pieces/vocabulary.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "penchant/semantic_id/codebooks.h"

namespace penchant::semantic_id {
namespace {

constexpr double kSmoothing = 0;  // of the cuts in training

class VocabularyPieces final : public PieceRule {
 public:
  VocabularyPieces(Vocabulary vocabulary, std::uint32_t rows) : vocabulary_(std::move(vocabulary)), rows_(rows) {}
  [[nodiscard]] std::uint32_t table_rows() const noexcept override { return rows_; }
  void list(std::uint64_t, std::span<const Code> codes, std::vector<std::uint32_t>& rows) const override {
    vocabulary_.cut(codes, rows);
  }
  void list_varied(std::uint64_t, std::span<const Code> codes, Rng& rng, std::vector<std::uint32_t>& rows) const override {
    vocabulary_.draw_cut(codes, kSmoothing, rng, rows);
  }

 private:
  Vocabulary vocabulary_;
  std::uint32_t rows_;
};

Status check_codebooks(const std::vector<std::uint32_t>& codebooks) {
  if (codebooks.empty() || codebooks.size() > kMaxLevels)
    return invalid("a vocabulary is of 1 to " + std::to_string(kMaxLevels) + " levels, not " + std::to_string(codebooks.size()));
  std::uint64_t all = 0;
  for (std::size_t l = 0; l < codebooks.size(); ++l) {
    if (codebooks[l] == 0 || codebooks[l] > 65536)
      return invalid("level " + std::to_string(l) + " has " + std::to_string(codebooks[l]) + " codes, not 1 to 65536");
    all += codebooks[l];
  }
  if (all > Vocabulary::kMaxSymbols)
    return invalid("the levels have " + std::to_string(all) + " codes, more than " + std::to_string(Vocabulary::kMaxSymbols));
  return {};
}

Status check_piece(const CodePiece& piece, const std::vector<std::uint32_t>& codebooks) {
  if (piece.codes.empty() || piece.start >= codebooks.size() || piece.codes.size() > codebooks.size() - piece.start)
    return invalid("has " + std::to_string(piece.codes.size()) + " codes from level " + std::to_string(piece.start) + " on, of " +
                   std::to_string(codebooks.size()) + " levels");
  for (std::size_t i = 0; i < piece.codes.size(); ++i)
    if (piece.codes[i] >= codebooks[piece.start + i])
      return invalid("has code " + std::to_string(piece.codes[i]) + " at level " + std::to_string(piece.start + i) + ", which has " +
                     std::to_string(codebooks[piece.start + i]));
  if (!std::isfinite(piece.score)) return invalid("has a score that is not finite");
  return {};
}

}  // namespace

std::u32string Vocabulary::symbols(std::uint32_t start, std::span<const Code> codes) const {
  std::u32string out;
  for (std::size_t i = 0; i < codes.size(); ++i) out += static_cast<char32_t>(first_symbol_[start + i] + codes[i]);
  return out;
}

Result<Vocabulary> Vocabulary::create(std::vector<std::uint32_t> codebooks, std::vector<CodePiece> pieces) {
  PENCHANT_DO(check_codebooks(codebooks));
  if (pieces.size() > kMaxPieces)
    return invalid("a vocabulary has at most " + std::to_string(kMaxPieces) + " pieces, not " + std::to_string(pieces.size()));
  Vocabulary out;
  std::uint32_t symbols = 0;
  for (const auto codes : codebooks) {
    out.first_symbol_.push_back(symbols);
    symbols += codes;
  }
  out.codebooks_ = std::move(codebooks);
  std::vector<bool> alone(symbols, false);
  for (std::uint32_t row = 0; row < pieces.size(); ++row) {
    auto checked = check_piece(pieces[row], out.codebooks_);
    if (!checked.ok()) return invalid("piece " + std::to_string(row) + " " + checked.error().message);
    const auto text = out.symbols(pieces[row].start, pieces[row].codes);
    if (const auto [at, is_new] = out.rows_.emplace(text, row); !is_new)
      return invalid("piece " + std::to_string(row) + " is the same as piece " + std::to_string(at->second));
    if (text.size() == 1) alone[text[0]] = true;
  }
  if (const auto missing = std::ranges::find(alone, false); missing != alone.end()) {
    const auto symbol = static_cast<std::uint32_t>(missing - alone.begin());
    const auto level = std::ranges::upper_bound(out.first_symbol_, symbol) - out.first_symbol_.begin() - 1;
    return invalid("code " + std::to_string(symbol - out.first_symbol_[static_cast<std::size_t>(level)]) + " of level " +
                   std::to_string(level) + " is no piece, so an ID with it cannot be cut");
  }
  out.pieces_ = std::move(pieces);
  return out;
}

void Vocabulary::cut(std::span<const Code> codes, std::vector<std::uint32_t>& pieces) const {
  PENCHANT_CHECK(codes.size() == levels(), "codes of every level");
  const std::u32string text = symbols(0, codes);
  struct Best {
    bool reached = false;
    float score = 0;
    std::size_t from = 0;
    std::uint32_t piece = 0;
  };
  std::array<Best, kMaxLevels + 1> best{};
  best[0].reached = true;
  for (std::size_t from = 0; from < text.size(); ++from)  // every place is reached: single codes are pieces
    for (std::size_t length = 1; from + length <= text.size(); ++length) {
      const auto found = rows_.find(std::u32string_view(text).substr(from, length));
      if (found == rows_.end()) continue;
      const float score = best[from].score + pieces_[found->second].score;
      Best& end = best[from + length];
      if (!end.reached || score > end.score) end = {true, score, from, found->second};
    }
  const auto first = static_cast<std::ptrdiff_t>(pieces.size());
  for (std::size_t at = text.size(); at > 0; at = best[at].from) pieces.push_back(best[at].piece);
  std::reverse(pieces.begin() + first, pieces.end());
}

void Vocabulary::draw_cut(std::span<const Code> codes, double smoothing, Rng& rng, std::vector<std::uint32_t>& pieces) const {
  PENCHANT_CHECK(codes.size() == levels(), "codes of every level");
  const std::u32string text = symbols(0, codes);
  struct Step {
    std::size_t from = 0;
    std::uint32_t piece = 0;
    double mass = 0;  // logarithm, of all cuts that end with this piece
  };
  std::array<std::vector<Step>, kMaxLevels + 1> into{};
  std::array<double, kMaxLevels + 1> mass{};  // logarithm, of all cuts up to here
  for (std::size_t end = 1; end <= text.size(); ++end) {
    double most = -std::numeric_limits<double>::infinity(), sum = 0;
    for (std::size_t from = 0; from < end; ++from)
      if (const auto found = rows_.find(std::u32string_view(text).substr(from, end - from)); found != rows_.end()) {
        into[end].push_back({from, found->second, mass[from] + smoothing * pieces_[found->second].score});
        most = std::max(most, into[end].back().mass);
      }
    for (const Step& step : into[end]) sum += std::exp(step.mass - most);
    mass[end] = most + std::log(sum);
  }
  const auto first = static_cast<std::ptrdiff_t>(pieces.size());
  for (std::size_t at = text.size(); at > 0;) {
    double left = rng.uniform();
    std::size_t chosen = 0;
    while (chosen + 1 < into[at].size() && (left -= std::exp(into[at][chosen].mass - mass[at])) >= 0) ++chosen;
    pieces.push_back(into[at][chosen].piece);
    at = into[at][chosen].from;
  }
  std::reverse(pieces.begin() + first, pieces.end());
}

Result<std::unique_ptr<PieceRule>> vocabulary_pieces(Vocabulary vocabulary, std::uint32_t rows) {
  if (rows < vocabulary.pieces().size())
    return invalid("a table of " + std::to_string(rows) + " rows is too small for a vocabulary of " +
                   std::to_string(vocabulary.pieces().size()) + " pieces");
  return std::unique_ptr<PieceRule>(std::make_unique<VocabularyPieces>(std::move(vocabulary), rows));
}

}  // namespace penchant::semantic_id
