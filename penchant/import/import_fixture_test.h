#pragma once
/// \file A fresh folder, a fresh store, and files to import. For tests of import.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "penchant/import/import.h"
#include "penchant/store/store.h"

namespace penchant::import {

class ImportTest : public ::testing::Test {
 protected:
  void SetUp() override {
    static std::atomic<int> count{0};
    folder_ = std::filesystem::temp_directory_path() /
              ("penchant-import-" + std::to_string(::getpid()) + "-" + std::to_string(count++));
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_ / "in");
    store_ = store::open_store((folder_ / "home").string()).value();
  }
  void TearDown() override {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

  std::string file(const std::string& name, std::string_view text) {
    const auto path = folder_ / "in" / name;
    std::ofstream(path, std::ios::binary).write(text.data(), static_cast<std::streamsize>(text.size()));
    return path.string();
  }
  std::string rejects_path() const { return (folder_ / "rejects.csv").string(); }
  std::string rejects() const {
    std::ifstream in(rejects_path(), std::ios::binary);
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
  }
  Result<ImportReport> try_import(std::vector<std::string> paths, ImportOptions options = {}) {
    if (options.rejects_path.empty()) options.rejects_path = rejects_path();
    return import_paths(paths, options, *store_, {});
  }
  ImportReport import(std::vector<std::string> paths, ImportOptions options = {}) {
    auto report = try_import(std::move(paths), std::move(options));
    EXPECT_TRUE(report.ok()) << (report.ok() ? "" : report.error().message);
    return report.ok() ? std::move(report).value() : ImportReport{};
  }
  static const FileReport& of(const ImportReport& report, std::string_view name) {
    for (const auto& file : report.files)
      if (std::filesystem::path(file.path).filename() == name) return file;
    throw std::runtime_error("no report of " + std::string(name));
  }
  /// field of a column in the mapping of a file
  static std::string field(const FileReport& file, std::string_view column) {
    for (const auto& mapped : file.columns)
      if (mapped.column == column) return mapped.field;
    return "(no such column)";
  }
  /// "user item type value time" of every event, in order of (user, time, seq).
  std::vector<std::string> events() {
    std::vector<std::string> users, items, out;
    EXPECT_TRUE(store_
                    ->scan_users([&](auto row, store::User&& user) {
                      users.resize(index(row) + 1);
                      users[index(row)] = user.id;
                      return true;
                    })
                    .ok());
    EXPECT_TRUE(store_
                    ->scan_items(
                        [&](auto, store::Item&& item) {
                          items.push_back(item.id);
                          return true;
                        },
                        false)
                    .ok());
    const auto types = store_->event_types().value();
    EXPECT_TRUE(store_
                    ->scan_events_by_user([&](const store::StoredEvent& event) {
                      std::ostringstream line;
                      line << users[index(event.user)] << ' ' << items[index(event.item)] << ' '
                           << types[event.type].name << ' ' << event.value << ' ' << event.time_ms;
                      out.push_back(line.str());
                      return true;
                    })
                    .ok());
    return out;
  }
  store::Item item(std::string_view id) { return store_->get_item(id).value(); }
  std::string attribute(std::string_view id, std::string_view name) {
    const auto record = item(id);
    const auto found = record.attributes.find(name);
    return found == record.attributes.end() ? "(none)" : catalog::to_text(found->second);
  }

  std::filesystem::path folder_;
  std::unique_ptr<store::Store> store_;
};

}  // namespace penchant::import
