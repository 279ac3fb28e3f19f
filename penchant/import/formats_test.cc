#include <arrow/api.h>
#include <arrow/io/file.h>
#include <parquet/arrow/writer.h>
#include <zlib.h>

#include <cmath>

#include "penchant/import/import_fixture_test.h"

namespace penchant::import {
namespace {

using Lines = std::vector<std::string>;

std::string gzip(std::string_view text) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(text.size() + 1000, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string npy(std::string_view descr, std::size_t rows, std::size_t dim, std::string_view bytes) {
  std::string header = "{'descr': '" + std::string(descr) + "', 'fortran_order': False, 'shape': (" +
                       std::to_string(rows) + ", " + std::to_string(dim) + "), }";
  header.append(128 - 10 - header.size() - 1, ' ').append("\n");
  std::string out = "\x93NUMPY";
  out.append({1, 0, static_cast<char>(header.size()), 0});
  return out + header + std::string(bytes);
}

std::string floats(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

constexpr const char* kCsv =
    "customer_id,product_id,rating,timestamp\nann,p1,5,881250949\nbob,p2,3,881250950\nann,p2,1,881250951\n";
const Lines kCsvEvents = {"ann p1 rating 5 881250949000", "ann p2 rating 1 881250951000",
                          "bob p2 rating 3 881250950000"};

TEST_F(ImportTest, CsvTsvSemicolonAndGzipSayTheSame) {
  const auto same = [&](const std::string& name, const std::string& text, const std::string& format) {
    const auto report = import({file(name, text)});
    EXPECT_EQ(report.files.at(0).format, format);
    EXPECT_EQ(report.files[0].role, "events");
    EXPECT_EQ(events(), kCsvEvents) << name;
  };
  const auto with = [](char delimiter) {
    std::string text = kCsv;
    for (char& c : text)
      if (c == ',') c = delimiter;
    return text;
  };
  same("a.csv", kCsv, "CSV");
  same("b.tsv", with('\t'), "TSV");  // the same rows under another name: nothing new
  same("c.txt", with(';'), "CSV with semicolons");
  same("d.csv.gz", gzip(kCsv), "CSV, gzip");
  same("e.csv", std::string("\xEF\xBB\xBF") + kCsv, "CSV");
  std::string crlf;
  for (const char* c = kCsv; *c != 0; ++c) crlf += *c == '\n' ? "\r\n" : std::string(1, *c);
  same("f.csv", crlf, "CSV");
  EXPECT_EQ(store_->counts().value().events, 3u);
}

TEST_F(ImportTest, MappingIsGuessedAndReported) {
  const auto report = import({file("shop.csv",
                                   "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,CustomerID\n"
                                   "5,A1,Lamp,2,2010-12-01 08:26:00,17.0\nC6,A1,Lamp,-2,2010-12-02 "
                                   "08:26:00,17.0\n7,A1,Lamp,1,2010-12-03 08:26:00,\n")});
  const auto& file = report.files.at(0);
  EXPECT_EQ(field(file, "StockCode"), "item");
  EXPECT_EQ(field(file, "CustomerID"), "user");
  EXPECT_EQ(field(file, "Description"), "title");
  EXPECT_EQ(field(file, "Quantity"), "value");
  EXPECT_EQ(field(file, "InvoiceDate"), "time");
  EXPECT_EQ(field(file, "InvoiceNo"), "ignored");
  EXPECT_EQ(events(), (Lines{"17 A1 purchase 2 1291191960000"}));
  EXPECT_EQ(item("A1").title, "Lamp");
  EXPECT_EQ(file.rejected.at("cancellation (quantity of 0 or less)"), 1u);
  EXPECT_EQ(file.rejected.at("missing user"), 1u);
  EXPECT_NE(rejects().find(",3,\"cancellation (quantity of 0 or less)\",\"C6,A1,Lamp,-2,"), std::string::npos)
      << rejects();
  const std::string table = to_table(report);
  EXPECT_NE(table.find("item              <- StockCode"), std::string::npos) << table;
  EXPECT_NE(to_json(report).find("\"column\":\"StockCode\""), std::string::npos);
  EXPECT_TRUE(store_->get_setting("import.last").value().has_value());
}

TEST_F(ImportTest, RecBoleAtomicFiles) {
  import({file("d.inter",
               "user_id:token\titem_id:token\trating:float\ttimestamp:float\nu1\ti1\t4\t100000000\nu2\ti2\t2."
               "5\t100000001\n"),
          file("d.item",
               "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\tvec:float_seq\n"
               "i1\tToy Story \"x\"\t1995\tAnimation Comedy\t0.5 1\ni2\tHeat\t1996\tAction\t1 x\n"),
          file("d.user", "user_id:token\tage:token\tzip_code:token\nu1\t24\t08571\nu2\t53\t94043\n")});
  EXPECT_EQ(events(), (Lines{"u1 i1 rating 4 100000000000", "u2 i2 rating 2.5 100000001000"}));
  EXPECT_EQ(item("i1").title, "Toy Story \"x\"");
  EXPECT_EQ(attribute("i1", "class"), "Animation, Comedy");
  EXPECT_EQ(std::get<double>(item("i1").attributes.at("release_year")), 1995);
  EXPECT_EQ(item("i1").vectors.at(0).values, (std::vector<float>{0.5F, 1}));
  EXPECT_TRUE(item("i2").vectors.empty());
  const auto user = store_->get_user("u1").value();
  EXPECT_EQ(std::get<double>(user.attributes.at("age")), 24);
  EXPECT_EQ(std::get<std::string>(user.attributes.at("zip_code")), "08571");
}

TEST_F(ImportTest, MovieLensLayouts) {
  std::string flags = "|0|0|0|0|0|1|0|0|1|0|0|0|0|0|0|0|0|0|0";
  import({file("u.data", "1\t10\t5\t881250949\n2\t10\t3\t881250950\n"),
          file("u.item", "10|Caf\xe9 Flesh (1982)|01-Jan-1982||http://x" + flags + "\n"),
          file("u.user", "1|24|M|technician|85711\n2|53|F|other|94043\n"), file("u.genre", "unknown|0\n")});
  EXPECT_EQ(item("10").title, "Café Flesh (1982)");
  EXPECT_EQ(attribute("10", "genres"), "Comedy, Drama");
  EXPECT_EQ(std::get<double>(item("10").attributes.at("year")), 1982);
  EXPECT_EQ(store_->counts().value().users, 2u);
  EXPECT_EQ(events().at(0), "1 10 rating 5 881250949000");
  store_ = store::open_store((folder_ / "home2").string()).value();
  import({file("ratings.dat", "1::1193::5::978300760\n1::661::3::978302109\n"),
          file("movies.dat", "1193::One Flew Over (1975)::Drama|War\n661::James (1996)::Animation\n"),
          file("users.dat", "1::F::1::10::48067\n")});
  EXPECT_EQ(attribute("1193", "genres"), "Drama, War");
  EXPECT_EQ(events().at(0), "1 1193 rating 5 978300760000");
  EXPECT_EQ(catalog::to_text(store_->get_user("1").value().attributes.at("occupation")), "10");
}

TEST_F(ImportTest, JsonLinesOfEveryKind) {
  const auto report = import(
      {file(
           "items.jsonl",
           R"({"id":"a","title":"A","attributes":{"genre":["x","y"],"price":9.5},"vectors":{"visual":[1,2]},"available":false})"
           "\n\n"
           R"({"id":"b","title":"B","brand":"Z","later":{"deep":3},"vectors":{"visual":[1,2,3]}})"
           "\n{broken\n[1]\n"),
       file("events.ndjson",
            R"({"user":"u","item":"a","type":"Like","time":"2024-05-31T12:00:00Z","idempotency_key":"k1"})"
            "\n"
            R"({"user":"u","item":9,"time":1717156800,"value":2})"
            "\n")});
  EXPECT_EQ(item("a").vectors.at(0).values, (std::vector<float>{1, 2}));
  EXPECT_FALSE(item("a").available);
  EXPECT_EQ(attribute("a", "genre"), "x, y");
  EXPECT_EQ(attribute("b", "brand"), "Z");
  EXPECT_EQ(attribute("b", "later.deep"), "3");
  EXPECT_TRUE(item("b").vectors.empty());
  const auto& items = of(report, "items.jsonl");
  EXPECT_EQ(items.rejected.at("not valid JSON"), 1u);
  EXPECT_EQ(items.rejected.at("not a JSON object"), 1u);
  EXPECT_EQ(items.rejected.at("vector 'visual' does not have 2 numbers (the item is kept)"), 1u);
  EXPECT_EQ(events(), (Lines{"u a like nan 1717156800000", "u 9 view 2 1717156800000"}));
}

TEST_F(ImportTest, LongNumbersStayWhole) {
  import({file("e.jsonl",
               "{\"user\":9007199254740993,\"item\":1000000000000000,\"position\":1}\n{\"user\":"
               "18446744073709551615,\"item\":7,\"position\":2}\n")});
  EXPECT_EQ(events(),
            (Lines{"9007199254740993 1000000000000000 view nan 1", "18446744073709551615 7 view nan 2"}));
}

TEST_F(ImportTest, ParquetWithListsVectorsAndTimestamps) {
  arrow::StringBuilder id;
  arrow::DoubleBuilder price;
  auto tags_value = std::make_shared<arrow::StringBuilder>();
  arrow::ListBuilder tags(arrow::default_memory_pool(), tags_value);
  auto vector_value = std::make_shared<arrow::FloatBuilder>();
  arrow::ListBuilder vector(arrow::default_memory_pool(), vector_value);
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(id.Append("p" + std::to_string(i)).ok() && price.Append(i + 0.5).ok());
    ASSERT_TRUE(tags.Append().ok() && tags_value->Append("t1").ok() && tags_value->Append("t2").ok());
    ASSERT_TRUE(vector.Append().ok() && vector_value->Append(static_cast<float>(i)).ok() &&
                vector_value->Append(i == 3 ? NAN : 1.0F).ok());
  }
  const auto schema =
      arrow::schema({arrow::field("product_id", arrow::utf8()), arrow::field("price", arrow::float64()),
                     arrow::field("tags", tags.type()), arrow::field("image", vector.type())});
  const auto table = arrow::Table::Make(schema, {id.Finish().ValueOrDie(), price.Finish().ValueOrDie(),
                                                 tags.Finish().ValueOrDie(), vector.Finish().ValueOrDie()});
  const auto items = (folder_ / "in" / "items.parquet").string();
  auto out = arrow::io::FileOutputStream::Open(items).ValueOrDie();
  ASSERT_TRUE(parquet::arrow::WriteTable(*table, arrow::default_memory_pool(), out, 3).ok());
  ASSERT_TRUE(out->Close().ok());

  arrow::Int64Builder user, item_id;
  arrow::TimestampBuilder when(arrow::timestamp(arrow::TimeUnit::MICRO), arrow::default_memory_pool());
  ASSERT_TRUE(user.AppendValues({9007199254740993, 2}).ok() && item_id.AppendValues({1, 1}).ok() &&
              when.Append(1717156800000000).ok() && when.AppendNull().ok());
  const auto event_schema =
      arrow::schema({arrow::field("user_id", arrow::int64()), arrow::field("item_id", arrow::int64()),
                     arrow::field("event_time", when.type())});
  const auto event_table = arrow::Table::Make(
      event_schema, {user.Finish().ValueOrDie(), item_id.Finish().ValueOrDie(), when.Finish().ValueOrDie()});
  const auto clicks = (folder_ / "in" / "clicks.parquet").string();
  out = arrow::io::FileOutputStream::Open(clicks).ValueOrDie();
  ASSERT_TRUE(parquet::arrow::WriteTable(*event_table, arrow::default_memory_pool(), out).ok());
  ASSERT_TRUE(out->Close().ok());

  const auto report = import({items, clicks});
  EXPECT_EQ(attribute("p1", "price"), "1.5");
  EXPECT_EQ(attribute("p1", "tags"), "t1, t2");
  EXPECT_EQ(item("p2").vectors.at(0).modality, "image");
  EXPECT_EQ(item("p2").vectors.at(0).values, (std::vector<float>{2, 1}));
  EXPECT_TRUE(item("p3").vectors.empty());
  EXPECT_EQ(of(report, "items.parquet")
                .rejected.at("vector 'image' holds a number that is not finite (the item is kept)"),
            1u);
  EXPECT_EQ(events(), (Lines{"9007199254740993 1 view nan 1717156800000"}));
  EXPECT_EQ(of(report, "clicks.parquet").rejected.at("missing time"), 1u);
  std::filesystem::resize_file(clicks, 100);
  EXPECT_FALSE(try_import({clicks}).ok());
}

TEST_F(ImportTest, PositionsDaysAndBareOrder) {
  import({file("a.csv", "user_id,item_id,position\nu,x,2\nu,y,0\nu,z,1\n")});
  EXPECT_EQ(events(), (Lines{"u y view nan 0", "u z view nan 1", "u x view nan 2"}));
  EXPECT_EQ(store_->get_setting("time_kind").value(), std::optional<std::string>("\"position\""));
  const auto clash = try_import({file("b.csv", "user_id,item_id,timestamp\nu,x,881250949\n")});
  ASSERT_FALSE(clash.ok());
  EXPECT_NE(clash.error().message.find("its times are 'epoch', the store holds 'position'"),
            std::string::npos)
      << clash.error().message;

  store_ = store::open_store((folder_ / "days").string()).value();
  const auto days = import(
      {file("c.csv", "user_id,item_id,position,days_since_first\nu,late,2,1\nu,second,1,0\nu,first,0,0\n")});
  EXPECT_EQ(days.time_kind, "since_first");
  EXPECT_EQ(events(), (Lines{"u first view nan 0", "u second view nan 0", "u late view nan 86400000"}));

  store_ = store::open_store((folder_ / "bare").string()).value();
  const std::string bare = "user_id,item_id\nu,a\nv,a\nu,b\nu,a\n";
  import({file("d.csv", bare)});
  EXPECT_EQ(events(), (Lines{"u a view nan 0", "u b view nan 2", "u a view nan 3", "v a view nan 1"}));
  const auto longer = import({file("d.csv", bare + "u,c\n")});  // the file grew
  EXPECT_EQ(longer.events, 1u);
  EXPECT_EQ(longer.duplicate_events, 4u);
  EXPECT_EQ(events().at(3), "u c view nan 8");
}

TEST_F(ImportTest, EqualRowsAreCountedButTheSameFileIsNot) {
  const std::string text = "user_id,item_id,timestamp\nu,a,881250949\nu,a,881250949\nu,b,881250949\n";
  EXPECT_EQ(import({file("a.csv", text)}).events, 3u);
  const auto again = import({file("other name.csv", text)});
  EXPECT_EQ(again.events, 0u);
  EXPECT_EQ(again.duplicate_events, 3u);
  EXPECT_EQ(of(again, "other name.csv").duplicates, 3u);
}

TEST_F(ImportTest, NumpyVectorsByNumberByOrderAndByList) {
  const auto values = floats({1, 0, 0, 1, NAN, 2});
  import({file("e.csv", "user_id,item_id,position\nu,0,0\nu,2,1\n"),
          file("visual.npy", npy("<f4", 3, 2, values))});
  EXPECT_EQ(item("0").vectors.at(0).values, (std::vector<float>{1, 0}));
  EXPECT_EQ(item("1").vectors.at(0).modality, "visual");  // known from its vector only
  EXPECT_TRUE(item("2").vectors.empty());                 // not finite
  store_ = store::open_store((folder_ / "order").string()).value();
  file("list_features.ids", "b\nc\na\n");
  const auto report =
      import({file("items.csv", "item_id,title\na,A\nb,B\nc,C\n"),
              file("audio_embeddings.npy", npy("<f4", 3, 2, floats({1, 0, 0, 1, 3, 2}))),
              file("list_features.npy",
                   npy("<f8", 3, 1,
                       std::string("\0\0\0\0\0\0\xf0\x3f\0\0\0\0\0\0\0\x40\0\0\0\0\0\0\x08\x40", 24)))});
  EXPECT_EQ(item("c").vectors.at(0).modality, "audio");
  EXPECT_EQ(item("c").vectors.at(0).values, (std::vector<float>{3, 2}));
  EXPECT_EQ(item("a").vectors.at(1).modality, "list");
  EXPECT_EQ(item("a").vectors.at(1).values, (std::vector<float>{3}));
  EXPECT_EQ(item("a").title, "A");
  const auto odd = import({file("odd.npy", npy("<f4", 2, 1, floats({1, 2})))});
  EXPECT_NE(of(odd, "odd.npy").problem.find("2 rows for 3 items; put the item ids"), std::string::npos)
      << of(odd, "odd.npy").problem;
  const auto half = import({file("half.npy", npy("<f2", 3, 1, std::string("\x00\x3c\x00\xc0\xff\x7b", 6)))});
  ASSERT_EQ(item("b").vectors.at(1).modality, "half");
  EXPECT_EQ(item("b").vectors.at(1).values.at(0), -2);
  EXPECT_EQ(item("c").vectors.at(1).values.at(0), 65504);
  for (const auto& bad : {npy("<i4", 3, 1, "123456789012"), npy("<f4", 3, 70'000, ""),
                          npy("<f4", 3, 2, "short"), std::string("\x93NUMPY\x01")})
    EXPECT_FALSE(of(import({file("bad.npy", bad)}), "bad.npy").problem.empty());
}

TEST_F(ImportTest, DryRunWritesNothing) {
  const auto report = import(
      {file("a.csv", std::string(kCsv) + "only,three,cells\n"), file("items.csv", "item_id,title\np1,One\n")},
      {.dry_run = true});
  EXPECT_TRUE(report.dry_run);
  EXPECT_EQ(report.events, 3u);
  EXPECT_EQ(report.items, 1u);
  EXPECT_EQ(report.rejected, 1u);
  EXPECT_EQ(store_->counts().value().items, 0u);
  EXPECT_FALSE(std::filesystem::exists(rejects_path()));
  EXPECT_EQ(store_->get_setting("import.last").value(), std::nullopt);
}

TEST_F(ImportTest, MapOverridesAndItsErrors) {
  const std::string odd = file("odd.csv", "who,what,when\nu,a,2024-05-31\n");
  const auto unclear = try_import({odd});
  ASSERT_FALSE(unclear.ok());
  EXPECT_NE(unclear.error().message.find("who (e.g. u), what (e.g. a), when (e.g. 2024-05-31)"),
            std::string::npos)
      << unclear.error().message;
  EXPECT_NE(unclear.error().message.find("--map user=<column>"), std::string::npos);
  import({odd},
         {.map = {{"user", "WHO"}, {"item", "what"}, {"time", "when"}}, .default_event_type = "borrow"});
  EXPECT_EQ(events(), (Lines{"u a borrow nan 1717113600000"}));
  EXPECT_NE(try_import({odd}, {.map = {{"usr", "who"}}}).error().message.find("near names: user"),
            std::string::npos);
  EXPECT_NE(try_import({file("x.csv", kCsv)}, {.map = {{"value", "ratng"}}})
                .error()
                .message.find("near names: rating"),
            std::string::npos);
  const std::string bare = file("bare.csv", "7,8,881250949\n7,9,881250950\n");
  EXPECT_NE(try_import({bare}).error().message.find("#1 (e.g. 7)"), std::string::npos);
  import({bare}, {.map = {{"user", "#1"}, {"item", "#2"}, {"time", "#3"}}});
  EXPECT_EQ(events().at(1), "7 8 view nan 881250949000");
  const std::string us = file("us.csv", "user_id,item_id,invoice_date\nu,a,12/31/2010 8:26\n");
  EXPECT_NE(try_import({us}).error().message.find(
                "column 'invoice_date' looks like the time, but '12/31/2010 8:26' is not one"),
            std::string::npos)
      << try_import({us}).error().message;
  store_ = store::open_store((folder_ / "order").string()).value();
  EXPECT_EQ(import({us}, {.map = {{"ignore", "invoice_date"}}}).time_kind, "position");
}

TEST_F(ImportTest, ItemsOfSeveralFilesAreMerged) {
  import(
      {file("items.csv", "item_id,title,brand\na,A,X\nb,B,Y\n"), file("prices.csv", "item_id,price\na,5\n")},
      {.items_file = ""});
  EXPECT_EQ(item("a").title, "A");
  EXPECT_EQ(attribute("a", "price"), "5");
  const auto report = import({file("items.csv", "item_id,title,brand\na,,\na,A2,\n")});
  EXPECT_EQ(report.files[0].duplicates, 1u);
  EXPECT_EQ(item("a").title, "A2");
  EXPECT_EQ(attribute("a", "brand"), "(none)");  // the file has the column, and nothing in it
  EXPECT_EQ(attribute("a", "price"), "5");
}

TEST_F(ImportTest, ReadsAFolderAndSkipsWhatIsNoTable) {
  file("events.csv", kCsv);
  file("items.tsv", "product_id\tname\np1\tOne\np2\tTwo\n");
  file("picture.bin", std::string(3000, '\0') + "x");
  file("judgments.csv", "query,item_id,rating\nlamp,p1,3\n");
  file("README.md", "# about these data\n");
  const auto report = import({(folder_ / "in").string()});
  EXPECT_EQ(report.files.size(), 5u);
  EXPECT_EQ(of(report, "picture.bin").role, "skipped");
  EXPECT_NE(of(report, "picture.bin").problem.find("binary data"), std::string::npos);
  EXPECT_NE(of(report, "judgments.csv").problem.find("search judgments"), std::string::npos);
  EXPECT_EQ(item("p2").title, "Two");
  EXPECT_EQ(store_->counts().value().events, 3u);
  std::istringstream table(to_table(report));
  for (std::string line; std::getline(table, line);) EXPECT_LE(line.size(), 103u) << line;
}

TEST_F(ImportTest, ProgressCanCancel) {
  std::string text = "user_id,item_id,position\n";
  for (int i = 0; i < 200'000; ++i)
    text += "u" + std::to_string(i % 100) + ",i" + std::to_string(i) + "," + std::to_string(i) + "\n";
  const auto path = file("big.csv", text);
  int calls = 0;
  const auto report =
      import_paths(std::vector<std::string>{path}, {}, *store_, [&](const Progress& progress) {
        EXPECT_EQ(progress.step, "import big.csv");
        EXPECT_LE(progress.done, progress.total);
        return ++calls < 2;
      });
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().code, ErrorCode::cancelled);
}

}  // namespace
}  // namespace penchant::import
