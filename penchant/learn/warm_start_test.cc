// A retraining keeps what the earlier release knows of every item, and gives new items their place.
#include "penchant/learn/warm_start.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <set>

#include "penchant/base/rng.h"
#include "penchant/learn/event_reader.h"
#include "penchant/learn/release_writer.h"
#include "penchant/store/store.h"

namespace penchant::learn {
namespace {

using ::testing::HasSubstr;

constexpr std::int64_t kStart = 1'600'000'000'000, kHour = 3'600'000;
constexpr std::size_t kDim = 4;

/// What item i is like: neighbours on an arc are alike, so that lenders and codes are those of neighbours.
catalog::Item item_of(std::size_t i) {
  catalog::Item item{.id = "i" + std::to_string(i)};
  const double angle = 0.1 * double(i);
  item.vectors.push_back({"visual", {float(std::cos(angle)), float(std::sin(angle)), float(std::cos(2 * angle)), float(std::sin(2 * angle))}});
  return item;
}

struct Log {
  std::vector<std::size_t> items;    ///< in the order of import
  std::vector<catalog::Event> events;
};

/// Twenty items that ten users rate, an hour apart.
Log older_log() {
  Log log;
  for (std::size_t i = 0; i < 20; ++i) log.items.push_back(i);
  Rng rng(1);
  for (std::size_t n = 0; n < 120; ++n)
    log.events.push_back({.user = "u" + std::to_string(n % 10), .item = "i" + std::to_string(rng.below(20)), .type = "rating",
                          .value = double(1 + n % 3), .time_ms = kStart + std::int64_t(n) * kHour});
  return log;
}

/// The same and more: item 3 is gone, items 20 to 22 have come, people rate 4 too and view.
Log newer_log() {
  const Log before = older_log();
  Log log{{22, 21, 20}, {}};
  for (std::size_t i = 20; i-- > 0;)
    if (i != 3) log.items.push_back(i);
  for (const auto& e : before.events)
    if (e.item != "i3") log.events.push_back(e);
  for (std::size_t n = 0; n < 60; ++n)
    log.events.push_back({.user = "u" + std::to_string(n % 10), .item = "i" + std::to_string(n % 3 == 0 ? 20 + n % 2 : 5 + n % 9),
                          .type = n % 4 == 0 ? "view" : "rating", .value = n % 4 == 0 ? std::nullopt : std::optional(double(2 + n % 3)),
                          .time_ms = kStart + std::int64_t(500 + n) * kHour});
  return log;
}

/// A model as a trainer might have made it, every number another.
TrainedModel made_up_model(const Dataset& dataset) {
  TrainedModel model;
  const std::uint64_t n = dataset.data.items, d = 8;
  model.shape = {.items = dataset.data.items, .dim = 8, .layers = 1, .heads = 2, .ffn = 16, .max_len = 10, .depth_layers = 1,
                 .levels = static_cast<std::uint32_t>(dataset.data.codes.cols()), .codebook = dataset.data.codebook_size, .gaps = 32,
                 .actions = static_cast<std::uint32_t>(dataset.data.actions.size()), .logit_scale = 7, .normalised = true};
  Rng rng(3);
  const auto add = [&](const std::string& name, std::vector<std::uint64_t> shape) {
    NamedTensor t{name, shape, {}};
    std::uint64_t size = 1;
    for (const auto s : shape) size *= s;
    for (std::uint64_t i = 0; i < size; ++i) t.values.push_back(static_cast<float>(rng.uniform() - 0.5));
    model.tensors.push_back(std::move(t));
  };
  add("item.id", {n, d}), add("item.bias", {n}), add("item.vector", {n, d}), add("event.action", {dataset.data.actions.size(), d});
  add("event.gap", {32, d}), add("final_norm.weight", {d});
  return model;
}

class WarmStart : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string path = (std::filesystem::temp_directory_path() / "penchant_warm_start_XXXXXX").string();
    home_ = mkdtemp(path.data());
  }
  void TearDown() override { std::filesystem::remove_all(home_); }

  std::unique_ptr<store::Store> store_of(const Log& log) {
    auto store = store::open_store((home_ / std::to_string(stores_++)).string()).value();
    std::vector<catalog::Item> items;
    for (const std::size_t i : log.items) items.push_back(item_of(i));
    EXPECT_TRUE(store->put_items(items).ok());
    EXPECT_TRUE(store->append_events(log.events, {}).ok());
    return store;
  }
  Result<Dataset> load(const Log& log, DatasetOptions options) { return load_dataset(*store_of(log), options, executor_); }
  /// The release of the older log.
  EarlierRelease release(Holdout holdout = Holdout::last_out, const std::string& collisions = "reassign") {
    const Dataset data = load(older_log(), {.holdout = holdout, .levels = 2, .codebook = 8, .collisions = collisions}).value();
    const std::string folder = (home_ / ("release" + std::to_string(stores_))).string();
    TrainOptions o;
    EXPECT_TRUE(write_release(folder, {"before", "2026-01-01T00:00:00Z", "small"}, data, o, made_up_model(data)).ok());
    return read_earlier_release(folder).value();
  }

  std::filesystem::path home_;
  int stores_ = 0;
  Executor executor_{1};
};

const NamedTensor& tensor(const StartWeights& start, const std::string& name) {
  for (const NamedTensor& t : start.tensors)
    if (t.name == name) return t;
  throw std::runtime_error("no tensor " + name);
}

TEST_F(WarmStart, NoLiveSemanticIdChangesAndNewItemsGetOneOfTheirOwn) {
  for (const std::string collisions : {"reassign", "extra", "popular"}) {
    const EarlierRelease before = release(Holdout::last_out, collisions);
    const Dataset data = load(newer_log(), {.earlier = &before}).value();
    std::set<std::vector<std::uint16_t>> ids;
    for (std::size_t i = 0; i < data.item_ids.size(); ++i) {
      const auto row = data.data.codes.row(i);
      ids.emplace(row.begin(), row.end());
      const auto was = before.row(data.item_ids[i]);
      EXPECT_TRUE(!was || std::ranges::equal(row, before.ids.stored.codes.row(*was))) << data.item_ids[i];
    }
    EXPECT_EQ(data.data.codes.cols(), before.ids.stored.codes.cols()) << collisions;
    EXPECT_GE(ids.size(), collisions == "extra" ? 20u : 22u) << collisions << ": there is room, but \"extra\" counts only as far as it did";
    EXPECT_EQ(data.collisions, collisions);
    for (std::size_t l = 0; l < data.data.codebooks.size(); ++l)
      for (std::uint32_t k = 0; k < data.data.codebooks[l].rows(); ++k)
        EXPECT_TRUE(std::ranges::equal(data.data.codebooks[l].row(k), before.ids.stored.codebooks.codeword(l, static_cast<catalog::Code>(k))));
  }
}

TEST_F(WarmStart, ItemsAreMatchedByIdAndNewOnesBorrow) {
  const EarlierRelease before = release();
  const Dataset data = load(newer_log(), {.earlier = &before}).value();
  const StartWeights start = start_weights(before, data).value();
  EXPECT_EQ(start.from.release, "before");
  EXPECT_EQ(start.from.kept, 19u);
  EXPECT_EQ(start.from.added, 3u);
  EXPECT_EQ(start.from.gone, 1u);
  EXPECT_EQ(start.logit_scale, 7);
  const auto was = before.weights.matrix_f32("item.id").value();
  const auto was_bias = before.weights.vector_f32("item.bias", 20).value();
  const NamedTensor &ids = tensor(start, "item.id"), &bias = tensor(start, "item.bias");
  ASSERT_EQ(ids.shape, (std::vector<std::uint64_t>{22, 8}));
  for (std::size_t i = 0; i < 22; ++i) {
    const std::span<const float> id = std::span(ids.values).subspan(i * 8, 8);
    if (const auto row = before.row(data.item_ids[i]); row && before.train_count[*row] > 0) {
      EXPECT_TRUE(std::ranges::equal(id, was.row(*row))) << data.item_ids[i];
      EXPECT_EQ(bias.values[i], was_bias[*row]);
      continue;
    }
    // A mean of ids of the release lies between them, and is none of them.
    for (std::size_t k = 0; k < 8; ++k) {
      float low = 1, high = -1;
      for (std::size_t r = 0; r < 20; ++r) low = std::min(low, was(r, k)), high = std::max(high, was(r, k));
      EXPECT_GT(id[k], low);
      EXPECT_LT(id[k], high);
    }
  }
  // Items 20 and 21 are most like 19 and 18: they lend them more than 5 does, and to both alike.
  const auto row_of = [&](const std::string& id) {
    return static_cast<std::size_t>(std::ranges::find(data.item_ids, id) - data.item_ids.begin());
  };
  const auto distance = [&](std::size_t a, std::size_t b) {
    double sum = 0;
    for (std::size_t k = 0; k < 8; ++k) sum += std::pow(ids.values[a * 8 + k] - ids.values[b * 8 + k], 2);
    return std::sqrt(sum);
  };
  EXPECT_LT(distance(row_of("i20"), row_of("i21")), distance(row_of("i18"), row_of("i19")) / 2);
}

TEST_F(WarmStart, ActionsAreMatchedByTypeAndValue) {
  const EarlierRelease before = release();
  const Dataset data = load(newer_log(), {.earlier = &before}).value();
  const StartWeights start = start_weights(before, data).value();
  const auto was = before.weights.matrix_f32("event.action").value();
  const NamedTensor& now = tensor(start, "event.action");
  ASSERT_EQ(now.shape[0], data.data.actions.size());
  const auto same = [&](const std::string& type, double value, std::size_t row_before) {
    const std::size_t row = action_of(data.data.actions, type, value);
    return std::ranges::equal(std::span(now.values).subspan(row * 8, 8), was.row(row_before));
  };
  for (const double value : {1.0, 2.0, 3.0}) EXPECT_TRUE(same("rating", value, action_of(before.manifest().actions, "rating", value))) << value;
  EXPECT_TRUE(same("rating", 4, action_of(before.manifest().actions, "rating", 3))) << "nearest that was known";
  EXPECT_TRUE(same("view", std::nan(""), 0)) << "a new type starts as unknown";
}

TEST_F(WarmStart, RefusesWhatDoesNotFitAndSaysWhy) {
  const EarlierRelease before = release();
  EXPECT_THAT(load(newer_log(), {.quantiser = "pq", .earlier = &before}).error().message, HasSubstr("leave out quantiser"));
  EXPECT_THAT(load(newer_log(), {.codebook = 8, .earlier = &before}).error().message, HasSubstr("codebooks"));
  Dataset data = load(newer_log(), {.earlier = &before}).value();
  data.data.modalities[0].name = "acoustic";
  EXPECT_THAT(check_content(before, data.data.modalities).error().message, HasSubstr("was trained on \"visual\" (4 numbers, given), items have \"acoustic\""));
  TrainOptions o = warm_options(before, "auto").value();
  EXPECT_EQ(o.dim, 8u);
  EXPECT_TRUE(check_sizes(before, o).ok());
  o.layers = 3;
  EXPECT_THAT(check_sizes(before, o).error().message, HasSubstr("layers: release \"before\" has 1, this training 3"));
  EXPECT_THAT(check_sizes(before, warm_options(before, "base").value()).error().message, HasSubstr("dim"));
}

TEST_F(WarmStart, NothingThatTheReleaseLearnedFromIsHeldOut) {
  const auto refusal = [&](Holdout was, DatasetOptions now) {
    const EarlierRelease before = release(was);
    now.earlier = &before;
    const auto data = load(newer_log(), now);
    return data.ok() ? std::string() : data.error().message;
  };
  EXPECT_EQ(refusal(Holdout::last_out, {.holdout = Holdout::last_out}), "");
  EXPECT_THAT(refusal(Holdout::none, {.holdout = Holdout::last_out}), HasSubstr("start from a release of last-out"));
  EXPECT_THAT(refusal(Holdout::time, {.holdout = Holdout::last_out}), HasSubstr("start from a release of last-out"));
  EXPECT_THAT(refusal(Holdout::last_out, {.holdout = Holdout::last_out, .ties_seed = 5}), HasSubstr("--ties-seed 0"));
  EXPECT_EQ(refusal(Holdout::none, {.holdout = Holdout::time}), "") << "the cut lies in the newer events";
  EXPECT_THAT(refusal(Holdout::none, {.holdout = Holdout::time, .validation_quantile = 0.3}), HasSubstr("ends before them"));
  EXPECT_THAT(refusal(Holdout::last_out, {.holdout = Holdout::cold, .cold_share = 0.5}), HasSubstr("keeps back"));

  // Without a hold-out the early stop asks only for events that are newer than all the release learned from.
  const EarlierRelease before = release(Holdout::none);
  const Dataset data = load(newer_log(), {.holdout = Holdout::none, .earlier = &before}).value();
  for (const ValidationCase& c : data.data.validation) EXPECT_GT(c.time_ms, before.newest_event_ms);
  EXPECT_EQ(before.newest_event_ms / kHour, (kStart + 119 * kHour) / kHour);
  EXPECT_TRUE(load(older_log(), {.holdout = Holdout::none, .earlier = &before}).value().data.validation.empty());
}

}  // namespace
}  // namespace penchant::learn
