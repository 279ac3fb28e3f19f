// Fitted on the log, or on the answers too? Every part of a data set is shown a planted leak.
#include "penchant/learn/leak_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>

#include "penchant/artifact/files.h"
#include "penchant/base/rng.h"
#include "penchant/catalog/cold_items.h"
#include "penchant/store/store.h"

namespace penchant::learn {
namespace {

using ::testing::HasSubstr;

constexpr std::int64_t kStart = 1'600'000'000'000, kDay = 86'400'000;
constexpr std::size_t kItems = 60, kUsers = 40, kDim = 6;

struct World {
  std::vector<catalog::Item> items;
  std::vector<std::vector<catalog::Event>> users;  ///< oldest first
};

World random_world(std::uint64_t seed) {
  Rng rng(seed);
  World w;
  for (std::size_t i = 0; i < kItems; ++i) {
    catalog::Item item{.id = "i" + std::to_string(i)};
    item.vectors.push_back({"visual", {}});
    for (std::size_t k = 0; k < kDim; ++k) item.vectors[0].values.push_back(static_cast<float>(rng.uniform() - 0.5));
    w.items.push_back(std::move(item));
  }
  for (std::size_t u = 0; u < kUsers; ++u) {
    std::vector<catalog::Event> events;
    std::int64_t time = kStart + static_cast<std::int64_t>(rng.below(20)) * kDay;
    for (std::size_t n = 2 + rng.below(9); n > 0; --n) {
      time += 1 + static_cast<std::int64_t>(rng.below(5)) * kDay;
      events.push_back({.user = "u" + std::to_string(u), .item = "i" + std::to_string(rng.below(kItems)), .type = "rating",
                        .value = double(1 + rng.below(5)), .time_ms = time});
    }
    w.users.push_back(std::move(events));
  }
  return w;
}

/// The same world with other items and ratings where only the test may look.
World other_answers(World w, Holdout holdout, std::int64_t test_ms) {
  for (auto& events : w.users)
    for (std::size_t e = 0; e < events.size(); ++e) {
      const bool asked = holdout == Holdout::time ? events[e].time_ms >= test_ms : events.size() >= 3 && e + 1 == events.size();
      if (!asked) continue;
      events[e].item = "i" + std::to_string((std::stoul(events[e].item.substr(1)) + 7) % kItems);
      events[e].value = 17;
    }
  return w;
}

class LeakCheck : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string path = (std::filesystem::temp_directory_path() / "penchant_learn_leak_XXXXXX").string();
    home_ = mkdtemp(path.data());
  }
  void TearDown() override { std::filesystem::remove_all(home_); }

  std::unique_ptr<store::Store> store_of(const World& w) {
    auto store = store::open_store((home_ / std::to_string(stores_++)).string()).value();
    EXPECT_TRUE(store->put_items(w.items).ok());
    for (const auto& events : w.users) EXPECT_TRUE(store->append_events(events, {}).ok());
    return store;
  }
  Dataset load(const World& w, const DatasetOptions& options) {
    const auto store = store_of(w);
    auto data = load_dataset(*store, options, executor_);
    EXPECT_TRUE(data.ok()) << data.error().message;
    return std::move(data).value();
  }

  std::filesystem::path home_;
  int stores_ = 0;
  Executor executor_{2};
};

DatasetOptions options_of(Holdout holdout) { return {.holdout = holdout, .cold_share = 0.2, .levels = 2, .codebook = 4}; }

TEST_F(LeakCheck, EverythingFittedIsBitIdenticalWhateverTheAnswersAre) {
  for (const Holdout holdout : {Holdout::last_out, Holdout::time, Holdout::cold}) {
    for (std::uint64_t seed = 1; seed < 6; ++seed) {
      const World world = random_world(seed);
      const Dataset a = load(world, options_of(holdout));
      const Dataset b = load(other_answers(world, holdout, a.holdout_test_ms), options_of(holdout));
      const Status same = check_same_fit(a, b);
      EXPECT_TRUE(same.ok()) << name_of(holdout) << ", seed " << seed << ": " << same.error().message;
    }
  }
}

TEST_F(LeakCheck, HoldsForEveryQuantiserAndSizesPerLevel) {
  const World world = random_world(3);
  for (const std::string quantiser : {"residual-kmeans", "pq", "opq", "rqvae", "behaviour"}) {
    DatasetOptions options = options_of(Holdout::cold);
    options.quantiser = quantiser;
    options.codebooks = {4, 2};
    const Dataset a = load(world, options);
    EXPECT_EQ(a.quantiser, quantiser);
    ASSERT_EQ(a.data.codebooks.size(), 2u);
    EXPECT_EQ(a.data.codebooks[0].rows(), 4u);
    EXPECT_EQ(a.data.codebooks[1].rows(), 2u);
    EXPECT_EQ(a.data.codebook_size, 4u);
    World changed = world;
    for (std::size_t i = 0; i < kItems; ++i)
      if (a.held_out[i] != 0)
        for (float& v : changed.items[i].vectors[0].values) v = -2 * v + 0.3F;
    const Status same = check_same_fit(a, load(changed, options));
    EXPECT_TRUE(same.ok()) << quantiser << ": " << same.error().message;
  }
  const auto store = store_of(world);
  EXPECT_EQ(load_dataset(*store, {.quantiser = "lsh"}, executor_).error().message,
            "quantiser \"lsh\" is not known: use one of residual-kmeans, pq, opq, rqvae, behaviour");
}

TEST_F(LeakCheck, BehaviourAwareCodesLearnFromTrainingEventsAlone) {
  for (const Holdout holdout : {Holdout::last_out, Holdout::time, Holdout::cold}) {
    const World world = random_world(2);
    DatasetOptions options = options_of(holdout);
    options.quantiser = "behaviour";
    const Dataset a = load(world, options);
    ASSERT_NE(a.data.content_encoder, nullptr);
    const Status same = check_same_fit(a, load(other_answers(world, holdout, a.holdout_test_ms), options));
    EXPECT_TRUE(same.ok()) << name_of(holdout) << ": " << same.error().message;
    // Training events do move it: the check above is not blind.
    const Dataset other = load(random_world(7), options);
    EXPECT_NE(a.data.content_encoder->layers()[0].weight.values(),
              other.data.content_encoder->layers()[0].weight.values());
  }
}

TEST_F(LeakCheck, HoldsForEveryCollisionPolicy) {
  const World world = random_world(4);
  for (const std::string policy : {"reassign", "extra", "popular"}) {
    DatasetOptions options = options_of(Holdout::last_out);
    options.collisions = policy;
    const Dataset a = load(world, options);
    EXPECT_EQ(a.collisions, policy);
    EXPECT_EQ(a.data.codebooks.size(), policy == "extra" ? 3u : 2u);
    EXPECT_EQ(a.data.codes.cols(), a.data.codebooks.size());
    EXPECT_THAT(a.semantic_id_report, HasSubstr("\"collisions\":\"" + policy + "\""));
    const Status same = check_same_fit(a, load(other_answers(world, Holdout::last_out, a.holdout_test_ms), options));
    EXPECT_TRUE(same.ok()) << policy << ": " << same.error().message;

    options.quantiser = "rqvae";
    const Dataset encoded = load(world, options);
    ASSERT_NE(encoded.data.content_encoder, nullptr);
    EXPECT_EQ(encoded.data.codebooks.size(), a.data.codebooks.size());
    for (const auto& level : encoded.data.codebooks)
      EXPECT_EQ(level.cols(), encoded.data.content_encoder->output_dim()) << policy;
  }
  EXPECT_THAT(load_dataset(*store_of(world), {.collisions = "none"}, executor_).error().message,
              HasSubstr("reassign, extra or popular"));
}

TEST_F(LeakCheck, GivenIdsAreTakenAsTheyAreButColdItemsGetTheirsByContent) {
  const World world = random_world(3);
  const auto write = [&](std::size_t items) {
    std::string text;
    for (std::size_t i = 0; i < items; ++i)
      text += (i == 0 ? "{" : ",") + ("\"" + std::to_string(i % 5) + "," + std::to_string(i) + "\": [\"i") + std::to_string(i) + "\"]";
    const std::string path = (home_ / "ids.json").string();
    EXPECT_TRUE(artifact::write_file(path, text + "}").ok());
    return path;
  };
  DatasetOptions options{.holdout = Holdout::cold, .cold_share = 0.2, .ids_file = write(kItems)};
  const Dataset a = load(world, options);
  EXPECT_EQ(a.quantiser, "given");
  EXPECT_EQ(a.data.content_encoder, nullptr);
  EXPECT_EQ(a.collisions, "given");
  ASSERT_EQ(a.data.codes.cols(), 2u);
  EXPECT_EQ(a.data.codebooks[0].rows(), 5u);
  std::size_t moved = 0;
  for (std::size_t i = 0; i < kItems; ++i) {
    const bool as_given = a.data.codes(i, 0) == i % 5 && a.data.codes(i, 1) == i;
    EXPECT_TRUE(as_given || a.held_out[i] != 0) << i;
    moved += !as_given;
  }
  EXPECT_GT(moved, 0u) << "an ID that was made with knowledge of a cold item must not be used";

  const auto refusal = [&] { return load_dataset(*store_of(world), options, executor_).error().message; };
  options.codebooks = {4, 4};
  EXPECT_THAT(refusal(), HasSubstr("leave out quantiser and codebooks"));
  options.codebooks.clear();
  options.ids_file = write(kItems - 2);
  EXPECT_THAT(refusal(), HasSubstr("\"i58\" and 1 more of the catalogue: no semantic ID"));
  options.ids_file = (home_ / "nowhere.json").string();
  EXPECT_THAT(refusal(), HasSubstr("nowhere.json"));
}

TEST_F(LeakCheck, NothingIsFittedOnTheContentOfColdItems) {
  const World world = random_world(3);
  const Dataset a = load(world, options_of(Holdout::cold));
  ASSERT_EQ(std::count(a.held_out.begin(), a.held_out.end(), 1), 12);
  World changed = world;
  for (std::size_t i = 0; i < kItems; ++i)
    if (a.held_out[i] != 0)
      for (float& v : changed.items[i].vectors[0].values) v = -2 * v + 0.3F;
  const Dataset b = load(changed, options_of(Holdout::cold));
  EXPECT_TRUE(check_same_fit(a, b).ok()) << check_same_fit(a, b).error().message;

  // The planted leak: codebooks that were fitted on those items too.
  const Dataset fitted_on_all = load(world, options_of(Holdout::last_out));
  Dataset planted = a;
  planted.data.codebooks = fitted_on_all.data.codebooks;
  EXPECT_THAT(check_same_fit(planted, b).error().message, HasSubstr("codebook 0 differs"));
  EXPECT_FALSE(check_same_fit(load(world, options_of(Holdout::last_out)), load(changed, options_of(Holdout::last_out))).ok())
      << "where they are not held out, their content does move the codebooks";
}

TEST_F(LeakCheck, ColdItemsHaveCodesButNoEventsAndNoQuestion) {
  const World world = random_world(4);
  const Dataset a = load(world, options_of(Holdout::cold));
  EXPECT_EQ(a.held_out, catalog::draw_cold_items(a.item_ids, 0.2, 1));
  for (const auto item : a.data.train.items) EXPECT_EQ(a.held_out[item], 0);
  for (const auto& c : a.data.validation) EXPECT_EQ(a.held_out[c.target], 0);
  EXPECT_EQ(a.data.codes.rows(), kItems);
  EXPECT_FALSE(a.data.validation.empty());
  EXPECT_EQ(a.cold_share, 0.2);
}

/// A table, its cut and what was filled from it.
struct Filled {
  EventTable table;
  Cut cut;
  DatasetOptions options;
  TrainingData data;
  [[nodiscard]] Status check() const { return check_no_leak(table, options, cut, cut.held_out, data); }
  void refill() {
    const std::uint32_t items = data.items;
    data = {};
    data.items = items;
    fill_histories(table, cut, {{"rating", 1}}, data);
  }
};

Filled filled(Holdout holdout) {
  Filled f;
  Rng rng(2);
  std::vector<std::string> ids;
  for (std::size_t i = 0; i < kItems; ++i) ids.push_back("i" + std::to_string(i));
  for (std::size_t u = 0; u < kUsers; ++u) {
    std::int64_t time = kStart + static_cast<std::int64_t>(rng.below(30)) * kDay;
    for (std::size_t n = 1 + rng.below(9); n > 0; --n)
      f.table.events.push_back({static_cast<std::uint32_t>(rng.below(kItems)), 0, double(rng.below(5)),
                                time += 1 + static_cast<std::int64_t>(rng.below(4)) * kDay});
    f.table.offsets.push_back(f.table.events.size());
  }
  f.options = options_of(holdout);
  f.cut = hold_out(f.table, f.options, ids).value();
  f.data.items = kItems;
  f.refill();
  return f;
}

TEST(NoLeak, HoldsForEveryHoldout) {
  for (const Holdout holdout : {Holdout::last_out, Holdout::time, Holdout::cold, Holdout::none}) {
    const Filled f = filled(holdout);
    EXPECT_TRUE(f.check().ok()) << name_of(holdout) << ": " << f.check().error().message;
  }
}

TEST(NoLeak, OneMoreTrainingEventOfAnyUserIsSeen) {
  for (const Holdout holdout : {Holdout::last_out, Holdout::time, Holdout::cold}) {
    const Filled whole = filled(holdout);
    std::size_t moved = 0;
    for (std::size_t u = 0; u < whole.table.users(); ++u) {
      if (whole.cut.training_end[u] == whole.table.offsets[u + 1]) continue;
      const auto next = whole.table.events[whole.cut.training_end[u]].item;
      if (!whole.cut.held_out.empty() && whole.cut.held_out[next] != 0) continue;  // it is skipped in any case
      Filled f = whole;
      ++f.cut.training_end[u];
      f.refill();
      EXPECT_THAT(f.check().error().message, HasSubstr("trains on events that are held out")) << name_of(holdout);
      ++moved;
    }
    EXPECT_GT(moved, 5u);
  }
}

TEST(NoLeak, AColdEventInTrainingIsSeen) {
  Filled f = filled(Holdout::cold);
  const auto held_out = f.cut.held_out;
  f.cut.held_out.clear();  // the filter is forgotten, the check is not
  f.refill();
  EXPECT_THAT(check_no_leak(f.table, f.options, f.cut, held_out, f.data).error().message, HasSubstr("user row"));
}

TEST(NoLeak, TestEventsInTheEarlyStopAreSeen) {
  for (const Holdout holdout : {Holdout::last_out, Holdout::time, Holdout::cold}) {
    Filled f = filled(holdout);
    ASSERT_FALSE(f.data.validation.empty());
    auto& c = f.data.validation.front();
    const LoggedEvent& last = f.table.events[f.table.offsets[c.user + 1] - 1];
    if (c.time_ms == last.time_ms) continue;
    c.target = last.item;
    c.time_ms = last.time_ms;
    EXPECT_THAT(f.check().error().message, HasSubstr("early stop")) << name_of(holdout);
  }
}

TEST(NoLeak, OneCountTooManyIsSeen) {
  Filled f = filled(Holdout::last_out);
  ++f.data.train_count[5];
  EXPECT_THAT(f.check().error().message, HasSubstr("train_count of item row 5"));
}

TEST(SameFit, NamesThePartThatDiffers) {
  Dataset a;
  a.item_ids = {"x", "y"};
  a.data = filled(Holdout::last_out).data;
  a.data.codes = Matrix<std::uint16_t>(2, 2);
  a.data.codebooks = {Matrix<float>(2, 2)};
  ASSERT_TRUE(check_same_fit(a, a).ok());
  const auto differs = [&](auto&& change) {
    Dataset b = a;
    change(b);
    return check_same_fit(a, b).error().message;
  };
  EXPECT_THAT(differs([](Dataset& d) { d.data.train.items[0] ^= 1; }), HasSubstr("histories"));
  EXPECT_THAT(differs([](Dataset& d) { d.data.validation.pop_back(); }), HasSubstr("validation"));
  EXPECT_THAT(differs([](Dataset& d) { d.data.actions.push_back({.type = "more"}); }), HasSubstr("action table"));
  EXPECT_THAT(differs([](Dataset& d) { ++d.data.train_count[0]; }), HasSubstr("train_count"));
  EXPECT_THAT(differs([](Dataset& d) { ++d.data.last_seen_ms[0]; }), HasSubstr("last_seen_ms"));
  EXPECT_THAT(differs([](Dataset& d) { d.data.removes_seen = !d.data.removes_seen; }), HasSubstr("removes_seen"));
  EXPECT_THAT(differs([](Dataset& d) { d.data.codebooks[0](0, 0) = 1; }), HasSubstr("codebook 0"));
  EXPECT_THAT(differs([](Dataset& d) {
                semantic_id::DenseLayer layer{Matrix<float>(2, 2), {0, 0}};
                d.data.content_encoder = std::make_shared<const semantic_id::ContentEncoder>(
                    semantic_id::ContentEncoder::create({layer}).value());
              }),
              HasSubstr("content encoder"));
  EXPECT_THAT(differs([](Dataset& d) { d.data.codes(1, 1) = 1; }), HasSubstr("item row 1"));
}

}  // namespace
}  // namespace penchant::learn
