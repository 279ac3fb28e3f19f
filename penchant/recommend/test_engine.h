#pragma once
/// \file An engine over a real store and the release of test_release.h, for tests.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "penchant/recommend/live_engine.h"
#include "penchant/recommend/test_release.h"

namespace penchant::recommend {

inline constexpr std::int64_t kTestNow = 1'600'100'000'000;

struct EngineSetup {
  TestReleaseOptions release;
  std::size_t users = 24, events_per_user = 8;
  bool with_release = true, with_encoder = true;
};

/// Threads: as Engine.
class EngineTest : public testing::Test {
 protected:
  using Setup = EngineSetup;
  void start(const Setup& setup = {}) {
    setup_ = setup;
    store_ = store::open_store(home_.path()).value();
    items_ = test_items(setup.release);
    events_ = test_events(setup.release, setup.users, setup.events_per_user);
    ASSERT_TRUE(store_->put_items(items_).ok());
    const auto appended = store_->append_events(events_, {});
    ASSERT_TRUE(appended.ok()) << appended.error().message;
    if (setup.with_release) add_release(setup.release, true);
    open();
  }
  void add_release(const TestReleaseOptions& options, bool live) {
    const auto written = write_test_release(home_.path(), options, items_, events_);
    ASSERT_TRUE(written.ok()) << written.error().message;
    ASSERT_TRUE(store_->add_release({options.name, kTestNow, false}).ok());
    if (live) {
      ASSERT_TRUE(store_->promote(options.name).ok());
    }
  }
  void open() {
    EngineOptions options;
    options.home = home_.path();
    engine_ = std::make_unique<LiveEngine>(*store_, options, executor_, clock_);
    const auto opened = engine_->open(setup_.with_encoder ? std::make_unique<WordEncoder>() : nullptr);
    ASSERT_TRUE(opened.ok()) << opened.error().message;
  }

  Response ask(const Request& request) {
    auto response = engine_->recommend(request);
    EXPECT_TRUE(response.ok()) << response.error().message;
    return response.ok() ? std::move(response).value() : Response{};
  }
  static std::vector<std::string> ids(const Response& response) {
    std::vector<std::string> out;
    for (const auto& item : response.items) out.push_back(item.id);
    return out;
  }
  /// Share of the list whose id begins with the first letters of the genre.
  static double share(const Response& response, const std::string& prefix) {
    std::size_t hits = 0;
    for (const auto& item : response.items) hits += item.id.starts_with(prefix) ? 1 : 0;
    return response.items.empty() ? 0 : static_cast<double>(hits) / static_cast<double>(response.items.size());
  }
  static bool lists(const Response& response, const std::string& id) {
    return std::ranges::any_of(response.items, [&](const ScoredItem& item) { return item.id == id; });
  }
  static std::string degraded(const Response& response, const std::string& part) {
    for (const auto& entry : response.degraded)
      if (entry.part == part) return entry.why;
    return "";
  }
  static void expect_same(const std::vector<double>& a, const std::vector<double>& b, double tolerance) {
    ASSERT_EQ(a.size(), b.size());
    for (std::size_t i = 0; i < a.size(); ++i) {
      if (std::isinf(a[i]) || std::isinf(b[i])) {
        EXPECT_EQ(a[i], b[i]) << "row " << i;
      } else {
        EXPECT_NEAR(a[i], b[i], tolerance) << "row " << i;
      }
    }
  }
  Status rate(const std::string& user, const std::string& item, double value, std::int64_t time_ms = 0) {
    catalog::Event event;
    event.user = user;
    event.item = item;
    event.type = "rating";
    event.value = value;
    event.time_ms = time_ms != 0 ? time_ms : kTestNow + step_++;
    auto report = engine_->append_events(std::span(&event, 1), {});
    if (!report.ok()) return report.error();
    return {};
  }

  TestFolder home_;
  Setup setup_;
  Executor executor_{1};
  FixedClock clock_{kTestNow};
  std::int64_t step_ = 0;
  std::vector<catalog::Item> items_;
  std::vector<catalog::Event> events_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<LiveEngine> engine_;
};

}  // namespace penchant::recommend
