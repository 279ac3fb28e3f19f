/// The disk fills up, and the process is killed.
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>

#include <atomic>
#include <cstring>
#include <map>
#include <thread>

#include "penchant/store/store_fixture_test.h"

namespace penchant::store {
namespace {

/// Bytes that may still be written before the disk is "full".
std::atomic<std::int64_t> disk_left{0};

/// A file of the real VFS behind one that counts what is written.
struct FullFile {
  sqlite3_file base;
  sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};
FullFile* full(sqlite3_file* file) { return reinterpret_cast<FullFile*>(file); }

int full_write(sqlite3_file* file, const void* data, int n, sqlite3_int64 at) {
  if (disk_left.fetch_sub(n) < n) {
    disk_left = 0;
    return SQLITE_FULL;
  }
  return full(file)->real()->pMethods->xWrite(full(file)->real(), data, n, at);
}

#define FORWARD(name, params, args) \
  [](sqlite3_file* f params) -> int { return full(f)->real()->pMethods->name(full(f)->real() args); }
#define COMMA ,

const sqlite3_io_methods kFullMethods = {
    2,
    FORWARD(xClose, , ),
    FORWARD(xRead, COMMA void* p COMMA int n COMMA sqlite3_int64 at, COMMA p COMMA n COMMA at),
    full_write,
    FORWARD(xTruncate, COMMA sqlite3_int64 n, COMMA n),
    FORWARD(xSync, COMMA int flags, COMMA flags),
    FORWARD(xFileSize, COMMA sqlite3_int64* n, COMMA n),
    FORWARD(xLock, COMMA int level, COMMA level),
    FORWARD(xUnlock, COMMA int level, COMMA level),
    FORWARD(xCheckReservedLock, COMMA int* out, COMMA out),
    [](sqlite3_file* f, int op, void* arg) -> int {
      if (op == SQLITE_FCNTL_SIZE_HINT) return SQLITE_OK;
      return full(f)->real()->pMethods->xFileControl(full(f)->real(), op, arg);
    },
    FORWARD(xSectorSize, , ),
    FORWARD(xDeviceCharacteristics, , ),
    FORWARD(xShmMap, COMMA int page COMMA int size COMMA int extend COMMA void volatile** out,
            COMMA page COMMA size COMMA extend COMMA out),
    FORWARD(xShmLock, COMMA int at COMMA int n COMMA int flags, COMMA at COMMA n COMMA flags),
    [](sqlite3_file* f) { full(f)->real()->pMethods->xShmBarrier(full(f)->real()); },
    FORWARD(xShmUnmap, COMMA int remove, COMMA remove),
    nullptr,
    nullptr};

void register_full_vfs() {
  static sqlite3_vfs vfs = [] {
    sqlite3_vfs* real = sqlite3_vfs_find(nullptr);
    sqlite3_vfs out = *real;
    out.zName = "penchant-full";
    out.szOsFile = static_cast<int>(sizeof(FullFile)) + real->szOsFile;
    out.pAppData = real->pAppData;
    out.xOpen = [](sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out_flags) {
      sqlite3_vfs* base = sqlite3_vfs_find("unix");
      file->pMethods = nullptr;
      const int code = base->xOpen(base, name, full(file)->real(), flags, out_flags);
      if (code == SQLITE_OK) file->pMethods = &kFullMethods;
      return code;
    };
    return out;
  }();
  sqlite3_vfs_register(&vfs, 0);
}

TEST_F(StoreTest, FullDiskStoresNothingAndLaterWritesWork) {
  register_full_vfs();
  disk_left = 1LL << 40;
  const auto store = open({.vfs = "penchant-full"});
  append(*store, {event("u", "a", 1)});
  std::vector<Event> many;
  for (int i = 0; i < 20'000; ++i) many.push_back(event("u" + std::to_string(i), "i" + std::to_string(i), i));
  int refused = 0;
  for (const std::int64_t left : {0LL, 5'000LL, 60'000LL, 400'000LL, 1'000'000LL}) {
    disk_left = left;
    const auto result =
        store->append_events(many, {.create_unknown_users = true, .create_unknown_items = true});
    ASSERT_FALSE(result.ok()) << left;
    ++refused;
    EXPECT_EQ(result.error().code, ErrorCode::resource_exhausted) << result.error().message;
    EXPECT_NE(result.error().message.find("disk is full"), std::string::npos);
    const auto counts = store->counts().value();
    EXPECT_EQ(counts.events, static_cast<std::uint64_t>(refused));
    EXPECT_EQ(counts.users, 1u);
    disk_left = 1LL << 40;
    EXPECT_EQ(append(*store, {event("u", "a", 2 + refused)}).accepted, 1u);
  }
}

TEST_F(StoreTest, FullDiskHurtsNoneOfAGroupThatFits) {
  register_full_vfs();
  disk_left = 1LL << 40;
  const auto store = open({.vfs = "penchant-full"});
  append(*store, {event("u", "a", 1)});
  std::vector<Event> many;
  for (int i = 0; i < 30'000; ++i) many.push_back(event("u" + std::to_string(i), "i" + std::to_string(i), i));
  disk_left = 900'000;  // the big call never fits, small ones do
  std::atomic<int> small{0}, big{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      if (t == 0) {
        big += store->append_events(many, {.create_unknown_users = true, .create_unknown_items = true}).ok()
                   ? 0
                   : 1;
        disk_left = 1LL << 40;
        return;
      }
      for (int k = 0; k < 5; ++k)
        while (!store->append_events(std::vector<Event>{event("u", "a", k)}, {}).ok())
          std::this_thread::yield();
      small += 5;
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(big, 1);
  EXPECT_EQ(small, 15);
  EXPECT_EQ(store->counts().value().events, 16u);
}

TEST_F(StoreTest, KilledProcessLosesNoAcknowledgedEvent) {
  for (int round = 0; round < 3; ++round) {
    const auto home = home_ / std::to_string(round);
    int fds[2];
    ASSERT_EQ(::pipe(fds), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {  // four writers, each telling the parent what was acknowledged
      ::close(fds[0]);
      auto store = open_store(home.string());
      if (!store.ok()) ::_exit(2);
      std::vector<std::thread> writers;
      for (int t = 0; t < 4; ++t)
        writers.emplace_back([&, t] {
          for (std::uint32_t k = 0; k < 100'000; ++k) {
            const std::vector<Event> one{event("u" + std::to_string(t), "i" + std::to_string(k % 50), k,
                                               std::to_string(t) + "-" + std::to_string(k))};
            if (!store.value()
                     ->append_events(one, {.create_unknown_users = true, .create_unknown_items = true})
                     .ok())
              ::_exit(3);
            const std::uint32_t told[2] = {static_cast<std::uint32_t>(t), k};
            if (::write(fds[1], told, sizeof told) != sizeof told) ::_exit(4);
          }
        });
      for (auto& writer : writers) writer.join();
      ::_exit(0);
    }
    ::close(fds[1]);
    std::map<std::uint32_t, std::uint32_t> acknowledged;  // writer -> events told
    std::uint32_t told[2];
    int total = 0;
    while (::read(fds[0], told, sizeof told) == static_cast<ssize_t>(sizeof told)) {
      EXPECT_EQ(told[1], acknowledged[told[0]]);
      ++acknowledged[told[0]];
      if (++total == 60 + 40 * round) {
        ASSERT_EQ(::kill(child, SIGKILL), 0);
      }
    }
    ::close(fds[0]);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child ended by itself: " << status;
    const auto store = open_store(home.string()).value();
    for (const auto& [writer, n] : acknowledged) {
      const auto user = store->find_user("u" + std::to_string(writer)).value();
      ASSERT_TRUE(user.has_value());
      const auto events = store->user_events(*user, 1'000'000).value();
      ASSERT_GE(events.size(), n);                   // all that was told
      ASSERT_LE(events.size(), n + std::size_t{2});  // and at most what was on its way
      for (std::size_t k = 0; k < events.size(); ++k) {
        EXPECT_EQ(events[k].time_ms, static_cast<std::int64_t>(k));
        if (k > 0) {
          EXPECT_LT(events[k - 1].seq, events[k].seq);
        }
      }
    }
  }
}

}  // namespace
}  // namespace penchant::store
