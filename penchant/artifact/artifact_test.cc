#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "penchant/artifact/files.h"
#include "penchant/artifact/manifest.h"
#include "penchant/artifact/safetensors.h"
#include "penchant/base/rng.h"

namespace penchant::artifact {
namespace {

namespace fs = std::filesystem;

class ArtifactTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("penchant_artifact_" + std::to_string(::getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  std::string path(const std::string& name) { return (folder_ / name).string(); }
  void put(const std::string& name, const std::string& header, const std::string& data) {
    std::string bytes(8, '\0');
    const std::uint64_t size = header.size();
    std::memcpy(bytes.data(), &size, 8);
    std::ofstream(path(name), std::ios::binary) << bytes << header << data;
  }
  fs::path folder_;
};

TEST_F(ArtifactTest, TensorsComeBackAsWritten) {
  SafeTensorsWriter writer;
  Matrix<float> m({1, 2, 3, 4, 5, 6}, 2, 3);
  const std::vector<std::int64_t> times{5, -7};
  Matrix<std::uint16_t> codes({1, 2, 3}, 1, 3);
  writer.add("codes", codes.view());
  writer.add("m", m.view());
  writer.add("times", std::span(times));
  writer.set_metadata("made_by", "test");
  ASSERT_TRUE(writer.write(path("t.safetensors")).ok());
  auto file = SafeTensors::open(path("t.safetensors"));
  ASSERT_TRUE(file.ok()) << file.error().message;
  EXPECT_EQ(file->matrix_f32("m", 2, 3)->row(1)[2], 6.f);
  EXPECT_EQ(file->matrix_u16("codes")->row(0)[1], 2);
  EXPECT_EQ(file->vector_i64("times").value()[1], -7);
  EXPECT_EQ(file->metadata().at("made_by"), "test");
  EXPECT_EQ(file->matrix_f32("m", 3, 2).error().code, ErrorCode::corrupt);
  EXPECT_NE(file->matrix_f32("m", 3, 2).error().message.find("expected [3, 2]"), std::string::npos);
  EXPECT_NE(file->get("absent").error().message.find("\"absent\" is missing"), std::string::npos);
}

TEST_F(ArtifactTest, HostileHeadersAreRefused) {
  const std::string four(4, 'x');
  const std::vector<std::pair<std::string, std::string>> bad{
      {"not json", four},
      {"[]", four},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}})", four},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", four},
      {R"({"a":{"dtype":"F99","shape":[1],"data_offsets":[0,4]}})", four},
      {R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", four},
      {R"({"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,4]}})", four},
      {R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})", four},
      {R"({"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"b":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}})", four},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}})", four},
      {R"({"__metadata__":{"a":1}})", ""},
  };
  for (const auto& [header, data] : bad) {
    put("bad", header, data);
    auto file = SafeTensors::open(path("bad"));
    ASSERT_FALSE(file.ok()) << header;
    EXPECT_EQ(file.error().code, ErrorCode::corrupt) << header;
    EXPECT_NE(file.error().message.find(path("bad")), std::string::npos);
  }
  std::ofstream(path("bad"), std::ios::binary) << "\xff\xff\xff\xff\xff\xff\xff\x7f{}";
  EXPECT_EQ(SafeTensors::open(path("bad")).error().code, ErrorCode::corrupt);
  std::ofstream(path("bad"), std::ios::binary | std::ios::trunc).close();
  EXPECT_EQ(SafeTensors::open(path("bad")).error().code, ErrorCode::corrupt);
  EXPECT_EQ(SafeTensors::open(path("none")).error().code, ErrorCode::not_found);
}

TEST_F(ArtifactTest, MutatedFilesAreRefusedOrEqual) {
  SafeTensorsWriter writer;
  Matrix<float> m(5, 7);
  writer.add("m", m.view());
  ASSERT_TRUE(writer.write(path("t")).ok());
  const std::string good = read_file(path("t"), 1 << 20).value();
  Rng rng(1);
  for (int i = 0; i < 3000; ++i) {
    std::string bytes = good;
    for (auto n = 1 + rng.below(3); n > 0; --n) {
      if (rng.below(4) == 0) bytes.resize(rng.below(bytes.size() + 1));
      if (!bytes.empty()) bytes[rng.below(bytes.size())] = static_cast<char>(rng());
    }
    std::ofstream(path("x"), std::ios::binary | std::ios::trunc) << bytes;
    auto file = SafeTensors::open(path("x"));
    if (!file.ok()) continue;
    for (const auto& [name, view] : file->tensors()) {
      volatile char sum = 0;
      for (auto b : view.bytes) sum = static_cast<char>(sum + static_cast<char>(b));  // all readable
    }
  }
}

Manifest sample() {
  Manifest m;
  m.name = "r1";
  m.preset = "tiny";
  m.holdout = "last-out";
  m.seed = 18446744073709551615ULL;
  m.model = {.items = 3, .dim = 8, .layers = 1, .heads = 2, .ffn = 32, .max_len = 16, .depth_layers = 1,
             .levels = 3, .codebook = 4, .gaps = 32, .actions = 2, .logit_scale = 0.125, .normalised = true};
  m.quantiser = "opq";
  m.codebooks = {4, 4, 2};
  m.balance = 0.5;
  m.collisions = "extra";
  m.codebook_sizes = "as \"given\"";
  m.actions = {{.type = "unknown"}, {.type = "rating", .from = 4, .to = 6, .has_value = true}};
  m.modalities = {{.name = "text", .dim = 384, .encoder = "all-MiniLM-L6-v2", .encoder_sha256 = "ab"}};
  return m;
}

TEST_F(ArtifactTest, ManifestRoundTrips) {
  const auto parsed = parse_manifest(to_json(sample()));
  ASSERT_TRUE(parsed.ok()) << parsed.error().message;
  EXPECT_EQ(to_json(*parsed), to_json(sample()));
  EXPECT_EQ(parsed->quantiser, "opq");
  EXPECT_EQ(parsed->codebooks, (std::vector<std::uint32_t>{4, 4, 2}));
  EXPECT_EQ(parsed->balance, 0.5);
  EXPECT_EQ(parsed->collisions, "extra");
  EXPECT_EQ(parsed->codebook_sizes, "as \"given\"");
}

TEST_F(ArtifactTest, SealedReleaseVerifiesAndATouchedFileIsNamed) {
  std::ofstream(path("items.json")) << R"({"ids":[]})";
  ASSERT_TRUE(seal_release(folder_.string(), sample()).ok());
  ASSERT_TRUE(verify_release(folder_.string()).ok());
  std::ofstream(path("items.json")) << R"({"ids":["evil"]})";
  const auto touched = verify_release(folder_.string());
  ASSERT_FALSE(touched.ok());
  EXPECT_NE(touched.error().message.find("items.json: SHA-256 differs"), std::string::npos);
}

TEST_F(ArtifactTest, ManifestNamesTheBadField) {
  auto text = to_json(sample());
  const auto replace = [&](const std::string& from, const std::string& to) {
    auto copy = text;
    copy.replace(copy.find(from), from.size(), to);
    return parse_manifest(copy);
  };
  EXPECT_NE(replace("\"dim\":8", "\"dim\":-8").error().message.find("/model/dim"), std::string::npos);
  EXPECT_NE(replace("\"heads\":2", "\"heads\":3").error().message.find("/model/heads"), std::string::npos);
  EXPECT_NE(replace("[4,4,2]", "[4,0,2]").error().message.find("/semantic_ids/codebooks"), std::string::npos);
  EXPECT_NE(replace("[4,4,2]", "[4,-1]").error().message.find("/semantic_ids/codebooks"), std::string::npos);
  EXPECT_NE(replace("\"format\":3", "\"format\":9").error().message.find("format 9"), std::string::npos);
  EXPECT_NE(replace("\"files\":{}", "\"files\":{\"../x\":\"h\"}").error().message.find("/files/"), std::string::npos);
  EXPECT_FALSE(parse_manifest("{").ok());
  EXPECT_EQ(verify_release(path("absent")).error().code, ErrorCode::not_found);
}

TEST_F(ArtifactTest, HashAndCappedRead) {
  ASSERT_TRUE(write_file(path("f"), "abc").ok());
  EXPECT_EQ(sha256_file(path("f")).value(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256("abc"), sha256_file(path("f")).value());
  EXPECT_EQ(read_file(path("f"), 2).error().code, ErrorCode::resource_exhausted);
}

TEST_F(ArtifactTest, FullDiskLeavesTheOldFile) {
  EXPECT_EQ(write_file("/dev/full_folder_that_is_not/x", "abc").error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace penchant::artifact
