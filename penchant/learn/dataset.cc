#include "penchant/learn/dataset.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "penchant/catalog/given_vectors.h"
#include "penchant/catalog/item.h"
#include "penchant/learn/event_reader.h"
#include "penchant/learn/leak_check.h"
#include "penchant/semantic_id/collisions.h"
#include "penchant/semantic_id/report.h"
#include "penchant/text/encoder.h"

namespace penchant::learn {
namespace {

constexpr const char* kTextModality = "text";

/// Ids, texts and given vectors of all item rows.
struct Catalogue {
  std::vector<std::string> ids, texts;
  std::map<std::string, Matrix<float>> given;  ///< modality -> [items, dim], zero = missing
};

Result<Catalogue> read_catalogue(store::Store& store) {
  Catalogue out;
  catalog::GivenVectors given;
  std::optional<Error> error;
  PENCHANT_DO(store.scan_items([&](catalog::ItemId id, catalog::Item&& item) {
    if (catalog::index(id) != out.ids.size()) {
      error = Error{ErrorCode::corrupt, "item row " + std::to_string(catalog::index(id)) + " stands where row " +
                                            std::to_string(out.ids.size()) + " should be"};
      return false;
    }
    out.ids.push_back(item.id);
    out.texts.push_back(catalog::item_text(item));
    if (auto taken = given.add(item); !taken.ok()) error = std::move(taken).error();
    return !error;
  }));
  if (error) return std::move(*error);
  if (out.ids.empty()) return invalid("there are no items to learn: import a catalogue first with `penchant import`");
  out.given = given.take();
  return out;
}

void normalise_rows(Matrix<float>& m) {
  for (std::size_t r = 0; r < m.rows(); ++r) {
    double sum = 0;
    for (const float v : m.row(r)) sum += double(v) * v;
    const double norm = std::sqrt(sum);
    for (float& v : m.row(r)) v = norm > 1e-12 ? static_cast<float>(v / norm) : 0.0F;
  }
}

/// Sentence vectors of the items that have a text; the others stay zero.
Result<Modality> encode_text(const Catalogue& catalogue, const std::string& encoder_dir, Executor& executor,
                             const ProgressSink& progress) {
  PENCHANT_TRY(encoder, text::SentenceEncoder::load(encoder_dir));
  std::vector<std::string> texts;
  std::vector<std::size_t> rows;
  for (std::size_t r = 0; r < catalogue.texts.size(); ++r) {
    if (catalogue.texts[r].empty()) continue;
    texts.push_back(catalogue.texts[r]);
    rows.push_back(r);
  }
  PENCHANT_TRY(vectors, encoder->encode(texts, executor, progress));
  Modality m{kTextModality, encoder->name(), encoder->sha256(), Matrix<float>(catalogue.ids.size(), encoder->dim())};
  for (std::size_t k = 0; k < rows.size(); ++k) std::ranges::copy(vectors.row(k), m.vectors.row(rows[k]).begin());
  return m;
}

Result<std::vector<Modality>> read_content(Catalogue& catalogue, const DatasetOptions& options, Executor& executor,
                                           const ProgressSink& progress) {
  std::vector<Modality> modalities;
  for (auto& [name, vectors] : catalogue.given) {
    normalise_rows(vectors);
    modalities.push_back({name, "given", "", std::move(vectors)});
  }
  const bool has_text = catalogue.given.contains(kTextModality);
  if (!options.encoder_dir.empty() && !has_text) {
    PENCHANT_TRY(text, encode_text(catalogue, options.encoder_dir, executor, progress));
    normalise_rows(text.vectors);
    modalities.insert(modalities.begin(), std::move(text));
  }
  if (modalities.empty())
    return invalid("items have no content vectors to learn from: give --encoder a sentence encoder, or import vectors");
  return modalities;
}

/// All modalities of each item side by side, [items, sum of dims].
Matrix<float> concatenated(const std::vector<Modality>& modalities, std::size_t items) {
  std::size_t width = 0;
  for (const Modality& m : modalities) width += m.vectors.cols();
  Matrix<float> all(items, width);
  std::size_t at = 0;
  for (const Modality& m : modalities) {
    for (std::size_t r = 0; r < items; ++r)
      std::ranges::copy(m.vectors.row(r), all.row(r).begin() + static_cast<std::ptrdiff_t>(at));
    at += m.vectors.cols();
  }
  return all;
}

/// Rows of the items that codebooks may be fitted on.
std::vector<std::size_t> fitted_rows(const Dataset& data) {
  std::vector<std::size_t> rows;
  for (std::size_t r = 0; r < data.item_ids.size(); ++r)
    if (data.held_out.empty() || data.held_out[r] == 0) rows.push_back(r);
  return rows;
}

/// Items that follow each other in training events, in numbers of the fitted rows.
std::vector<semantic_id::ItemPair> training_pairs(const Histories& train, std::span<const std::size_t> rows,
                                                  std::size_t items) {
  constexpr std::uint32_t kNone = ~0U;
  std::vector<std::uint32_t> place(items, kNone), history;
  for (std::size_t k = 0; k < rows.size(); ++k) place[rows[k]] = static_cast<std::uint32_t>(k);
  std::vector<semantic_id::ItemPair> pairs;
  for (std::size_t u = 0; u < train.users(); ++u) {
    history.clear();
    for (const auto item : std::span(train.items).subspan(train.offsets[u], train.length(u)))
      if (place[item] != kNone) history.push_back(place[item]);
    semantic_id::add_pairs(history, pairs);
  }
  return pairs;
}

/// Codebooks, collision policy and report come from the fitted rows alone. Held-out items then get
/// their codes as new items do: the nearest codewords, and nothing that lives moves.
Status quantise(const DatasetOptions& options, Executor& executor, const ProgressSink& progress, Dataset& out) {
  const Matrix<float> all = concatenated(out.data.modalities, out.item_ids.size());
  const std::vector<std::size_t> rows = fitted_rows(out);
  Matrix<float> fitted(rows.size(), all.cols());
  std::vector<std::string> names;
  for (std::size_t k = 0; k < rows.size(); ++k) {
    std::ranges::copy(all.row(rows[k]), fitted.row(k).begin());
    names.push_back(out.item_ids[rows[k]]);
  }
  std::vector<semantic_id::ItemPair> pairs;
  if (semantic_id::reads_pairs(options.quantiser))
    pairs = training_pairs(out.data.train, rows, out.item_ids.size());
  const semantic_id::QuantiserOptions how{.levels = options.levels, .codebook = options.codebook,
                                          .codebooks = options.codebooks, .balance = options.balance,
                                          .seed = options.seed, .pairs = pairs, .names = names, .progress = progress};
  PENCHANT_TRY(fit, semantic_id::fit_quantiser(options.quantiser, fitted.view(), how, executor));
  out.quantiser = options.quantiser;
  out.balance = options.balance;
  const semantic_id::Codebooks& books = fit.codebooks;
  PENCHANT_TRY(resolved, semantic_id::resolve_collisions(books, fitted.view(), fit.codes.view(), executor));
  PENCHANT_TRY(report, semantic_id::make_report(books, fitted.view(), resolved.codes.view(), executor));
  out.semantic_id_report = semantic_id::to_json(report);
  out.data.codebook_size = books.codebook();
  out.data.content_encoder = books.encoder();
  for (std::size_t l = 0; l < books.levels(); ++l) {
    Matrix<float> level(books.codebook(l), books.dim());
    for (std::uint32_t k = 0; k < books.codebook(l); ++k)
      std::ranges::copy(books.codeword(l, static_cast<catalog::Code>(k)), level.row(k).begin());
    out.data.codebooks.push_back(std::move(level));
  }
  out.data.codes = std::move(resolved.codes);
  if (rows.size() == out.item_ids.size()) return {};
  PENCHANT_TRY(nearest, books.assign(all.view(), executor));
  for (std::size_t k = 0; k < rows.size(); ++k)
    std::ranges::copy(out.data.codes.row(k), nearest.row(rows[k]).begin());
  out.data.codes = std::move(nearest);
  return {};
}

}  // namespace

std::string_view name_of(Holdout holdout) noexcept {
  switch (holdout) {
    case Holdout::last_out: return "last-out";
    case Holdout::time: return "time";
    case Holdout::cold: return "cold";
    case Holdout::none: return "none";
  }
  return "none";
}

Result<Holdout> parse_holdout(std::string_view word) {
  for (const Holdout h : {Holdout::last_out, Holdout::time, Holdout::cold, Holdout::none})
    if (word == name_of(h)) return h;
  return invalid("holdout \"" + std::string(word) + "\" is not known: use last-out, time, cold or none");
}

Result<Dataset> load_dataset(store::Store& store, const DatasetOptions& options, Executor& executor,
                             const ProgressSink& progress) {
  const auto tell = [&](const char* step) { return !progress || progress({step, 0, 0, ""}); };
  const Error cancelled{ErrorCode::cancelled, "training was cancelled while reading the data"};
  PENCHANT_DO(semantic_id::check_quantiser(options.quantiser));
  if (!tell("read items")) return cancelled;
  PENCHANT_TRY(catalogue, read_catalogue(store));
  Dataset out;
  out.data.items = static_cast<std::uint32_t>(catalogue.ids.size());
  if (!tell("read events")) return cancelled;
  PENCHANT_TRY(table, read_events(store, out.data.items));
  PENCHANT_TRY(cut, hold_out(table, options, catalogue.ids));
  PENCHANT_TRY(types, store.event_types());
  fill_histories(table, cut, types, out.data);
  PENCHANT_DO(check_no_leak(table, options, cut, cut.held_out, out.data));
  out.holdout = options.holdout;
  out.holdout_time_ms = cut.time_ms;
  out.holdout_test_ms = cut.test_ms;
  out.held_out = cut.held_out;
  if (options.holdout == Holdout::cold) {
    out.cold_share = options.cold_share;
    out.cold_seed = options.cold_seed;
  }
  out.events = table.events.size();
  out.users = table.users();
  PENCHANT_TRY(content, read_content(catalogue, options, executor, progress));
  out.data.modalities = std::move(content);
  out.item_ids = std::move(catalogue.ids);
  PENCHANT_DO(quantise(options, executor, progress, out));
  PENCHANT_DO(validate(out.data));
  return out;
}

}  // namespace penchant::learn
