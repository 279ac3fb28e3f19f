#include "penchant/semantic_id/id_files.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <numeric>
#include <optional>

#include "penchant/semantic_id/codebooks.h"
#include "penchant/semantic_id/prefix_runs.h"
#include "penchant/semantic_id/printing.h"

namespace penchant::semantic_id {
namespace {

constexpr std::array<std::string_view, 4> kNames{"keys", "openonerec", "tokens", "short-tokens"};
constexpr std::uint64_t kBase = 8192;  // of OpenOneRec's packed keys

std::string key_of(IdFormat format, std::span<const Code> codes) {
  std::string key;
  if (format == IdFormat::openonerec)
    return std::to_string((codes[0] * kBase + codes[1]) * kBase + codes[2]);
  if (format == IdFormat::tokens) key = "<|sid_begin|>";
  for (std::size_t l = 0; l < codes.size(); ++l) {
    const std::string code = std::to_string(codes[l]);
    const char letter = static_cast<char>('a' + l);
    if (format == IdFormat::keys) key.append(l == 0 ? "" : ",").append(code);
    else key.append(format == IdFormat::tokens ? "<s_" : "<").append(1, letter).append("_" + code + ">");
  }
  return format == IdFormat::tokens ? key + "<|sid_end|>" : key;
}

/// An item of sid2pid.json: ids that are whole numbers are written as such.
std::string packed_item(const std::string& item, std::int32_t count) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(item.data(), item.data() + item.size(), value);
  const bool whole = error == std::errc() && end == item.data() + item.size() && std::to_string(value) == item &&
                     value < (std::uint64_t{1} << 53);
  const std::string times = std::to_string(count);
  return "{\"pid\": " + (whole ? item : quoted(item)) + ", \"count\": " + times +
         ", \"count_after_downsample\": " + times + "}";
}

Status check_writable(IdFormat format, std::span<const std::string> items, MatrixView<const Code> codes,
                      std::span<const std::int32_t> counts) {
  if (items.size() != codes.rows() || (!counts.empty() && counts.size() != items.size()))
    return invalid(std::to_string(items.size()) + " items, " + std::to_string(codes.rows()) + " semantic IDs and " +
                   std::to_string(counts.size()) + " counts cannot be written together");
  if (codes.cols() > kMaxLevels)
    return invalid(std::to_string(codes.cols()) + " codes per ID; 1 to 16 are possible");
  if (format != IdFormat::openonerec || codes.rows() == 0) return {};
  if (codes.cols() != 3)
    return invalid("format openonerec holds IDs of 3 codes, these have " + std::to_string(codes.cols()) +
                   ": use keys, tokens or short-tokens");
  for (std::size_t i = 0; i < codes.rows(); ++i)
    for (const Code code : codes.row(i))
      if (code >= kBase)
        return invalid("format openonerec holds codes up to 8191, item \"" + items[i] + "\" has " +
                       std::to_string(code) + ": use keys, tokens or short-tokens");
  return {};
}

}  // namespace

std::span<const std::string_view> id_format_names() noexcept { return kNames; }

Result<IdFormat> parse_id_format(std::string_view name) {
  for (std::size_t i = 0; i < kNames.size(); ++i)
    if (kNames[i] == name) return static_cast<IdFormat>(i);
  return invalid("format \"" + std::string(name) + "\" is not known: use keys, openonerec, tokens or short-tokens");
}

Result<std::string> write_ids(IdFormat format, std::span<const std::string> items,
                              MatrixView<const Code> codes, std::span<const std::int32_t> counts) {
  PENCHANT_DO(check_writable(format, items, codes, counts));
  std::string text = "{";
  const PrefixRuns ids(codes, codes.cols());
  for (std::size_t r = 0; r < ids.size(); ++r) {
    std::vector<std::uint32_t> rows(ids[r].begin(), ids[r].end());
    if (rows.empty()) continue;
    if (!counts.empty())
      std::ranges::stable_sort(rows, std::ranges::greater{}, [&](std::uint32_t row) { return counts[row]; });
    text.append(text.size() > 1 ? ",\n " : "\n ").append(quoted(key_of(format, codes.row(rows[0])))).append(": ");
    text += json_array(rows, [&](std::uint32_t row) {
      return format == IdFormat::openonerec ? packed_item(items[row], counts.empty() ? 0 : counts[row])
                                            : quoted(items[row]);
    });
  }
  return text + "\n}\n";
}

}  // namespace penchant::semantic_id
