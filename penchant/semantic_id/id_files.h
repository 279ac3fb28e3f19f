#pragma once
/// \file Semantic IDs as JSON files that other programs read and write: from an ID to its items.
/// Layer 3. docs/formats/semantic_ids.md.
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "penchant/base/matrix_view.h"
#include "penchant/base/result.h"
#include "penchant/catalog/ids.h"

namespace penchant::semantic_id {

using catalog::Code;

/// How an ID is written as a key of the object, and its items as the value.
enum class IdFormat : std::uint8_t {
  keys,          ///< {"12,7,250": ["id", …]}
  openonerec,    ///< sid2pid.json of OpenOneRec: {"805363962": [{"pid": 50, "count": 7, …}, …]}, the three codes in base 8192
  tokens,        ///< {"<|sid_begin|><s_a_12><s_b_7><s_c_250><|sid_end|>": ["id", …]}
  short_tokens,  ///< {"<a_12><b_7><c_250>": ["id", …]}
};
/// "keys", "openonerec", "tokens", "short-tokens", in the order of the values.
[[nodiscard]] std::span<const std::string_view> id_format_names() noexcept;
/// \return invalid_argument listing the names when `name` is none of them
Result<IdFormat> parse_id_format(std::string_view name);

/// One JSON object, a line per ID, IDs ascending, the items of an ID by descending count, then row.
/// \param items [n]; codes [n, L], 1 <= L <= 16; counts [n] training events, or empty: all 0
/// \return invalid_argument when `openonerec` cannot hold the codes: another L than 3, a code above 8191
Result<std::string> write_ids(IdFormat format, std::span<const std::string> items,
                              MatrixView<const Code> codes, std::span<const std::int32_t> counts = {});

struct NamedIds {
  std::vector<std::string> items;  ///< [n], each once, in the order of the file
  Matrix<Code> codes;              ///< [n, L]
};
/// Reads any of the formats above, keys with dots ("12.7.250"), and the other way round: an item to
/// its tokens ({"50": ["<a_12>", "<b_7>", "<c_250>"]}, index.json of MiniOneRec). Digits alone are
/// three codes in base 8192 where an entry lists objects or a number is above 65535, else one code.
/// \return invalid_argument naming the entry: not JSON (with line), not an object, a key that is no
/// ID, uneven lengths, a code above 65534, an item that has two IDs, no entry at all
Result<NamedIds> parse_ids(std::string_view json);

}  // namespace penchant::semantic_id
