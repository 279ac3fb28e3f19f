#include "penchant/learn/finetune.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "penchant/artifact/manifest.h"
#include "penchant/artifact/safetensors.h"
#include "penchant/base/rng.h"
#include "penchant/learn/release_writer.h"
#include "penchant/learn/test_data.h"
#include "penchant/learn/trainer.h"

namespace penchant::learn {
namespace {

/// A release that has learned where people go on the ring; its copies learn which half of the ring they like.
class Finetune : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    home_ = new std::string((std::filesystem::temp_directory_path() / ("penchant-finetune-" + std::to_string(::getpid()))).string());
    std::filesystem::remove_all(*home_);
    Dataset dataset;
    dataset.data = ring_data(24, 80, 20);
    for (std::uint32_t i = 0; i < dataset.data.items; ++i) dataset.item_ids.push_back(std::to_string(i));
    TrainOptions o = small_options();
    o.dim = 16, o.heads = 2, o.ffn = 32, o.layers = 2, o.max_len = 8, o.stride = 4, o.epochs = 3;
    const auto model = train(dataset.data, o).value();
    ASSERT_TRUE(write_release(release(), {"r1", "2026-01-01T00:00:00Z", "tiny", 1.0, {}}, dataset, o, model).ok());
    data_ = new FinetuneData(outcomes(dataset.data));
  }
  static void TearDownTestSuite() {
    std::filesystem::remove_all(*home_);
    delete home_;
    delete data_;
  }
  static std::string release() { return *home_ + "/r1"; }

  /// A user is taken to a random half of the ring; after some events there, items of that half are liked.
  static FinetuneData outcomes(const TrainingData& from) {
    Rng rng(3);
    FinetuneData d;
    d.task = "half";
    d.until_ms = 1234;
    for (std::uint32_t u = 0; u < 300; ++u) {
      const auto half = static_cast<std::int32_t>(rng.below(2));
      const auto length = static_cast<std::uint32_t>(3 + rng.below(17));  // some are longer than the window
      for (std::uint32_t e = 0; e < length; ++e) {
        d.items.push_back(12 * half + static_cast<std::int32_t>(rng.below(12)));
        d.actions.push_back(1);
        d.gaps.push_back(2);
      }
      d.offsets.push_back(static_cast<std::int64_t>(d.items.size()));
      for (std::uint32_t k = 0; k < 4; ++k) {
        const auto item = static_cast<std::uint32_t>(rng.below(from.items));
        d.outcomes.push_back({u, 1 + static_cast<std::uint32_t>(rng.below(length)), item, static_cast<std::uint8_t>((item < 12) == (half == 0)),
                              static_cast<std::uint8_t>(u >= 240)});
      }
    }
    return d;
  }
  static FinetuneOptions options() {
    FinetuneOptions o;
    o.epochs = 12;
    o.learning_rate = 3e-3;
    return o;
  }
  static std::string* home_;
  static FinetuneData* data_;
};
std::string* Finetune::home_ = nullptr;
FinetuneData* Finetune::data_ = nullptr;

TEST_F(Finetune, TheCopyKnowsTheTaskBetterThanTheReleaseAndIsAReleaseItself) {
  const std::string to = *home_ + "/copy";
  const auto report = finetune(release(), to, "2026-02-02T00:00:00Z", *data_, options()).value();
  EXPECT_EQ(report.outcomes, 960u);
  EXPECT_EQ(report.valid_outcomes, 240u);
  EXPECT_GT(report.best_epoch, 0u);
  EXPECT_GT(report.epochs[report.best_epoch].valid_auc, report.epochs[0].valid_auc);
  EXPECT_LT(report.epochs[report.best_epoch].valid_loss, report.epochs[0].valid_loss);
  const auto manifest = artifact::verify_release(to).value();
  EXPECT_EQ(manifest.name, "copy");
  EXPECT_EQ(manifest.created, "2026-02-02T00:00:00Z");
  EXPECT_EQ(manifest.holdout, "none") << "outcomes may be of events that the release held out";
  EXPECT_EQ(finetune(release(), to, "", *data_, options()).error().code, ErrorCode::already_exists);
}

TEST_F(Finetune, OnlyTheAskedBlocksAndTheFinalNormMove) {
  auto o = options();
  o.blocks = 1;
  o.epochs = 2;
  const std::string to = *home_ + "/last-block";
  ASSERT_TRUE(finetune(release(), to, "", *data_, o).ok());
  const auto before = artifact::SafeTensors::open(release() + "/model.safetensors").value();
  const auto after = artifact::SafeTensors::open(to + "/model.safetensors").value();
  ASSERT_EQ(before.tensors().size(), after.tensors().size());
  std::size_t moved = 0;
  for (const auto& [name, tensor] : before.tensors()) {
    const bool same = std::ranges::equal(tensor.bytes, after.get(name).value().bytes);
    const bool may_move = name.starts_with("block.1.") || name.starts_with("final_norm.");
    EXPECT_TRUE(same || may_move) << name;
    moved += same ? 0 : 1;
  }
  EXPECT_GE(moved, 10u);
}

TEST_F(Finetune, TheSameSeedGivesTheSameBytes) {
  auto o = options();
  o.epochs = 2;
  for (const char* name : {"/a", "/b"}) ASSERT_TRUE(finetune(release(), *home_ + name, "", *data_, o).ok());
  EXPECT_EQ(artifact::verify_release(*home_ + "/a").value().files.at("model.safetensors"),
            artifact::verify_release(*home_ + "/b").value().files.at("model.safetensors"));
}

TEST_F(Finetune, OutcomesSurviveTheFileAndBrokenOnesAreRefused) {
  const std::string path = *home_ + "/outcomes.safetensors";
  ASSERT_TRUE(write_outcomes(path, *data_).ok());
  const auto read = read_outcomes(path).value();
  EXPECT_EQ(read.offsets, data_->offsets);
  EXPECT_EQ(read.items, data_->items);
  EXPECT_EQ(read.task, "half");
  EXPECT_EQ(read.until_ms, 1234);
  ASSERT_EQ(read.outcomes.size(), data_->outcomes.size());
  EXPECT_EQ(read.outcomes[7].read, data_->outcomes[7].read);
  EXPECT_EQ(read.outcomes.back().valid, 1);

  auto bad = *data_;
  bad.outcomes[5].read = 1000;
  ASSERT_TRUE(write_outcomes(path, bad).ok());
  EXPECT_NE(read_outcomes(path).error().message.find("outcome 5"), std::string::npos);
  bad = *data_;
  bad.offsets.back() += 1;
  ASSERT_TRUE(write_outcomes(path, bad).ok());
  EXPECT_NE(read_outcomes(path).error().message.find("offsets"), std::string::npos);
}

TEST_F(Finetune, WrongInputNamesWhatToDo) {
  auto bad = *data_;
  bad.outcomes[0].item = 24;
  EXPECT_NE(finetune(release(), *home_ + "/x", "", bad, options()).error().message.find("write them for this release"), std::string::npos);
  auto o = options();
  o.blocks = 3;
  EXPECT_NE(finetune(release(), *home_ + "/x", "", *data_, o).error().message.find("the release has 2"), std::string::npos);
  EXPECT_NE(apply_setting(o, "depth=3").error().message.find("blocks, epochs"), std::string::npos);
  EXPECT_EQ(finetune(*home_ + "/none", *home_ + "/x", "", *data_, options()).error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace penchant::learn
