#include "penchant/text/encoder.h"

#include <algorithm>
#include <atomic>
#include <boost/json.hpp>
#include <chrono>
#include <filesystem>
#include <mutex>
#include <optional>
#include <utility>

#include "penchant/artifact/files.h"
#include "penchant/kernels/vectors.h"
#include "penchant/text/bert_network.h"
#include "penchant/text/wordpiece.h"

namespace penchant::text {
namespace {

namespace json = boost::json;

constexpr std::uint64_t kMaxConfigBytes = 1 << 20;
constexpr std::size_t kBatchTokens = 256;  // activations of one batch stay in the second-level cache
constexpr auto kProgressInterval = std::chrono::milliseconds(100);

Result<json::object> read_config(const std::string& path) {
  PENCHANT_TRY(bytes, artifact::read_file(path, kMaxConfigBytes));
  boost::system::error_code error;
  auto value = json::parse(bytes, error);
  if (error || !value.is_object()) return Error{ErrorCode::corrupt, path + ": is not a JSON object"};
  return std::move(value.get_object());
}

/// Reads the fields of config.json; the first that is wrong is named.
class ConfigReader {
 public:
  ConfigReader(const json::object& object, std::string path) : object_(object), path_(std::move(path)) {}
  std::size_t count(const char* name, std::size_t low, std::size_t high) {
    const auto* value = object_.if_contains(name);
    std::uint64_t n = 0;
    if (value != nullptr && value->is_int64() && value->get_int64() >= 0)
      n = static_cast<std::uint64_t>(value->get_int64());
    if (n < low || n > high)
      fail(std::string(name) + " must be a whole number between " + std::to_string(low) + " and " +
           std::to_string(high));
    return n;
  }
  void expect(const char* name, std::string_view wanted) {
    const auto* value = object_.if_contains(name);
    if (value == nullptr || !value->is_string() || value->get_string() != wanted)
      fail(std::string(name) + " must be \"" + std::string(wanted) +
           "\": only BERT-class encoders can be run");
  }
  void fail(std::string what) {
    if (!error_) error_ = Error{ErrorCode::corrupt, path_ + ": " + std::move(what)};
  }
  [[nodiscard]] Status status() const { return error_ ? Status(*error_) : Status(); }

 private:
  const json::object& object_;
  std::string path_;
  std::optional<Error> error_;
};

Result<BertShape> read_shape(const json::object& config, const std::string& path) {
  ConfigReader reader(config, path);
  reader.expect("model_type", "bert");
  reader.expect("hidden_act", "gelu");
  BertShape shape;
  shape.dim = reader.count("hidden_size", 1, 4096);
  shape.layers = reader.count("num_hidden_layers", 1, 128);
  shape.heads = reader.count("num_attention_heads", 1, 256);
  shape.inner = reader.count("intermediate_size", 1, 1 << 15);
  shape.positions = reader.count("max_position_embeddings", 2, 1 << 15);
  shape.vocabulary = reader.count("vocab_size", 4, 1 << 21);
  shape.token_types = reader.count("type_vocab_size", 1, 64);
  if (const auto* epsilon = config.if_contains("layer_norm_eps")) {
    if (epsilon->is_double() && epsilon->get_double() >= 0 && epsilon->get_double() < 1)
      shape.epsilon = static_cast<float>(epsilon->get_double());
    else
      reader.fail("layer_norm_eps must be a number between 0 and 1");
  }
  PENCHANT_DO(reader.status());
  if (shape.dim % shape.heads != 0) reader.fail("num_attention_heads does not divide hidden_size");
  PENCHANT_DO(reader.status());
  return shape;
}

/// The model this project names by default is recognised; any other is called as its folder.
std::string model_name(const json::object& config, const std::string& folder) {
  const auto* base = config.if_contains("_name_or_path");
  if (base != nullptr && base->is_string() && base->get_string() == "nreimers/MiniLM-L6-H384-uncased")
    return "all-MiniLM-L6-v2";
  auto path = std::filesystem::path(folder).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  return path.filename().string();
}

/// Token limit of sentence_bert_config.json, 256 where there is none.
std::size_t token_limit(const std::string& folder, const BertShape& shape) {
  constexpr std::size_t kDefault = 256;
  std::size_t limit = kDefault;
  if (auto config = read_config(folder + "/sentence_bert_config.json"); config.ok()) {
    const auto* value = config->if_contains("max_seq_length");
    if (value != nullptr && value->is_int64() && value->get_int64() >= 2 &&
        value->get_int64() <= static_cast<std::int64_t>(shape.positions))
      limit = static_cast<std::size_t>(value->get_int64());
  }
  return std::min(limit, shape.positions);
}

/// Reports progress from any worker, one at a time, and keeps the answer.
class ProgressGate {
 public:
  ProgressGate(const ProgressSink& sink, std::size_t total) : sink_(sink), total_(total) {}
  [[nodiscard]] bool cancelled() const { return cancelled_.load(); }
  void add(std::size_t texts) {
    if (!sink_) return;
    const std::lock_guard lock(mutex_);
    done_ += texts;
    const auto now = std::chrono::steady_clock::now();
    if (cancelled_ || (done_ < total_ && now - last_ < kProgressInterval)) return;
    last_ = now;
    if (!sink_({"encode text", done_, total_, ""})) cancelled_ = true;
  }

 private:
  const ProgressSink& sink_;
  std::size_t total_, done_ = 0;  // done_ guarded by mutex_
  std::mutex mutex_;
  std::chrono::steady_clock::time_point last_;  // guarded by mutex_
  std::atomic<bool> cancelled_ = false;         // read by workers without the lock
};

class BertEncoder final : public SentenceEncoder {
 public:
  BertEncoder(BertNetwork network, WordPiece tokenizer, std::string name, std::size_t limit,
              std::string weights_path)
      : network_(std::move(network)),
        tokenizer_(std::move(tokenizer)),
        name_(std::move(name)),
        weights_path_(std::move(weights_path)),
        limit_(limit) {}

  Result<Matrix<float>> encode(std::span<const std::string> texts, Executor& executor,
                               const ProgressSink& progress) const override;
  [[nodiscard]] std::size_t dim() const noexcept override { return network_.shape().dim; }
  [[nodiscard]] std::size_t max_tokens() const noexcept override { return limit_; }
  [[nodiscard]] const std::string& name() const noexcept override { return name_; }
  [[nodiscard]] const std::string& sha256() const noexcept override {
    std::call_once(hashed_, [this] {
      if (auto hash = artifact::sha256_file(weights_path_); hash.ok()) sha256_ = hash.value();
    });
    return sha256_;
  }

 private:
  BertNetwork network_;
  WordPiece tokenizer_;
  std::string name_, weights_path_;
  std::size_t limit_;
  mutable std::once_flag hashed_;
  mutable std::string sha256_;  // written once under hashed_
};

Result<Matrix<float>> BertEncoder::encode(std::span<const std::string> texts, Executor& executor,
                                          const ProgressSink& progress) const {
  std::vector<std::vector<std::int32_t>> tokens(texts.size());
  executor.parallel_for(texts.size(), 16, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) tokens[i] = tokenizer_.encode(texts[i], limit_);
  });
  // Ragged batches in the order of the texts: the same bits whatever the number of threads.
  std::vector<std::size_t> starts{0};
  for (std::size_t i = 0, held = 0; i < tokens.size(); ++i) {
    if (i > starts.back() && held + tokens[i].size() > kBatchTokens) {
      starts.push_back(i);
      held = 0;
    }
    held += tokens[i].size();
  }
  starts.push_back(texts.size());
  Matrix<float> vectors(texts.size(), dim());
  ProgressGate gate(progress, texts.size());
  executor.parallel_for(starts.size() - 1, 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t b = begin; b < end && !gate.cancelled(); ++b) {
      const std::size_t first = starts[b], count = starts[b + 1] - first;
      std::vector<std::int32_t> ids;
      std::vector<std::size_t> lengths;
      for (std::size_t i = first; i < first + count; ++i) {
        ids.insert(ids.end(), tokens[i].begin(), tokens[i].end());
        lengths.push_back(tokens[i].size());
      }
      if (count > 0) network_.encode(ids, lengths, vectors.view().rows_from(first, count));
      gate.add(count);
    }
  });
  if (gate.cancelled()) return Error{ErrorCode::cancelled, "encoding text was cancelled"};
  return vectors;
}

}  // namespace

Result<std::unique_ptr<SentenceEncoder>> SentenceEncoder::load(const std::string& folder) {
  const std::string config_path = folder + "/config.json";
  const std::string weights_path = folder + "/model.safetensors";
  PENCHANT_TRY(config, read_config(config_path));
  PENCHANT_TRY(shape, read_shape(config, config_path));
  if (auto tokens = read_config(folder + "/tokenizer_config.json"); tokens.ok()) {
    const auto* lower = tokens->if_contains("do_lower_case");
    if (lower != nullptr && lower->is_bool() && !lower->get_bool())
      return Error{ErrorCode::corrupt, folder +
                                           "/tokenizer_config.json: do_lower_case is false: "
                                           "only uncased models can be run"};
  }
  PENCHANT_TRY(tokenizer, WordPiece::load(folder + "/vocab.txt"));
  if (tokenizer.size() > shape.vocabulary)
    return Error{ErrorCode::corrupt, folder + "/vocab.txt: " + std::to_string(tokenizer.size()) +
                                         " pieces, config.json says " + std::to_string(shape.vocabulary)};
  PENCHANT_TRY(tensors, artifact::SafeTensors::open(weights_path));
  auto network = BertNetwork::load(std::move(tensors), shape);
  if (!network.ok()) return std::move(network).error().within(weights_path);
  return std::unique_ptr<SentenceEncoder>(
      std::make_unique<BertEncoder>(std::move(network).value(), std::move(tokenizer),
                                    model_name(config, folder), token_limit(folder, shape), weights_path));
}

}  // namespace penchant::text
