#include "penchant/text/wordpiece.h"

#include <unicode/uchar.h>

#include <algorithm>
#include <functional>
#include <unordered_map>

#include "penchant/artifact/files.h"
#include "penchant/text/unicode.h"

namespace penchant::text {
namespace {

constexpr std::uint64_t kMaxVocabularyBytes = 64ULL << 20;
constexpr std::size_t kChunkBytes = 512;  // text is normalised in chunks cut at ASCII white space

struct StringHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view s) const noexcept { return std::hash<std::string_view>{}(s); }
};
using PieceIds = std::unordered_map<std::string, std::int32_t, StringHash, std::equal_to<>>;

bool is_ascii_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

bool is_space(std::uint32_t c) {
  return c == '\t' || c == '\n' || c == '\r' ||
         (c < 0x80 ? c == ' ' : u_isUWhiteSpace(static_cast<UChar32>(c)) != 0);
}

/// Control, format, private use and surrogates; unassigned code points stay.
bool is_dropped(std::uint32_t c) {
  if (c == 0 || c == kReplacement) return true;
  if (c < 0x80) return (c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f;
  const auto category = u_charType(static_cast<UChar32>(c));
  return category == U_CONTROL_CHAR || category == U_FORMAT_CHAR || category == U_PRIVATE_USE_CHAR ||
         category == U_SURROGATE;
}

bool is_ideograph(std::uint32_t c) {
  return (c >= 0x4e00 && c <= 0x9fff) || (c >= 0x3400 && c <= 0x4dbf) || (c >= 0x20000 && c <= 0x2a6df) ||
         (c >= 0x2a700 && c <= 0x2b73f) || (c >= 0x2b740 && c <= 0x2b81f) || (c >= 0x2b920 && c <= 0x2ceaf) ||
         (c >= 0xf900 && c <= 0xfaff) || (c >= 0x2f800 && c <= 0x2fa1f);
}

bool is_punctuation(std::uint32_t c) {
  if (c < 0x80)
    return (c >= 33 && c <= 47) || (c >= 58 && c <= 64) || (c >= 91 && c <= 96) || (c >= 123 && c <= 126);
  return u_ispunct(static_cast<UChar32>(c)) != 0;
}

/// Cleaned, accent-free, lower-case code points of one chunk; white space is ' '.
std::vector<std::uint32_t> basic_normalise(std::string_view chunk) {
  std::vector<std::uint32_t> points;
  points.reserve(chunk.size());
  bool ascii = true;
  for (std::size_t at = 0; at < chunk.size();) {
    const auto c = next_code_point(chunk, at);
    if (is_dropped(c)) continue;
    ascii = ascii && c < 0x80;
    if (is_space(c)) {
      points.push_back(' ');
    } else if (is_ideograph(c)) {
      points.insert(points.end(), {' ', c, ' '});
    } else {
      points.push_back(c);
    }
  }
  if (!ascii) {
    points = normalise(points, NormalForm::nfd);
    std::erase_if(points,
                  [](std::uint32_t c) { return u_charType(static_cast<UChar32>(c)) == U_NON_SPACING_MARK; });
  }
  for (auto& c : points)
    c = c < 0x80 ? (c >= 'A' && c <= 'Z' ? c + 32 : c)
                 : static_cast<std::uint32_t>(u_tolower(static_cast<UChar32>(c)));
  return points;
}

}  // namespace

struct WordPiece::Impl {
  PieceIds first, later;  // pieces that start a word; pieces after "##", without it
  std::int32_t unknown = 0, begin = 0, end = 0;
  std::size_t size = 0;

  void split_word(const std::vector<std::uint32_t>& word, std::vector<std::int32_t>& out) const;
  void split_chunk(std::string_view chunk, std::size_t limit, std::vector<std::int32_t>& out) const;
};

/// Greedy longest match; a word that does not come out even is one [UNK].
void WordPiece::Impl::split_word(const std::vector<std::uint32_t>& word,
                                 std::vector<std::int32_t>& out) const {
  if (word.empty()) return;
  if (word.size() > kMaxWordCharacters) return out.push_back(unknown);
  std::string bytes;
  std::vector<std::size_t> ends;  // byte offset behind each character
  for (const auto c : word) {
    append_utf8(bytes, c);
    ends.push_back(bytes.size());
  }
  const std::size_t before = out.size();
  std::size_t done = 0, start = 0;  // characters, bytes
  while (done < word.size()) {
    const PieceIds& pieces = done == 0 ? first : later;
    std::size_t last = word.size();
    auto found = pieces.end();
    for (; last > done; --last) {
      found = pieces.find(std::string_view(bytes).substr(start, ends[last - 1] - start));
      if (found != pieces.end()) break;
    }
    if (found == pieces.end()) {
      out.resize(before);
      return out.push_back(unknown);
    }
    out.push_back(found->second);
    done = last;
    start = ends[last - 1];
  }
}

void WordPiece::Impl::split_chunk(std::string_view chunk, std::size_t limit,
                                  std::vector<std::int32_t>& out) const {
  std::vector<std::uint32_t> word;
  for (const auto c : basic_normalise(chunk)) {
    const bool apart = is_punctuation(c);
    if (c != ' ' && !apart) {
      word.push_back(c);
      continue;
    }
    split_word(word, out);
    word.clear();
    if (apart) split_word({c}, out);
    if (out.size() >= limit) return;
  }
  split_word(word, out);
}

WordPiece::WordPiece(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
WordPiece::~WordPiece() = default;
WordPiece::WordPiece(WordPiece&&) noexcept = default;
WordPiece& WordPiece::operator=(WordPiece&&) noexcept = default;

Result<WordPiece> WordPiece::load(const std::string& path) {
  PENCHANT_TRY(bytes, artifact::read_file(path, kMaxVocabularyBytes));
  std::vector<std::string> pieces;
  for (std::size_t at = 0; at < bytes.size();) {
    std::size_t end = bytes.find('\n', at);
    if (end == std::string::npos) end = bytes.size();
    std::size_t length = end - at;
    if (length > 0 && bytes[end - 1] == '\r') --length;
    pieces.push_back(bytes.substr(at, length));
    at = end + 1;
  }
  auto loaded = from_pieces(pieces);
  if (!loaded.ok()) return std::move(loaded).error().within(path);
  return loaded;
}

Result<WordPiece> WordPiece::from_pieces(const std::vector<std::string>& pieces) {
  auto impl = std::make_unique<Impl>();
  impl->size = pieces.size();
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const auto id = static_cast<std::int32_t>(i);
    if (pieces[i].starts_with("##") && pieces[i].size() > 2) impl->later[pieces[i].substr(2)] = id;
    impl->first[pieces[i]] = id;
  }
  const auto special = [&](const char* name, std::int32_t& id) -> Status {
    const auto it = impl->first.find(std::string_view(name));
    if (it == impl->first.end())
      return Error{ErrorCode::corrupt, "the vocabulary has no " + std::string(name) +
                                           "; a vocab.txt of an uncased BERT model is needed"};
    id = it->second;
    return {};
  };
  std::int32_t padding = 0;
  PENCHANT_DO(special("[PAD]", padding));
  PENCHANT_DO(special("[UNK]", impl->unknown));
  PENCHANT_DO(special("[CLS]", impl->begin));
  PENCHANT_DO(special("[SEP]", impl->end));
  return WordPiece(std::move(impl));
}

std::vector<std::int32_t> WordPiece::encode(std::string_view text, std::size_t max_tokens) const {
  PENCHANT_CHECK(max_tokens >= 2, "WordPiece::encode: room for [CLS] and [SEP]");
  text = text.substr(0, kMaxTextBytes);
  const std::size_t limit = max_tokens - 1;
  std::vector<std::int32_t> ids{impl_->begin};
  for (std::size_t at = 0; at < text.size() && ids.size() < limit;) {
    std::size_t end = std::min(text.size(), at + kChunkBytes);
    while (end < text.size() && !is_ascii_space(text[end])) ++end;
    impl_->split_chunk(text.substr(at, end - at), limit, ids);
    at = end;
  }
  if (ids.size() > limit) ids.resize(limit);
  ids.push_back(impl_->end);
  return ids;
}

std::size_t WordPiece::size() const noexcept { return impl_->size; }

}  // namespace penchant::text
