#include "penchant/learn/dataset.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "penchant/artifact/files.h"
#include "penchant/catalog/given_vectors.h"
#include "penchant/catalog/item.h"
#include "penchant/catalog/ties.h"
#include "penchant/learn/attribute_values.h"
#include "penchant/learn/earlier_release.h"
#include "penchant/learn/event_reader.h"
#include "penchant/learn/leak_check.h"
#include "penchant/learn/warm_start.h"
#include "penchant/semantic_id/fit_ids.h"
#include "penchant/semantic_id/given_ids.h"
#include "penchant/semantic_id/report.h"
#include "penchant/text/vector_cache.h"

namespace penchant::learn {
namespace {

constexpr const char* kTextModality = "text";

/// Ids, texts and given vectors of all item rows.
struct Catalogue {
  std::vector<std::string> ids, texts;
  std::map<std::string, Matrix<float>> given;  ///< modality -> [items, dim], zero = missing
  std::vector<std::string> left_out;           ///< vectors that were not taken, and why
  std::vector<double> cold_keys;               ///< where an attribute chooses cold items
  AttributeValues attributes;
};

Result<Catalogue> read_catalogue(store::Store& store, const DatasetOptions& options) {
  Catalogue out;
  catalog::GivenVectors given;
  const bool keyed = options.holdout == Holdout::cold && options.cold_by.kind == catalog::ColdBy::Kind::attribute;
  std::optional<Error> error;
  PENCHANT_DO(store.scan_items([&](catalog::ItemId id, catalog::Item&& item) {
    if (catalog::index(id) != out.ids.size()) {
      error = Error{ErrorCode::corrupt, "item row " + std::to_string(catalog::index(id)) + " stands where row " +
                                            std::to_string(out.ids.size()) + " should be"};
      return false;
    }
    out.ids.push_back(item.id);
    if (keyed) out.cold_keys.push_back(catalog::cold_key(item, options.cold_by.attribute));
    out.texts.push_back(catalog::item_text(item));
    if (options.attributes) out.attributes.add(item.attributes);
    if (auto taken = given.add(item); !taken.ok()) error = std::move(taken).error();
    return !error;
  }));
  if (error) return std::move(*error);
  if (out.ids.empty()) return invalid("there are no items to learn: import a catalogue first with `penchant import`");
  if (keyed) PENCHANT_DO(catalog::check_cold_keys(out.cold_keys, options.cold_by));
  out.given = given.take();
  out.left_out = given.left_out();
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
Result<Modality> encode_text(const Catalogue& catalogue, const DatasetOptions& options, Executor& executor,
                             const ProgressSink& progress) {
  PENCHANT_TRY(encoder, text::SentenceEncoder::load(options.encoder_dir));
  PENCHANT_TRY(vectors, text::encode_once(*encoder, catalogue.texts, options.text_vectors, executor, progress));
  return Modality{kTextModality, encoder->name(), encoder->sha256(), std::move(vectors)};
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
    PENCHANT_TRY(text, encode_text(catalogue, options, executor, progress));
    normalise_rows(text.vectors);
    modalities.insert(modalities.begin(), std::move(text));
  }
  if (modalities.empty())
    return invalid("items have no content vectors to learn from: give --encoder a sentence encoder, or import vectors");
  return modalities;
}

/// Rows of the items that codebooks may be fitted on.
std::vector<std::size_t> fitted_rows(const Dataset& data) {
  std::vector<std::size_t> rows;
  for (std::size_t r = 0; r < data.item_ids.size(); ++r)
    if (data.held_out.empty() || data.held_out[r] == 0) rows.push_back(r);
  return rows;
}

constexpr const char* kGiven = "given";
constexpr std::uint64_t kMaxIdsFile = 1ULL << 30;

/// IDs of a file for the whole catalogue, and codebooks fitted on the rows that may be seen.
Result<MadeIds> given_ids(const DatasetOptions& options, const Dataset& data, MatrixView<const float> fitted,
                          std::span<const std::size_t> rows) {
  if (options.quantiser != kAutoQuantiser || !options.codebooks.empty() || options.codebook != 0)
    return invalid("semantic IDs come from " + options.ids_file + ": leave out quantiser and codebooks");
  PENCHANT_TRY(text, artifact::read_file(options.ids_file, kMaxIdsFile));
  auto read = semantic_id::parse_ids(text);
  if (!read.ok()) return std::move(read).error().within(options.ids_file);
  const auto matched = semantic_id::match_ids(*read, data.item_ids);
  if (auto complete = semantic_id::check_complete(matched, data.item_ids); !complete.ok())
    return std::move(complete).error().within(options.ids_file);
  Matrix<std::uint16_t> codes(rows.size(), matched.codes.cols());
  for (std::size_t k = 0; k < rows.size(); ++k) std::ranges::copy(matched.codes.row(rows[k]), codes.row(k).begin());
  PENCHANT_TRY(books, semantic_id::fit_codebooks(fitted, codes.view()));
  return MadeIds{std::move(books), std::move(codes), "as in the file"};
}

/// IDs of an earlier release; the options may not ask for others.
Result<MadeIds> kept_ids(const DatasetOptions& options, const Dataset& data, std::span<const std::string> names, MatrixView<const float> fitted,
                         std::span<const std::int32_t> popularity, Executor& executor) {
  const DatasetOptions plain;
  if (options.quantiser != plain.quantiser || options.levels != plain.levels || options.codebook != plain.codebook ||
      !options.codebooks.empty() || options.balance != plain.balance || options.collisions != plain.collisions || !options.ids_file.empty())
    return invalid("a warm start keeps the semantic IDs of release \"" + options.earlier->manifest().name +
                   "\": leave out quantiser, levels, codebooks, balance, collisions and codes, or train without --warm-start");
  PENCHANT_DO(check_content(*options.earlier, data.data.modalities));
  return keep_ids(*options.earlier, names, fitted, popularity, executor);
}

/// Quantiser, then collision policy.
Result<MadeIds> fitted_ids(std::string_view quantiser, const DatasetOptions& options,
                           const semantic_id::QuantiserOptions& how, MatrixView<const float> fitted, std::span<const std::int32_t> popularity,
                           Executor& executor) {
  PENCHANT_TRY(policy, semantic_id::parse_collision_policy(options.collisions));
  PENCHANT_TRY(ids, semantic_id::fit_ids(quantiser, fitted, how, {.policy = policy, .popularity = popularity}, executor));
  return MadeIds{semantic_id::resolved_codebooks(ids.fit.codebooks, ids.resolved), std::move(ids.resolved.codes),
                 std::move(ids.sizes)};
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
  std::vector<std::int32_t> popularity;
  for (std::size_t k = 0; k < rows.size(); ++k) {
    std::ranges::copy(all.row(rows[k]), fitted.row(k).begin());
    names.push_back(out.item_ids[rows[k]]);
    popularity.push_back(out.data.train_count[rows[k]]);
  }
  std::vector<semantic_id::ItemPair> pairs;
  std::string quantiser = options.quantiser;
  const bool kept = options.earlier != nullptr;
  if (!kept && (quantiser == kAutoQuantiser || semantic_id::reads_pairs(quantiser)))
    pairs = training_pairs(out.data.train, rows, out.item_ids.size());
  if (quantiser == kAutoQuantiser)
    quantiser = pairs.size() >= std::max(kPairsForBehaviour, rows.size()) ? semantic_id::kBehaviour : semantic_id::kResidualKMeans;
  const semantic_id::QuantiserOptions how{.levels = options.levels, .codebook = options.codebook,
                                          .codebooks = options.codebooks, .balance = options.balance,
                                          .seed = options.seed, .pairs = pairs, .names = names, .progress = progress};
  const bool given = !options.ids_file.empty();
  PENCHANT_TRY(made, kept ? kept_ids(options, out, names, fitted.view(), popularity, executor)
                     : given ? given_ids(options, out, fitted.view(), rows)
                           : fitted_ids(quantiser, options, how, fitted.view(), popularity, executor));
  out.quantiser = given ? kGiven : quantiser;
  out.collisions = given ? kGiven : options.collisions;
  out.balance = options.balance;
  if (kept) {
    const artifact::Manifest& before = options.earlier->manifest();
    out.quantiser = before.quantiser, out.collisions = before.collisions, out.balance = before.balance;
  }
  const semantic_id::Codebooks& books = made.codebooks;
  PENCHANT_TRY(report, semantic_id::make_report(books, fitted.view(), made.codes.view(), executor,
                                                {.collisions = out.collisions, .sizes = made.sizes}));
  out.codebook_sizes = made.sizes;
  out.semantic_id_report = semantic_id::to_json(report);
  out.data.codebook_size = books.codebook();
  out.data.content_encoder = books.encoder();
  for (std::size_t l = 0; l < books.levels(); ++l) {
    Matrix<float> level(books.codebook(l), books.dim());
    for (std::uint32_t k = 0; k < books.codebook(l); ++k)
      std::ranges::copy(books.codeword(l, static_cast<catalog::Code>(k)), level.row(k).begin());
    out.data.codebooks.push_back(std::move(level));
  }
  out.data.codes = std::move(made.codes);
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
  if (options.quantiser != kAutoQuantiser) PENCHANT_DO(semantic_id::check_quantiser(options.quantiser));
  if (auto policy = semantic_id::parse_collision_policy(options.collisions); !policy.ok()) return std::move(policy).error();
  if (!tell("read items")) return cancelled;
  PENCHANT_TRY(catalogue, read_catalogue(store, options));
  Dataset out;
  out.data.items = static_cast<std::uint32_t>(catalogue.ids.size());
  out.data.attribute_values = catalogue.attributes.choose();
  out.data.attributes = catalogue.attributes.rows();
  if (!tell("read events")) return cancelled;
  PENCHANT_TRY(table, read_events(store, out.data.items));
  table.cold_keys = std::move(catalogue.cold_keys);
  if (options.ties_seed != 0)
    catalog::shuffle_ties(std::span<const std::uint64_t>(table.offsets), std::span(table.events), options.ties_seed);
  out.ties_seed = options.ties_seed;
  PENCHANT_TRY(cut, hold_out(table, options, catalogue.ids));
  out.item_ids = std::move(catalogue.ids);
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
    out.cold_by = options.cold_by;
  }
  if (options.earlier != nullptr) PENCHANT_DO(check_unseen(*options.earlier, out));
  out.events = table.events.size();
  out.users = table.users();
  PENCHANT_TRY(content, read_content(catalogue, options, executor, progress));
  out.data.modalities = std::move(content);
  out.left_out = std::move(catalogue.left_out);
  PENCHANT_DO(quantise(options, executor, progress, out));
  choose_lenders(out.data);
  PENCHANT_DO(validate(out.data));
  return out;
}

}  // namespace penchant::learn
