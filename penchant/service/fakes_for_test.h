#pragma once
/// \file A store in memory, an engine that ranks by row, a runner that obeys, and a client with JSON.
/// Test code only.
#include <atomic>
#include <cmath>
#include <filesystem>
#include <limits>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <gtest/gtest.h>
#include <unistd.h>

#include "penchant/catalog/filter.h"
#include "penchant/net/client.h"
#include "penchant/net/server.h"
#include "penchant/recommend/engine.h"
#include "penchant/service/service.h"

namespace penchant::service {

class MemoryStore final : public store::Store {
 public:
  Result<std::vector<catalog::ItemId>> put_items(std::span<const catalog::Item> given) override {
    const std::lock_guard lock(mutex);
    std::vector<catalog::ItemId> rows;
    for (const auto& item : given) {
      const auto at = row_of(items, item.id);
      rows.push_back(catalog::ItemId{static_cast<std::uint32_t>(at)});
      if (at == items.size()) items.push_back(item);
      else items[at] = item;
    }
    return rows;
  }
  Result<std::vector<catalog::UserId>> put_users(std::span<const catalog::User> given) override {
    const std::lock_guard lock(mutex);
    std::vector<catalog::UserId> rows;
    for (const auto& user : given) {
      const auto at = row_of(users, user.id);
      rows.push_back(catalog::UserId{static_cast<std::uint32_t>(at)});
      if (at == users.size()) users.push_back(user);
      else users[at] = user;
    }
    return rows;
  }
  Result<catalog::Item> get_item(std::string_view id) override {
    const std::lock_guard lock(mutex);
    const auto at = row_of(items, id);
    if (at == items.size()) return Error{ErrorCode::not_found, "no item '" + std::string(id) + "'"};
    return items[at];
  }
  Result<catalog::User> get_user(std::string_view id) override {
    const std::lock_guard lock(mutex);
    const auto at = row_of(users, id);
    if (at == users.size()) return Error{ErrorCode::not_found, "no user '" + std::string(id) + "'"};
    return users[at];
  }
  Status delete_item(std::string_view id) override {
    const std::lock_guard lock(mutex);
    const auto at = row_of(items, id);
    if (at == items.size()) return Error{ErrorCode::not_found, "no item '" + std::string(id) + "'"};
    items[at].available = false;
    return {};
  }
  Status delete_user(std::string_view id) override {
    const std::lock_guard lock(mutex);
    const auto at = row_of(users, id);
    if (at == users.size()) return Error{ErrorCode::not_found, "no user '" + std::string(id) + "'"};
    users[at].id.clear();
    return {};
  }
  Result<std::optional<catalog::ItemId>> find_item(std::string_view id) override {
    const std::lock_guard lock(mutex);
    const auto at = row_of(items, id);
    if (at == items.size()) return std::optional<catalog::ItemId>{};
    return std::optional(catalog::ItemId{static_cast<std::uint32_t>(at)});
  }
  Result<std::optional<catalog::UserId>> find_user(std::string_view id) override {
    const std::lock_guard lock(mutex);
    const auto at = row_of(users, id);
    if (at == users.size()) return std::optional<catalog::UserId>{};
    return std::optional(catalog::UserId{static_cast<std::uint32_t>(at)});
  }
  Status scan_items(const std::function<bool(catalog::ItemId, catalog::Item&&)>& visit, bool) override {
    const std::lock_guard lock(mutex);
    for (std::uint32_t row = 0; row < items.size(); ++row)
      if (!visit(catalog::ItemId{row}, catalog::Item(items[row]))) break;
    return {};
  }
  Status scan_users(const std::function<bool(catalog::UserId, catalog::User&&)>& visit) override {
    const std::lock_guard lock(mutex);
    for (std::uint32_t row = 0; row < users.size(); ++row)
      if (!visit(catalog::UserId{row}, catalog::User(users[row]))) break;
    return {};
  }
  Result<store::AppendReport> append_events(std::span<const catalog::Event> given, const store::AppendOptions& options) override {
    store::AppendReport report;
    for (const auto& event : given) {
      if (!find_item(event.item)->has_value()) {
        if (!options.create_unknown_items) return invalid("no item '" + event.item + "'");
        PENCHANT_DO(put_items(std::vector<catalog::Item>{{.id = event.item}}));
        ++report.created_items;
      }
      if (!find_user(event.user)->has_value()) {
        PENCHANT_DO(put_users(std::vector<catalog::User>{{.id = event.user}}));
        ++report.created_users;
      }
      const std::lock_guard lock(mutex);
      const auto same = [&](const catalog::Event& e) { return !e.idempotency_key.empty() && e.idempotency_key == event.idempotency_key; };
      if (std::any_of(events.begin(), events.end(), same)) {
        ++report.duplicates;
        continue;
      }
      events.push_back(event);
      ++report.accepted;
    }
    return report;
  }
  Result<std::vector<store::StoredEvent>> user_events(catalog::UserId user, std::size_t limit) override {
    const std::lock_guard lock(mutex);
    std::vector<store::StoredEvent> out;
    for (const auto& event : events)
      if (row_of(users, event.user) == index(user))
        out.push_back({.seq = out.size(), .user = user,
                       .item = catalog::ItemId{static_cast<std::uint32_t>(row_of(items, event.item))},
                       .type = static_cast<std::uint16_t>(event.type == "like"),
                       .value = event.value.value_or(std::numeric_limits<double>::quiet_NaN()), .time_ms = event.time_ms});
    if (out.size() > limit) out.erase(out.begin(), out.end() - static_cast<std::ptrdiff_t>(limit));
    return out;
  }
  Status scan_events_by_user(const std::function<bool(const store::StoredEvent&)>&) override { return {}; }
  Status scan_events_after(std::uint64_t, const std::function<bool(const store::StoredEvent&)>&) override { return {}; }
  Result<std::vector<store::EventType>> event_types() override { return std::vector<store::EventType>{{"view", 1}, {"like", 2}}; }
  Status put_event_type(const store::EventType&) override { return {}; }
  Result<std::uint64_t> put_embeddings(std::span<const store::UserEmbedding> given) override {
    for (const auto& embedding : given) embeddings[catalog::index(embedding.user)] = embedding;
    return std::uint64_t{given.size()};
  }
  Result<std::optional<store::UserEmbedding>> get_embedding(catalog::UserId user) override {
    const auto found = embeddings.find(catalog::index(user));
    return found == embeddings.end() ? std::nullopt : std::optional(found->second);
  }
  Status scan_embeddings(const std::function<bool(store::UserEmbedding&&)>& visit) override {
    for (const auto& [user, embedding] : embeddings)
      if (!visit(store::UserEmbedding(embedding))) break;
    return {};
  }
  Status add_release(const store::ReleaseRow& row) override { rows.push_back(row); return {}; }
  Result<std::vector<store::ReleaseRow>> releases() override { return rows; }
  Status promote(std::string_view name) override {
    for (auto& row : rows) row.live = row.name == name;
    return {};
  }
  Status put_setting(std::string_view, std::string_view) override { return {}; }
  Result<std::optional<std::string>> get_setting(std::string_view) override { return std::optional<std::string>{}; }
  Result<store::Counts> counts() override {
    const std::lock_guard lock(mutex);
    return store::Counts{.items = items.size(), .users = users.size(), .events = events.size()};
  }

  template <class Records>
  static std::size_t row_of(const Records& records, std::string_view id) {
    std::size_t at = 0;
    while (at < records.size() && records[at].id != id) ++at;
    return at;
  }
  std::mutex mutex;
  std::vector<catalog::Item> items;
  std::vector<catalog::User> users;
  std::vector<catalog::Event> events;
  std::vector<store::ReleaseRow> rows;
  std::map<std::uint32_t, store::UserEmbedding> embeddings;
};

/// Returns the available items that pass the filter, in row order.
class FakeEngine final : public recommend::Engine {
 public:
  explicit FakeEngine(MemoryStore& data) : store(data) {}
  Result<recommend::Response> recommend(const recommend::Request& request) override {
    {
      const std::lock_guard lock(mutex);
      last = request;
    }
    if (delay.count() > 0) std::this_thread::sleep_for(delay);
    if (request.user == "boom") throw InternalError("a broken promise");
    PENCHANT_TRY(filter, catalog::Filter::parse(request.filter));
    recommend::Response out{.task = request.query.empty() ? "recommend" : "search", .release = "r1", .filter = filter.to_string()};
    PENCHANT_DO(store.scan_items([&](catalog::ItemId, catalog::Item&& item) {
      const bool found = request.query.empty() || item.title.find(request.query) != std::string::npos;
      if (item.available && found && filter.matches(item)) out.items.push_back(scored(item, out.items.size() + 1, request.explain));
      return out.items.size() < request.n;
    }, false));
    out.timings_ms = {{"rank", 0.5}, {"total", 1.25}};
    if (request.beam > 0) out.degraded.push_back({"generator", "there is no release"});
    return out;
  }
  Result<recommend::ScoredItem> explain(const recommend::Request&, const std::string& id) override {
    PENCHANT_TRY(item, store.get_item(id));
    return scored(item, 1, recommend::Explain::brief);
  }
  Result<recommend::ItemCard> item_card(const std::string& id) override {
    PENCHANT_TRY(item, store.get_item(id));
    return recommend::ItemCard{.item = item, .semantic_id = {1, 2, 3}, .events = 4,
                               .neighbours = {{"2", "Two", {1, 2, 4}, 2, 0.5}}};
  }
  Result<recommend::IdTree> id_tree(const recommend::IdTreeQuery& query) override {
    if (query.prefix.size() > 1) return Error{ErrorCode::not_found, "no available item has a semantic ID that begins so"};
    last_tree = query;
    recommend::IdTree out{.release = "r1", .levels = 3, .path = {{.items = 3, .share = 1}}, .below = 5};
    recommend::IdTreeNode child{.prefix = {1}, .name = "Sci-Fi", .items = 2, .share = 0.5,
                                .terms = {{"genre", "Sci-Fi", 1, 0.25}}, .examples = {{"1", "Star Wars", 4}}};
    if (query.prefix.empty()) out.children.push_back(child);
    else out.path.push_back(child);
    return out;
  }
  Result<std::vector<double>> score_all(const recommend::Request&) override { return std::vector<double>{}; }
  Result<store::AppendReport> append_events(std::span<const catalog::Event> events, const store::AppendOptions& options) override {
    return store.append_events(events, options);
  }
  Status put_items(std::span<const catalog::Item> items) override { PENCHANT_DO(store.put_items(items)); return {}; }
  Status put_users(std::span<const catalog::User> users) override { PENCHANT_DO(store.put_users(users)); return {}; }
  Status delete_item(const std::string& id) override { return store.delete_item(id); }
  Status delete_user(const std::string& id) override { return store.delete_user(id); }
  Status promote(const std::string& release) override { live = release; return store.promote(release); }
  Status reload() override { ++reloads; return {}; }
  [[nodiscard]] std::string live_release() const override { return live; }

  static recommend::ScoredItem scored(const catalog::Item& item, std::size_t rank, recommend::Explain explain) {
    recommend::ScoredItem out{.id = item.id, .title = item.title, .score = 1.0 / static_cast<double>(rank), .rank = rank,
                              .semantic_id = {1, 2, 3}, .sources = {"popular"}};
    if (explain == recommend::Explain::none) return out;
    out.features = {{"dense", 0.25}};
    out.reasons = {{.type = "history", .weight = 0.5, .evidence = {{"event", "2", "Two"}}}};
    if (explain == recommend::Explain::brief) out.explanation = "Because of Two";
    return out;
  }

  MemoryStore& store;
  std::chrono::milliseconds delay{0};
  std::atomic<int> reloads{0};
  std::string live = "r1";
  std::mutex mutex;
  recommend::Request last;
  recommend::IdTreeQuery last_tree;
};

class FakeRunner final : public TaskRunner {
 public:
  Result<JobOutcome> import_files(const ImportJob& job, const ProgressSink& progress) override {
    last_import = job;
    for (const auto& path : job.paths) {
      std::error_code ec;
      bytes = std::filesystem::file_size(path, ec);
    }
    return steps(progress, "import");
  }
  Result<JobOutcome> train(const TrainJob& job, const ProgressSink& progress) override {
    last_train = job;
    auto done = steps(progress, "train");
    if (done.ok()) done->release = "r2";
    return done;
  }
  Result<JobOutcome> steps(const ProgressSink& progress, const std::string& step) {
    for (std::uint64_t i = 0; i <= total; ++i) {
      if (!progress({.step = step, .done = i, .total = total, .detail = "at work"}))
        return Error{ErrorCode::cancelled, "cancelled"};
      if (fail) return Error{ErrorCode::invalid_argument, "row 3: no column"};
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return JobOutcome{.json = "{\"rows\": 7}"};
  }
  std::atomic<std::uint64_t> total{5};
  std::atomic<bool> fail{false};
  std::uintmax_t bytes = 0;
  ImportJob last_import;
  TrainJob last_train;
};

/// A whole service on a real socket, with three films and a user.
class ServiceTest : public testing::Test {
 protected:
  void SetUp() override {
    home = std::filesystem::temp_directory_path() /
           ("penchant_service_" + std::to_string(::getpid()) + "_" +
            testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::create_directories(home / "imports");
    options.home = home.string();
    options.import_dir = (home / "imports").string();
    options.version = "1.2.3";
    PutFilms();
  }
  void TearDown() override {
    server.reset();
    service.reset();
    std::filesystem::remove_all(home);
  }
  void PutFilms() {
    const std::vector<catalog::Item> films{
        {.id = "1", .title = "Star Wars", .attributes = {{"genre", std::vector<std::string>{"Sci-Fi"}}, {"year", 1977.0}}},
        {.id = "2", .title = "Two", .attributes = {{"genre", std::vector<std::string>{"Drama"}}, {"year", 1999.0}}},
        {.id = "a/b c", .title = "Odd Star", .attributes = {}}};
    EXPECT_TRUE(store.put_items(films).ok());
    EXPECT_TRUE(store.put_users(std::vector<catalog::User>{{.id = "196"}, {.id = "96"}, {.id = "Ann"}}).ok());
    EXPECT_TRUE(store.add_release({.name = "r1", .created_ms = 1'700'000'000'000, .live = true}).ok());
  }
  void start(bool attach = true) {
    service = std::make_unique<Service>(options, runner, clock);
    net::ServerOptions wire;
    wire.port = 0;
    wire.workers = 2;
    auto started = net::Server::start(service->wire(wire), service->handler());
    server = std::move(started).value();
    if (attach) service->attach(store, engine);
  }
  struct Result_ {
    int status = 0;
    boost::json::value body;
    net::Response raw;
  };
  Result_ call(const std::string& method, const std::string& target, std::string body = {}, net::Headers headers = {}) {
    net::Client client({.port = server->port()});
    net::Request request{.method = method, .path = target, .headers = std::move(headers), .body = std::move(body)};
    auto response = client.send(request);
    if (!response.ok()) {
      ADD_FAILURE() << response.error().message;
      return {};
    }
    boost::json::error_code ec;
    auto parsed = boost::json::parse(response->body, ec);
    return {response->status, ec ? boost::json::value() : parsed, *response};
  }
  Result_ post(const std::string& target, std::string body) { return call("POST", target, std::move(body)); }
  static std::string text(const boost::json::value& value) { return boost::json::serialize(value); }
  /// Member by JSON pointer, as text without quotes; "(none)" when absent.
  static std::string at(const boost::json::value& value, const std::string& pointer) {
    boost::json::error_code ec;
    const auto* found = value.find_pointer(pointer, ec);
    if (found == nullptr) return "(none)";
    if (found->is_string()) return std::string(found->get_string().c_str());
    return text(*found);
  }

  std::filesystem::path home;
  ServiceOptions options;
  MemoryStore store;
  FakeEngine engine{store};
  FakeRunner runner;
  FixedClock clock{1'700'000'000'000};
  std::unique_ptr<Service> service;
  std::unique_ptr<net::Server> server;
};

}  // namespace penchant::service
