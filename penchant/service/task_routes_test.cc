#include <fstream>
#include <thread>

#include "penchant/service/fakes_for_test.h"
#include "penchant/service/schemas.h"

namespace penchant::service {
namespace {

using namespace std::chrono_literals;

class TaskRoutes : public ServiceTest {
 protected:
  /// The task once it has ended.
  boost::json::value ended(const std::string& id) {
    for (int i = 0; i < 500; ++i) {
      auto got = call("GET", "/v1/tasks/" + id);
      EXPECT_FALSE(check(got.body, task_schema())) << got.raw.body;
      const std::string state = at(got.body, "/state");
      if (state != "queued" && state != "running") return got.body;
      std::this_thread::sleep_for(10ms);
    }
    return {};
  }
};

TEST_F(TaskRoutes, AnImportRunsReportsAndReloads) {
  std::ofstream(home / "imports/ratings.csv") << "user,item\n196,1\n";
  start();
  const auto got = post("/v1/imports", R"({"paths": ["ratings.csv"], "dry_run": false})");
  ASSERT_EQ(got.status, 202) << got.raw.body;
  EXPECT_EQ(got.raw.headers.get("Location"), "/v1/tasks/t1");
  const auto task = ended("t1");
  EXPECT_EQ(at(task, "/state"), "succeeded") << text(task);
  EXPECT_EQ(at(task, "/result/rows"), "7");
  ASSERT_EQ(runner.last_import.paths.size(), 1U);
  EXPECT_TRUE(runner.last_import.paths[0].ends_with("/imports/ratings.csv"));
  EXPECT_EQ(engine.reloads, 1);
  EXPECT_EQ(at(call("GET", "/v1/tasks").body, "/tasks/0/id"), "t1");
}

TEST_F(TaskRoutes, PathsOutsideTheImportFolderAreRefused) {
  std::ofstream(home / "secret.csv") << "x";
  std::filesystem::create_symlink(home / "secret.csv", home / "imports/link.csv");
  start();
  for (const char* path : {"../secret.csv", "/etc/passwd", "link.csv", "a/../../secret.csv"}) {
    const auto got = post("/v1/imports", std::string("{\"paths\": [\"") + path + "\"]}");
    EXPECT_EQ(got.status, 400) << path;
    EXPECT_EQ(at(got.body, "/error/field"), "/paths/0");
  }
  EXPECT_EQ(post("/v1/imports", R"({"paths": ["none.csv"]})").status, 404);
  EXPECT_EQ(post("/v1/imports", R"({"paths": []})").status, 400);
  EXPECT_EQ(post("/v1/imports", R"({"path": ["a"]})").status, 400);
}

TEST_F(TaskRoutes, AnUploadIsImportedAndRemoved) {
  start();
  const auto got = post("/v1/imports?filename=..%2F..%2Fmy%20ratings.csv&dry_run=true", "user,item\n196,1\n");
  ASSERT_EQ(got.status, 202) << got.raw.body;
  EXPECT_EQ(at(ended("t1"), "/state"), "succeeded");
  ASSERT_EQ(runner.last_import.paths.size(), 1U);
  const std::filesystem::path path = runner.last_import.paths[0];
  EXPECT_EQ(path.filename(), "my_ratings.csv");
  EXPECT_TRUE(path.string().starts_with((home / "uploads").string()));
  EXPECT_EQ(runner.bytes, 16U);
  EXPECT_TRUE(runner.last_import.dry_run);
  EXPECT_FALSE(std::filesystem::exists(path.parent_path()));
  EXPECT_EQ(engine.reloads, 0);
}

TEST_F(TaskRoutes, AFailedTaskSaysWhy) {
  std::ofstream(home / "imports/bad.csv") << "x";
  runner.fail = true;
  start();
  post("/v1/imports", R"({"paths": ["bad.csv"]})");
  const auto task = ended("t1");
  EXPECT_EQ(at(task, "/state"), "failed");
  EXPECT_EQ(at(task, "/error/message"), "row 3: no column");
}

TEST_F(TaskRoutes, ATrainingIsPromotedWhenAsked) {
  start();
  const auto got = post("/admin/v1/models/train", R"({"preset": "tiny", "seed": 7, "epochs": 3, "warm_start": "live"})");
  ASSERT_EQ(got.status, 202) << got.raw.body;
  const auto task = ended("t1");
  EXPECT_EQ(at(task, "/result/release"), "r2");
  EXPECT_EQ(engine.live, "r2");
  EXPECT_EQ(runner.last_train.seed, 7U);
  EXPECT_EQ(runner.last_train.epochs, 3U);
  EXPECT_EQ(runner.last_train.warm_start, "live");
  EXPECT_EQ(post("/admin/v1/models/train", R"({"name": "../x"})").status, 400);
  EXPECT_EQ(post("/admin/v1/models/train", R"({"preset": "huge"})").status, 400);
  const auto outside = post("/admin/v1/models/train", R"({"warm_start": "../../etc"})");
  EXPECT_EQ(outside.status, 400);
  EXPECT_NE(outside.raw.body.find("/warm_start"), std::string::npos);
}

TEST_F(TaskRoutes, TasksShowProgressAndCanBeCancelled) {
  runner.total = 100'000;
  start();
  post("/admin/v1/models/train", "{}");
  post("/admin/v1/models/train", "{}");
  boost::json::value task;
  for (int i = 0; i < 200 && at(task, "/progress/eta_s") == (i == 0 ? "(none)" : "null"); ++i) {
    std::this_thread::sleep_for(20ms);
    task = call("GET", "/v1/tasks/t1").body;
  }
  EXPECT_EQ(at(task, "/state"), "running");
  EXPECT_EQ(at(task, "/progress/step"), "train");
  EXPECT_EQ(at(task, "/progress/total"), "100000");
  EXPECT_NE(at(task, "/progress/eta_s"), "null");
  EXPECT_EQ(at(call("DELETE", "/v1/tasks/t2").body, "/state"), "cancelled");
  EXPECT_EQ(call("DELETE", "/v1/tasks/t1").status, 200);
  EXPECT_EQ(at(ended("t1"), "/state"), "cancelled");
  EXPECT_EQ(call("GET", "/v1/tasks/t9").status, 404);
}

TEST_F(TaskRoutes, StopEndsTheRunningTask) {
  runner.total = 1'000'000;
  start();
  post("/admin/v1/models/train", "{}");
  std::this_thread::sleep_for(20ms);
  const auto begin = std::chrono::steady_clock::now();
  service->stop();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 2s);
  EXPECT_EQ(post("/admin/v1/models/train", "{}").status, 503);
}

}  // namespace
}  // namespace penchant::service
