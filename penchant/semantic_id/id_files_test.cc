#include "penchant/semantic_id/id_files.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "penchant/base/rng.h"
#include "penchant/semantic_id/given_ids.h"

namespace penchant::semantic_id {
namespace {

using ById = std::map<std::string, std::vector<Code>>;

ById by_item(std::span<const std::string> items, MatrixView<const Code> codes) {
  ById out;
  for (std::size_t i = 0; i < items.size(); ++i) out[items[i]] = {codes.row(i).begin(), codes.row(i).end()};
  return out;
}

Matrix<Code> matrix(const std::vector<std::vector<Code>>& rows) {
  Matrix<Code> out;
  for (const auto& row : rows) out.append_row(row);
  return out;
}

std::string refused(std::string_view text) {
  const auto read = parse_ids(text);
  EXPECT_FALSE(read.ok()) << text;
  if (read.ok()) return "";
  EXPECT_EQ(read.error().code, ErrorCode::invalid_argument);
  return read.error().message;
}

TEST(IdFiles, WhatIsWrittenIsReadAgainInEveryFormat) {
  Rng rng(3);
  std::vector<std::string> items;
  Matrix<Code> codes(300, 3);
  for (std::size_t i = 0; i < 300; ++i) {
    items.push_back(i == 0 ? "a \"quoted\\ id\n" : i == 1 ? "Überraschung" : std::to_string(i));
    for (auto& code : codes.row(i)) code = static_cast<Code>(i == 2 ? 8191 : rng.below(20));
  }
  for (const auto name : id_format_names()) {
    const auto text = write_ids(parse_id_format(name).value(), items, codes.view()).value();
    const auto read = parse_ids(text);
    ASSERT_TRUE(read.ok()) << name << ": " << read.error().message;
    EXPECT_EQ(by_item(read->items, read->codes.view()), by_item(items, codes.view())) << name;
    const auto again = match_ids(*read, items);
    EXPECT_EQ(again.codes.values(), codes.values()) << name;
    EXPECT_TRUE(check_complete(again, items).ok());
  }
}

TEST(IdFiles, LookAsOtherProgramsReadThem) {
  const std::vector<std::string> items{"50", "x", "7"};
  const auto codes = matrix({{12, 7, 250}, {0, 1, 2}, {12, 7, 250}});
  const std::vector<std::int32_t> counts{3, 4, 9};
  const auto text = [&](IdFormat format) { return write_ids(format, items, codes.view(), counts).value(); };
  EXPECT_EQ(text(IdFormat::keys), "{\n \"0,1,2\": [\"x\"],\n \"12,7,250\": [\"7\",\"50\"]\n}\n");
  EXPECT_NE(text(IdFormat::tokens).find(R"("<|sid_begin|><s_a_12><s_b_7><s_c_250><|sid_end|>": ["7","50"])"), std::string::npos);
  EXPECT_NE(text(IdFormat::short_tokens).find(R"("<a_12><b_7><c_250>": )"), std::string::npos);
  // 12 * 8192^2 + 7 * 8192 + 250; the most frequent item first, whole numbers as such
  EXPECT_NE(text(IdFormat::openonerec)
                .find(R"("805363962": [{"pid": 7, "count": 9, "count_after_downsample": 9},{"pid": 50, "count": 3,)"),
            std::string::npos)
      << text(IdFormat::openonerec);
  EXPECT_NE(text(IdFormat::openonerec).find(R"("pid": "x")"), std::string::npos);
  EXPECT_EQ(write_ids(IdFormat::keys, {}, {}).value(), "{\n}\n");
}

TEST(IdFiles, PackedKeysHoldThreeCodesBelow8192) {
  const std::vector<std::string> items{"x"};
  const auto four = write_ids(IdFormat::openonerec, items, matrix({{1, 2, 3, 4}}).view());
  ASSERT_FALSE(four.ok());
  EXPECT_NE(four.error().message.find("3 codes"), std::string::npos);
  const auto wide = write_ids(IdFormat::openonerec, items, matrix({{1, 2, 8192}}).view());
  ASSERT_FALSE(wide.ok());
  EXPECT_NE(wide.error().message.find("item \"x\" has 8192"), std::string::npos);
}

TEST(IdFiles, ReadsTheOtherWaysOfWritingThem) {
  const ById wanted{{"50", {12, 7, 250}}};
  for (const char* text : {R"({"12,7,250": [50]})", R"({"12.7.250": [{"pid": 50, "count": 3}]})",
                           R"({"805363962": [{"iid": "50"}]})", R"({"805363962": ["50"]})",
                           R"({"<s_a_12><s_b_7><s_c_250>": ["50"]})", R"({"50": ["<a_12>", "<b_7>", "<c_250>"]})",
                           R"({"<|sid_begin|><a_12><b_7><c_250><|sid_end|>": ["50"], "1,1,1": []})"}) {
    const auto read = parse_ids(text);
    ASSERT_TRUE(read.ok()) << text << ": " << read.error().message;
    EXPECT_EQ(by_item(read->items, read->codes.view()), wanted) << text;
  }
  const auto one_level = parse_ids(R"({"12": ["x"], "9": ["y"]})").value();
  EXPECT_EQ(one_level.codes.cols(), 1u);
  EXPECT_EQ(one_level.codes(0, 0), 12);
}

TEST(IdFiles, WrongFilesAreRefusedByTheirEntry) {
  EXPECT_NE(refused("{\"1,2\": [\"x\"],\n\"1,3\" [\"y\"]}").find("line 2: not JSON"), std::string::npos);
  EXPECT_NE(refused("").find("not JSON"), std::string::npos);
  EXPECT_NE(refused("{\"1,2\": [\"x\"]").find("not JSON"), std::string::npos);
  EXPECT_NE(refused("{\"1,2\": [\"x\"]} {}").find("not JSON"), std::string::npos);
  EXPECT_NE(refused("[1, 2]").find("one JSON object"), std::string::npos);
  EXPECT_NE(refused("{}").find("names no item"), std::string::npos);
  EXPECT_NE(refused(R"({"1,2": ["x"], "oops": ["y"]})").find("\"oops\""), std::string::npos);
  EXPECT_NE(refused(R"({"1,2": ["x"], "1,2,3": ["y"]})").find("\"1,2,3\": 3 codes, entry \"1,2\" has 2"), std::string::npos);
  EXPECT_NE(refused(R"({"1,2": ["x", "x"]})").find("item \"x\" has two"), std::string::npos);
  EXPECT_NE(refused(R"({"1,2": ["x"], "1,3": ["x"]})").find("in the entries \"1,2\" and \"1,3\""), std::string::npos);
  EXPECT_NE(refused(R"({"1,65535": ["x"]})").find("code 65535 is above 65534"), std::string::npos);
  EXPECT_NE(refused(R"({"1,2": "x"})").find("a list of items"), std::string::npos);
  EXPECT_NE(refused(R"({"1,2": [null]})").find("null"), std::string::npos);
  EXPECT_NE(refused(R"({"1,2": [1.5]})").find("no item id"), std::string::npos);
  EXPECT_NE(refused(R"({"1,2": [""]})").find("1 to 512 bytes"), std::string::npos);
  EXPECT_NE(refused(R"({"1,2": [{"count": 3}]})").find("no item id"), std::string::npos);
  for (const char* key : {"", ",", "1,", ",1", "1,,2", "-1,2", "1,2.5", "1 ,2", "<a_1><a_2>", "<b_1>", "<a_1", "<a_>",
                          "<|sid_begin|><a_1>", "<a_1><|sid_end|>", "<|sid_begin|><|sid_end|>",
                          "99999999999999999999,1", "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1", "549755813888"})
    EXPECT_NE(refused(std::string("{\"") + key + "\": [\"x\"]}").find("no semantic ID"), std::string::npos) << key;
  EXPECT_FALSE(parse_ids(std::string(100'000, '[')).ok());
}

TEST(GivenIds, NameWhoIsMissingAndWhoIsUnknown) {
  const auto read = parse_ids(R"({"1,2": ["a", "stranger"], "0,0": ["c"]})").value();
  const std::vector<std::string> items{"a", "b", "c", "d"};
  auto matched = match_ids(read, items);
  EXPECT_EQ(matched.missing, (std::vector<std::uint32_t>{1, 3}));
  EXPECT_NE(check_complete(matched, items).error().message.find("\"stranger\" of the file"), std::string::npos);
  matched.unknown.clear();
  EXPECT_NE(check_complete(matched, items).error().message.find("\"b\" and 1 more of the catalogue"), std::string::npos);
}

TEST(GivenIds, GetCodebooksThatPlaceEveryItemWhereItIs) {
  // Two groups at +-e0, in each two items at +-0.1 e1: the means are exactly those.
  Matrix<float> vectors(5, 2);
  const float x[4][2] = {{1, 0.1f}, {1, -0.1f}, {-1, 0.1f}, {-1, -0.1f}};
  for (std::size_t i = 0; i < 4; ++i) std::ranges::copy(x[i], vectors.row(i).begin());
  const auto codes = matrix({{0, 3}, {0, 1}, {2, 3}, {2, 1}, {1, 0}});  // row 4 has no content
  const auto books = fit_codebooks(vectors.view(), codes.view()).value();
  EXPECT_EQ(books.codebook(0), 3u);
  EXPECT_EQ(books.codebook(1), 4u);
  EXPECT_FLOAT_EQ(books.codeword(0, 2)[0], -1);
  EXPECT_FLOAT_EQ(books.codeword(1, 3)[1], 0.1f);
  EXPECT_EQ(books.codeword(0, 1)[0], 0) << "only an item without content has it";
  Executor executor(1);
  const auto placed = books.assign(vectors.view().rows_from(0, 4), executor).value();
  for (std::size_t i = 0; i < 4; ++i) EXPECT_TRUE(std::ranges::equal(placed.row(i), codes.row(i))) << i;
  const std::vector<float> fresh{0.9f, 0.0f};
  EXPECT_NE(books.assign(fresh).value().codes[1], 2) << "nobody has code 2 of level 1";
  EXPECT_FALSE(fit_codebooks(vectors.view().rows_from(0, 2), codes.view()).ok());
  EXPECT_FALSE(fit_codebooks({}, {}).ok());
}

}  // namespace
}  // namespace penchant::semantic_id
