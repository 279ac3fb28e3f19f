#include "penchant/learn/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "penchant/learn/dataset.h"
#include "penchant/learn/test_data.h"

namespace penchant::learn {
namespace {

using ::testing::HasSubstr;

TEST(Presets, AllAreValidAndAutoGrowsWithTheData) {
  for (const char* name : {"tiny", "small", "sparse", "base", "large", "auto"}) {
    const auto options = preset_options(name);
    ASSERT_TRUE(options.ok()) << name;
    EXPECT_TRUE(validate(*options).ok()) << name;
  }
  EXPECT_EQ(preset_for({100, 10}), "tiny");
  EXPECT_EQ(preset_for({100'000, 1'000}), "small");
  EXPECT_EQ(preset_for({100'000, 10'000}), "sparse") << "ten events a person";
  EXPECT_EQ(preset_for({1'000'000, 100'000}), "base");
  EXPECT_EQ(preset_for({100'000'000, 1'000'000}), "large");
  EXPECT_THAT(preset_options("huge").error().message, HasSubstr("tiny, small, sparse, base, large or auto"));
}

TEST(Settings, AreSetByNameAndRefusedByName) {
  TrainOptions o;
  EXPECT_TRUE(apply_setting(o, "dropout=0.45").ok());
  EXPECT_TRUE(apply_setting(o, "layers=3").ok());
  EXPECT_TRUE(apply_setting(o, "normalised=false").ok());
  EXPECT_DOUBLE_EQ(o.dropout, 0.45);
  EXPECT_EQ(o.layers, 3u);
  EXPECT_FALSE(o.normalised);
  EXPECT_THAT(apply_setting(o, "dropuot=1").error().message, HasSubstr("learning_rate"));
  for (const char* bad : {"layers=-1", "layers=2x", "dropout=", "dropout", "cosine=2", "layers=99999999999"})
    EXPECT_FALSE(apply_setting(o, bad).ok()) << bad;
}

TEST(Options, NameWhatIsOutOfRange) {
  TrainOptions o;
  o.heads = 3;
  EXPECT_THAT(validate(o).error().message, HasSubstr("multiple of 2 * heads"));
  o = {};
  o.learning_rate = -1;
  EXPECT_THAT(validate(o).error().message, HasSubstr("learning_rate"));
  o = {};
  o.next_gap = 1;
  EXPECT_TRUE(validate(o).ok());
  o.architecture.objective = Objective::cloze;
  EXPECT_THAT(validate(o).error().message, HasSubstr("next_gap needs a next event"));
  o = {};
  o.resume = true;
  EXPECT_THAT(validate(o).error().message, HasSubstr("checkpoint"));
}

TEST(TrainingDataCheck, NamesTheFieldThatIsWrong) {
  EXPECT_TRUE(validate(ring_data()).ok());
  auto d = ring_data();
  d.train.items[5] = d.items;
  EXPECT_THAT(validate(d).error().message, HasSubstr("event 5: item row"));
  d = ring_data();
  d.codes(3, 1) = 8;
  EXPECT_THAT(validate(d).error().message, HasSubstr("codes: row 3"));
  d = ring_data();
  d.train.actions.pop_back();
  EXPECT_FALSE(validate(d).ok());
  d = ring_data();
  d.modalities[0].vectors(0, 0) = NAN;
  EXPECT_THAT(validate(d).error().message, HasSubstr("not finite"));
  d = ring_data();
  d.validation[0].user = 60;
  EXPECT_FALSE(validate(d).ok());
  EXPECT_FALSE(validate(TrainingData{}).ok());
}

TEST(HoldoutNames, ReadBack) {
  for (const Holdout h : {Holdout::last_out, Holdout::time, Holdout::none}) EXPECT_EQ(*parse_holdout(name_of(h)), h);
  EXPECT_FALSE(parse_holdout("some").ok());
}

}  // namespace
}  // namespace penchant::learn
