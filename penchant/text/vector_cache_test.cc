#include "penchant/text/vector_cache.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

namespace penchant::text {
namespace {

/// Counts what it is asked; a text's vector is its length.
class CountingEncoder final : public SentenceEncoder {
 public:
  Result<Matrix<float>> encode(std::span<const std::string> texts, Executor&, const ProgressSink&) const override {
    encoded += texts.size();
    Matrix<float> out(texts.size(), 2);
    for (std::size_t r = 0; r < texts.size(); ++r) out(r, 0) = static_cast<float>(texts[r].size());
    return out;
  }
  std::size_t dim() const noexcept override { return 2; }
  std::size_t max_tokens() const noexcept override { return 8; }
  const std::string& name() const noexcept override { return name_; }
  const std::string& sha256() const noexcept override { return sha; }

  mutable std::size_t encoded = 0;
  std::string sha = "a";

 private:
  std::string name_ = "counting";
};

class VectorCacheTest : public ::testing::Test {
 protected:
  VectorCacheTest() {
    std::string path = (std::filesystem::temp_directory_path() / "penchant-vectors-XXXXXX").string();
    folder_ = ::mkdtemp(path.data());
    for (int i = 0; i < 1300; ++i) texts_.push_back(i == 7 ? "" : std::string(1, 'x') + std::to_string(i));
  }
  ~VectorCacheTest() override { std::filesystem::remove_all(folder_); }
  Matrix<float> encode() {
    auto vectors = encode_once(encoder_, texts_, file(), executor_);
    EXPECT_TRUE(vectors.ok()) << vectors.error().message;
    return std::move(vectors).value();
  }
  [[nodiscard]] std::string file() const { return folder_ + "/cache/vectors.safetensors"; }

  std::string folder_;
  std::vector<std::string> texts_;
  CountingEncoder encoder_;
  Executor executor_{1};
};

TEST_F(VectorCacheTest, NoTextIsEncodedTwice) {
  const auto first = encode();
  EXPECT_EQ(encoder_.encoded, 1299u);
  EXPECT_EQ(first(7, 0), 0) << "an empty text has no vector";
  EXPECT_EQ(first(1234, 0), 5);
  const auto second = encode();
  EXPECT_EQ(encoder_.encoded, 1299u) << "the last texts too were kept, not whole eighths alone";
  EXPECT_TRUE(std::ranges::equal(first.values(), second.values()));
  texts_.push_back("a new one");
  encode();
  EXPECT_EQ(encoder_.encoded, 1300u);
}

TEST_F(VectorCacheTest, AnotherEncoderOrADamagedFileStartsAnew) {
  encode();
  encoder_.sha = "b";
  encode();
  EXPECT_EQ(encoder_.encoded, 2 * 1299u);
  std::filesystem::resize_file(file(), 100);
  encode();
  EXPECT_EQ(encoder_.encoded, 3 * 1299u);
}

TEST_F(VectorCacheTest, AFolderThatCannotBeWrittenCostsOnlyTime) {
  std::ofstream(folder_ + "/cache") << "a file where the folder should be";
  encode();
  encode();
  EXPECT_EQ(encoder_.encoded, 2 * 1299u);
}

TEST_F(VectorCacheTest, EncodingCanBeCancelledAndGoesOn) {
  const auto cancelled = encode_once(encoder_, texts_, file(), executor_, [](const Progress& p) { return p.done < 1000; });
  ASSERT_FALSE(cancelled.ok());
  EXPECT_EQ(cancelled.error().code, ErrorCode::cancelled);
  const std::size_t before = encoder_.encoded;
  encode();
  EXPECT_LT(encoder_.encoded - before, 400u);
}

}  // namespace
}  // namespace penchant::text
