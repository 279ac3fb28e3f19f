#include "penchant/text/vector_cache.h"

#include <algorithm>
#include <filesystem>

#include "penchant/artifact/files.h"
#include "penchant/artifact/safetensors.h"
#include "penchant/kernels/vectors.h"

namespace penchant::text {
namespace {

constexpr std::size_t kEncodedTogether = 512;  ///< texts between two looks at `progress` and the cache

/// First 64 bits of the SHA-256 of the text.
std::uint64_t key_of(std::string_view text) { return std::stoull(artifact::sha256(text).substr(0, 16), nullptr, 16); }

}  // namespace

VectorCache::VectorCache(std::string file, std::string encoder_sha256, std::size_t dim)
    : file_(std::move(file)), encoder_sha256_(std::move(encoder_sha256)), dim_(dim) {
  auto tensors = artifact::SafeTensors::open(file_);
  if (!tensors.ok()) return;
  const auto& metadata = tensors.value().metadata();
  const auto encoder = metadata.find("encoder_sha256");
  if (encoder == metadata.end() || encoder->second != encoder_sha256_) return;
  auto keys = tensors.value().vector_i64("keys");
  if (!keys.ok() || keys.value().size() > kMaxCachedTexts) return;
  auto vectors = tensors.value().matrix_f32("vectors", keys.value().size(), dim_);
  if (!vectors.ok()) return;
  const std::span<const float> values{vectors.value().data(), keys.value().size() * dim_};
  if (!kernels::all_finite(values)) return;
  keys_.assign(keys.value().begin(), keys.value().end());
  vectors_.assign(values.begin(), values.end());
  for (std::size_t r = 0; r < keys_.size(); ++r) row_of_[static_cast<std::uint64_t>(keys_[r])] = r;
  saved_ = keys_.size();
}

std::vector<float> VectorCache::find(std::string_view text) const {
  const std::uint64_t key = key_of(text);
  const std::scoped_lock lock(mutex_);
  const auto found = row_of_.find(key);
  if (found == row_of_.end()) return {};
  const auto row = std::span(vectors_).subspan(found->second * dim_, dim_);
  return {row.begin(), row.end()};
}

void VectorCache::add(std::string_view text, std::span<const float> vector) {
  const std::uint64_t key = key_of(text);
  const std::scoped_lock lock(mutex_);
  if (vector.size() != dim_ || keys_.size() >= kMaxCachedTexts || !row_of_.emplace(key, keys_.size()).second) return;
  keys_.push_back(static_cast<std::int64_t>(key));
  vectors_.insert(vectors_.end(), vector.begin(), vector.end());
}

Status VectorCache::save_if_grown() {
  {
    const std::scoped_lock lock(mutex_);
    if (keys_.size() - saved_ < saved_ / 8) return {};
  }
  return save();
}

Status VectorCache::save() {
  artifact::SafeTensorsWriter writer;
  {
    const std::scoped_lock lock(mutex_);
    if (keys_.size() == saved_) return {};
    writer.add("keys", std::span<const std::int64_t>(keys_));
    writer.add("vectors", MatrixView<const float>(vectors_.data(), keys_.size(), dim_));
    saved_ = keys_.size();
  }
  writer.set_metadata("encoder_sha256", encoder_sha256_);
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(file_).parent_path(), error);
  return writer.write(file_);
}

std::size_t VectorCache::size() const {
  const std::scoped_lock lock(mutex_);
  return keys_.size();
}

Result<Matrix<float>> encode_once(const SentenceEncoder& encoder, std::span<const std::string> texts,
                                  const std::string& cache_file, Executor& executor, const ProgressSink& progress) {
  VectorCache cache(cache_file, encoder.sha256(), encoder.dim());
  Matrix<float> vectors(texts.size(), encoder.dim());
  std::vector<std::size_t> missing;
  for (std::size_t r = 0; r < texts.size(); ++r) {
    if (texts[r].empty()) continue;
    const auto known = cache.find(texts[r]);
    if (known.empty())
      missing.push_back(r);
    else
      std::ranges::copy(known, vectors.row(r).begin());
  }
  for (std::size_t begin = 0; begin < missing.size(); begin += kEncodedTogether) {
    const std::size_t count = std::min(kEncodedTogether, missing.size() - begin);
    std::vector<std::string> some;
    for (std::size_t k = 0; k < count; ++k) some.push_back(texts[missing[begin + k]]);
    PENCHANT_TRY(encoded, encoder.encode(some, executor));
    for (std::size_t k = 0; k < count; ++k) {
      std::ranges::copy(encoded.row(k), vectors.row(missing[begin + k]).begin());
      cache.add(some[k], encoded.row(k));
    }
    const bool last = begin + count == missing.size();
    if (!cache_file.empty()) static_cast<void>(last ? cache.save() : cache.save_if_grown());  // unwritable: encoded again
    if (progress && !progress({"encode item texts", begin + count, missing.size(), ""}))
      return Error{ErrorCode::cancelled, "cancelled while encoding item texts"};
  }
  return vectors;
}

}  // namespace penchant::text
