#include "penchant/learn/trainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>

#include "penchant/artifact/manifest.h"
#include "penchant/artifact/safetensors.h"
#include "penchant/learn/release_writer.h"
#include "penchant/learn/test_data.h"
#include "penchant/learn/torch/parity.h"

namespace penchant::learn {
namespace {

using ::testing::HasSubstr;

const NamedTensor& tensor(const TrainedModel& m, const std::string& name) {
  for (const NamedTensor& t : m.tensors)
    if (t.name == name) return t;
  throw std::runtime_error("no tensor " + name);
}

void expect_same_weights(const TrainedModel& a, const TrainedModel& b) {
  ASSERT_EQ(a.tensors.size(), b.tensors.size());
  for (std::size_t i = 0; i < a.tensors.size(); ++i) {
    EXPECT_EQ(a.tensors[i].name, b.tensors[i].name);
    EXPECT_EQ(a.tensors[i].values, b.tensors[i].values) << a.tensors[i].name;
  }
}

class TrainerFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("penchant-learn-" + std::to_string(::getpid()) + "-" +
              ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  [[nodiscard]] std::string path(const std::string& name) const { return (folder_ / name).string(); }
  std::filesystem::path folder_;
};

TEST(Trainer, LearnsTheRing) {
  const TrainingData data = ring_data();
  TrainOptions o = small_options();
  o.epochs = 20;
  std::uint32_t finished = 0;
  const auto model = train(data, o, [&](const TrainProgress& p) {
    finished += p.finished != nullptr;
    EXPECT_LE(p.step, p.steps);
    return true;
  });
  ASSERT_TRUE(model.ok()) << model.error().message;
  EXPECT_EQ(finished, 20u);
  EXPECT_LT(model->epochs.back().loss, model->epochs.front().loss);
  // Nine steps of ten are the same: the right item stands first about that often. Chance is 0.19.
  EXPECT_GT(model->best_ndcg10, 0.75);
  EXPECT_EQ(tensor(*model, "item.vector").shape, (std::vector<std::uint64_t>{data.items, o.dim}));
}

TEST(Trainer, SameSeedSameBytesOtherSeedOtherBytes) {
  const TrainingData data = ring_data();
  TrainOptions o = small_options();
  o.epochs = 2;
  const auto a = train(data, o), b = train(data, o);
  ASSERT_TRUE(a.ok() && b.ok());
  expect_same_weights(*a, *b);
  o.seed = 2;
  const auto c = train(data, o);
  EXPECT_NE(tensor(*a, "item.vector").values, tensor(*c, "item.vector").values);
}

TEST_F(TrainerFiles, AResumedRunEndsWithTheBytesOfAnUninterruptedOne) {
  const TrainingData data = ring_data();
  TrainOptions o = small_options();
  const auto whole = train(data, o);
  ASSERT_TRUE(whole.ok());
  o.checkpoint = path("run.checkpoint");
  const auto cut = train(data, o, [](const TrainProgress& p) { return !(p.epoch == 3 && p.step == 2); });
  ASSERT_FALSE(cut.ok());
  EXPECT_EQ(cut.error().code, ErrorCode::cancelled);
  o.resume = true;
  std::uint32_t first_epoch = 0;
  const auto resumed = train(data, o, [&](const TrainProgress& p) {
    if (first_epoch == 0) first_epoch = p.epoch;
    return true;
  });
  ASSERT_TRUE(resumed.ok()) << resumed.error().message;
  EXPECT_EQ(first_epoch, 3u);
  EXPECT_EQ(resumed->epochs.size(), whole->epochs.size());
  EXPECT_EQ(resumed->best_epoch, whole->best_epoch);
  EXPECT_EQ(resumed->epochs[1].loss, whole->epochs[1].loss);
  expect_same_weights(*whole, *resumed);
}

TEST_F(TrainerFiles, ACheckpointOfAnotherRunOrABrokenOneIsRefused) {
  const TrainingData data = ring_data();
  TrainOptions o = small_options();
  o.epochs = 1;
  o.checkpoint = path("run.checkpoint");
  o.resume = true;
  ASSERT_TRUE(train(data, o).ok());  // no file yet: starts anew
  TrainOptions other = o;
  other.dropout = 0.4;
  EXPECT_THAT(train(data, other).error().message, HasSubstr("other data or options"));
  auto more = ring_data(24, 60, 14, 2);
  EXPECT_EQ(train(more, o).error().code, ErrorCode::invalid_argument);
  const auto size = std::filesystem::file_size(o.checkpoint);
  std::filesystem::resize_file(o.checkpoint, size / 2);
  EXPECT_EQ(train(data, o).error().code, ErrorCode::corrupt);
  std::ofstream(o.checkpoint) << "not an archive";
  EXPECT_THAT(train(data, o).error().message, HasSubstr("without --resume"));
}

TEST(Trainer, ALossThatDoesNotStayFiniteEndsWithAnError) {
  TrainingData data = ring_data();
  TrainOptions o = small_options();
  o.epochs = 30;
  for (float& v : data.modalities[0].vectors.values()) v = 3e38f;  // finite, but their sum is not
  const auto model = train(data, o);
  ASSERT_FALSE(model.ok());
  EXPECT_THAT(model.error().message, HasSubstr("finite"));
}

/// A passing fault in the middle of a run: the losses of the second epoch are not finite until it is begun again.
TEST_F(TrainerFiles, AfterAPassingFaultItGoesBackToTheCheckpointAndOnAtHalfTheRate) {
  const TrainingData data = ring_data();
  TrainOptions o = small_options();
  const auto whole = train(data, o);
  o.checkpoint = path("run.checkpoint");
  int begun = 0;
  const auto model = train(data, o, [&](const TrainProgress& p) {
    if (p.epoch == 1 && p.finished != nullptr) o.label_smoothing = std::numeric_limits<double>::quiet_NaN();
    if (p.epoch == 2 && p.step == 1 && ++begun == 2) o.label_smoothing = 0;
    return true;
  });
  ASSERT_TRUE(whole.ok() && model.ok()) << model.error().message;
  ASSERT_EQ(model->epochs.size(), whole->epochs.size());
  EXPECT_EQ(model->epochs[0].loss, whole->epochs[0].loss);
  EXPECT_EQ(model->epochs[1].returns, 1u);
  EXPECT_EQ(model->epochs[1].skipped_steps, 1u);
  EXPECT_EQ(model->epochs[2].returns, 0u);
  for (const std::size_t e : {1, 2, 3}) EXPECT_NEAR(model->epochs[e].learning_rate, whole->epochs[e].learning_rate / 2, 1e-12);
  EXPECT_LT(model->epochs.back().loss, model->epochs.front().loss);
}

TEST_F(TrainerFiles, AFaultThatStaysEndsTheRunAndKeepsTheCheckpoint) {
  const TrainingData data = ring_data();
  TrainOptions o = small_options();
  o.checkpoint = path("run.checkpoint");
  const auto model = train(data, o, [&](const TrainProgress& p) {
    if (p.epoch == 1 && p.finished != nullptr) o.label_smoothing = std::numeric_limits<double>::quiet_NaN();
    return true;
  });
  ASSERT_FALSE(model.ok());
  EXPECT_THAT(model.error().message, HasSubstr("did not stay finite in epoch 2"));
  o.label_smoothing = 0, o.resume = true;
  std::uint32_t first_epoch = 0;
  const auto resumed = train(data, o, [&](const TrainProgress& p) {
    if (first_epoch == 0) first_epoch = p.epoch;
    return true;
  });
  ASSERT_TRUE(resumed.ok()) << resumed.error().message;
  EXPECT_EQ(first_epoch, 2u);
}

TEST(Trainer, StopsEarlyWhenValidationStopsRising) {
  TrainingData data = ring_data();
  Rng rng(9);
  for (auto& c : data.validation) c.target = static_cast<std::uint32_t>(rng.below(data.items));  // nothing to learn
  TrainOptions o = small_options();
  o.epochs = 60, o.patience = 3;
  const auto model = train(data, o);
  ASSERT_TRUE(model.ok());
  EXPECT_LT(model->epochs.size(), 60u);
  EXPECT_EQ(model->epochs.size(), model->best_epoch + 3u);
}

TEST(Trainer, TrainsWithoutValidationAndWithEveryOption) {
  TrainingData data = ring_data();
  data.validation.clear();
  TrainOptions o = small_options();
  o.epochs = 2, o.multi_token = 3, o.label_smoothing = 0.1, o.normalised = false, o.cosine = false;
  const auto model = train(data, o);
  ASSERT_TRUE(model.ok()) << model.error().message;
  EXPECT_TRUE(std::isnan(model->epochs[0].valid_ndcg10));
  EXPECT_EQ(model->best_epoch, 2u);
  EXPECT_FALSE(model->shape.normalised);
}

TEST(Trainer, SaysWhatIsWrongWithTheData) {
  TrainingData data = ring_data(24, 1, 2);
  EXPECT_THAT(train(data, small_options()).error().message, HasSubstr("two events"));
  data = ring_data();
  data.codes(0, 0) = 99;
  EXPECT_THAT(train(data, small_options()).error().message, HasSubstr("codes"));
}

/// A trained release on disk, with its data.
struct Written {
  Dataset dataset;
  TrainedModel model;
};
Written write_ring(const std::string& folder, bool normalised) {
  Written w;
  w.dataset.data = ring_data();
  w.dataset.data.validation.resize(20);
  for (std::uint32_t i = 0; i < w.dataset.data.items; ++i) w.dataset.item_ids.push_back("item " + std::to_string(i));
  for (float& v : w.dataset.data.modalities[0].vectors.row(5)) v = 0;  // a missing modality
  TrainOptions o = small_options();
  o.epochs = 2, o.layers = 2, o.normalised = normalised;
  w.model = train(w.dataset.data, o).value();
  EXPECT_TRUE(write_release(folder, {"ring", "2026-01-01T00:00:00Z", "tiny", 1}, w.dataset, o, w.model).ok());
  return w;
}

TEST_F(TrainerFiles, TheReleaseIsWholeAndHoldsWhatItsFormatPromises) {
  const Written w = write_ring(path("ring"), true);
  const auto manifest = artifact::verify_release(path("ring"));
  ASSERT_TRUE(manifest.ok()) << manifest.error().message;
  EXPECT_EQ(manifest->model.items, 24u);
  EXPECT_EQ(manifest->holdout, "last-out");
  const auto model = artifact::SafeTensors::open(path("ring") + "/model.safetensors");
  ASSERT_TRUE(model.ok());
  const std::size_t d = manifest->model.dim, n = manifest->model.items;
  const auto id = model->matrix_f32("item.id", n, d), vector = model->matrix_f32("item.vector", n, d);
  const auto code0 = model->matrix_f32("item.code.0", 8, d), code1 = model->matrix_f32("item.code.1", 8, d);
  const auto projection = model->matrix_f32("item.modality.text.weight", d, 6);
  const auto shift = model->vector_f32("item.modality.text.bias", d), age = model->vector_f32("item.age", 1);
  ASSERT_TRUE(id.ok() && vector.ok() && code0.ok() && code1.ok() && projection.ok() && shift.ok() && age.ok());
  EXPECT_GT((*age)[0], 0);
  // item.vector = content + g id, from the stored tensors alone; item 5 has no text vector.
  const auto& data = w.dataset.data;
  for (std::size_t i = 0; i < n; ++i) {
    const double g = data.train_count[i] / (data.train_count[i] + double((*age)[0]));
    for (std::size_t k = 0; k < d; ++k) {
      double content = (*code0)(data.codes(i, 0), k) + (*code1)(data.codes(i, 1), k);
      if (i != 5) {
        content += (*shift)[k];
        for (std::size_t x = 0; x < 6; ++x) content += double((*projection)(k, x)) * data.modalities[0].vectors(i, x);
      }
      EXPECT_NEAR((*vector)(i, k), content + g * (*id)(i, k), 2e-5) << "item " << i;
    }
  }
  const auto again = write_release(path("ring"), {"ring"}, w.dataset, small_options(), w.model);
  EXPECT_EQ(again.error().code, ErrorCode::already_exists);
}

/// A new item is what its content is worth: as a negative of every event it would be pushed away from all users.
TEST_F(TrainerFiles, AnItemWithoutEventsIsNoNegative) {
  Dataset dataset;
  TrainingData& data = dataset.data = ring_data();
  const std::uint32_t twin = 7, fresh = data.items++;  // a new item with the content of another
  Matrix<float> vectors(data.items, data.modalities[0].vectors.cols());
  Matrix<std::uint16_t> codes(data.items, data.codes.cols());
  for (std::uint32_t i = 0; i < data.items; ++i) {
    std::ranges::copy(data.modalities[0].vectors.row(i == fresh ? twin : i), vectors.row(i).begin());
    std::ranges::copy(data.codes.row(i == fresh ? twin : i), codes.row(i).begin());
    dataset.item_ids.push_back("item " + std::to_string(i));
  }
  data.modalities[0].vectors = vectors, data.codes = codes;
  count_events(data);
  TrainOptions o = small_options();
  o.epochs = 20;
  const auto model = train(data, o);
  ASSERT_TRUE(model.ok()) << model.error().message;
  ASSERT_TRUE(write_release(path("fresh"), {"fresh", "2026-01-01T00:00:00Z", "tiny", 1}, dataset, o, *model).ok());
  const auto release = ReferenceModel::load(path("fresh"), Precision::f64);
  ASSERT_TRUE(release.ok()) << release.error().message;
  const auto after = (*release)->forward({{1, 3, 5}, {1, 1, 1}, {0, 3, 3}});
  ASSERT_TRUE(after.ok()) << after.error().message;
  const auto logits = after->dense_logits.row(0);
  EXPECT_EQ(std::ranges::max_element(logits.first(fresh)) - logits.begin(), twin) << "what comes next on the ring";
  for (std::uint32_t i = 0; i < fresh; ++i) EXPECT_TRUE(i == twin || logits[fresh] > logits[i]) << i;
}

TEST_F(TrainerFiles, TheReferenceReadsTheReleaseAndBothPrecisionsAgree) {
  for (const bool normalised : {true, false}) {
    const std::string folder = path(normalised ? "cosine" : "dot");
    const Written w = write_ring(folder, normalised);
    const auto exact = ReferenceModel::load(folder, Precision::f64), single = ReferenceModel::load(folder, Precision::f32);
    ASSERT_TRUE(exact.ok() && single.ok()) << exact.error().message;
    const ReferenceSequence s{{3, 5, 7, 9, 11}, {1, 1, 0, 1, 1}, {0, 3, 1, 5, 31}};
    const auto a = (*exact)->forward(s), b = (*single)->forward(s);
    ASSERT_TRUE(a.ok() && b.ok()) << a.error().message;
    ASSERT_EQ(a->blocks.size(), 2u);
    ASSERT_EQ(a->dense_logits.cols(), 24u);
    // Values of size 10 at most, some hundred roundings of 6e-8: 1e-4 leaves a factor of ten.
    for (std::size_t i = 0; i < a->states.values().size(); ++i)
      EXPECT_NEAR(a->states.values()[i], b->states.values()[i], 1e-4);
    for (std::size_t i = 0; i < 24; ++i) EXPECT_NEAR(a->dense_logits(0, i), b->dense_logits(0, i), 1e-3);
    const std::vector<std::int64_t> codes{2, 5};
    const auto p = (*exact)->code_log_probs(a->states.row(4), codes);
    ASSERT_TRUE(p.ok()) << p.error().message;
    for (std::size_t l = 0; l < 2; ++l) {
      double sum = 0;
      for (const double v : p->row(l)) sum += std::exp(v);
      EXPECT_NEAR(sum, 1, 1e-9);
    }
    EXPECT_FALSE((*exact)->forward({}).ok());
  }
  EXPECT_EQ(ReferenceModel::load(path("nowhere"), Precision::f32).error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace penchant::learn
