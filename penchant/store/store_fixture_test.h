#pragma once
/// \file A fresh home folder. For tests of the store.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <string>

#include "penchant/store/store.h"

namespace penchant::store {

class StoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    static std::atomic<int> count{0};
    home_ = std::filesystem::temp_directory_path() /
            ("penchant-store-" + std::to_string(::getpid()) + "-" + std::to_string(count++));
    std::filesystem::remove_all(home_);
  }
  void TearDown() override { std::filesystem::remove_all(home_); }

  std::unique_ptr<Store> open(StoreOptions options = {}) {
    return open_store(home_.string(), options).value();
  }
  std::filesystem::path database() const { return home_ / "penchant.db"; }

  static Event event(std::string user, std::string item, std::int64_t time_ms, std::string key = "") {
    Event out;
    out.user = std::move(user);
    out.item = std::move(item);
    out.time_ms = time_ms;
    out.idempotency_key = std::move(key);
    return out;
  }
  static Item item(std::string id, std::string title = "") {
    Item out;
    out.id = std::move(id);
    out.title = std::move(title);
    return out;
  }
  static AppendReport append(Store& store, std::vector<Event> events, bool create_items = true) {
    return store.append_events(events, {.create_unknown_users = true, .create_unknown_items = create_items})
        .value();
  }

  std::filesystem::path home_;
};

}  // namespace penchant::store
