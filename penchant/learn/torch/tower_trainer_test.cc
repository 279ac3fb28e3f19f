// The two towers: they learn, content places new items, and the engine computes what LibTorch computes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "penchant/artifact/safetensors.h"
#include "penchant/learn/torch/tensors.h"
#include "penchant/learn/torch/tower_data.h"
#include "penchant/learn/torch/tower_network.h"
#include "penchant/learn/towers.h"
#include "penchant/nn/towers.h"

namespace penchant::learn {
namespace {

using ::testing::HasSubstr;

constexpr std::uint32_t kItems = 60, kTopics = 4, kDim = 6;

/// Users stay inside a topic; an item's vectors point to its topic. The last item of each topic is new.
TrainingData topics() {
  TrainingData data;
  data.items = kItems;
  data.actions = {{.type = "view"}};
  Rng rng(7);
  for (std::size_t u = 0; u < 160; ++u) {
    const std::uint32_t topic = static_cast<std::uint32_t>(u) % kTopics;
    for (int e = 0; e < 6; ++e) {
      const auto item = static_cast<std::uint32_t>(rng.below(kItems / kTopics - 1)) * kTopics + topic;
      data.train.items.push_back(item);
    }
    data.train.offsets.push_back(data.train.items.size());
    data.validation.push_back({static_cast<std::uint32_t>(u), static_cast<std::uint32_t>(rng.below(kItems / kTopics - 1)) * kTopics + topic, 0});
  }
  data.train.actions.assign(data.train.items.size(), 0);
  data.train.times_ms.assign(data.train.items.size(), 0);
  data.train.is_target.assign(data.train.items.size(), 1);
  for (const char* name : {"sound", "sight"}) {
    Modality m{name, "given", "", Matrix<float>(kItems, kDim)};
    for (std::uint32_t i = 0; i < kItems; ++i)
      for (std::uint32_t j = 0; j < kDim; ++j)
        m.vectors(i, j) = (j == i % kTopics ? 1.0F : 0.0F) + 0.2F * static_cast<float>(rng.uniform());
    data.modalities.push_back(std::move(m));
  }
  std::ranges::fill(data.modalities[0].vectors.row(5), 0.0F);  // a missing modality is normal
  data.removes_seen = false;
  count_events(data);
  return data;
}

TowerOptions small_towers() {
  TowerOptions o;
  o.dim = 16, o.clusters = 8, o.batch = 64, o.epochs = 6, o.patience = 0, o.learning_rate = 1e-2;
  return o;
}

class Written {
 public:
  explicit Written(const TrainedModel& model)
      : path_(std::filesystem::temp_directory_path() / ("towers-" + std::to_string(::getpid()) + ".safetensors")) {
    artifact::SafeTensorsWriter writer;
    for (const NamedTensor& t : model.tensors) writer.add(t.name, artifact::DType::f32, t.shape, std::as_bytes(std::span(t.values)));
    EXPECT_TRUE(writer.write(path_.string()).ok());
  }
  ~Written() { std::filesystem::remove(path_); }
  [[nodiscard]] Result<nn::Towers> load(std::size_t items = kItems) const {
    PENCHANT_TRY(file, artifact::SafeTensors::open(path_.string()));
    return nn::Towers::load(file, items);
  }

 private:
  std::filesystem::path path_;
};

std::vector<nn::Towers::Event> rows(std::initializer_list<std::uint32_t> items) {
  std::vector<nn::Towers::Event> out;
  for (const auto item : items) out.push_back({item, nullptr});
  return out;
}

TEST(Towers, LearnTopicsAndPlaceANewItemByItsContent) {
  const TrainingData data = topics();
  const auto model = train_towers(data, small_towers());
  ASSERT_TRUE(model.ok()) << model.error().message;
  EXPECT_LT(model->epochs.back().loss, model->epochs.front().loss - 0.5);
  EXPECT_GT(model->best_ndcg10, 0.2);  // chance inside a topic is about .3, over everything .08
  const auto towers = Written(*model).load();
  ASSERT_TRUE(towers.ok()) << towers.error().message;
  std::vector<float> user(towers->width());
  towers->user(rows({0, 4, 8}), user);  // topic 0
  std::vector<float> given(kDim, 0.1F);
  const auto score_of_new = [&](std::size_t topic) {
    std::vector<float> x = given;
    x[topic] += 1;
    const std::span<const float> both[] = {x, x};
    const auto item = towers->place(both).value();
    float sum = towers->new_bias();
    for (std::size_t j = 0; j < user.size(); ++j) sum += user[j] * item.vector[j];
    return sum;
  };
  for (std::size_t topic = 1; topic < kTopics; ++topic) EXPECT_GT(score_of_new(0), score_of_new(topic) + 1);
}

TEST(Towers, TheEngineComputesWhatTrainingComputes) {
  const TrainingData data = topics();
  for (const bool ids : {true, false})
    for (const std::uint32_t neighbours : {0U, 3U}) {
      TowerOptions options = small_towers();
      options.ids = ids, options.neighbours = neighbours;
      torch::manual_seed(3);
      Executor executor(1);
      auto modalities = tower_modalities(data, options, executor).value();
      const UserItems users = distinct_items(data.train);
      const TowerNetwork network(options, modalities, graph_neighbours(users, kItems, options),
                                 tensor_of(std::vector<float>(data.train_count.begin(), data.train_count.end())));
      torch::NoGradGuard no_grad;
      const TowerItems items = network.items(false);
      const std::vector<std::uint32_t> some{0, 1, 2, 3};
      const auto wanted = network.users(items, newest_bags(users, some, options.history), false).vectors;
      TrainedModel model;
      for (const auto& [name, value] : network.exported()) model.tensors.push_back(named(name, value));
      const auto towers = Written(model).load();
      ASSERT_TRUE(towers.ok()) << towers.error().message;
      std::vector<float> user(towers->width());
      for (const auto u : some) {
        std::vector<nn::Towers::Event> history;
        for (const auto item : users.of(u)) history.push_back({item, nullptr});
        towers->user(history, user);
        for (std::size_t j = 0; j < user.size(); ++j)
          EXPECT_NEAR(user[j], wanted[u][static_cast<std::int64_t>(j)].item<float>(), 2e-5F) << "user " << u << " column " << j;
      }
      // An item without events is placed by its content exactly as training placed it.
      const std::uint32_t fresh = kItems - 1;
      ASSERT_EQ(data.train_count[fresh], 0);
      std::vector<std::span<const float>> given;
      for (const auto& name : towers->modalities())
        given.push_back(std::ranges::find(data.modalities, name, &Modality::name)->vectors.row(fresh));
      const auto placed = towers->place(given);
      ASSERT_TRUE(placed.ok()) << placed.error().message;
      for (std::size_t j = 0; j < placed->vector.size(); ++j)
        EXPECT_NEAR(placed->vector[j], towers->vectors()(fresh, j), 2e-5F);
      EXPECT_EQ(towers->bias()[fresh], towers->new_bias());
    }
}

TEST(Towers, TheSameSeedGivesTheSameBytesAndPartsCanBeSwitchedOff) {
  const TrainingData data = topics();
  const auto first = train_towers(data, small_towers()).value(), again = train_towers(data, small_towers()).value();
  for (std::size_t t = 0; t < first.tensors.size(); ++t) EXPECT_EQ(first.tensors[t].values, again.tensors[t].values);
  for (const char* setting : {"ids=false", "content=false", "gate=0", "intensities=0", "clusters=0", "neighbours=2",
                              "decoupling=0.1", "pairwise=1", "shuffled_clusters=1"}) {
    TowerOptions options = small_towers();
    options.epochs = 1;
    ASSERT_TRUE(apply_setting(options, setting).ok()) << setting;
    const auto model = train_towers(data, options);
    ASSERT_TRUE(model.ok()) << setting << ": " << model.error().message;
    EXPECT_TRUE(Written(*model).load().ok()) << setting;
  }
}

TEST(Towers, RefuseWhatCannotBeLearned) {
  TrainingData data = topics();
  data.modalities.clear();
  EXPECT_THAT(train_towers(data, small_towers()).error().message, HasSubstr("content vectors"));
  TowerOptions options = small_towers();
  options.ids = options.content = false;
  EXPECT_THAT(validate(options).error().message, HasSubstr("ids and content"));
  EXPECT_THAT(apply_setting(options, "clusterz=3").error().message, HasSubstr("clusters"));
  EXPECT_FALSE(apply_setting(options, "gate=perhaps").ok());
}

TEST(Towers, ADamagedFileIsNamedAndBadVectorsAreRefused) {
  const auto model = train_towers(topics(), [] { auto o = small_towers(); o.epochs = 1; return o; }()).value();
  EXPECT_THAT(Written(model).load(kItems + 1).error().message, HasSubstr("item.vector"));
  for (const char* name : {"item.bias", "scale", "modality.sight.part", "user.id.weight", "modality.sound.table"}) {
    TrainedModel broken = model;
    std::erase_if(broken.tensors, [&](const auto& t) { return t.name == name; });
    const auto loaded = Written(broken).load();
    ASSERT_FALSE(loaded.ok()) << name;
    EXPECT_THAT(loaded.error().message, HasSubstr(name));
  }
  const auto towers = Written(model).load().value();
  const std::vector<float> fine(kDim, 1), nan(kDim, NAN), short_one(2, 1);
  const auto place = [&](std::span<const float> a, std::span<const float> b) {
    const std::span<const float> both[] = {a, b};
    return towers.place(both);
  };
  EXPECT_TRUE(place(fine, {}).ok());
  EXPECT_THAT(place(fine, nan).error().message, HasSubstr(towers.modalities()[1]));
  EXPECT_THAT(place(short_one, fine).error().message, HasSubstr("6 finite values"));
}

}  // namespace
}  // namespace penchant::learn
