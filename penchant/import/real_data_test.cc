/// Imports every folder of real data and compares with the counts its README states. The data are
/// not part of the repository: PENCHANT_TEST_DATA names the folder, else ../shared/data is tried.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <set>

#include "penchant/import/import_fixture_test.h"
#include "penchant/store/time_kind.h"

namespace penchant::import {
namespace {

class RealData : public ImportTest {
 protected:
  std::filesystem::path data(const std::string& name) {
    const char* set = std::getenv("PENCHANT_TEST_DATA");
    const auto root = set != nullptr ? std::filesystem::path(set)
                                     : std::filesystem::path(PENCHANT_SOURCE_DIR) / ".." / "shared" / "data";
    return root / name;
  }
  ImportReport import_folder(const std::string& name) {
    const std::clock_t before = std::clock();
    auto report = import({data(name).string()});
    const double cpu = static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC;
    for (const auto& file : report.files)
      if (file.seconds > 0)
        std::printf("  %s: %llu rows, %.2f s, %.0f rows/s\n",
                    std::filesystem::path(file.path).filename().c_str(),
                    static_cast<unsigned long long>(file.rows), file.seconds,
                    static_cast<double>(file.rows) / file.seconds);
    std::printf("  whole import %.2f s, %.2f s of it on the CPU\n", report.seconds, cpu);
    RecordProperty("seconds", std::to_string(report.seconds));
    return report;
  }
  void expect_counts(std::uint64_t users, std::uint64_t items, std::uint64_t events) {
    const auto counts = store_->counts().value();
    EXPECT_EQ(counts.users, users);
    EXPECT_EQ(counts.items, items);
    EXPECT_EQ(counts.events, events);
  }
};

#define NEED_DATA(name) \
  if (!std::filesystem::exists(data(name))) GTEST_SKIP() << name << " is not there; set PENCHANT_TEST_DATA"

TEST_F(RealData, MovieLens100K) {
  NEED_DATA("movielens-100k");
  const auto report = import_folder("movielens-100k");
  expect_counts(943, 1682, 100'000);
  EXPECT_EQ(report.rejected, 0u);
  EXPECT_EQ(report.time_kind, "epoch");
  EXPECT_EQ(field(of(report, "ml-100k.inter"), "rating"), "value");
  EXPECT_EQ(field(of(report, "ml-100k.item"), "movie_title"), "title");
  EXPECT_EQ(item("1").title, "Toy Story");
  EXPECT_EQ(attribute("1", "class"), "Animation, Children's, Comedy");
  EXPECT_EQ(std::get<double>(item("1").attributes.at("release_year")), 1995);
  EXPECT_EQ(catalog::to_text(store_->get_user("1").value().attributes.at("zip_code")), "85711");
  // The second import finds every event already there.
  const auto again = import({data("movielens-100k").string()});
  EXPECT_EQ(again.events, 0u);
  EXPECT_EQ(again.duplicate_events, 100'000u);
  expect_counts(943, 1682, 100'000);
}

TEST_F(RealData, AmazonBeauty) {
  NEED_DATA("amazon-beauty");
  const auto report = import_folder("amazon-beauty");
  expect_counts(22'363, 12'101, 198'502);
  EXPECT_EQ(report.rejected, 0u);
  EXPECT_EQ(report.time_kind, "since_first");
  const auto user = store_->find_user("1").value().value();
  const auto history = store_->user_events(user, 100).value();
  ASSERT_GE(history.size(), 3u);
  EXPECT_EQ(history[0].time_ms, 0);
  EXPECT_EQ(history[1].time_ms, 0);
  EXPECT_EQ(history[2].time_ms, 107 * 86'400'000LL);
  EXPECT_LT(history[0].seq, history[1].seq);
  EXPECT_EQ(attribute("1", "categories"), "Beauty > Makeup > Nails > Nail Polish");
}

TEST_F(RealData, AmazonSports) {
  NEED_DATA("amazon-sports");
  const auto report = import_folder("amazon-sports");
  expect_counts(35'598, 18'357, 296'337);
  EXPECT_EQ(report.rejected, 0u);
  EXPECT_EQ(field(of(report, "items.csv"), "short_text"), "title");
  EXPECT_EQ(attribute("1", "keywords"), "tool, punch, spring, steel, 3_32");
}

TEST_F(RealData, MovieLens1M) {
  NEED_DATA("movielens-1m");
  const auto report = import_folder("movielens-1m");
  expect_counts(6'040, 3'883, 999'611);
  EXPECT_EQ(report.rejected, 0u);
  EXPECT_EQ(report.time_kind, "position");
  EXPECT_EQ(store::time_kind(*store_).value(), store::TimeKind::position);
  std::set<std::uint32_t> rated;
  ASSERT_TRUE(store_
                  ->scan_events_by_user([&](const store::StoredEvent& event) {
                    rated.insert(index(event.item));
                    return true;
                  })
                  .ok());
  EXPECT_EQ(rated.size(), 3'416u);
  EXPECT_EQ(attribute("1", "genres"), "Animation, Children's, Comedy");
  EXPECT_EQ(attribute("1", "cast"), "Tom Hanks, Tim Allen, Don Rickles, Jim Varney");
  EXPECT_TRUE(std::holds_alternative<std::vector<std::string>>(item("1").attributes.at("cast")));
}

TEST_F(RealData, TikTok) {
  NEED_DATA("tiktok-multimodal");
  const auto report = import_folder("tiktok-multimodal");
  expect_counts(9'308, 6'710, 68'722);
  EXPECT_EQ(report.time_kind, "position");
  const auto record = item("885");
  ASSERT_EQ(record.vectors.size(), 2u);
  EXPECT_EQ(record.vectors[0].modality, "acoustic");
  EXPECT_EQ(record.vectors[1].modality, "visual");
  EXPECT_EQ(record.vectors[1].values.size(), 128u);
  std::size_t with_both = 0;
  ASSERT_TRUE(store_
                  ->scan_items(
                      [&](auto, store::Item&& one) {
                        with_both += one.vectors.size() == 2 ? 1 : 0;
                        return true;
                      },
                      true)
                  .ok());
  EXPECT_EQ(with_both + of(report, "visual.npy").rejected.size() + of(report, "acoustic.npy").rejected.size(),
            6'710u);
}

TEST_F(RealData, OnlineRetail) {
  NEED_DATA("online-retail");
  const auto report = import_folder("online-retail");
  const auto& file = of(report, "transactions.csv.gz");
  EXPECT_EQ(file.rows, 541'909u);
  expect_counts(4'339, 3'665, 397'924);
  EXPECT_EQ(file.rejected.at("missing user"), 135'080u);
  EXPECT_EQ(file.rejected.at("cancellation (quantity of 0 or less)"), 8'905u);
  EXPECT_EQ(field(file, "StockCode"), "item");
  EXPECT_EQ(field(file, "CustomerID"), "user");
  EXPECT_EQ(field(file, "InvoiceDate"), "time");
  EXPECT_EQ(field(file, "Quantity"), "value");
  EXPECT_EQ(field(file, "Description"), "title");
  EXPECT_EQ(field(file, "UnitPrice"), "attribute");
  EXPECT_EQ(field(file, "Country"), "user_attribute");
  EXPECT_EQ(field(file, "InvoiceNo"), "ignored");
  EXPECT_TRUE(store_->find_user("17850").value().has_value());
  EXPECT_EQ(item("85123A").title.substr(0, 11), "WHITE HANGI");
  EXPECT_EQ(store_->event_types().value().at(0).name, "purchase");
}

TEST_F(RealData, IcecatSearch) {
  NEED_DATA("icecat-search");
  const auto report = import_folder("icecat-search");
  expect_counts(0, 19'406, 0);
  EXPECT_EQ(of(report, "judgments.csv").role, "skipped");
  EXPECT_EQ(attribute("3920564", "brand"), "Xerox");
  EXPECT_EQ(attribute("3920564", "t_type"), "Original");
  EXPECT_EQ(attribute("3920564", "price"), "4995");
}

TEST_F(RealData, HomeImprovementSearch) {
  NEED_DATA("home-improvement-search");
  const auto report = import_folder("home-improvement-search");
  expect_counts(0, 54'667, 0);
  EXPECT_EQ(report.rejected, 0u);
  EXPECT_EQ(item("100001").title, "Simpson Strong-Tie 12-Gauge Angle");
}

TEST_F(RealData, Jobs) {
  NEED_DATA("jobs");
  const auto views = import({(data("jobs") / "views.csv").string()});
  expect_counts(3'448, 7'047, 12'370);
  const auto& file = of(views, "views.csv");
  EXPECT_EQ(field(file, "viewed_at"), "time");
  EXPECT_EQ(field(file, "seconds"), "value");
  EXPECT_EQ(field(file, "position"), "attribute");
  EXPECT_EQ(attribute("73666", "company"), "WallyPark");
  // The whole folder adds what people did and want, as attributes of users.
  const auto report = import_folder("jobs");
  EXPECT_EQ(report.events, 0u);
  EXPECT_EQ(report.duplicate_events, 12'370u);
  EXPECT_EQ(of(report, "experience.csv").role, "users");
  EXPECT_EQ(of(report, "interests.csv").kept, 6'560u);
  expect_counts(7'037, 7'047, 12'370);
  EXPECT_EQ(
      catalog::to_text(store_->get_user("10007").value().attributes.at("position_of_interest")).substr(0, 17),
      "Server, Bartender");
}

}  // namespace
}  // namespace penchant::import
