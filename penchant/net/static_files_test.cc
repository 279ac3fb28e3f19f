#include "penchant/net/static_files.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <unistd.h>

namespace penchant::net {
namespace {

namespace fs = std::filesystem;

class StaticFilesTest : public testing::Test {
 protected:
  void SetUp() override {
    root = fs::temp_directory_path() / ("penchant_static_" + std::to_string(::getpid()));
    fs::create_directories(root / "site/assets");
    write("site/index.html", "<html>");
    write("site/assets/app-1a2b.js", "run()");
    write("site/.env", "KEY=1");
    write("secret.txt", "secret");
    fs::create_symlink(root / "secret.txt", root / "site/link.txt");
  }
  void TearDown() override { fs::remove_all(root); }
  void write(const std::string& name, const std::string& text) { std::ofstream(root / name) << text; }
  static Request get(std::string path) { return {.method = "GET", .path = std::move(path)}; }
  fs::path root;
};

TEST_F(StaticFilesTest, ServesFilesWithTypeAndCaching) {
  const auto files = StaticFiles::load((root / "site").string()).value();
  const auto script = files.answer(get("/assets/app-1a2b.js"));
  ASSERT_TRUE(script);
  EXPECT_EQ(script->body, "run()");
  EXPECT_EQ(script->headers.get("Content-Type"), "text/javascript; charset=utf-8");
  EXPECT_NE(script->headers.get("Cache-Control")->find("immutable"), std::string_view::npos);
  const auto page = files.answer(get("/"));
  ASSERT_TRUE(page);
  EXPECT_EQ(page->body, "<html>");
  EXPECT_EQ(page->headers.get("Cache-Control"), "no-cache");
  EXPECT_TRUE(page->headers.get("Content-Security-Policy"));
}

TEST_F(StaticFilesTest, ClientSideRoutesGetTheIndex) {
  const auto files = StaticFiles::load((root / "site").string()).value();
  Request page = get("/people/196");
  EXPECT_FALSE(files.answer(page));  // not a browser
  page.headers.add("Accept", "text/html,application/xhtml+xml");
  EXPECT_EQ(files.answer(page)->body, "<html>");
  EXPECT_FALSE(files.answer(get("/missing.js")));  // a missing file is missing
}

TEST_F(StaticFilesTest, EtagSavesTheBody) {
  const auto files = StaticFiles::load((root / "site").string()).value();
  const auto first = files.answer(get("/"));
  Request again = get("/");
  again.headers.add("If-None-Match", std::string(*first->headers.get("ETag")));
  EXPECT_EQ(files.answer(again)->status, 304);
  EXPECT_EQ(files.answer(again)->body, "");
}

TEST_F(StaticFilesTest, NothingOutsideTheFolderExists) {
  const auto files = StaticFiles::load((root / "site").string()).value();
  EXPECT_EQ(files.size(), 2U);
  for (const char* path : {"/../secret.txt", "/..%2fsecret.txt", "/%2e%2e/secret.txt", "/link.txt",
                           "/.env", "//etc/passwd.txt", "/assets/../../secret.txt", "/assets/..\\..\\secret.txt"})
    EXPECT_FALSE(files.answer(get(path))) << path;
}

TEST_F(StaticFilesTest, AMissingFolderIsAnError) {
  EXPECT_EQ(StaticFiles::load((root / "nowhere").string()).error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace penchant::net
