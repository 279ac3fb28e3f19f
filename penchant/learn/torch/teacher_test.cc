#include "penchant/learn/torch/teacher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numeric>

#include "penchant/learn/release_writer.h"
#include "penchant/learn/teacher.h"
#include "penchant/learn/test_data.h"
#include "penchant/learn/torch/parity.h"
#include "penchant/learn/torch/tensors.h"

namespace penchant::learn {
namespace {

using ::testing::HasSubstr;
using torch::Tensor;

/// A release on disk that has learned the ring, and the data that a student learns.
class TeacherRelease : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = (std::filesystem::temp_directory_path() / ("penchant-teacher-" + std::to_string(::getpid()))).string();
    std::filesystem::remove_all(folder_);
    dataset_.data = ring_data();
    for (std::uint32_t i = 0; i < dataset_.data.items; ++i) dataset_.item_ids.push_back(std::to_string(i));
    options_ = small_options();
    options_.epochs = 20, options_.mix_layers = options_.read_request = true;
    const TrainedModel model = train(dataset_.data, options_).value();
    teacher_ndcg10_ = model.best_ndcg10;
    ASSERT_TRUE(write_release(folder_, {"large", "2026-01-01T00:00:00Z", "tiny", 1}, dataset_, options_, model).ok());
    student_ = small_options();
    student_.dim = 8, student_.heads = 1, student_.ffn = 16;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string folder_;
  Dataset dataset_;
  TrainOptions options_, student_;
  double teacher_ndcg10_ = 0;
};

TEST_F(TeacherRelease, ExpectsWhatTheReleaseExpects) {
  const auto release = read_earlier_release(folder_).value();
  std::ranges::reverse(dataset_.item_ids);  // today's rows are others
  const auto weights = teacher_weights(release, dataset_, student_).value();
  Executor executor(1);
  const Teacher teacher = Teacher::make(weights, executor).value();
  const auto reference = ReferenceModel::load(folder_, Precision::f64).value();
  const std::vector<std::int64_t> items{3, 5, 7, 9}, actions(4, 1), gaps{0, 4, 5, 4}, requests{4, 5, 4, 1};
  const auto logits = reference->forward({items, actions, gaps, requests}).value().dense_logits;
  std::vector<std::size_t> order(24);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, std::greater(), [&](std::size_t i) { return logits(0, i); });
  std::vector<std::int64_t> mirrored;
  for (const std::int64_t i : items) mirrored.push_back(23 - i);
  const EventTensors events{tensor_of(mirrored), tensor_of(actions), tensor_of(gaps), torch::tensor({0, 4}, torch::kInt64), tensor_of(requests)};
  const auto lesson = teacher.lesson(events, torch::tensor({3}, torch::kInt64), 5);
  double whole = 0;
  for (std::size_t k = 0; k < 5; ++k) whole += std::exp(logits(0, order[k]));
  for (std::int64_t k = 0; k < 5; ++k) {
    const std::size_t expected = order[static_cast<std::size_t>(k)];
    EXPECT_EQ(lesson.items[0][k].item<std::int64_t>(), 23 - static_cast<std::int64_t>(expected));
    EXPECT_NEAR(lesson.share[0][k].item<double>(), std::exp(logits(0, expected)) / whole, 1e-4);
  }
  EXPECT_EQ(teacher.lesson(events, torch::tensor({0, 3}, torch::kInt64), 100).items.size(1), 24) << "no more than there are";
}

TEST_F(TeacherRelease, AStudentLearnsFromItAlone) {
  const auto release = read_earlier_release(folder_).value();
  const auto weights = teacher_weights(release, dataset_, student_).value();
  student_.teacher_share = 1;  // the next item itself is not told
  student_.epochs = 20;
  const auto student = train_from({.teacher = &weights}, dataset_.data, student_);
  ASSERT_TRUE(student.ok()) << student.error().message;
  EXPECT_GT(teacher_ndcg10_, 0.75);
  EXPECT_GT(student->best_ndcg10, 0.9 * teacher_ndcg10_);
  EXPECT_EQ(student->shape.dim, 8U);
}

TEST_F(TeacherRelease, WithoutAShareNothingIsLearnedFromIt) {
  const auto release = read_earlier_release(folder_).value();
  const auto weights = teacher_weights(release, dataset_, student_).value();
  student_.teacher_share = 0, student_.epochs = 1;
  const auto alone = train(dataset_.data, student_), taught = train_from({.teacher = &weights}, dataset_.data, student_);
  ASSERT_TRUE(alone.ok() && taught.ok());
  for (std::size_t t = 0; t < alone->tensors.size(); ++t)
    for (std::size_t v = 0; v < alone->tensors[t].values.size(); ++v)
      ASSERT_NEAR(alone->tensors[t].values[v], taught->tensors[t].values[v], 1e-3) << alone->tensors[t].name;
}

TEST_F(TeacherRelease, NamesOnlyWhatBothKnow) {
  const auto release = read_earlier_release(folder_).value();
  Executor executor(1);
  dataset_.item_ids[4] = "never seen by the teacher";
  dataset_.data.train_count[7] = 0;
  const Teacher teacher = Teacher::make(teacher_weights(release, dataset_, student_).value(), executor).value();
  const Tensor one = torch::zeros({1}, torch::kInt64);
  const auto lesson = teacher.lesson({one, one, one, torch::tensor({0, 1}, torch::kInt64), one}, one, 24);
  for (std::int64_t k = 0; k < 24; ++k) {
    const auto item = lesson.items[0][k].item<std::int64_t>();
    EXPECT_EQ(lesson.share[0][k].item<double>() > 0, item != 4 && item != 7) << item;
  }
  for (auto& id : dataset_.item_ids) id += "?";
  EXPECT_THAT(teacher_weights(release, dataset_, student_).error().message, HasSubstr("knows none of the items"));
}

TEST_F(TeacherRelease, ReadsTheEventsAsTheStudentDoes) {
  const auto release = read_earlier_release(folder_).value();
  TrainOptions o = student_;
  o.max_len = 11;
  EXPECT_THAT(teacher_weights(release, dataset_, o).error().message, HasSubstr("set max_len=10 at most"));
  o = student_;
  o.gaps = 8;
  EXPECT_THAT(teacher_weights(release, dataset_, o).error().message, HasSubstr("set gaps=32"));
}

}  // namespace
}  // namespace penchant::learn
