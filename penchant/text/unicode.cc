#include "penchant/text/unicode.h"

#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>
#include <unicode/utf8.h>

#include "penchant/base/result.h"

namespace penchant::text {
namespace {

const icu::Normalizer2& normalizer(NormalForm form) {
  UErrorCode status = U_ZERO_ERROR;
  const icu::Normalizer2* found = nullptr;
  switch (form) {
    case NormalForm::nfc: found = icu::Normalizer2::getNFCInstance(status); break;
    case NormalForm::nfd: found = icu::Normalizer2::getNFDInstance(status); break;
    case NormalForm::nfkd_casefold: found = icu::Normalizer2::getNFKDInstance(status); break;
  }
  PENCHANT_CHECK(U_SUCCESS(status) && found != nullptr, "ICU has no normalisation data");
  return *found;
}

}  // namespace

std::uint32_t next_code_point(std::string_view text, std::size_t& at) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(text.data());
  const std::size_t left = text.size() - at;
  // ICU counts in int32; a character needs four bytes at most.
  std::int32_t i = 0;
  const auto length = static_cast<std::int32_t>(left < 4 ? left : 4);
  UChar32 c = 0;
  U8_NEXT(bytes + at, i, length, c);
  at += static_cast<std::size_t>(i);
  return c < 0 ? kReplacement : static_cast<std::uint32_t>(c);
}

void append_utf8(std::string& out, std::uint32_t code_point) {
  std::uint8_t bytes[4];
  std::int32_t n = 0;
  U8_APPEND_UNSAFE(bytes, n, code_point);
  out.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(n));
}

std::vector<std::uint32_t> normalise(const std::vector<std::uint32_t>& text, NormalForm form) {
  UErrorCode status = U_ZERO_ERROR;
  icu::UnicodeString wide;
  for (const auto c : text) wide.append(static_cast<UChar32>(c));
  if (form == NormalForm::nfkd_casefold) {
    // A compatibility form may decompose to capitals (squared letters): fold on both sides.
    wide = normalizer(form).normalize(wide.foldCase(), status);
    wide.foldCase();
  }
  const icu::UnicodeString result = normalizer(form).normalize(wide, status);
  PENCHANT_CHECK(U_SUCCESS(status), "Unicode normalisation failed");
  std::vector<std::uint32_t> out;
  out.reserve(static_cast<std::size_t>(result.length()));
  for (std::int32_t i = 0; i < result.length(); i = result.moveIndex32(i, 1))
    out.push_back(static_cast<std::uint32_t>(result.char32At(i)));
  return out;
}

}  // namespace penchant::text
