// save_vocabulary(), load_vocabulary().
#include "penchant/artifact/safetensors.h"
#include "penchant/semantic_id/codebooks.h"
#include "penchant/semantic_id/pieces/vocabulary.h"

namespace penchant::semantic_id {
namespace {

constexpr std::string_view kFormat = "penchant.code_vocabulary";
constexpr std::string_view kVersion = "1";

Error corrupt(const std::string& path, const std::string& what) { return {ErrorCode::corrupt, path + ": " + what}; }

Status check_format(const artifact::SafeTensors& file, const std::string& path) {
  const auto format = file.metadata().find("format"), version = file.metadata().find("version");
  if (format == file.metadata().end() || format->second != kFormat) return corrupt(path, "is no vocabulary of codes");
  if (version == file.metadata().end() || version->second != kVersion)
    return corrupt(path, "is of version " + (version == file.metadata().end() ? "(none)" : version->second.substr(0, 20)) +
                             ", this program reads version " + std::string(kVersion));
  return {};
}

}  // namespace

Status save_vocabulary(const std::string& path, const Vocabulary& vocabulary) {
  std::vector<std::int32_t> codebooks, starts, lengths, codes;
  std::vector<float> scores;
  for (const auto size : vocabulary.codebooks()) codebooks.push_back(static_cast<std::int32_t>(size));
  for (const auto& piece : vocabulary.pieces()) {
    starts.push_back(static_cast<std::int32_t>(piece.start));
    lengths.push_back(static_cast<std::int32_t>(piece.codes.size()));
    codes.insert(codes.end(), piece.codes.begin(), piece.codes.end());
    scores.push_back(piece.score);
  }
  artifact::SafeTensorsWriter writer;
  writer.set_metadata("format", std::string(kFormat));
  writer.set_metadata("version", std::string(kVersion));
  writer.add("codebooks", std::span<const std::int32_t>(codebooks));
  writer.add("piece.start", std::span<const std::int32_t>(starts));
  writer.add("piece.length", std::span<const std::int32_t>(lengths));
  writer.add("piece.codes", std::span<const std::int32_t>(codes));
  writer.add("piece.score", std::span<const float>(scores));
  return writer.write(path);
}

Result<Vocabulary> load_vocabulary(const std::string& path) {
  PENCHANT_TRY(file, artifact::SafeTensors::open(path));
  PENCHANT_DO(check_format(file, path));
  PENCHANT_TRY(codebooks, file.vector_i32("codebooks"));
  PENCHANT_TRY(starts, file.vector_i32("piece.start"));
  PENCHANT_TRY(lengths, file.vector_i32("piece.length"));
  PENCHANT_TRY(codes, file.vector_i32("piece.codes"));
  PENCHANT_TRY(scores, file.vector_f32("piece.score", starts.size()));
  if (lengths.size() != starts.size())
    return corrupt(path, "piece.length has " + std::to_string(lengths.size()) + " values for " + std::to_string(starts.size()) + " pieces");
  std::vector<std::uint32_t> sizes;
  for (const auto size : codebooks) {
    if (size < 0) return corrupt(path, "codebooks holds " + std::to_string(size));
    sizes.push_back(static_cast<std::uint32_t>(size));
  }
  std::vector<CodePiece> pieces;
  std::size_t at = 0;
  for (std::size_t p = 0; p < starts.size(); ++p) {
    if (starts[p] < 0 || lengths[p] < 1 || static_cast<std::size_t>(lengths[p]) > std::min(kMaxLevels, codes.size() - at))
      return corrupt(path, "piece " + std::to_string(p) + " has start " + std::to_string(starts[p]) + " and length " + std::to_string(lengths[p]));
    CodePiece piece{.start = static_cast<std::uint32_t>(starts[p]), .score = scores[p]};
    for (std::int32_t i = 0; i < lengths[p]; ++i, ++at) {
      if (codes[at] < 0 || codes[at] > 65535) return corrupt(path, "piece " + std::to_string(p) + " has code " + std::to_string(codes[at]));
      piece.codes.push_back(static_cast<Code>(codes[at]));
    }
    pieces.push_back(std::move(piece));
  }
  if (at != codes.size()) return corrupt(path, "piece.codes has " + std::to_string(codes.size() - at) + " values too many");
  auto made = Vocabulary::create(std::move(sizes), std::move(pieces));
  if (!made.ok()) return corrupt(path, made.error().message);
  return made;
}

}  // namespace penchant::semantic_id
