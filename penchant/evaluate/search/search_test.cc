// The search protocol against a slow and obvious second implementation, and against hostile files.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <map>
#include <unistd.h>

#include "penchant/base/rng.h"
#include "penchant/evaluate/search/run.h"
#include "penchant/evaluate/test_logs.h"

namespace penchant::evaluate {
namespace {

using ::testing::HasSubstr;

constexpr float kOut = -std::numeric_limits<float>::infinity();

class File {
 public:
  explicit File(const std::string& content) {
    static int count = 0;
    path_ = (std::filesystem::temp_directory_path() /
             ("penchant_judgments_" + std::to_string(::getpid()) + "_" + std::to_string(count++) + ".csv")).string();
    std::ofstream(path_, std::ios::binary) << content;
  }
  ~File() { std::filesystem::remove(path_); }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

const std::vector<std::string> kIds{"a", "b", "c", "d, e", "f"};

std::string refusal(const std::string& content) {
  const File file(content);
  const auto read = read_judgments(file.path(), kIds);
  EXPECT_FALSE(read.ok()) << content.substr(0, 100);
  return read.ok() ? "" : read.error().message;
}

TEST(Judgments, ReadQueriesInOrderWithQuotesAndFurtherColumns) {
  const File file("\xEF\xBB\xBFgrade,note,Query,item_id\r\n3,x,red shoe,b\r\n\r\n0.5,\"a \"\"b\"\"\",red shoe,\"d, e\"\r\n2,,blue,a");
  const auto read = read_judgments(file.path(), kIds);
  ASSERT_TRUE(read.ok()) << read.error().message;
  ASSERT_EQ(read->queries.size(), 2u);
  EXPECT_EQ(read->pairs, 3u);
  EXPECT_EQ(read->queries[0].text, "red shoe");
  ASSERT_EQ(read->queries[0].judged.size(), 2u);
  EXPECT_EQ(read->queries[0].judged[1].item, 3u);
  EXPECT_EQ(read->queries[0].judged[1].grade, 0.5);
  EXPECT_EQ(read->queries[1].judged[0].item, 0u);
}

TEST(Judgments, QueryIdsNameQueriesAndTabsSeparate) {
  const File file("query_id\tquery\titem_id\trelevance\n1\tshoe\ta\t1\n2\tshoe\ta\t2\n1\tshoe\tb\t0\n");
  const auto read = read_judgments(file.path(), kIds);
  ASSERT_TRUE(read.ok()) << read.error().message;
  ASSERT_EQ(read->queries.size(), 2u);
  EXPECT_EQ(read->queries[0].judged.size(), 2u);
  EXPECT_THAT(refusal("query_id,query,item_id,grade\n1,shoe,a,1\n1,boot,b,1\n"),
              HasSubstr("row 3: query_id \"1\" has the text \"boot\", before it was \"shoe\""));
}

TEST(Judgments, HostileFilesNameRowAndField) {
  EXPECT_THAT(refusal("query,item_id\nx,a\n"), HasSubstr("row 1: the header has no column grade"));
  EXPECT_THAT(refusal("item_id,grade\na,1\n"), HasSubstr("no column query"));
  EXPECT_THAT(refusal("query,grade\na,1\n"), HasSubstr("no column item_id"));
  EXPECT_THAT(refusal(""), HasSubstr("is empty"));
  EXPECT_THAT(refusal("query,item_id,grade\n"), HasSubstr("no judgment below its header"));
  for (const std::string grade : {"good", "", "-1", "nan", "inf", "1e99", "3x", "0x3"})
    EXPECT_THAT(refusal("query,item_id,grade\nx,a," + grade + "\n"), HasSubstr("row 2: the grade"));
  EXPECT_THAT(refusal("query,item_id,grade\nx,a,1\nx,zzz,1\n"), HasSubstr("row 3: item_id \"zzz\" is not in the catalogue"));
  EXPECT_THAT(refusal("query,item_id,grade\nx,a,1\ny,a,1\nx,a,2\n"), HasSubstr("row 4: item_id \"a\" is judged for \"x\" a second time"));
  EXPECT_THAT(refusal("query,item_id,grade\n,a,1\n"), HasSubstr("row 2: the query must be a text"));
  EXPECT_THAT(refusal("query,item_id,grade\n" + std::string(3000, 'q') + ",a,1\n"), HasSubstr("it has 3000"));
  EXPECT_THAT(refusal("query,item_id,grade\nx,a\n"), HasSubstr("row 2: has 2 fields, the header 3"));
  EXPECT_THAT(refusal("query,item_id,grade\n\"x,a,1\n"), HasSubstr("row 2: a quote is opened in field 1"));
  EXPECT_THAT(refusal("query,item_id,grade\n\"x\"y,a,1\n"), HasSubstr("text after a closing quote"));
  EXPECT_THAT(refusal("query,item_id,grade\nx,a,1\n" + std::string(1 << 20, 'y')), HasSubstr("row 3: longer than 65536 bytes"));
  EXPECT_THAT(refusal(std::string(1 << 20, 'y')), HasSubstr("row 1: longer than 65536 bytes"));
  EXPECT_THAT(refusal(std::string(100, '\0')), HasSubstr("row 1"));
  EXPECT_EQ(read_judgments("/nowhere/at/all.csv", kIds).error().code, ErrorCode::not_found);
  EXPECT_FALSE(read_judgments(std::filesystem::temp_directory_path().string(), kIds).ok()) << "a folder";
}

TEST(Judgments, RandomBytesNeverCrash) {
  Rng rng(4);
  const std::string alphabet = "query,item_id,grade\n\"ab1.5\r\t\xff";
  for (int round = 0; round < 500; ++round) {
    std::string content = round % 2 == 0 ? "query,item_id,grade\n" : "";
    for (std::size_t i = rng.below(80); i > 0; --i) content += alphabet[rng.below(alphabet.size())];
    const File file(content);
    static_cast<void>(read_judgments(file.path(), kIds));
  }
}

/// The whole list, sorted; places read off it.
std::vector<std::uint32_t> slow_ranks(std::span<const float> scores, const std::vector<Graded>& judged, Judged candidates) {
  struct Entry {
    float score;
    int group;  // 0 unjudged, 1 judged
    double grade;
    std::size_t number;
  };
  std::map<std::uint32_t, std::size_t> number;
  for (std::size_t j = 0; j < judged.size(); ++j) number[judged[j].item] = j;
  std::vector<Entry> list;
  for (std::uint32_t i = 0; i < scores.size(); ++i) {
    const bool out = std::isnan(scores[i]) || scores[i] == kOut;
    if (out && candidates == Judged::full) continue;
    const auto found = number.find(i);
    if (found != number.end()) list.push_back({out ? kOut : scores[i], 1, judged[found->second].grade, found->second});
    else if (candidates == Judged::full) list.push_back({scores[i], 0, 0, i});
  }
  std::ranges::sort(list, [](const Entry& a, const Entry& b) {
    return std::tuple(-a.score, a.group, a.grade, a.number) < std::tuple(-b.score, b.group, b.grade, b.number);
  });
  std::vector<std::uint32_t> ranks(judged.size(), 0);
  for (std::uint32_t place = 0; place < list.size(); ++place)
    if (list[place].group == 1) ranks[list[place].number] = place + 1;
  return ranks;
}

std::array<double, 4> slow_values(const std::vector<std::uint32_t>& ranks, const std::vector<Graded>& judged, double relevant) {
  std::map<std::uint32_t, Graded> at;
  std::multiset<double, std::greater<>> grades;
  double all = 0;
  for (std::size_t j = 0; j < judged.size(); ++j) {
    if (ranks[j] != 0) at[ranks[j]] = judged[j];
    grades.insert(judged[j].grade);
    all += judged[j].grade >= relevant ? 1 : 0;
  }
  double dcg = 0, ideal = 0, mrr = 0, in10 = 0, in100 = 0;
  for (const auto& [place, g] : at) {
    if (place <= 10) dcg += (std::pow(2, g.grade) - 1) / std::log2(place + 1);
    if (g.grade < relevant) continue;
    if (place <= 10 && mrr == 0) mrr = 1.0 / place;
    in10 += place <= 10;
    in100 += place <= 100;
  }
  int place = 1;
  for (const double grade : grades)
    if (place <= 10) ideal += (std::pow(2, grade) - 1) / std::log2(++place);
  return {ideal == 0 ? 0 : dcg / ideal, mrr, all == 0 ? 0 : in10 / all, all == 0 ? 0 : in100 / all};
}

TEST(SearchMetrics, EqualTheObviousDefinitionOnRandomRankings) {
  Rng rng(8);
  for (int round = 0; round < 600; ++round) {
    const std::size_t items = 1 + rng.below(300), levels = 1 + rng.below(40);  // few levels: many ties
    std::vector<float> scores(items);
    for (float& s : scores) {
      s = static_cast<float>(rng.below(levels)) / 4;
      if (rng.below(10) == 0) s = rng.below(2) == 0 ? kOut : std::nanf("");
    }
    std::vector<std::uint32_t> rows(items);
    for (std::uint32_t i = 0; i < items; ++i) rows[i] = i;
    rng.shuffle(std::span(rows));
    std::vector<Graded> judged;
    for (std::size_t j = 0; j < 1 + rng.below(std::min<std::size_t>(items, 25)); ++j)
      judged.push_back({rows[j], static_cast<double>(rng.below(7)) / 2});
    for (const Judged candidates : {Judged::full, Judged::only}) {
      const auto ranks = search_ranks(scores, judged, candidates);
      ASSERT_EQ(ranks, slow_ranks(scores, judged, candidates)) << "round " << round;
      const auto values = search_values(ranks, judged, {.relevant = 2});
      const auto slow = slow_values(ranks, judged, 2);
      for (std::size_t m = 0; m < 4; ++m) EXPECT_NEAR(values[m], slow[m], 1e-12) << kSearchMetrics[m];
    }
  }
}

TEST(SearchMetrics, HandWorkedExample) {
  // List: x(unjudged), 3, 0, 2; a fourth judged item (grade 3) was not found.
  const std::vector<float> scores{9, 8, 7, 6, kOut};
  const std::vector<Graded> judged{{1, 3}, {2, 0}, {3, 2}, {4, 3}};
  const auto ranks = search_ranks(scores, judged, Judged::full);
  EXPECT_THAT(ranks, testing::ElementsAre(2, 3, 4, 0));
  const auto values = search_values(ranks, judged, {});
  const double dcg = 7 / std::log2(3) + 3 / std::log2(5), ideal = 7 + 7 / std::log2(3) + 3 / std::log2(4);
  EXPECT_NEAR(values[0], dcg / ideal, 1e-12);
  EXPECT_EQ(values[1], 0.5);
  EXPECT_NEAR(values[2], 2.0 / 3, 1e-12);
  EXPECT_THAT(search_ranks(scores, judged, Judged::only), testing::ElementsAre(1, 2, 3, 4));
}

TEST(SearchMetrics, OneScoreForAllIsTheWorstOrder) {
  const std::vector<float> scores(50, 1.0F);
  const std::vector<Graded> judged{{7, 3}, {9, 0}, {20, 3}};
  EXPECT_THAT(search_ranks(scores, judged, Judged::full), testing::ElementsAre(49, 48, 50));
  EXPECT_THAT(search_ranks(scores, judged, Judged::only), testing::ElementsAre(2, 1, 3));
}

TEST(SearchMetrics, TheZeroGradeIsWorthNothing) {
  const SearchGains gains{.relevant = 2, .zero_grade = 1};
  EXPECT_EQ(gains.gain(1), 0);
  EXPECT_EQ(gains.gain(0.5), 0);
  EXPECT_EQ(gains.gain(3), 3);
  EXPECT_EQ(SearchGains{}.gain(3), 7);
}

std::vector<catalog::Item> shop() {
  std::vector<catalog::Item> items;
  for (const std::string title : {"red running shoe", "blue running shoe", "garden hose", "red kettle", "electric kettle"})
    items.push_back({.id = "p" + std::to_string(items.size()), .title = title});
  return items;
}

Judgments shop_judgments() {
  Judgments j;
  j.queries = {{"running shoe", {{0, 3}, {1, 3}, {2, 0}}}, {"kettle", {{3, 2}, {4, 3}}}, {"spaceship", {{2, 0}}}};
  j.pairs = 6;
  return j;
}

TEST(SearchRun, Bm25BeatsChanceAndQueriesWithoutAnAnswerAreNamed) {
  const auto items = shop();
  std::vector<std::unique_ptr<SearchModel>> models;
  models.push_back(make_bm25_search(items).value());
  models.push_back(make_random_search(1));
  Executor executor(2);
  const auto report = run_search(shop_judgments(), items.size(), models, {}, executor);
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_EQ(report->queries, 2u);
  EXPECT_EQ(report->pairs, 5u);
  EXPECT_THAT(report->left_out, testing::ElementsAre("spaceship"));
  ASSERT_EQ(report->results.size(), 4u);
  EXPECT_EQ(report->results[0].values[1].value, 1) << "both first answers are right";
  EXPECT_EQ(report->results[0].values[2].value, 1);
  EXPECT_EQ(report->results[0].found, 0.8) << "the hose holds no word of the query";
  EXPECT_EQ(report->comparisons.size(), 2u);
  const auto json = boost::json::parse(to_json(*report));
  EXPECT_EQ(json.at("results").as_array().size(), 4u);
  EXPECT_EQ(json.at("protocol").at("left_out").at("queries").as_array()[0].as_string(), "spaceship");
  EXPECT_EQ(json.at("results").at(1).at("candidates").as_string(), "judged items");
  EXPECT_THAT(to_table(*report), HasSubstr("bm25"));
  EXPECT_THAT(sentences(*report).back(), HasSubstr("1 query without an item of grade 2 or more left out: \"spaceship\""));
}

TEST(SearchRun, IsTheSameOnAnyNumberOfThreads) {
  const auto items = shop();
  std::string first;
  for (const std::uint32_t threads : {1u, 3u}) {
    std::vector<std::unique_ptr<SearchModel>> models;
    models.push_back(make_random_search(5));
    models.push_back(make_bm25_search(items).value());
    Executor executor(threads);
    const std::string json = to_json(run_search(shop_judgments(), items.size(), models, {}, executor).value());
    if (first.empty()) first = json;
    EXPECT_EQ(json, first);
  }
}

TEST(SearchRun, SaysWhatIsWrong) {
  const auto items = shop();
  Executor executor(1);
  std::vector<std::unique_ptr<SearchModel>> none, two;
  two.push_back(make_random_search(1));
  two.push_back(make_random_search(2));
  EXPECT_THAT(run_search(shop_judgments(), 5, none, {}, executor).error().message, HasSubstr("no search model"));
  EXPECT_THAT(run_search(shop_judgments(), 5, two, {}, executor).error().message, HasSubstr("named twice"));
  two.pop_back();
  EXPECT_THAT(run_search(shop_judgments(), 5, two, {.gains = {.relevant = 9}}, executor).error().message,
              HasSubstr("lower the grade"));
  EXPECT_THAT(run_search(shop_judgments(), 5, two, {.resamples = 10}, executor).error().message, HasSubstr("1000"));
  EXPECT_EQ(run_search(shop_judgments(), 2, two, {}, executor).error().code, ErrorCode::internal);
  const auto stop = [](const Progress&) { return false; };
  EXPECT_EQ(run_search(shop_judgments(), 5, two, {}, executor, stop).error().code, ErrorCode::cancelled);
}

TEST(SearchRun, DenseTextNeedsAnEncoder) {
  Executor executor(1);
  EXPECT_THAT(make_dense_search(shop(), "", "", executor).error().message, HasSubstr("--encoder"));
}

TEST(RealSearch, IcecatBm25FindsNearlyEverything) {
  const auto folder = data_folder();
  if (!folder || !std::filesystem::exists(*folder / "icecat-search"))
    GTEST_SKIP() << "icecat-search is not here: set PENCHANT_TEST_DATA";
  std::vector<catalog::Item> items;
  std::vector<std::string> ids;
  std::ifstream file(*folder / "icecat-search" / "items.jsonl");
  std::string line;
  while (std::getline(file, line)) {
    const auto json = boost::json::parse(line);
    items.push_back({.id = std::string(json.at("item_id").as_string()), .title = std::string(json.at("title").as_string())});
    ids.push_back(items.back().id);
  }
  ASSERT_EQ(items.size(), 19'406u);
  const auto judgments = read_judgments((*folder / "icecat-search" / "judgments.csv").string(), ids);
  ASSERT_TRUE(judgments.ok()) << judgments.error().message;
  EXPECT_EQ(judgments->queries.size(), 74u);
  EXPECT_EQ(judgments->pairs, 2041u);
  std::vector<std::unique_ptr<SearchModel>> models;
  models.push_back(make_bm25_search(items).value());
  models.push_back(make_random_search(1));
  Executor executor(2);
  const auto report = run_search(*judgments, items.size(), models, {}, executor).value();
  EXPECT_EQ(report.queries, 62u);  // the others have no product graded 2 or more
  EXPECT_EQ(report.left_out.size(), 12u);
  EXPECT_GT(report.results[0].values[0].value, 0.6);
  EXPECT_LT(report.results[2].values[0].value, 0.02) << "random, among all items";
}

}  // namespace
}  // namespace penchant::evaluate
