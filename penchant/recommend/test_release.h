#pragma once
/// \file A small catalogue with genres, people who keep to a genre, and a release over them, written
/// as the files of docs/formats/release.md. For tests of any module; no training, same bytes always.
#include <cmath>
#include <filesystem>
#include <map>
#include <numbers>
#include <string>
#include <unistd.h>
#include <vector>

#include "penchant/artifact/files.h"
#include "penchant/artifact/manifest.h"
#include "penchant/artifact/safetensors.h"
#include "penchant/base/rng.h"
#include "penchant/catalog/item.h"
#include "penchant/kernels/vectors.h"
#include "penchant/retrieve/transitions.h"
#include "penchant/semantic_id/codebooks.h"
#include "penchant/text/encoder.h"

namespace penchant::recommend {

struct TestReleaseOptions {
  std::string name = "r1";
  std::size_t genres = 4, per_genre = 10;   ///< items = genres * per_genre
  std::uint32_t dim = 16, layers = 1, heads = 2, ffn = 16, max_len = 32, depth_layers = 1, levels = 3, codebook = 8;
  bool random = false;                      ///< random weights and codes, for speed and shape tests
  bool normalised = false;
  bool with_text = true;                    ///< false: no content at all
  bool with_towers = false;                 ///< two towers that score by the mean text of a history
  float tower_bias = 0;                     ///< of every item
  bool content_encoder = false;             ///< codes quantise what an encoder makes of the content
  std::uint64_t seed = 1;
};

/// A folder of its own, removed at the end. Threads: one.
class TestFolder {
 public:
  TestFolder() {
    static int count = 0;
    path_ = (std::filesystem::temp_directory_path() /
             ("penchant_test_" + std::to_string(::getpid()) + "_" + std::to_string(count++))).string();
    std::filesystem::create_directories(path_);
  }
  ~TestFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
};

/// Vectors of bags of words: every word is a fixed random direction, so shared words mean likeness.
/// Stands where a real sentence encoder would; needs no files. Threads: safe.
class WordEncoder final : public text::SentenceEncoder {
 public:
  static constexpr std::size_t kDim = 24;
  [[nodiscard]] std::vector<float> vector(const std::string& text) const {
    std::vector<float> sum(kDim, 0);
    std::uint64_t word = 1469598103934665603ULL;
    bool inside = false;
    const auto flush = [&] {
      if (inside) {
        Rng rng(word);
        for (float& x : sum) x += static_cast<float>(rng.uniform() - 0.5);
      }
      word = 1469598103934665603ULL;
      inside = false;
    };
    for (const char c : text) {
      if (std::isalnum(static_cast<unsigned char>(c)) == 0) { flush(); continue; }
      word = (word ^ static_cast<unsigned char>(std::tolower(static_cast<unsigned char>(c)))) * 1099511628211ULL;
      inside = true;
    }
    flush();
    kernels::l2_normalise(sum);
    return sum;
  }
  Result<Matrix<float>> encode(std::span<const std::string> texts, Executor&, const ProgressSink&) const override {
    Matrix<float> out(texts.size(), kDim);
    for (std::size_t i = 0; i < texts.size(); ++i) std::ranges::copy(vector(texts[i]), out.row(i).begin());
    return out;
  }
  [[nodiscard]] std::size_t dim() const noexcept override { return kDim; }
  [[nodiscard]] std::size_t max_tokens() const noexcept override { return 1000; }
  [[nodiscard]] const std::string& name() const noexcept override { return name_; }
  [[nodiscard]] const std::string& sha256() const noexcept override { return sha_; }

 private:
  std::string name_ = "words", sha_ = "w0";
};

inline const std::vector<std::string>& test_genres() {
  static const std::vector<std::string> names{"Comedy", "Horror", "Western", "Musical", "Drama", "Action", "Crime", "War"};
  return names;
}
inline std::string test_item_id(std::size_t genre, std::size_t k) {
  return test_genres()[genre % 8].substr(0, 2) + std::to_string(genre / 8) + "-" + std::to_string(k);
}

/// Rows genre by genre: item genre * per_genre + k. Attributes: genres (list), year (number).
inline std::vector<catalog::Item> test_items(const TestReleaseOptions& o) {
  std::vector<catalog::Item> items;
  for (std::size_t g = 0; g < o.genres; ++g)
    for (std::size_t k = 0; k < o.per_genre; ++k) {
      catalog::Item item;
      item.id = test_item_id(g, k);
      item.title = test_genres()[g % 8] + " tale " + std::to_string(k);
      item.attributes["genres"] = std::vector<std::string>{test_genres()[g % 8]};
      item.attributes["year"] = static_cast<double>(1980 + k);
      items.push_back(std::move(item));
    }
  return items;
}

/// User u keeps to genre u % genres with every fourth event elsewhere; nobody repeats an item. One
/// event an hour; ratings 4 or 5 in the genre, 2 elsewhere.
inline std::vector<catalog::Event> test_events(const TestReleaseOptions& o, std::size_t users, std::size_t length = 8) {
  Rng rng(o.seed + 17);
  std::vector<catalog::Event> events;
  for (std::size_t u = 0; u < users; ++u) {
    std::vector<bool> had(o.genres * o.per_genre, false);
    for (std::size_t t = 0; t < length; ++t) {
      const bool away = t % 4 == 2;
      std::size_t row = 0, tries = 0;
      if (t >= had.size()) break;
      do {
        const bool anywhere = away || ++tries > 50;  // the genre is used up
        const std::size_t genre = anywhere ? rng.below(o.genres) : u % o.genres;
        row = genre * o.per_genre + rng.below(o.per_genre);
      } while (had[row]);
      had[row] = true;
      catalog::Event event;
      event.user = "u" + std::to_string(u);
      event.item = test_item_id(row / o.per_genre, row % o.per_genre);
      event.type = "rating";
      event.value = away ? 2 : 4 + static_cast<double>(t % 2);
      event.time_ms = 1'600'000'000'000 + static_cast<std::int64_t>(u * 1'000'000 + t * 3'600'000);
      events.push_back(std::move(event));
    }
  }
  return events;
}

/// Writes the files. Not random: the state is the mean genre of the history, the newest event
/// heavier; the dense head and the first code prefer that genre.
class TestReleaseWriter {
 public:
  TestReleaseWriter(const TestReleaseOptions& options, std::span<const catalog::Item> items,
                    std::span<const catalog::Event> events)
      : o_(options), items_(items), events_(events), n_(items.size()), rng_(options.seed) {}

  Status write(const std::string& home) {
    const std::string folder = home + "/models/" + o_.name;
    std::filesystem::create_directories(folder);
    write_counts(folder);
    PENCHANT_DO(status_);
    PENCHANT_DO(write_content(folder));
    PENCHANT_DO(write_codes(folder));
    PENCHANT_DO(write_model(folder));
    if (o_.with_towers) PENCHANT_DO(write_towers(folder));
    std::string ids = "{\"ids\":[";
    for (std::size_t i = 0; i < n_; ++i) ids += (i == 0 ? "\"" : ",\"") + items_[i].id + "\"";
    PENCHANT_DO(artifact::write_file(folder + "/items.json", ids + "]}"));
    PENCHANT_DO(artifact::write_file(folder + "/card.json", "{\"data\":{},\"training\":{\"epochs\":[],\"best_epoch\":0},\"evaluation\":{},\"semantic_ids\":{}}"));
    return artifact::seal_release(folder, manifest());
  }

 private:
  using Rows = std::vector<float>;
  [[nodiscard]] std::size_t content_dim() const { return o_.with_text ? WordEncoder::kDim : 4; }
  float normal() {
    const double u = std::max(rng_.uniform(), 1e-12), v = rng_.uniform();
    return static_cast<float>(std::sqrt(-2 * std::log(u)) * std::cos(2 * std::numbers::pi * v));
  }
  Rows noise(std::size_t size, float scale) {
    Rows out(size);
    for (float& x : out) x = scale * normal();
    return out;
  }
  static Rows eye(std::size_t d) {
    Rows out(d * d, 0);
    for (std::size_t j = 0; j < d; ++j) out[j * d + j] = 1;
    return out;
  }
  void matrix(artifact::SafeTensorsWriter& w, const std::string& name, std::size_t rows, const Rows& values) {
    w.add(name, MatrixView<const float>(values.data(), rows, values.size() / rows));
  }
  void vector(artifact::SafeTensorsWriter& w, const std::string& name, std::size_t size, float value) {
    const Rows values(size, value);
    w.add(name, std::span<const float>(values));
  }
  /// Direction of a genre in model space.
  [[nodiscard]] Rows direction(std::size_t genre) const {
    Rows out(o_.dim, 0);
    out[(2 * genre) % o_.dim] = 1;
    return out;
  }

  artifact::Manifest manifest() const {
    artifact::Manifest m;
    m.name = o_.name;
    m.created = "2026-01-02T03:04:05Z";
    m.preset = "tiny";
    m.seed = o_.seed;
    m.holdout = "none";
    m.events = events_.size();
    m.model.items = static_cast<std::uint32_t>(n_);
    m.model.dim = o_.dim;
    m.model.layers = o_.layers;
    m.model.heads = o_.heads;
    m.model.ffn = o_.ffn;
    m.model.max_len = o_.max_len;
    m.model.depth_layers = o_.depth_layers;
    m.model.levels = o_.levels;
    m.model.codebook = o_.codebook;
    m.model.actions = 4;
    m.model.logit_scale = o_.random ? 1 : 1.5;
    m.model.normalised = o_.normalised;
    m.actions = {{"", 0, 0, false}, {"view", 0, 0, false}, {"rating", 0, 3, true}, {"rating", 3, 1000, true}};
    if (o_.with_text)
      m.modalities = {{"text", static_cast<std::uint32_t>(WordEncoder::kDim), "words", "w0"}};
    else
      m.modalities = {{"given", 4, "given", ""}};
    return m;
  }

  void write_counts(const std::string& folder) {
    std::map<std::string, std::uint32_t> rows;
    for (std::uint32_t i = 0; i < n_; ++i) rows[items_[i].id] = i;
    std::map<std::string, std::vector<std::uint32_t>> sequences;
    std::vector<std::int64_t> last_seen(n_, 0);
    counts_.assign(n_, 0);
    for (const auto& event : events_) {
      const auto row = rows.at(event.item);
      sequences[event.user].push_back(row);
      last_seen[row] = std::max(last_seen[row], event.time_ms);
      ++counts_[row];
    }
    std::vector<std::uint32_t> flat;
    std::vector<std::uint64_t> offsets{0};
    for (const auto& [user, sequence] : sequences) {
      flat.insert(flat.end(), sequence.begin(), sequence.end());
      offsets.push_back(flat.size());
    }
    artifact::SafeTensorsWriter w;
    retrieve::TransitionModel::build({flat, offsets}, n_).write(w);
    w.add("last_seen_ms", std::span<const std::int64_t>(last_seen));
    status_ = w.write(folder + "/counts.safetensors");
  }

  Status write_content(const std::string& folder) {
    content_ = Matrix<float>(n_, content_dim());
    const WordEncoder encoder;
    for (std::size_t i = 0; i < n_; ++i)
      std::ranges::copy(o_.with_text ? encoder.vector(catalog::item_text(items_[i])) : Rows{1, 0, 0, 0}, content_.row(i).begin());
    artifact::SafeTensorsWriter w;
    w.add(o_.with_text ? "content.text" : "content.given", MatrixView<const float>(content_.view()));
    return w.write(folder + "/content.safetensors");
  }

  Status write_codes(const std::string& folder) {
    Matrix<float> rows = content_;
    std::shared_ptr<const semantic_id::ContentEncoder> encoder;
    if (o_.content_encoder) {
      const std::size_t width = content_dim() / 2;
      PENCHANT_TRY(made, semantic_id::ContentEncoder::create(
                             {{Matrix<float>(noise(width * content_dim(), 1), width, content_dim()), Rows(width, 0)}}));
      encoder = std::make_shared<const semantic_id::ContentEncoder>(std::move(made));
      Executor executor(1);
      PENCHANT_TRY(encoded, encoder->encode(content_.view(), executor));
      rows = std::move(encoded);
    }
    std::vector<Matrix<float>> tables;
    for (std::size_t l = 0; l < o_.levels; ++l) {
      tables.emplace_back(noise(o_.codebook * rows.cols(), l == 0 ? 3.0F : 0.2F), o_.codebook, rows.cols());
      for (std::size_t g = 0; l == 0 && !o_.random && g < o_.genres; ++g) {  // the mean of the genre
        const auto row = tables[0].row(g);
        std::ranges::fill(row, 0.0F);
        for (std::size_t k = 0; k < o_.per_genre; ++k)
          kernels::add_scaled(row, 1.0F / static_cast<float>(o_.per_genre), rows.row(g * o_.per_genre + k));
      }
    }
    PENCHANT_TRY(books, semantic_id::Codebooks::create(std::move(tables), encoder));
    codes_ = Matrix<std::uint16_t>(n_, o_.levels);
    for (std::size_t i = 0; i < n_; ++i) {
      PENCHANT_TRY(assigned, books.assign(content_.row(i)));
      for (std::size_t l = 0; l < o_.levels; ++l)
        codes_(i, l) = o_.random ? static_cast<std::uint16_t>(rng_.below(o_.codebook)) : assigned.codes[l];
    }
    return semantic_id::save_codebooks(folder + "/codebooks.safetensors", books, codes_.view());
  }

  void write_block(artifact::SafeTensorsWriter& w, const std::string& name, bool attends) {
    const std::size_t d = o_.dim, f = o_.ffn;
    vector(w, name + ".norm1.weight", d, 1);
    vector(w, name + ".norm1.bias", d, 0);
    Rows qkv = o_.random ? noise(3 * d * d, 0.1F) : Rows(3 * d * d, 0);
    for (std::size_t j = 0; j < d && !o_.random && attends; ++j) qkv[(2 * d + j) * d + j] = 1;  // v = x, equal attention
    matrix(w, name + ".attn.qkv.weight", 3 * d, qkv);
    vector(w, name + ".attn.qkv.bias", 3 * d, 0);
    matrix(w, name + ".attn.out.weight", d, o_.random ? noise(d * d, 0.1F) : eye(d));
    vector(w, name + ".attn.out.bias", d, 0);
    vector(w, name + ".norm2.weight", d, 1);
    vector(w, name + ".norm2.bias", d, 0);
    matrix(w, name + ".ffn.up.weight", f, o_.random ? noise(f * d, 0.1F) : Rows(f * d, 0));
    vector(w, name + ".ffn.up.bias", f, 0);
    matrix(w, name + ".ffn.down.weight", d, o_.random ? noise(d * f, 0.1F) : Rows(d * f, 0));
    vector(w, name + ".ffn.down.bias", d, 0);
  }

  /// Content alone, every product an identity: user = unit(mean text), item = its text.
  Status write_towers(const std::string& folder) {
    const std::size_t d = content_dim();
    Rows half(2 * d * d, 0), parts(n_ * 2 * d, 0);
    for (std::size_t j = 0; j < d; ++j) half[j * 2 * d + j] = 1;
    for (std::size_t i = 0; i < n_; ++i) std::ranges::copy(content_.row(i), parts.begin() + static_cast<std::ptrdiff_t>(i * 2 * d));
    artifact::SafeTensorsWriter w;
    w.add("item.vector", MatrixView<const float>(content_.view()));
    vector(w, "item.bias", n_, o_.tower_bias);
    const std::string prefix = o_.with_text ? "modality.text" : "modality.given";
    vector(w, prefix + ".mean", d, 0);
    matrix(w, prefix + ".projection.weight", d, eye(d));
    for (const char* layer : {".top", ".interest"}) matrix(w, prefix + layer + ".weight", d, half);
    for (const char* layer : {".projection", ".top", ".interest"}) vector(w, prefix + layer + ".bias", d, 0);
    matrix(w, prefix + ".part", n_, parts);
    for (const auto& [name, value] : {std::pair("scale", 10.0F), {"temperature", 1.0F}, {"history", 50.0F}, {"new.gate", 0.5F}, {"new.bias", 0.0F}})
      vector(w, name, 1, value);
    return w.write(folder + "/towers.safetensors");
  }

  Status write_model(const std::string& folder) {
    const std::size_t d = o_.dim, books = o_.codebook;
    artifact::SafeTensorsWriter w;
    Rows id(n_ * d);
    for (std::size_t i = 0; i < n_; ++i) {
      const Rows own = noise(d, o_.random ? 0.3F : 0.08F);
      const Rows genre = o_.random ? Rows(d, 0) : direction(i / o_.per_genre);
      for (std::size_t j = 0; j < d; ++j) id[i * d + j] = own[j] + genre[j];
    }
    std::vector<Rows> code(o_.levels);
    for (std::size_t l = 0; l < o_.levels; ++l) {
      code[l] = noise(books * d, o_.random ? 0.2F : 0.02F);
      for (std::size_t g = 0; l == 0 && !o_.random && g < o_.genres; ++g)
        for (std::size_t j = 0; j < d; ++j) code[0][g * d + j] += direction(g)[j];
      matrix(w, "item.code." + std::to_string(l), books, code[l]);
    }
    const std::string modality = o_.with_text ? "text" : "given";
    matrix(w, "item.modality." + modality + ".weight", d, Rows(d * content_dim(), 0));
    vector(w, "item.modality." + modality + ".bias", d, 0);
    vector(w, "item.age", 1, 1);
    vector(w, "item.bias", n_, 0);
    Rows e(n_ * d);
    for (std::size_t i = 0; i < n_; ++i) {
      const float g = static_cast<float>(counts_[i]) / (static_cast<float>(counts_[i]) + 1);
      for (std::size_t j = 0; j < d; ++j) {
        float content = 0;
        for (std::size_t l = 0; l < o_.levels; ++l) content += code[l][codes_(i, l) * d + j];
        id[i * d + j] -= content;
        e[i * d + j] = content + g * id[i * d + j];
      }
    }
    matrix(w, "item.id", n_, id);
    matrix(w, "item.vector", n_, e);
    matrix(w, "event.action", 4, Rows(4 * d, 0));
    matrix(w, "event.gap", 32, o_.random ? noise(32 * d, 0.05F) : Rows(32 * d, 0));
    for (std::uint32_t b = 0; b < o_.layers; ++b) write_block(w, "block." + std::to_string(b), true);
    vector(w, "final_norm.weight", d, 1);
    vector(w, "final_norm.bias", d, 0);
    matrix(w, "depth.in.weight", d, eye(d));
    vector(w, "depth.in.bias", d, 0);
    for (std::uint32_t l = 0; l + 1 < o_.levels; ++l) matrix(w, "depth.code." + std::to_string(l), books, noise(books * d, 0.1F));
    matrix(w, "depth.step", o_.levels, Rows(o_.levels * d, 0));
    vector(w, "depth.look", o_.levels, 1);
    for (std::uint32_t b = 0; b < o_.depth_layers; ++b) write_block(w, "depth.block." + std::to_string(b), false);
    vector(w, "depth.norm.weight", d, 1);
    vector(w, "depth.norm.bias", d, 0);
    for (std::uint32_t l = 0; l < o_.levels; ++l) {
      Rows out = noise(books * d, 0.1F);
      for (std::size_t g = 0; l == 0 && !o_.random && g < o_.genres; ++g)
        for (std::size_t j = 0; j < d; ++j) out[g * d + j] += direction(g)[j];
      matrix(w, "depth.out." + std::to_string(l) + ".weight", books, out);
      vector(w, "depth.out." + std::to_string(l) + ".bias", books, 0);
    }
    return w.write(folder + "/model.safetensors");
  }

  const TestReleaseOptions o_;
  std::span<const catalog::Item> items_;
  std::span<const catalog::Event> events_;
  std::size_t n_;
  Rng rng_;
  Status status_;
  std::vector<std::uint32_t> counts_;
  Matrix<float> content_;
  Matrix<std::uint16_t> codes_;
};

/// Writes `<home>/models/<options.name>`; events are what training saw.
inline Status write_test_release(const std::string& home, const TestReleaseOptions& options,
                                 std::span<const catalog::Item> items, std::span<const catalog::Event> events) {
  return TestReleaseWriter(options, items, events).write(home);
}

}  // namespace penchant::recommend
