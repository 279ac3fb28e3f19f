#include "penchant/recommend/user_embeddings.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "penchant/recommend/history_input.h"
#include "penchant/recommend/test_release.h"

namespace penchant::recommend {
namespace {

constexpr std::int64_t kNow = 1'600'100'000'000;

class UserEmbeddings : public ::testing::Test {
 protected:
  void SetUp() override {
    store_ = store::open_store(home_.path()).value();
    options_.random = true;
    options_.normalised = true;
    options_.max_len = 6;
    items_ = test_items(options_);
    events_ = test_events(options_, kUsers, 10);
    ASSERT_TRUE(store_->put_items(items_).ok());
    ASSERT_TRUE(store_->append_events(events_, {}).ok());
    write("r1", 1);
  }
  void write(const std::string& name, std::uint64_t seed) {
    options_.name = name;
    options_.seed = seed;
    ASSERT_TRUE(write_test_release(home_.path(), options_, items_, events_).ok());
  }
  std::unique_ptr<UserModel> model(const std::string& name) { return UserModel::load(home_.path() + "/models/" + name).value(); }
  std::vector<HistoryEvent> history(const std::string& user) {
    std::vector<HistoryEvent> out;
    const auto events = store_->user_events(store_->find_user(user).value().value(), 1000).value();
    for (const auto& e : events) out.push_back({e.item, "rating", e.value, e.time_ms});
    return out;
  }
  std::string file(const std::string& name) {
    std::ifstream in(home_.path() + "/" + name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  static constexpr std::size_t kUsers = 12;
  TestFolder home_;
  TestReleaseOptions options_;
  std::vector<catalog::Item> items_;
  std::vector<catalog::Event> events_;
  std::unique_ptr<store::Store> store_;
  Executor executor_{2};
  FixedClock clock_{kNow};
};

TEST_F(UserEmbeddings, TheUserModelReadsWhatServingReads) {
  const auto r1 = model("r1");
  const auto release = load_release(home_.path() + "/models/r1").value();
  const auto events = history("u3");
  std::vector<std::size_t> after;
  for (std::size_t n = 0; n <= events.size(); ++n) after.push_back(n);
  const auto vectors = r1->user_vectors(events, after).value();  // 0 to 10 events, of which 6 are read
  for (std::size_t n = 0; n <= events.size(); ++n) {
    const auto state = encode_history(*release.model, release.tables, std::span(events).first(n)).value();
    if (n == 0) {
      for (const float x : vectors.row(0)) EXPECT_EQ(x, 0);
      continue;
    }
    auto unit = state.hidden;
    kernels::l2_normalise(unit);
    for (std::size_t j = 0; j < unit.size(); ++j) EXPECT_NEAR(vectors(n, j), unit[j], 1e-5) << n << " events";
    EXPECT_EQ(r1->user_vector(std::span(events).first(n)).value().size(), unit.size());
  }
}

TEST_F(UserEmbeddings, EventsOfItemsThatTheReleaseDoesNotKnowAreLeftOut) {
  const auto r1 = model("r1");
  auto events = history("u1");
  const auto before = r1->user_vector(events).value();
  events.push_back({catalog::ItemId{100'000}, "rating", 5, kNow});
  EXPECT_EQ(r1->user_vector(events).value(), before);
  EXPECT_TRUE(r1->user_vector(std::span(events).last(1)).value().empty());
}

TEST_F(UserEmbeddings, WhatIsPushedIsWhatIsShownUntilTheWorldMovesOn) {
  ASSERT_TRUE(store_->put_users(std::vector<catalog::User>{{.id = "idle"}}).ok());
  ASSERT_TRUE(store_->add_release({"r1", 1, true}).ok());
  const auto r1 = model("r1");
  const auto report = push_user_embeddings(*r1, "r1", *store_, clock_, executor_).value();
  EXPECT_EQ(report.users, kUsers);
  clock_.set(kNow + 5'000);
  const auto read = read_user_embedding(*store_, "u2", clock_).value();
  const auto events = history("u2");
  EXPECT_EQ(read.embedding.vector, r1->user_vector(events).value());
  EXPECT_EQ(read.embedding.release, "r1");
  EXPECT_EQ(read.embedding.made_ms, kNow);
  EXPECT_EQ(read.embedding.until_ms, events.back().time_ms);
  EXPECT_EQ(read.embedding.events, events.size());
  EXPECT_EQ(read.age_ms, 5'000);
  EXPECT_TRUE(read.stale.empty());
  EXPECT_NE(read_user_embedding(*store_, "idle", clock_).error().message.find("penchant embeddings push"), std::string::npos);
  EXPECT_EQ(read_user_embedding(*store_, "nobody", clock_).error().code, ErrorCode::not_found);

  catalog::Event late = events_[0];
  late.user = "u2";
  late.time_ms = kNow;
  ASSERT_TRUE(store_->append_events({&late, 1}, {}).ok());
  ASSERT_TRUE(store_->add_release({"r2", 2, false}).ok());
  ASSERT_TRUE(store_->promote("r2").ok());
  const auto stale = read_user_embedding(*store_, "u2", clock_).value();
  EXPECT_EQ(stale.embedding.vector, read.embedding.vector) << "the last good one";
  EXPECT_EQ(stale.events_since, 1u);
  ASSERT_EQ(stale.stale.size(), 2u);
  EXPECT_NE(stale.stale[0].find("1 event"), std::string::npos);
  EXPECT_NE(stale.stale[1].find("r2 is live"), std::string::npos);
}

TEST_F(UserEmbeddings, ARetrainThatIsATurnChangesNothingOnceAligned) {
  // The same events read by a release whose space is turned: aligned to the first, every vector is the old one.
  Executor executor(1);
  auto turned = model("r1");
  Alignment turn{.rotation = Matrix<double>(options_.dim, options_.dim)};
  for (std::size_t j = 0; j < options_.dim; ++j) turn.rotation(j, (j + 3) % options_.dim) = j % 2 == 0 ? 1 : -1;
  turned->align(turn, executor);
  const auto r1 = model("r1");
  const auto found = turned->alignment_to(*r1, {}, executor).value();
  EXPECT_NEAR(found.cosine, 1, 1e-5);
  const auto old = r1->user_vector(history("u4")).value();
  const Matrix<float> now(turned->user_vector(history("u4")).value(), 1, options_.dim);
  EXPECT_GT(std::abs(now(0, 0) - old[0]) + std::abs(now(0, 1) - old[1]), 1e-3);
  const auto back = aligned(found, now.view(), executor);
  for (std::size_t j = 0; j < old.size(); ++j) EXPECT_NEAR(back(0, j), old[j], 1e-4);
}

TEST_F(UserEmbeddings, AnotherReleaseComesInTheCoordinatesOfTheFirst) {
  write("r2", 2);
  const auto r1 = model("r1");
  auto r2 = model("r2");
  ASSERT_TRUE(push_user_embeddings(*r1, "r1", *store_, clock_, executor_).ok());
  EXPECT_EQ(space_of_embeddings(*store_).value(), "r1");
  auto turn = alignment_on(*store_, *r2, *r1, executor_).value();
  const auto items = r2->alignment_to(*r1, {}, executor_).value();
  EXPECT_EQ(turn.shared, items.shared + kUsers * 4) << "10 events, their first 5, 2 and 1";
  r2->align(turn, executor_);
  ASSERT_TRUE(push_user_embeddings(*r2, "r1", *store_, clock_, executor_).ok());
  const auto read = read_user_embedding(*store_, "u0", clock_).value();
  EXPECT_EQ(read.embedding.release, "r2");
  EXPECT_EQ(read.embedding.space, "r1");
  EXPECT_EQ(read.embedding.vector, r2->user_vector(history("u0")).value());
}

TEST_F(UserEmbeddings, AreWrittenAsAMatrixWithIdsAndStamps) {
  const std::string path = home_.path() + "/users.npy";
  EXPECT_EQ(export_user_embeddings(*store_, path).error().code, ErrorCode::not_found);
  const auto r1 = model("r1");
  ASSERT_TRUE(push_user_embeddings(*r1, "r1", *store_, clock_, executor_).ok());
  EXPECT_EQ(export_user_embeddings(*store_, path).value(), kUsers);
  const std::string npy = file("users.npy"), ids = file("users.ids"), stamps = file("users.stamps.csv");
  EXPECT_EQ(npy.substr(1, 5), "NUMPY");
  EXPECT_NE(npy.find("'shape': (12, 16)"), std::string::npos);
  const std::size_t header = npy.size() - kUsers * options_.dim * sizeof(float);
  EXPECT_EQ(header % 64, 0u);
  const auto first = ids.substr(0, ids.find('\n'));
  const auto vector = read_user_embedding(*store_, first, clock_).value().embedding.vector;
  EXPECT_EQ(std::memcmp(npy.data() + header, vector.data(), vector.size() * sizeof(float)), 0);
  EXPECT_EQ(static_cast<std::size_t>(std::ranges::count(ids, '\n')), kUsers);
  EXPECT_NE(stamps.find("\n" + first + ",r1,r1,2020-09-14T16:13:20.000Z,"), std::string::npos) << stamps;

  auto other = store_->get_embedding(store_->find_user("u5").value().value()).value().value();
  other.space = "r9";
  ASSERT_TRUE(store_->put_embeddings({&other, 1}).ok());
  const auto mixed = export_user_embeddings(*store_, path);
  ASSERT_FALSE(mixed.ok());
  EXPECT_NE(mixed.error().message.find("r9"), std::string::npos);
}

TEST_F(UserEmbeddings, ABrokenReleaseIsRefusedByName) {
  std::ofstream(home_.path() + "/models/r1/model.safetensors", std::ios::binary | std::ios::in).seekp(4096).write("broken", 6);
  const auto loaded = UserModel::load(home_.path() + "/models/r1");
  ASSERT_FALSE(loaded.ok());
  EXPECT_EQ(loaded.error().code, ErrorCode::corrupt);
  EXPECT_NE(loaded.error().message.find("model.safetensors"), std::string::npos) << loaded.error().message;
  EXPECT_EQ(UserModel::load(home_.path() + "/models/none").error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace penchant::recommend
