#include <zlib.h>

#include "penchant/base/rng.h"
#include "penchant/import/import_fixture_test.h"

namespace penchant::import {
namespace {

using Lines = std::vector<std::string>;
constexpr const char* kHeader = "user_id,item_id,timestamp\n";

TEST_F(ImportTest, BadRowsAreCountedWithTheirLine) {
  const auto report = import({file("e.csv", std::string(kHeader) +
                                                "u,a,881250949\n"         // 2
                                                ",a,881250949\n"          // 3
                                                "u,,881250949\n"          // 4
                                                "u,a,yesterday\n"         // 5
                                                "u,a\n"                   // 6
                                                "u,a,881250949,more\n"    // 7
                                                "u,\xff\xfe,881250949\n"  // 8
                                                "u," +
                                                std::string(600, 'x') +
                                                ",881250949\n"       // 9
                                                "u,b,\n"             // 10
                                                "\n"                 // 11
                                                "u,c,881250950")});  // 12, no line end
  const auto& rejected = report.files[0].rejected;
  EXPECT_EQ(rejected, (std::map<std::string, std::uint64_t>{{"missing user", 1},
                                                            {"missing item", 1},
                                                            {"bad time", 1},
                                                            {"wrong number of columns", 2},
                                                            {"not valid UTF-8", 1},
                                                            {"item id longer than 512 bytes", 1},
                                                            {"missing time", 1}}));
  EXPECT_EQ(report.files[0].kept, 2u);
  EXPECT_EQ(report.files[0].rows, 10u);
  EXPECT_EQ(events(), (Lines{"u a view nan 881250949000", "u c view nan 881250950000"}));
  const std::string text = rejects();
  for (const char* part :
       {",3,\"missing user\",\",a,881250949\"", ",5,\"bad time\"", ",6,\"wrong number of columns\",\"u,a\"",
        ",8,\"not valid UTF-8\"", ",10,\"missing time\""})
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
}

TEST_F(ImportTest, RejectedRawTextIsCutAtOneKilobyte) {
  import({file("e.csv", std::string(kHeader) + "u,a,881250949\nu," + std::string(5000, 'y') + ",1\n")});
  const std::string text = rejects();
  EXPECT_LT(text.size(), 1300u);
  EXPECT_GT(text.size(), 1024u);
}

TEST_F(ImportTest, QuotedCellsMayHoldAnything) {
  import({file("items.csv",
               "item_id,title,genres\n1,\"A \"\"b\"\", c\nsecond line\",x|y\r\n2,\"\",\"z\"\n3, plain "
               "\"inside\" ,x\n"),
          file("e.csv", std::string(kHeader) + "u,1,881250949\n")});
  EXPECT_EQ(item("1").title, "A \"b\", c\nsecond line");
  EXPECT_EQ(attribute("1", "genres"), "x, y");
  EXPECT_EQ(item("2").title, "");
  EXPECT_EQ(item("3").title, "plain \"inside\"");
}

TEST_F(ImportTest, AQuoteThatNeverClosesCostsOneRow) {
  std::string text = "item_id,title\n";
  for (int i = 0; i < 50; ++i)
    text += std::to_string(i) + (i % 10 == 5 ? ",\"open" : ",Name " + std::to_string(i)) + "\n";
  const auto report = import({file("items.csv", text)});
  EXPECT_EQ(report.files[0].rejected.at("unclosed quote"), 5u);
  EXPECT_EQ(report.files[0].kept, 45u);
  EXPECT_EQ(item("49").title, "Name 49");
}

TEST_F(ImportTest, HostileQuotesTakeNoQuadraticTime) {
  std::string text = "item_id,title\n1,one\n";
  for (int i = 0; i < 200'000; ++i) text += "\"x,y\n";
  const auto report = import({file("items.csv", text)});
  EXPECT_GE(report.files[0].kept, 1u);
  EXPECT_LT(report.seconds, 60);
}

TEST_F(ImportTest, TruncatedGzipKeepsTheRowsBefore) {
  std::string text = kHeader;
  for (int i = 0; i < 50'000; ++i)
    text += "u" + std::to_string(i % 997) + ",item" + std::to_string(i * 7919 % 1000) + "," +
            std::to_string(881250949 + i * 31) + "\n";
  const auto path = (folder_ / "in" / "e.csv.gz").string();
  gzFile out = gzopen(path.c_str(), "wb");
  gzwrite(out, text.data(), static_cast<unsigned>(text.size()));
  gzclose(out);
  std::filesystem::resize_file(path, std::filesystem::file_size(path) / 2);
  const auto report = import({path});
  EXPECT_NE(report.files[0].problem.find("ends early"), std::string::npos) << report.files[0].problem;
  EXPECT_GT(report.files[0].kept, 1000u);
  EXPECT_EQ(report.files[0].kept, store_->counts().value().events);
  EXPECT_EQ(report.rejected, 0u);
  EXPECT_NE(to_table(report).find("problem:"), std::string::npos);
  file("broken.csv.gz", std::string("\x1f\x8b\x08\x00", 4) + "garbage that is no deflate stream at all");
  EXPECT_EQ(try_import({(folder_ / "in" / "broken.csv.gz").string()}).error().code, ErrorCode::corrupt);
}

TEST_F(ImportTest, WhatIsNoTableSaysSo) {
  const auto message = [&](const std::string& name, const std::string& text) {
    const auto result = try_import({file(name, text)});
    EXPECT_FALSE(result.ok()) << name;
    if (result.ok()) return std::string();
    EXPECT_NE(result.error().message.find(name), std::string::npos) << result.error().message;
    return result.error().message;
  };
  Rng rng(7);
  std::string noise(100'000, '\0');
  for (char& c : noise) c = static_cast<char>(rng.below(256));
  EXPECT_NE(message("noise.csv", noise).find("binary data"), std::string::npos);
  EXPECT_NE(message("empty.csv", "").find("empty"), std::string::npos);
  EXPECT_NE(message("blank.csv", "\n \n\n").find("empty"), std::string::npos);
  EXPECT_NE(message("header.csv", kHeader).find("no usable rows"), std::string::npos);
  EXPECT_NE(message("utf16.csv", std::string("\xff\xfeu\0s\0", 6)).find("UTF-16"), std::string::npos);
  EXPECT_NE(message("array.json", "[{\"id\":1}]").find("one object per line"), std::string::npos);
  EXPECT_NE(message("sheet.xlsx", "PK\x03\x04 rest").find("spreadsheet"), std::string::npos);
  EXPECT_NE(message("t.inter", "user item\n1 2\n").find("RecBole header"), std::string::npos);
  EXPECT_NE(message("fake.parquet", "PAR1 this is none").find("Parquet"), std::string::npos);
  EXPECT_NE(message("words.txt", "just\nsome\nwords\n").find("Columns found"), std::string::npos);
  EXPECT_EQ(try_import({(folder_ / "absent.csv").string()}).error().code, ErrorCode::not_found);
  EXPECT_NE(try_import({}).error().message.find("nothing to import"), std::string::npos);
  EXPECT_EQ(store_->counts().value().items, 0u);
}

TEST_F(ImportTest, HugeTitlesAreCutAndSaidSo) {
  std::string title(10 << 20, 'x');
  title += "é";
  const auto report = import({file("items.csv", "item_id,title\n1," + title + "\n2,two\n")});
  EXPECT_EQ(item("1").title.size(), catalog::kMaxTextBytes);
  EXPECT_EQ(item("2").title, "two");
  ASSERT_EQ(report.files[0].notes.size(), 1u);
  EXPECT_EQ(report.files[0].notes[0], "1 texts longer than 64 KiB were cut");
  const auto longest =
      import({file("items.csv", "item_id,title\n3," + std::string(40 << 20, 'y') + "\n4,four\n")});
  EXPECT_EQ(longest.files[0].rejected.at("longer than 32 MiB"), 1u);
  EXPECT_EQ(item("4").title, "four");
}

TEST_F(ImportTest, Latin1FilesAreSeen) {
  const auto report = import({file("items.csv", "item_id,title\n1,Caf\xe9\n2,Gr\xfc\xdf\n")});
  EXPECT_EQ(item("1").title, "Café");
  EXPECT_EQ(item("2").title, "Grüß");
  EXPECT_EQ(report.files[0].notes.at(0), "not UTF-8: read as Latin-1 (Windows-1252)");
}

TEST_F(ImportTest, NonFiniteValuesAreRejected) {
  const auto report =
      import({file("e.csv",
                   "user_id,item_id,timestamp,rating\nu,a,881250949,5\nu,b,881250949,NaN\nu,c,881250949,\nu,"
                   "d,881250949,inf\n"
                   "u,e,881250949,1\nu,f,881250949,2\nu,g,881250949,3\nu,h,881250949,4\nu,i,881250949,4\nu,j,"
                   "881250949,4\nu,k,881250949,4\nu,l,881250949,4\nu,m,881250949,4\n")});
  EXPECT_EQ(report.files[0].rejected.at("value is not a finite number"), 2u);
  EXPECT_EQ(events().at(1), "u c rating nan 881250949000");
}

TEST_F(ImportTest, RandomBytesNeverBreakTheReaders) {
  const std::string seeds[] = {
      std::string(kHeader) + "u,a,881250949\nv,\"b\nc\",881250950\nu,a,881250951\n",
      "{\"user\":\"u\",\"item\":\"a\",\"time\":1717156800}\n{\"user\":\"v\",\"item\":\"b\",\"time\":"
      "1717156801}\n",
      "user_id:token\titem_id:token\ttimestamp:float\nu\ta\t881250949\nv\tb\t881250950\n"};
  const char* names[] = {"f.csv", "f.jsonl", "f.inter"};
  Rng rng(11);
  for (int round = 0; round < 150; ++round) {
    const auto kind = static_cast<std::size_t>(round % 3);
    std::string text = seeds[kind];
    for (int k = 0; k < 4; ++k) {
      const auto at = rng.below(text.size());
      if (rng.below(3) == 0)
        text.resize(at + 1);
      else
        text[at] = static_cast<char>(rng.below(256));
    }
    const auto result =
        try_import({file(names[kind], text)}, {.dry_run = true});  // an answer or an error, never more
    EXPECT_TRUE(result.ok() || !result.error().message.empty());
  }
}

TEST_F(ImportTest, RejectsFileThatCannotBeWrittenIsSaid) {
  const auto path = file("e.csv", std::string(kHeader) + "u,a,881250949\nu,a\n");
  const auto result = try_import({path}, {.rejects_path = "/proc/none/rejects.csv"});
  ASSERT_FALSE(result.ok());
  EXPECT_NE(result.error().message.find("rejects file cannot be written"), std::string::npos);
}

}  // namespace
}  // namespace penchant::import
