#include "penchant/evaluate/baselines/trained.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <fstream>

#include "penchant/artifact/safetensors.h"
#include "penchant/evaluate/baselines/fake_trainer_testing.h"
#include "penchant/evaluate/baselines/trained_files.h"
#include "penchant/evaluate/test_logs.h"

namespace penchant::evaluate {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// Users 0 and 1 of three items; user 2 has too little to hold out.
EventLog small_log() {
  return log_of({{{0, 1}, {1, 2}, {2, 3}, {3, 4}}, {{1, 1}, {1, 2}, {4, 3}, {0, 4}}, {{4, 9}}, {}}, 5);
}

struct Bench {
  FakeTrainer trainer;
  Split split = Split::make(small_log(), {}).value();
  TrainingData training = split.training();
  std::vector<ValidationQuery> validation;
  Executor executor{1};

  Bench() {
    for (const Case& c : split.cases(Stage::validation)) validation.push_back({split.history(c), c.user, c.target});
  }
  FitInput input(std::uint64_t seed = 1) const {
    return {.training = training, .validation = validation, .content = {}, .removes_seen = true, .seed = seed};
  }
  BaselineContext context() const { return {.trainer = trainer.program(), .cache_folder = trainer.cache(), .threads = 1}; }
  TrainedModel model(std::vector<std::string> settings = {}) const { return {"sasrec", std::move(settings), context()}; }
  std::vector<Query> queries(Stage stage = Stage::test) const {
    std::vector<Query> all;
    for (const Case& c : split.cases(stage)) all.push_back({split.history(c), c.user, c.at_ms, all.size()});
    return all;
  }
  std::size_t left_over() const {  // of half-written folders
    std::size_t n = 0;
    if (!fs::exists(trainer.cache())) return 0;
    for (const auto& entry : fs::directory_iterator(trainer.cache()))
      n += entry.path().filename().string().starts_with(".partial-") ? 1 : 0;
    return n;
  }
};

TEST(TrainedFiles, SequencesHoldTrainingEventsAndValidationTargetsOnly) {
  const Bench bench;
  const std::string path = bench.trainer.folder() + "/s.safetensors";
  ASSERT_TRUE(write_sequences(path, bench.input()).ok());
  const auto file = artifact::SafeTensors::open(path).value();
  EXPECT_EQ(file.metadata().at("format"), "1");
  EXPECT_EQ(file.metadata().at("items"), "5");
  EXPECT_EQ(file.metadata().at("removes_seen"), "true");
  EXPECT_THAT(file.vector_i64("offsets").value(), ElementsAre(0, 2, 4, 5));  // the user without events has no row
  EXPECT_THAT(file.vector_i32("items").value(), ElementsAre(0, 1, 1, 1, 4));
  EXPECT_THAT(file.vector_i32("validation.user").value(), ElementsAre(0, 1));
  EXPECT_THAT(file.vector_i32("validation.target").value(), ElementsAre(2, 4));
}

TEST(TrainedFiles, TestEventsChangeNoByte) {
  EventLog other = small_log();
  other.events[3].item = 4;  // the test targets
  other.events[7].item = 2;
  const auto split = Split::make(other, {}).value();
  const auto training = split.training();
  std::vector<ValidationQuery> validation;
  for (const Case& c : split.cases(Stage::validation)) validation.push_back({split.history(c), c.user, c.target});
  const Bench bench;
  const std::string a = bench.trainer.folder() + "/a", b = bench.trainer.folder() + "/b";
  ASSERT_TRUE(write_sequences(a, bench.input()).ok());
  ASSERT_TRUE(write_sequences(b, {.training = training, .validation = validation, .content = {}}).ok());
  const auto bytes = [](const std::string& path) {
    std::stringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
  };
  EXPECT_EQ(bytes(a), bytes(b));
}

TEST(TrainedFiles, LongHistoriesAreCutToTheirNewestEvents) {
  std::vector<Interaction> history(kEncodedHistory + 3);
  for (std::size_t i = 0; i < history.size(); ++i) history[i].item = static_cast<std::uint32_t>(i);
  const Query query{history, 0, 0, 0};
  const FakeTrainer folder;
  const std::string path = folder.folder() + "/h";
  ASSERT_TRUE(write_histories(path, {&query, 1}).ok());
  const auto file = artifact::SafeTensors::open(path).value();
  EXPECT_EQ(file.vector_i32("items")->size(), kEncodedHistory);
  EXPECT_EQ(file.vector_i32("items")->front(), 3);
}

TEST(TrainedModel, ScoresAreWhatTheTrainerEncoded) {
  Bench bench;
  auto model = bench.model();
  std::vector<Progress> reports;
  ASSERT_TRUE(model.fit(bench.input(), bench.executor, [&](const Progress& p) {
                     reports.push_back(p);
                     return true;
                   }).ok());
  ASSERT_FALSE(reports.empty());
  EXPECT_EQ(reports[0].step, "train");
  EXPECT_EQ(reports[0].detail, "loss 1.0");
  auto queries = bench.queries();
  ASSERT_TRUE(model.prepare(queries, bench.executor).ok());
  Matrix<float> out(2, 5);
  ASSERT_TRUE(model.score(queries, out.view()).ok());
  // training counts 1 3 0 0 1, histories of three events, bias item / 8
  for (std::size_t q = 0; q < 2; ++q)
    EXPECT_THAT(out.row(q), ElementsAre(4.0F, 6.125F, 3.25F, 3.375F, 4.5F));
  std::swap(queries[0], queries[1]);  // any order, by number
  ASSERT_TRUE(model.score(queries, out.view()).ok());
  EXPECT_THAT(out.row(0), ElementsAre(4.0F, 6.125F, 3.25F, 3.375F, 4.5F));
  EXPECT_EQ(bench.left_over(), 0u);
}

TEST(TrainedModel, ASecondFitOfTheSameTrainsNothing) {
  Bench bench;
  ASSERT_TRUE(bench.model({"dim=8", "lr=0.1"}).fit(bench.input(), bench.executor, {}).ok());
  auto again = bench.model({"lr=0.1", "dim=8"});
  ASSERT_TRUE(again.fit(bench.input(), bench.executor, {}).ok());
  EXPECT_TRUE(again.was_cached());
  ASSERT_EQ(bench.trainer.runs("fit").size(), 1u);
  EXPECT_THAT(bench.trainer.runs("fit")[0], HasSubstr("{\"dim\": \"8\", \"lr\": \"0.1\"}"));
  EXPECT_THAT(bench.trainer.runs("fit")[0], HasSubstr("\"--seed\": \"1\", "));
  ASSERT_TRUE(again.prepare(bench.queries(), bench.executor).ok());
}

TEST(TrainedModel, OtherSettingsSeedDataOrModelTrainAnew) {
  Bench bench;
  const auto fit = [&](TrainedModel model, const FitInput& input) {
    ASSERT_TRUE(model.fit(input, bench.executor, {}).ok());
    EXPECT_FALSE(model.was_cached());
  };
  fit({"sasrec", {"dim=8"}, bench.context()}, bench.input());
  fit({"sasrec", {"dim=9"}, bench.context()}, bench.input());
  fit({"gru4rec", {"dim=8"}, bench.context()}, bench.input());
  fit({"sasrec", {"dim=8"}, bench.context()}, bench.input(2));
  FitInput without = {.training = bench.training, .validation = {}, .content = {}};
  fit({"sasrec", {"dim=8"}, bench.context()}, without);
  EXPECT_EQ(bench.trainer.runs("fit").size(), 5u);
}

TEST(TrainedModel, DamagedOrHalfWrittenCacheIsTrainedAnew) {
  Bench bench;
  ASSERT_TRUE(bench.model().fit(bench.input(), bench.executor, {}).ok());
  fs::path folder;
  for (const auto& entry : fs::directory_iterator(bench.trainer.cache())) folder = entry.path();
  const auto damage = [&](const std::function<void()>& how) {
    how();
    auto model = bench.model();
    ASSERT_TRUE(model.fit(bench.input(), bench.executor, {}).ok());
    EXPECT_FALSE(model.was_cached());
    ASSERT_TRUE(model.prepare(bench.queries(), bench.executor).ok());
  };
  damage([&] { fs::resize_file(folder / "model.safetensors", 20); });
  damage([&] { std::ofstream(folder / "model.json") << "{\"mode\": \"nan\"}"; });
  damage([&] { fs::remove(folder / "cached.json"); });  // a copy that was cut off
  damage([&] { std::ofstream(folder / "cached.json") << "{\"key\": 3, \"files\": []}"; });
  EXPECT_EQ(bench.trainer.runs("fit").size(), 5u);
  EXPECT_EQ(bench.left_over(), 0u);
}

TEST(TrainedModel, FoldersOfKilledRunsAreRemovedThoseOfLivingOnesAreNot) {
  Bench bench;
  fs::create_directories(bench.trainer.cache() + "/.partial-999999999-abcdef");
  fs::create_directories(bench.trainer.cache() + "/.partial-" + std::to_string(::getpid()) + "-abcdef");
  ASSERT_TRUE(bench.model().fit(bench.input(), bench.executor, {}).ok());
  EXPECT_FALSE(fs::exists(bench.trainer.cache() + "/.partial-999999999-abcdef"));
  EXPECT_EQ(bench.left_over(), 1u);
}

TEST(TrainedModel, ErrorsCarryTheTrainersMessage) {
  Bench bench;
  const auto failed = bench.model({"mode=fail"}).fit(bench.input(), bench.executor, {});
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(failed.error().message, "sasrec: dropout must be below 1");
  const auto killed = bench.model({"mode=killed"}).fit(bench.input(), bench.executor, {});
  EXPECT_EQ(killed.error().code, ErrorCode::resource_exhausted);
  EXPECT_THAT(killed.error().message, HasSubstr("signal 9"));
  for (const char* mode : {"mode=no-model", "mode=bad-json"}) {
    const auto broken = bench.model({mode}).fit(bench.input(), bench.executor, {});
    ASSERT_FALSE(broken.ok()) << mode;
    EXPECT_EQ(broken.error().code, ErrorCode::corrupt) << mode;
    EXPECT_THAT(broken.error().message, HasSubstr("model")) << mode;
  }
  EXPECT_TRUE(fs::is_empty(bench.trainer.cache()));  // nothing of a failure is kept
}

TEST(TrainedModel, WithoutATrainerItSaysWhatToDo) {
  Bench bench;
  const auto none = TrainedModel("sasrec", {}, {}).fit(bench.input(), bench.executor, {});
  EXPECT_EQ(none.error().code, ErrorCode::unavailable);
  EXPECT_THAT(none.error().message, HasSubstr("tools/build release"));
  const auto missing = TrainedModel("sasrec", {}, {.trainer = "/nowhere"}).fit(bench.input(), bench.executor, {});
  EXPECT_EQ(missing.error().code, ErrorCode::unavailable);
  EXPECT_THAT(missing.error().message, HasSubstr("tools/build release"));
}

TEST(TrainedModel, ARefitIsRefusedWhereValidationTargetsAreAskedFor) {
  Bench bench;
  TrainedModel model("sasrec-refit", {}, bench.context());
  const auto refused = model.fit(bench.input(), bench.executor, {});
  EXPECT_EQ(refused.error().code, ErrorCode::unavailable);
  EXPECT_THAT(refused.error().message, HasSubstr("learns from the validation events too"));
  FitInput input = bench.input();
  input.validation_is_past = true;
  EXPECT_TRUE(model.fit(input, bench.executor, {}).ok());
}

TEST(TrainedModel, EncodedNumbersAreReadAsHostile) {
  for (const auto& [mode, name] : {std::pair{"mode=nan", "items"}, {"mode=short", "items"}, {"mode=no-bias", "bias"},
                                   {"mode=wide", "users"}}) {
    Bench bench;
    auto model = bench.model({mode});
    ASSERT_TRUE(model.fit(bench.input(), bench.executor, {}).ok());
    const auto status = model.prepare(bench.queries(), bench.executor);
    ASSERT_FALSE(status.ok()) << mode;
    EXPECT_EQ(status.error().code, ErrorCode::corrupt) << mode;
    EXPECT_THAT(status.error().message, HasSubstr(name)) << mode;
    EXPECT_EQ(bench.left_over(), 0u);
  }
}

TEST(TrainedModel, ASilentTrainerCanBeCancelled) {
  Bench bench;
  int reports = 0;
  const auto status = bench.model({"mode=silent"}).fit(bench.input(), bench.executor, [&](const Progress&) { return ++reports < 3; });
  EXPECT_EQ(status.error().code, ErrorCode::cancelled);
  EXPECT_TRUE(fs::is_empty(bench.trainer.cache()));
}

TEST(TrainedModel, WithoutACacheFolderNothingIsLeftBehind) {
  Bench bench;
  const auto found = [] {
    std::size_t n = 0;
    for (const auto& entry : fs::directory_iterator(fs::temp_directory_path()))
      n += entry.path().filename().string().starts_with("penchant-trained-" + std::to_string(::getpid())) ? 1 : 0;
    return n;
  };
  {
    TrainedModel model("sasrec", {}, {.trainer = bench.trainer.program()});
    ASSERT_TRUE(model.fit(bench.input(), bench.executor, {}).ok());
    ASSERT_TRUE(model.prepare(bench.queries(), bench.executor).ok());
    EXPECT_EQ(found(), 1u);
  }
  EXPECT_EQ(found(), 0u);
}

}  // namespace
}  // namespace penchant::evaluate
