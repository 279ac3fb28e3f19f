// The goal for a catalogue of films, on one thread: less than ten seconds.
#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>

#include "penchant/kernels/vectors.h"
#include "penchant/text/encoder.h"
#include "penchant/text/tokens.h"

namespace penchant::text {
namespace {

std::string environment(const char* name, const std::string& fallback) {
  const char* value = std::getenv(name);
  return value == nullptr ? fallback : value;
}

TEST(EncoderSpeed, FilmCatalogueInTenSecondsOfOneCore) {
  const std::string folder = environment(
      "PENCHANT_ENCODER_DIR", environment("HOME", "") + "/.cache/penchant/encoders/all-minilm-l6-v2");
  const std::string items = environment("PENCHANT_TEST_DATA", PENCHANT_SOURCE_DIR "/../shared/data") +
                            "/movielens-100k/ml-100k.item";
  if (!std::filesystem::exists(folder + "/model.safetensors"))
    GTEST_SKIP() << "EncoderSpeed: no encoder weights in " << folder;
  if (!std::filesystem::exists(items)) GTEST_SKIP() << "EncoderSpeed: no " << items;
  std::vector<std::string> texts;  // item_id, title, year, genres
  std::ifstream file(items);
  std::string line;
  for (std::getline(file, line); std::getline(file, line);) {
    const auto title = line.find('\t') + 1;
    std::string text = line.substr(title);
    for (auto& c : text)
      if (c == '\t') c = '.';
    texts.push_back(clean_text(text));
  }
  ASSERT_EQ(texts.size(), 1682U);
  const auto encoder = SentenceEncoder::load(folder).value();
  Executor executor(1);
  const std::clock_t begin = std::clock();  // of this process: other load does not count
  const auto vectors = encoder->encode(texts, executor).value();
  const double seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
  std::printf("[ speed    ] %zu texts in %.2f s of one core: %.0f texts/s\n", texts.size(), seconds,
              static_cast<double>(texts.size()) / seconds);
  for (std::size_t i = 0; i < vectors.rows(); ++i) {
    double squares = 0;
    for (const float v : vectors.row(i)) squares += static_cast<double>(v) * v;
    ASSERT_NEAR(squares, 1.0, 1e-5) << texts[i];
  }
#if defined(NDEBUG) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  const std::string level = kernels::simd_level();
  if (level == "AVX2" || level == "AVX3") {
    EXPECT_LT(seconds, 10.0) << level;
  }
#endif
}

}  // namespace
}  // namespace penchant::text
