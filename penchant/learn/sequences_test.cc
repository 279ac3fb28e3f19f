#include "penchant/learn/sequences.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>

#include "penchant/artifact/safetensors.h"

namespace penchant::learn {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct File {
  std::vector<std::int64_t> offsets{0, 3, 4};
  std::vector<std::int32_t> items{0, 2, 1, 2}, users{0}, targets{2};
  std::string format = "1", count = "3", removes_seen = "false";
  std::vector<float> content;  ///< [items, 2] of the kind "sound"; empty: none

  [[nodiscard]] std::string write() const {
    const auto path = std::filesystem::temp_directory_path() /
                      ("penchant-sequences-" + std::to_string(::getpid()) + "-" +
                       ::testing::UnitTest::GetInstance()->current_test_info()->name());
    artifact::SafeTensorsWriter writer;
    writer.set_metadata("format", format);
    writer.set_metadata("items", count);
    writer.set_metadata("removes_seen", removes_seen);
    writer.add("offsets", std::span<const std::int64_t>(offsets));
    writer.add("items", std::span<const std::int32_t>(items));
    if (!content.empty())
      writer.add("content.sound", MatrixView<const float>(content.data(), content.size() / 2, 2));
    writer.add("validation.user", std::span<const std::int32_t>(users));
    writer.add("validation.target", std::span<const std::int32_t>(targets));
    EXPECT_TRUE(writer.write(path).ok());
    return path;
  }
};

TEST(Sequences, AreReadAsTrainingDataWithoutContent) {
  const auto data = read_sequences(File().write());
  ASSERT_TRUE(data.ok()) << data.error().message;
  EXPECT_EQ(data->items, 3u);
  EXPECT_THAT(data->train.items, ElementsAre(0, 2, 1, 2));
  EXPECT_THAT(data->train_count, ElementsAre(1, 1, 2));
  EXPECT_EQ(data->validation.at(0).target, 2u);
  EXPECT_FALSE(data->removes_seen);
  EXPECT_TRUE(validate(*data).ok());
}

TEST(Sequences, NameWhatIsWrongInAHostileFile) {
  const auto message = [](const File& f) {
    const auto data = read_sequences(f.write());
    return data.ok() ? std::string("accepted") : data.error().message;
  };
  EXPECT_THAT(message({.items = {0, 2, 3, 2}}), HasSubstr("event 2 is item 3, not a row below 3"));
  EXPECT_THAT(message({.items = {0, -1, 1, 2}}), HasSubstr("event 1 is item -1"));
  EXPECT_THAT(message({.offsets = {0, 4, 3}}), HasSubstr("offsets must rise"));
  EXPECT_THAT(message({.offsets = {0, 3, 5}}), HasSubstr("offsets must rise"));
  EXPECT_THAT(message({.users = {2}}), HasSubstr("validation case 0"));
  EXPECT_THAT(message({.users = {0, 1}}), HasSubstr("differ in length"));
  EXPECT_THAT(message({.count = "many"}), HasSubstr("\"items\""));
  EXPECT_THAT(message({.format = "2"}), HasSubstr("\"format\" must be 1"));
}

TEST(Sequences, ContentIsReadByKindAndEveryBadRowIsNamed) {
  const auto data = read_sequences(File{.content = {1, 0, 0, 1, 0, 0}}.write());
  ASSERT_TRUE(data.ok()) << data.error().message;
  ASSERT_EQ(data->modalities.size(), 1u);
  EXPECT_EQ(data->modalities[0].name, "sound");
  EXPECT_THAT(data->modalities[0].vectors.row(1), ElementsAre(0, 1));
  EXPECT_THAT(read_sequences(File{.content = {1, 0, 0, 1}}.write()).error().message,
              HasSubstr("content.sound must have one row per item"));
  EXPECT_THAT(read_sequences(File{.content = {1, 0, 0, NAN, 0, 0}}.write()).error().message,
              HasSubstr("content.sound: row 1 holds a value that is not finite"));
}

TEST(Histories, MustNotBeEmpty) {
  const auto histories = read_histories(File{.offsets = {0, 4, 4}}.write(), 3);
  ASSERT_FALSE(histories.ok());
  EXPECT_THAT(histories.error().message, HasSubstr("history 1 is empty"));
}

}  // namespace
}  // namespace penchant::learn
