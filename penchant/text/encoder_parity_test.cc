// Parity of tokenizer and encoder with the reference implementation, on the real weights.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "penchant/artifact/safetensors.h"
#include "penchant/text/encoder.h"
#include "penchant/text/wordpiece.h"

namespace penchant::text {
namespace {

// Each of the 6 layers puts 4 products in a row, of inner length 384 or 1,536. Rounding errors of a
// product of length n are about sqrt(n) u of its magnitude when independent: 39 * 6e-8 = 2.3e-6 at
// most. 24 of them, on each side, add up like sqrt(48): 1.6e-5 of a vector of length 1.
constexpr double kMaxDifference = 1.6e-5;
constexpr double kMinCosine = 0.999999;

std::string encoder_folder() {
  if (const char* given = std::getenv("PENCHANT_ENCODER_DIR")) return given;
  const char* home = std::getenv("HOME");
  return std::string(home == nullptr ? "" : home) + "/.cache/penchant/encoders/all-minilm-l6-v2";
}

std::string quoted(const std::string& word) { return "'" + word + "'"; }

class EncoderParity : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(encoder_folder() + "/model.safetensors"))
      GTEST_SKIP() << "EncoderParity: no encoder weights in " << encoder_folder()
                   << "; set PENCHANT_ENCODER_DIR";
    const auto folder =
        std::filesystem::temp_directory_path() / ("penchant-parity-" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder);
    const std::string out = (folder / "reference.safetensors").string();
    const std::string command = quoted(PENCHANT_PYTHON) + " " +
                                quoted(PENCHANT_SOURCE_DIR "/tests/parity/encoder_reference.py") + " " +
                                quoted(encoder_folder()) + " " + quoted(out) + " > /dev/null 2> " +
                                quoted((folder / "stderr").string());
    const int status = std::system(command.c_str());
    const int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    if (code == 77 || code == 126 || code == 127) {
      std::filesystem::remove_all(folder);
      GTEST_SKIP() << "EncoderParity: " << PENCHANT_PYTHON << " cannot import transformers";
    }
    ASSERT_EQ(code, 0) << "reference failed, see " << folder / "stderr";
    reference_ = std::make_unique<artifact::SafeTensors>(artifact::SafeTensors::open(out).value());
    std::filesystem::remove_all(folder);
    for (int i = 0; reference_->contains("text." + std::to_string(i)); ++i) {
      const auto text = reference_->get("text." + std::to_string(i))->bytes;
      texts_.emplace_back(reinterpret_cast<const char*>(text.data()), text.size());
      const auto ids = reference_->vector_i32("ids." + std::to_string(i)).value();
      ids_.emplace_back(ids.begin(), ids.end());
    }
    ASSERT_GE(texts_.size(), 40U);
  }

  std::unique_ptr<artifact::SafeTensors> reference_;
  std::vector<std::string> texts_;
  std::vector<std::vector<std::int32_t>> ids_;
};

TEST_F(EncoderParity, TokensAndVectorsEqualTheReference) {
  const auto tokenizer = WordPiece::load(encoder_folder() + "/vocab.txt").value();
  for (std::size_t i = 0; i < texts_.size(); ++i)
    EXPECT_EQ(tokenizer.encode(texts_[i], 256), ids_[i]) << "text " << i << ": " << texts_[i];

  const auto encoder = SentenceEncoder::load(encoder_folder()).value();
  EXPECT_EQ(encoder->max_tokens(), 256U);
  EXPECT_EQ(encoder->dim(), 384U);
  EXPECT_EQ(encoder->name(), "all-MiniLM-L6-v2");
  EXPECT_EQ(encoder->sha256().size(), 64U);
  Executor executor(2);
  const auto vectors = encoder->encode(texts_, executor).value();
  const auto expected = reference_->matrix_f32("vectors", texts_.size(), encoder->dim()).value();
  double worst = 0, lowest = 1;
  for (std::size_t i = 0; i < texts_.size(); ++i) {
    double cosine = 0, difference = 0;
    for (std::size_t c = 0; c < encoder->dim(); ++c) {
      cosine += static_cast<double>(vectors(i, c)) * expected(i, c);
      difference = std::max(difference, std::fabs(static_cast<double>(vectors(i, c)) - expected(i, c)));
    }
    EXPECT_GE(cosine, kMinCosine) << "text " << i << ": " << texts_[i];
    EXPECT_LE(difference, kMaxDifference) << "text " << i << ": " << texts_[i];
    worst = std::max(worst, difference);
    lowest = std::min(lowest, cosine);
  }
  RecordProperty("largest_difference", std::to_string(worst));
  std::printf("[ parity   ] %zu texts, largest difference %.2g, lowest cosine 1 - %.1g\n", texts_.size(),
              worst, 1 - lowest);
}

}  // namespace
}  // namespace penchant::text
