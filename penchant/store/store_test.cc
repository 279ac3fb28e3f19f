#include "penchant/store/store.h"

#include <sqlite3.h>

#include <cmath>
#include <fstream>
#include <latch>
#include <thread>

#include "penchant/store/store_fixture_test.h"
#include "penchant/store/time_kind.h"

namespace penchant::store {
namespace {

TEST_F(StoreTest, ItemsKeepTheirRowAndEveryField) {
  const auto store = open();
  Item alien = item("alien", "Alien");
  alien.attributes = {{"genre", std::vector<std::string>{"horror"}},
                      {"year", 1979.0},
                      {"new", false},
                      {"studio", std::string("Fox")}};
  alien.vectors = {{"text", {1, 2, 3}}, {"visual", {0.5F}}};
  alien.created_ms = 77;
  const auto rows = store->put_items(std::vector<Item>{item("first"), alien, item("third")}).value();
  EXPECT_EQ(rows, (std::vector<ItemId>{ItemId{0}, ItemId{1}, ItemId{2}}));
  const Item read = store->get_item("alien").value();
  EXPECT_EQ(read.title, "Alien");
  EXPECT_EQ(read.attributes, alien.attributes);
  ASSERT_EQ(read.vectors.size(), 2u);
  EXPECT_EQ(read.vectors[0].values, (std::vector<float>{1, 2, 3}));
  Item replaced = item("alien", "Aliens");
  EXPECT_EQ(store->put_items(std::vector<Item>{replaced}).value().at(0), ItemId{1});
  const Item after = store->get_item("alien").value();
  EXPECT_EQ(after.title, "Aliens");
  EXPECT_TRUE(after.attributes.empty());
  EXPECT_TRUE(after.vectors.empty());
  EXPECT_EQ(after.created_ms, 77);  // when it was first put
  ASSERT_TRUE(store->delete_item("alien").ok());
  EXPECT_FALSE(store->get_item("alien").value().available);
  EXPECT_EQ(store->delete_item("nobody").error().code, ErrorCode::not_found);
  EXPECT_EQ(store->find_item("third").value(), std::optional(ItemId{2}));
  EXPECT_EQ(store->find_item("fourth").value(), std::nullopt);
}

TEST_F(StoreTest, ScanBringsVectorsToTheirItems) {
  const auto store = open();
  std::vector<Item> items{item("a"), item("b"), item("c")};
  items[0].vectors = {{"v", {1}}};
  items[2].vectors = {{"u", {2, 3}}, {"v", {4}}};
  ASSERT_TRUE(store->put_items(items).ok());
  std::string seen;
  ASSERT_TRUE(store
                  ->scan_items([&](ItemId row, Item&& one) {
                    seen += std::to_string(index(row)) + one.id + std::to_string(one.vectors.size());
                    return one.id != "c";
                  })
                  .ok());
  EXPECT_EQ(seen, "0a11b02c2");
}

TEST_F(StoreTest, EventsComeBackInOrderOfTimeThenArrival) {
  const auto store = open();
  const auto report =
      append(*store, {event("u", "a", 30), event("v", "a", 5), event("u", "b", 10), event("u", "c", 10)});
  EXPECT_EQ(report.accepted, 4u);
  EXPECT_EQ(report.created_users, 2u);
  EXPECT_EQ(report.created_items, 3u);
  const auto events = store->user_events(store->find_user("u").value().value(), 10).value();
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[0].seq, 3u);
  EXPECT_EQ(events[1].seq, 4u);
  EXPECT_EQ(events[2].time_ms, 30);
  EXPECT_TRUE(std::isnan(events[0].value));
  const auto newest = store->user_events(events[0].user, 2).value();
  ASSERT_EQ(newest.size(), 2u);
  EXPECT_EQ(newest[0].seq, 4u);
  std::vector<std::uint64_t> tail;
  ASSERT_TRUE(store
                  ->scan_events_after(2,
                                      [&](const StoredEvent& one) {
                                        tail.push_back(one.seq);
                                        return true;
                                      })
                  .ok());
  EXPECT_EQ(tail, (std::vector<std::uint64_t>{3, 4}));
  const auto counts = store->counts().value();
  EXPECT_EQ(counts.first_event_ms, 5);
  EXPECT_EQ(counts.last_event_ms, 30);
}

TEST_F(StoreTest, IdempotencyKeyHoldsWithinAndAcrossCalls) {
  const auto store = open();
  EXPECT_EQ(append(*store, {event("u", "a", 1, "k"), event("u", "a", 1, "k"), event("u", "a", 1)}).accepted,
            2u);
  const auto again = append(*store, {event("u", "a", 1, "k"), event("u", "a", 1)});
  EXPECT_EQ(again.duplicates, 1u);
  EXPECT_EQ(again.accepted, 1u);
  EXPECT_EQ(store->counts().value().events, 3u);
}

TEST_F(StoreTest, OneBadEventRefusesTheWholeCall) {
  const auto store = open();
  ASSERT_TRUE(store->put_items(std::vector<Item>{item("a")}).ok());
  const auto refuse = [&](Event bad) {
    const auto result = store->append_events(std::vector<Event>{event("u", "a", 1), std::move(bad)}, {});
    EXPECT_EQ(store->counts().value().events, 0u);
    EXPECT_EQ(store->counts().value().users, 0u);
    return result.ok() ? std::string("taken") : result.error().message;
  };
  EXPECT_EQ(refuse(event("u", "zzz", 1)), "events[1].item 'zzz': no such item; put the item first");
  EXPECT_EQ(refuse(event("", "a", 1)), "events[1].user: 1 to 512 bytes of UTF-8 are wanted, this has 0");
  EXPECT_EQ(refuse(event(std::string(513, 'x'), "a", 1)),
            "events[1].user: 1 to 512 bytes of UTF-8 are wanted, this has 513");
  Event nan = event("u", "a", 1);
  nan.value = std::nan("");
  EXPECT_EQ(refuse(nan), "events[1].value: a finite number is wanted");
}

TEST_F(StoreTest, TypesGetWeightsFromTheirNames) {
  const auto store = open();
  Event buy = event("u", "a", 1), hide = event("u", "a", 2), look = event("u", "a", 3);
  buy.type = "purchase";
  hide.type = "dislike";
  append(*store, {buy, hide, look});
  auto types = store->event_types().value();
  ASSERT_EQ(types.size(), 3u);
  EXPECT_EQ(types[0].weight, 3);
  EXPECT_EQ(types[1].weight, -1);
  EXPECT_EQ(types[2].name, "view");
  ASSERT_TRUE(store->put_event_type({"view", 0.25}).ok());
  EXPECT_EQ(store->event_types().value()[2].weight, 0.25);
}

TEST_F(StoreTest, ForgettingAUserLeavesNothingInTheFiles) {
  {
    const auto store = open();
    const std::string secret = "SECRET-USER-OF-THE-TEST";
    append(*store,
           {event("other", "a", 1), event(secret, "a", 2, "secret-key-of-the-test"), event(secret, "b", 9)});
    ASSERT_TRUE(
        store->put_users(std::vector<User>{{secret, {{"name", std::string("SECRET-NAME-OF-THE-TEST")}}}})
            .ok());
    const auto row = store->find_user(secret).value().value();
    const UserEmbedding embedding{row, "SECRET-RELEASE", "r1", 1, 2, 2, {1, 2}};
    ASSERT_EQ(store->put_embeddings({&embedding, 1}).value(), 1u);
    ASSERT_TRUE(store->delete_user(secret).ok());
    EXPECT_EQ(store->get_embedding(row).value(), std::nullopt);
    EXPECT_EQ(store->put_embeddings({&embedding, 1}).value(), 0u) << "a push that began before does not bring a person back";
    EXPECT_EQ(store->get_user(secret).error().code, ErrorCode::not_found);
    EXPECT_EQ(store->counts().value().users, 1u);
    EXPECT_EQ(store->counts().value().events, 1u);
    EXPECT_EQ(store->counts().value().last_event_ms, 1);
    const auto next = append(*store, {event("u3", "a", 2)});
    EXPECT_EQ(next.accepted, 1u);
    EXPECT_EQ(index(store->find_user("u3").value().value()), 2u);  // rows are never used again
    std::uint64_t last_seq = 0;
    ASSERT_TRUE(store
                    ->scan_events_after(0,
                                        [&](const StoredEvent& one) {
                                          last_seq = one.seq;
                                          return true;
                                        })
                    .ok());
    EXPECT_EQ(last_seq, 4u);
    for (const auto& entry : std::filesystem::directory_iterator(home_)) {
      std::ifstream in(entry.path(), std::ios::binary);
      const std::string bytes((std::istreambuf_iterator<char>(in)), {});
      for (const char* word : {"SECRET-USER", "SECRET-NAME", "secret-key", "SECRET-RELEASE"})
        EXPECT_EQ(bytes.find(word), std::string::npos) << word << " in " << entry.path();
    }
  }
}

TEST_F(StoreTest, ReleasesAndSettings) {
  const auto store = open();
  ASSERT_TRUE(store->add_release({"r1", 10, true}).ok());
  ASSERT_TRUE(store->add_release({"r2", 20, false}).ok());
  EXPECT_EQ(store->promote("r9").error().code, ErrorCode::not_found);
  ASSERT_TRUE(store->promote("r2").ok());
  const auto releases = store->releases().value();
  ASSERT_EQ(releases.size(), 2u);
  EXPECT_FALSE(releases[0].live);
  EXPECT_TRUE(releases[1].live);
  EXPECT_EQ(store->get_setting("k").value(), std::nullopt);
  ASSERT_TRUE(store->put_setting("k", "{\"a\":1}").ok());
  EXPECT_EQ(store->get_setting("k").value(), std::optional<std::string>("{\"a\":1}"));
  EXPECT_EQ(time_kind(*store).value(), TimeKind::epoch);
  ASSERT_TRUE(put_time_kind(*store, TimeKind::position).ok());
  EXPECT_EQ(store->get_setting("time_kind").value(), std::optional<std::string>("\"position\""));
  EXPECT_EQ(time_kind(*store).value(), TimeKind::position);
}

TEST_F(StoreTest, AnEmbeddingStaysUntilAnotherTakesItsPlace) {
  const auto store = open();
  append(*store, {event("u", "a", 1), event("v", "a", 1)});
  const auto u = store->find_user("u").value().value(), v = store->find_user("v").value().value();
  EXPECT_EQ(store->get_embedding(u).value(), std::nullopt);
  const std::vector<UserEmbedding> first{{u, "r1", "r1", 100, 5, 3, {0.25F, -2}}, {v, "r1", "r1", 100, 6, 4, {1, 1}}};
  EXPECT_EQ(store->put_embeddings(first).value(), 2u);
  EXPECT_EQ(store->put_embeddings(std::vector<UserEmbedding>{{u, "r2", "r1", 200, 7, 9, {3, 4}}}).value(), 1u);
  EXPECT_EQ(store->get_embedding(u).value(), (UserEmbedding{u, "r2", "r1", 200, 7, 9, {3, 4}}));
  EXPECT_EQ(store->get_embedding(v).value(), first[1]);
  auto bad = first;
  bad[1].vector[0] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_NE(store->put_embeddings(bad).error().message.find("embeddings[1].vector"), std::string::npos);
  EXPECT_EQ(store->get_embedding(u).value()->release, "r2") << "all or none";
}

TEST_F(StoreTest, AFileOfFormat1IsBroughtUpToDateWithEverythingInIt) {
  append(*open(), {event("u", "a", 1)});
  sqlite3* raw = nullptr;
  ASSERT_EQ(sqlite3_open(database().c_str(), &raw), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(raw, "DROP TABLE user_embeddings; PRAGMA user_version=1", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(raw);
  const auto reader = open_store(home_.string(), {.read_only = true});
  ASSERT_FALSE(reader.ok()) << "a reader cannot add a table";
  EXPECT_NE(reader.error().message.find("penchant describe"), std::string::npos) << reader.error().message;
  for (int again = 0; again < 2; ++again) {
    const auto store = open();
    EXPECT_EQ(store->counts().value().events, 1u);
    const auto u = store->find_user("u").value().value();
    EXPECT_EQ(store->get_embedding(u).value().has_value(), again == 1);
    EXPECT_EQ(store->put_embeddings(std::vector<UserEmbedding>{{u, "r", "r", 1, 1, 1, {1}}}).value(), 1u);
  }
  EXPECT_EQ(open({.read_only = true})->counts().value().events, 1u);
}

TEST_F(StoreTest, ManyWritersAndReadersAtOnce) {
  const auto store = open();
  constexpr int kThreads = 8, kCalls = 30;
  std::latch start(kThreads + 2);
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  std::atomic<int> failed{0};
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      start.arrive_and_wait();
      for (int k = 0; k < kCalls; ++k) {
        const std::vector<Event> one{event("u" + std::to_string(t), "i" + std::to_string(k), k,
                                           std::to_string(t) + "/" + std::to_string(k))};
        const auto report =
            store->append_events(one, {.create_unknown_users = true, .create_unknown_items = true});
        failed += report.ok() && report->accepted == 1 ? 0 : 1;
        // What was acknowledged is there for the one who was told.
        const auto user = store->find_user("u" + std::to_string(t));
        const auto events = user.ok() && user->has_value()
                                ? store->user_events(**user, 1000)
                                : Result<std::vector<StoredEvent>>(invalid("no user"));
        failed += events.ok() && events->size() == static_cast<std::size_t>(k + 1) ? 0 : 1;
      }
    });
  for (int r = 0; r < 2; ++r)
    threads.emplace_back([&] {
      start.arrive_and_wait();
      while (!stop) {
        std::uint64_t n = 0, last = 0;
        const auto status = store->scan_events_after(0, [&](const StoredEvent& one) {
          failed += one.seq == last + 1 ? 0 : 1;  // no gap in one moment's view
          last = one.seq;
          ++n;
          return true;
        });
        failed += status.ok() ? 0 : 1;
      }
    });
  for (int t = 0; t < kThreads; ++t) threads[static_cast<std::size_t>(t)].join();
  stop = true;
  for (std::size_t t = kThreads; t < threads.size(); ++t) threads[t].join();
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(store->counts().value().events, static_cast<std::uint64_t>(kThreads * kCalls));
}

TEST_F(StoreTest, ABadCallInAGroupDoesNotHurtItsNeighbours) {
  const auto store = open();
  std::latch start(6);
  std::atomic<int> good{0}, bad{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 6; ++t)
    threads.emplace_back([&, t] {
      start.arrive_and_wait();
      for (int k = 0; k < 20; ++k) {
        const bool unknown = t % 2 == 0;
        const auto report = store->append_events(
            std::vector<Event>{event("u", "i", k), event("u", unknown ? "never" : "i", k)},
            {.create_unknown_users = true, .create_unknown_items = !unknown});
        (report.ok() ? good : bad) += 1;
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(good, 60);
  EXPECT_EQ(bad, 60);
  EXPECT_EQ(store->counts().value().events, 120u);
}

TEST_F(StoreTest, ReopensAndRefusesWhatIsNotOurs) {
  { append(*open(), {event("u", "a", 1)}); }
  EXPECT_EQ(open()->counts().value().events, 1u);
  {
    const auto reader = open({.read_only = true});
    EXPECT_EQ(reader->counts().value().events, 1u);
    EXPECT_NE(reader->put_items(std::vector<Item>{item("x")}).error().message.find("read-only"),
              std::string::npos);
  }
  const auto code_of = [&] {
    const auto result = open_store(home_.string());
    EXPECT_FALSE(result.ok());
    if (result.ok()) return std::string("opened");
    EXPECT_NE(result.error().message.find("penchant.db"), std::string::npos) << result.error().message;
    return std::string(name_of(result.error().code)) + ": " + result.error().message;
  };
  sqlite3* raw = nullptr;
  ASSERT_EQ(sqlite3_open(database().c_str(), &raw), SQLITE_OK);
  sqlite3_exec(raw, "PRAGMA user_version=3", nullptr, nullptr, nullptr);
  EXPECT_NE(code_of().find("corrupt: "), std::string::npos);
  EXPECT_NE(code_of().find("format 3; this program reads formats up to 2"), std::string::npos);
  sqlite3_exec(raw, "PRAGMA user_version=2; PRAGMA application_id=7", nullptr, nullptr, nullptr);
  EXPECT_NE(code_of().find("another program"), std::string::npos);
  sqlite3_close(raw);
}

TEST_F(StoreTest, TruncatedAndGarbageFilesAreCorrupt) {
  {
    const auto store = open();
    std::vector<Event> events;
    for (int i = 0; i < 3000; ++i)
      events.push_back(event("u" + std::to_string(i % 50), "i" + std::to_string(i), i));
    append(*store, events);
  }
  const auto size = std::filesystem::file_size(database());
  for (const auto keep :
       {size / 2, size - 4096, std::uintmax_t{5000}, std::uintmax_t{60}, std::uintmax_t{10}}) {
    std::filesystem::copy_file(database(), home_ / "copy", std::filesystem::copy_options::overwrite_existing);
    std::filesystem::resize_file(database(), keep);
    const auto result = open_store(home_.string());
    ASSERT_FALSE(result.ok()) << keep;
    EXPECT_EQ(result.error().code, ErrorCode::corrupt) << result.error().message;
    EXPECT_NE(result.error().message.find("penchant.db"), std::string::npos);
    std::filesystem::copy_file(home_ / "copy", database(), std::filesystem::copy_options::overwrite_existing);
  }
  std::ofstream(database(), std::ios::binary | std::ios::trunc)
      << "this is no database, whatever its name says; far from it";
  EXPECT_EQ(open_store(home_.string()).error().code, ErrorCode::corrupt);
  std::filesystem::remove(database());
  EXPECT_EQ(open_store(home_.string(), {.create = false}).error().code, ErrorCode::not_found);
}

TEST_F(StoreTest, DamageInsideIsReportedNotReturned) {
  {
    const auto store = open();
    std::vector<Event> events;
    for (int i = 0; i < 5000; ++i)
      events.push_back(event("user" + std::to_string(i % 50), "item" + std::to_string(i % 300), i));
    append(*store, events);
  }
  std::fstream file(database(), std::ios::binary | std::ios::in | std::ios::out);
  const auto size = static_cast<std::streamoff>(std::filesystem::file_size(database()));
  for (std::streamoff at = 8192; at + 4096 <= size; at += 4096) {  // every page but the first two
    file.seekp(at);
    file << std::string(64, '\xA5');
  }
  file.close();
  auto store = open_store(home_.string());
  if (!store.ok()) {
    EXPECT_EQ(store.error().code, ErrorCode::corrupt);
    return;
  }
  const auto status = store.value()->scan_events_by_user([](const StoredEvent&) { return true; });
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::corrupt) << status.error().message;
}

}  // namespace
}  // namespace penchant::store
