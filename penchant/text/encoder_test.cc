#include "penchant/text/encoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <map>

#include "penchant/artifact/files.h"
#include "penchant/artifact/safetensors.h"
#include "penchant/base/rng.h"

namespace penchant::text {
namespace {
using ::testing::HasSubstr;

constexpr std::size_t kDim = 8, kInner = 12, kLayers = 2, kHeads = 2, kPositions = 20, kVocabulary = 9;
const char* const kConfig = R"({"model_type":"bert","hidden_act":"gelu","hidden_size":8,
  "num_hidden_layers":2,"num_attention_heads":2,"intermediate_size":12,
  "max_position_embeddings":20,"vocab_size":9,"type_vocab_size":2,"layer_norm_eps":1e-12})";
const char* const kPieces = "[PAD]\n[UNK]\n[CLS]\n[SEP]\nred\nblue\n##s\n!\nbox\n";

/// A small random encoder in a fresh folder, its tensors at hand.
class TinyEncoder : public ::testing::Test {
 protected:
  struct Entry {
    std::vector<std::uint64_t> shape;
    std::vector<float> values;
  };
  std::map<std::string, Entry> tensors_;
  std::filesystem::path folder_;

  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() /
              ("penchant-encoder-" + std::to_string(::getpid()) + "-" +
               ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::create_directories(folder_);
    Rng rng(1);
    const auto add = [&](const std::string& name, std::vector<std::uint64_t> shape, double middle = 0) {
      std::size_t n = 1;
      for (const auto d : shape) n *= d;
      Entry e{std::move(shape), std::vector<float>(n)};
      for (auto& v : e.values) v = static_cast<float>(middle + (rng.uniform() - 0.5));
      tensors_[name] = std::move(e);
    };
    const auto linear = [&](const std::string& name, std::uint64_t out, std::uint64_t in) {
      add(name + ".weight", {out, in});
      add(name + ".bias", {out});
    };
    const auto norm = [&](const std::string& name) {
      add(name + ".weight", {kDim}, 1);
      add(name + ".bias", {kDim});
    };
    add("embeddings.word_embeddings.weight", {kVocabulary, kDim});
    add("embeddings.position_embeddings.weight", {kPositions, kDim});
    add("embeddings.token_type_embeddings.weight", {2, kDim});
    norm("embeddings.LayerNorm");
    for (std::size_t l = 0; l < kLayers; ++l) {
      const std::string p = "encoder.layer." + std::to_string(l) + ".";
      for (const char* part : {"query", "key", "value"}) linear(p + "attention.self." + part, kDim, kDim);
      linear(p + "attention.output.dense", kDim, kDim);
      norm(p + "attention.output.LayerNorm");
      linear(p + "intermediate.dense", kInner, kDim);
      linear(p + "output.dense", kDim, kInner);
      norm(p + "output.LayerNorm");
    }
    write_text("config.json", kConfig);
    write_text("vocab.txt", kPieces);
    write_weights(tensors_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void write_text(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }
  void write_weights(const std::map<std::string, Entry>& tensors) {
    artifact::SafeTensorsWriter writer;
    for (const auto& [name, e] : tensors)
      writer.add(name, artifact::DType::f32, e.shape, std::as_bytes(std::span(e.values)));
    writer.write((folder_ / "model.safetensors").string()).value();
  }
  [[nodiscard]] Error refusal() const {
    auto loaded = SentenceEncoder::load(folder_.string());
    EXPECT_FALSE(loaded.ok());
    return loaded.ok() ? Error{} : loaded.error();
  }

  // The same network, slowly and in double.
  using Vector = std::vector<double>;
  [[nodiscard]] Vector linear(const std::string& name, const Vector& x) const {
    const auto& w = tensors_.at(name + ".weight");
    Vector y(w.shape[0]);
    for (std::size_t o = 0; o < y.size(); ++o) {
      y[o] = tensors_.at(name + ".bias").values[o];
      for (std::size_t i = 0; i < x.size(); ++i) y[o] += w.values[o * x.size() + i] * x[i];
    }
    return y;
  }
  [[nodiscard]] Vector add_norm(const std::string& name, const Vector& x, const Vector& more) const {
    Vector y(kDim);
    double mean = 0, variance = 0;
    for (std::size_t i = 0; i < kDim; ++i) mean += (y[i] = x[i] + more[i]) / kDim;
    for (const double v : y) variance += (v - mean) * (v - mean) / kDim;
    for (std::size_t i = 0; i < kDim; ++i)
      y[i] = (y[i] - mean) / std::sqrt(variance + 1e-12) * tensors_.at(name + ".weight").values[i] +
             tensors_.at(name + ".bias").values[i];
    return y;
  }
  [[nodiscard]] Vector slow_encode(const std::vector<int>& ids) const {
    std::vector<Vector> x;
    const auto row = [&](const std::string& name, std::size_t r) {
      const auto& v = tensors_.at("embeddings." + name + ".weight").values;
      return Vector(v.begin() + static_cast<long>(r * kDim), v.begin() + static_cast<long>((r + 1) * kDim));
    };
    for (std::size_t p = 0; p < ids.size(); ++p) {
      Vector sum = row("position_embeddings", p);
      const Vector type = row("token_type_embeddings", 0);
      for (std::size_t i = 0; i < kDim; ++i) sum[i] += type[i];
      x.push_back(
          add_norm("embeddings.LayerNorm", row("word_embeddings", static_cast<std::size_t>(ids[p])), sum));
    }
    for (std::size_t l = 0; l < kLayers; ++l) {
      const std::string p = "encoder.layer." + std::to_string(l) + ".";
      std::vector<Vector> next;
      for (std::size_t t = 0; t < x.size(); ++t) {
        Vector mixed(kDim);
        const Vector q = linear(p + "attention.self.query", x[t]);
        const std::size_t size = kDim / kHeads;
        for (std::size_t h = 0; h < kHeads; ++h) {
          double total = 0;
          Vector sum(size);
          for (const auto& other : x) {
            const Vector k = linear(p + "attention.self.key", other);
            const Vector v = linear(p + "attention.self.value", other);
            double logit = 0;
            for (std::size_t i = 0; i < size; ++i) logit += q[h * size + i] * k[h * size + i];
            const double weight = std::exp(logit / std::sqrt(static_cast<double>(size)));
            total += weight;
            for (std::size_t i = 0; i < size; ++i) sum[i] += weight * v[h * size + i];
          }
          for (std::size_t i = 0; i < size; ++i) mixed[h * size + i] = sum[i] / total;
        }
        const Vector a =
            add_norm(p + "attention.output.LayerNorm", x[t], linear(p + "attention.output.dense", mixed));
        Vector inner = linear(p + "intermediate.dense", a);
        for (auto& u : inner) u = 0.5 * u * (1 + std::erf(u / std::sqrt(2.0)));
        next.push_back(add_norm(p + "output.LayerNorm", a, linear(p + "output.dense", inner)));
      }
      x = next;
    }
    Vector mean(kDim);
    double norm = 0;
    for (const auto& state : x)
      for (std::size_t i = 0; i < kDim; ++i) mean[i] += state[i];
    for (const double v : mean) norm += v * v;
    for (auto& v : mean) v /= std::sqrt(norm);
    return mean;
  }
};

TEST_F(TinyEncoder, EqualsTheSlowNetworkInARaggedBatch) {
  const auto encoder = SentenceEncoder::load(folder_.string()).value();
  EXPECT_EQ(encoder->dim(), kDim);
  EXPECT_EQ(encoder->max_tokens(), kPositions);
  EXPECT_EQ(encoder->name(), folder_.filename().string());
  EXPECT_EQ(encoder->sha256(), artifact::sha256_file((folder_ / "model.safetensors").string()).value());
  const std::vector<std::string> texts{"", "Red boxs!", "blue", "blue green RED", ""};
  const std::vector<std::vector<int>> ids{{2, 3}, {2, 4, 8, 6, 7, 3}, {2, 5, 3}, {2, 5, 1, 4, 3}, {2, 3}};
  Executor executor(1);
  const auto vectors = encoder->encode(texts, executor).value();
  ASSERT_EQ(vectors.rows(), texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto expected = slow_encode(ids[i]);
    // About 12 products of inner length <= 12 on values below 4, normalised to length 1:
    // 12 * sqrt(12) * 4 u = 1e-5.
    for (std::size_t c = 0; c < kDim; ++c) EXPECT_NEAR(vectors(i, c), expected[c], 1e-5) << i;
  }
}

TEST_F(TinyEncoder, ThreadsDoNotChangeTheBits) {
  const auto encoder = SentenceEncoder::load(folder_.string()).value();
  std::vector<std::string> texts;
  Rng rng(3);
  for (int i = 0; i < 300; ++i) {
    texts.emplace_back();
    for (std::uint64_t w = rng.below(30); w > 0; --w)
      texts.back() += std::array{"red ", "blue ", "box! ", "boxs "}[rng.below(4)];
  }
  Executor one(1), three(3);
  EXPECT_EQ(encoder->encode(texts, one)->values(), encoder->encode(texts, three)->values());
}

TEST_F(TinyEncoder, NothingToEncode) {
  const auto encoder = SentenceEncoder::load(folder_.string()).value();
  Executor executor(1);
  EXPECT_EQ(encoder->encode({}, executor)->rows(), 0U);
}

TEST_F(TinyEncoder, ReportsToTheEndAndStopsWhenTold) {
  const auto encoder = SentenceEncoder::load(folder_.string()).value();
  const std::vector<std::string> texts(200, "red box red box red box");
  Executor executor(2);
  std::uint64_t last = 0;
  ASSERT_TRUE(encoder
                  ->encode(texts, executor,
                           [&](const Progress& p) {
                             EXPECT_EQ(p.total, 200U);
                             EXPECT_GT(p.done, last);
                             last = p.done;
                             return true;
                           })
                  .ok());
  EXPECT_EQ(last, 200U);
  const auto stopped = encoder->encode(texts, executor, [](const Progress&) { return false; });
  ASSERT_FALSE(stopped.ok());
  EXPECT_EQ(stopped.error().code, ErrorCode::cancelled);
}

TEST_F(TinyEncoder, EachDamagedTensorIsNamed) {
  for (const auto& [name, entry] : tensors_)
    for (int damage = 0; damage < 3; ++damage) {
      auto bad = tensors_;
      if (damage == 0) bad.erase(name);
      if (damage == 1) bad.at(name).shape.insert(bad.at(name).shape.begin(), 1);
      if (damage == 2) bad.at(name).values.back() = std::numeric_limits<float>::quiet_NaN();
      write_weights(bad);
      const Error error = refusal();
      EXPECT_EQ(error.code, ErrorCode::corrupt);
      EXPECT_THAT(error.message, HasSubstr(name)) << damage;
    }
}

TEST_F(TinyEncoder, BadFoldersAreRefusedByName) {
  const auto with_config = [&](const std::string& from, const std::string& to) {
    std::string config = kConfig;
    config.replace(config.find(from), from.size(), to);
    write_text("config.json", config);
    return refusal().message;
  };
  EXPECT_THAT(with_config("\"bert\"", "\"t5\""), HasSubstr("model_type"));
  EXPECT_THAT(with_config("\"gelu\"", "\"relu\""), HasSubstr("hidden_act"));
  EXPECT_THAT(with_config("\"hidden_size\":8", "\"hidden_size\":-8"), HasSubstr("hidden_size"));
  EXPECT_THAT(with_config("\"hidden_size\":8", "\"hidden_size\":1e9"), HasSubstr("hidden_size"));
  EXPECT_THAT(with_config("heads\":2", "heads\":3"), HasSubstr("does not divide"));
  EXPECT_THAT(with_config("\"vocab_size\":9", "\"vocab_size\":8"), HasSubstr("vocab.txt: 9 pieces"));
  EXPECT_THAT(with_config("1e-12", "\"x\""), HasSubstr("layer_norm_eps"));
  write_text("config.json", "[1");
  EXPECT_THAT(refusal().message, HasSubstr("config.json"));
  write_text("config.json", kConfig);
  write_text("tokenizer_config.json", R"({"do_lower_case": false})");
  EXPECT_THAT(refusal().message, HasSubstr("uncased"));
  std::filesystem::remove(folder_ / "tokenizer_config.json");
  write_text("vocab.txt", "a\nb\n");
  EXPECT_THAT(refusal().message, HasSubstr("vocab.txt"));
  write_text("vocab.txt", kPieces);
  write_text("model.safetensors", "not a tensor file");
  EXPECT_EQ(refusal().code, ErrorCode::corrupt);
  std::filesystem::remove(folder_ / "model.safetensors");
  EXPECT_EQ(refusal().code, ErrorCode::not_found);
  EXPECT_EQ(SentenceEncoder::load("/nowhere").error().code, ErrorCode::not_found);
}

TEST_F(TinyEncoder, ATokenLimitOfItsOwnIsRead) {
  write_text("sentence_bert_config.json", R"({"max_seq_length": 4})");
  const auto encoder = SentenceEncoder::load(folder_.string()).value();
  EXPECT_EQ(encoder->max_tokens(), 4U);
  Executor executor(1);
  const std::vector<std::string> texts{"red box blue", "red box"};
  const auto v = encoder->encode(texts, executor).value();
  EXPECT_TRUE(std::equal(v.row(0).begin(), v.row(0).end(), v.row(1).begin()));
}

}  // namespace
}  // namespace penchant::text
