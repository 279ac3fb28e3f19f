#include "penchant/semantic_id/pieces/train_vocabulary.h"

#include <sentencepiece_processor.h>
#include <sentencepiece_trainer.h>

#include <algorithm>
#include <map>

#include "penchant/semantic_id/codebooks.h"

namespace penchant::semantic_id {
namespace {

constexpr char32_t kFirst = 0xF0000;  // private use, planes 15 and 16
constexpr std::uint32_t kMarks = 2;
constexpr std::uint32_t kPerPlane = 65'534;  // the last two of a plane are no characters

char32_t character(std::uint32_t symbol) {
  return kFirst + symbol / kPerPlane * 0x10000 + symbol % kPerPlane;
}
std::uint32_t symbol_of(char32_t c) { return (c - kFirst) / 0x10000 * kPerPlane + (c - kFirst) % 0x10000; }

void append(std::string& text, std::uint32_t symbol) {
  const char32_t c = character(symbol);
  for (const int shift : {18, 12, 6, 0})
    text += static_cast<char>(shift == 18 ? 0xF0 | (c >> 18) : 0x80 | ((c >> shift) & 0x3F));
}

/// Symbols of a text of append(); empty where it is something else.
std::vector<std::uint32_t> symbols_of(std::string_view text) {
  std::vector<std::uint32_t> out;
  for (std::size_t i = 0; i + 4 <= text.size(); i += 4) {
    char32_t c = static_cast<unsigned char>(text[i]) & 0x07;
    for (std::size_t k = 1; k < 4; ++k) c = (c << 6) | (static_cast<unsigned char>(text[i + k]) & 0x3F);
    if (c < kFirst) return {};
    out.push_back(symbol_of(c));
  }
  return text.size() % 4 == 0 ? out : std::vector<std::uint32_t>{};
}

/// Hands lines to the library. Threads: one at a time.
class Lines final : public sentencepiece::SentenceIterator {
 public:
  explicit Lines(std::vector<std::string> lines) : lines_(std::move(lines)) {}
  [[nodiscard]] bool done() const override { return at_ >= lines_.size(); }
  void Next() override { ++at_; }
  [[nodiscard]] const std::string& value() const override { return lines_[at_]; }
  [[nodiscard]] sentencepiece::util::Status status() const override { return {}; }

 private:
  std::vector<std::string> lines_;
  std::size_t at_ = 0;
};

/// Symbols: the codes of level 0, of level 1, …, then the end marks.
struct Alphabet {
  std::vector<std::uint32_t> first;  ///< [L]
  std::uint32_t codes = 0;
};

std::vector<std::string> lines_of(MatrixView<const Code> codes, std::span<const std::uint64_t> impressions,
                                  const Alphabet& alphabet) {
  std::map<std::vector<Code>, std::uint64_t> shown;
  for (std::size_t i = 0; i < codes.rows(); ++i)
    if (impressions[i] > 0) shown[{codes.row(i).begin(), codes.row(i).end()}] += impressions[i];
  std::vector<std::string> lines;
  for (const auto& [id, times] : shown) {
    std::string text;
    for (std::size_t l = 0; l < id.size(); ++l) append(text, alphabet.first[l] + id[l]);
    for (std::uint32_t mark = 0; mark < kMarks; ++mark) {
      lines.push_back(text);
      append(lines.back(), alphabet.codes + mark);
      lines.back() += '\t' + std::to_string(times);
    }
  }
  for (std::uint32_t symbol = 0; symbol < alphabet.codes; ++symbol) {  // codes not shown are pieces too
    std::string text;
    append(text, symbol);
    lines.push_back(text + "\t1");
  }
  return lines;
}

Result<std::vector<CodePiece>> read_pieces(const std::string& model, const Alphabet& alphabet) {
  sentencepiece::SentencePieceProcessor library;
  if (const auto loaded = library.LoadFromSerializedProto(model); !loaded.ok())
    return Error{ErrorCode::internal, "SentencePiece: " + loaded.ToString()};
  std::vector<CodePiece> pieces;
  for (int id = 0; id < library.GetPieceSize(); ++id) {
    if (library.IsUnknown(id) || library.IsControl(id)) continue;
    const auto symbols = symbols_of(library.IdToPiece(id));
    if (symbols.empty() || std::ranges::any_of(symbols, [&](auto s) { return s >= alphabet.codes; })) continue;
    CodePiece piece{.score = library.GetScore(id)};
    const auto level = std::ranges::upper_bound(alphabet.first, symbols[0]) - alphabet.first.begin() - 1;
    piece.start = static_cast<std::uint32_t>(level);
    for (std::size_t i = 0; i < symbols.size(); ++i)
      piece.codes.push_back(static_cast<Code>(symbols[i] - alphabet.first[piece.start + i]));
    pieces.push_back(std::move(piece));
  }
  return pieces;
}

}  // namespace

Result<Vocabulary> train_vocabulary(MatrixView<const Code> codes, std::span<const std::uint64_t> impressions,
                                    std::span<const std::uint32_t> codebooks, const VocabularyOptions& options) {
  PENCHANT_CHECK(codes.cols() == codebooks.size() && impressions.size() == codes.rows(), "codes [n, L], impressions [n]");
  Alphabet alphabet;
  for (const auto size : codebooks) {
    alphabet.first.push_back(alphabet.codes);
    alphabet.codes += std::min(size, 1U << 20);
  }
  if (codebooks.empty() || codebooks.size() > kMaxLevels || alphabet.codes + kMarks > 2 * kPerPlane)
    return invalid("a vocabulary is of 1 to " + std::to_string(kMaxLevels) + " levels with at most " +
                   std::to_string(2 * kPerPlane - kMarks) + " codes in all");
  for (std::size_t i = 0; i < codes.rows(); ++i)
    for (std::size_t l = 0; l < codes.cols(); ++l)
      if (codes(i, l) >= codebooks[l])
        return invalid("row " + std::to_string(i) + ": code " + std::to_string(codes(i, l)) + " is not below " + std::to_string(codebooks[l]));
  if (options.pieces < alphabet.codes || options.pieces > Vocabulary::kMaxPieces)
    return invalid("a vocabulary of " + std::to_string(options.pieces) + " pieces: it takes at least one for each of the " +
                   std::to_string(alphabet.codes) + " codes and at most " + std::to_string(Vocabulary::kMaxPieces) +
                   "; give the table more bytes or take fewer codes");
  if (std::ranges::all_of(impressions, [](auto n) { return n == 0; })) return invalid("no item was shown, so there is nothing to learn pieces from");

  const std::uint32_t longest = options.longest == 0 ? static_cast<std::uint32_t>(codebooks.size()) : options.longest;
  const std::uint32_t extra = kMarks + 1;  // the marks and "unknown"
  Lines lines(lines_of(codes, impressions, alphabet));
  std::string model;
  const auto trained = sentencepiece::SentencePieceTrainer::Train(
      {{"model_type", "unigram"}, {"vocab_size", std::to_string(options.pieces + extra)},
       {"hard_vocab_limit", "false"}, {"max_sentencepiece_length", std::to_string(longest)},
       {"input_format", "tsv"}, {"character_coverage", "1.0"}, {"normalization_rule_name", "identity"},
       {"add_dummy_prefix", "false"}, {"remove_extra_whitespaces", "false"}, {"split_by_whitespace", "false"},
       {"split_by_unicode_script", "false"}, {"split_by_number", "false"}, {"bos_id", "-1"}, {"eos_id", "-1"},
       {"num_threads", "1"}, {"minloglevel", "2"}},
      &lines, &model);
  if (!trained.ok()) return Error{ErrorCode::internal, "SentencePiece: " + trained.ToString()};
  PENCHANT_TRY(pieces, read_pieces(model, alphabet));
  return Vocabulary::create({codebooks.begin(), codebooks.end()}, std::move(pieces));
}

}  // namespace penchant::semantic_id
