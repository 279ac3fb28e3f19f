#include "penchant/recommend/release_model.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "penchant/artifact/safetensors.h"
#include "penchant/generate/lookahead.h"
#include "penchant/kernels/vectors.h"
#include "penchant/semantic_id/release_ids.h"

namespace penchant::recommend {
namespace {

Error corrupt(std::string message) { return {ErrorCode::corrupt, std::move(message)}; }

float median(std::vector<float> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

Status finite(std::string_view tensor, std::span<const float> values) {
  if (kernels::all_finite(values)) return {};
  return corrupt(std::string(tensor) + " holds a value that is not finite");
}

Status read_content(const std::string& folder, const ReleaseModel& model, ItemTables& tables) {
  const std::size_t n = model.manifest.model.items;
  tables.content = retrieve::VectorTable(model.content_dim, true);
  tables.content.grow(n);
  tables.text_scale.assign(n, 0);
  if (model.manifest.modalities.empty()) return {};
  PENCHANT_TRY(file, artifact::SafeTensors::open(folder + "/content.safetensors"));
  std::vector<MatrixView<const float>> parts;
  for (const auto& modality : model.manifest.modalities) {
    PENCHANT_TRY(part, file.matrix_f32("content." + modality.name, n, modality.dim));
    PENCHANT_DO(finite("content." + modality.name, {part.data(), n * modality.dim}));
    parts.push_back(part);
  }
  std::vector<std::span<const float>> row(parts.size());
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t m = 0; m < parts.size(); ++m) row[m] = parts[m].row(i);
    set_content(model, tables, i, row);
  }
  auto lenders = retrieve::LenderTable::read(file, n);
  if (!lenders.ok()) return std::move(lenders).error().within("content.safetensors");
  tables.lenders = std::move(lenders).value();
  return {};
}

/// Room for `row` in the plain columns.
void grow_rows(ItemTables& tables, std::size_t row, std::size_t levels) {
  const std::vector<Code> none(levels, 0);
  while (tables.codes.rows() <= row) tables.codes.append_row(none);
  const std::size_t rows = std::max(tables.untrained.size(), row + 1);
  tables.has_id.resize(rows, 0);
  tables.bias.resize(rows, tables.untrained_bias);
  tables.untrained.resize(rows, 1);
}

/// The row's place in the towers; `modalities` empty or with empty spans: nothing is known of it.
Status set_tower_item(const ReleaseModel& model, ItemTables& tables, std::size_t row,
                      std::span<const std::span<const float>> modalities) {
  if (!model.towers) return {};
  std::vector<std::span<const float>> in_order(model.towers->modalities().size());
  for (std::size_t m = 0; m < modalities.size(); ++m)
    for (std::size_t t = 0; t < in_order.size(); ++t)
      if (model.towers->modalities()[t] == model.manifest.modalities[m].name) in_order[t] = modalities[m];
  PENCHANT_TRY(item, model.towers->place(in_order));
  tables.towers.set(row, item.vector);
  tables.tower_bias.resize(tables.towers.rows(), model.towers->new_bias());
  tables.tower_items.insert_or_assign(static_cast<std::uint32_t>(row), std::move(item));
  return {};
}

Status read_towers(const std::string& folder, ReleaseModel& model, ItemTables& tables) {
  const std::string path = folder + "/towers.safetensors";
  if (!model.manifest.files.contains("towers.safetensors")) return {};
  PENCHANT_TRY(file, artifact::SafeTensors::open(path));
  auto towers = nn::Towers::load(file, model.manifest.model.items);
  if (!towers.ok()) return std::move(towers).error().within("towers.safetensors");
  for (std::size_t t = 0; t < towers->modalities().size(); ++t) {
    const auto known = std::ranges::find(model.manifest.modalities, towers->modalities()[t], &artifact::ModalityRow::name);
    if (known == model.manifest.modalities.end() || known->dim != towers->modality_dim(t))
      return corrupt("towers.safetensors: the manifest has no modality \"" + towers->modalities()[t] + "\" of " +
                     std::to_string(towers->modality_dim(t)) + " numbers");
  }
  tables.towers = retrieve::VectorTable(towers->width(), false);
  tables.towers.assign(towers->vectors());
  tables.tower_bias.assign(towers->bias().begin(), towers->bias().end());
  model.towers = std::move(towers).value();
  return {};
}

}  // namespace

ActionTable::ActionTable(std::span<const artifact::ActionRow> rows) {
  for (std::size_t r = 1; r < rows.size(); ++r) {  // row 0 is "unknown"
    Rows& type = types_[rows[r].type];
    const auto row = static_cast<std::uint32_t>(r);
    if (rows[r].has_value) type.ranges.push_back({rows[r].from, rows[r].to, row});
    else if (type.plain == 0) type.plain = row;
  }
}

std::uint32_t ActionTable::row(std::string_view type, double value) const noexcept {
  const auto found = types_.find(type);
  if (found == types_.end()) return 0;
  for (const Range& range : found->second.ranges)
    if (value >= range.from && value < range.to) return range.row;
  return found->second.plain;
}

std::size_t ReleaseModel::modality_offset(std::size_t m) const {
  std::size_t offset = 0;
  for (std::size_t i = 0; i < m; ++i) offset += manifest.modalities[i].dim;
  return offset;
}

std::vector<float> concatenate(const ReleaseModel& model, std::span<const std::span<const float>> modalities) {
  std::vector<float> all(model.content_dim, 0.0F);
  for (std::size_t m = 0; m < modalities.size(); ++m)
    std::copy(modalities[m].begin(), modalities[m].end(), all.begin() + static_cast<std::ptrdiff_t>(model.modality_offset(m)));
  return all;
}

void set_content(const ReleaseModel& model, ItemTables& tables, std::size_t row,
                 std::span<const std::span<const float>> modalities) {
  const std::vector<float> all = concatenate(model, modalities);
  tables.content.set(row, all);
  if (tables.text_scale.size() <= row) tables.text_scale.resize(row + 1, 0);
  const auto text = std::span(all).subspan(model.text_offset, model.text_dim);
  const float norm = text.empty() ? 0 : std::sqrt(kernels::dot(text, text));
  tables.text_scale[row] = norm > 0 ? std::sqrt(kernels::dot(all, all)) / norm : 0;
}

Status set_new_item(const ReleaseModel& model, ItemTables& tables, std::size_t row,
                    std::span<const std::span<const float>> modalities, std::span<const Code> codes) {
  PENCHANT_TRY(vector, model.embedder->content_vector(codes, modalities));
  tables.vectors.set(row, vector);
  tables.unit_vectors.set(row, vector);
  set_content(model, tables, row, modalities);
  grow_rows(tables, row, codes.size());
  std::copy(codes.begin(), codes.end(), tables.codes.row(row).begin());
  tables.has_id[row] = 1;
  return set_tower_item(model, tables, row, modalities);
}

void borrow_ids(ItemTables& tables, std::span<const std::uint32_t> rows) {
  for (const std::uint32_t row : rows) {
    if (tables.lenders.rows(row).empty()) continue;
    std::vector<float> vector = tables.lenders.mean(row, tables.own_ids);
    kernels::add_scaled(vector, 1, tables.vectors.row(row));
    tables.vectors.set(row, vector);
    tables.unit_vectors.set(row, vector);
  }
}

Status make_new(LoadedRelease& release, std::span<const std::uint8_t> rows) {
  const ReleaseModel& model = *release.model;
  ItemTables& tables = release.tables;
  std::vector<std::uint8_t> made(tables.rows(), 0);
  for (std::size_t row = 0; row < tables.rows(); ++row) {
    if ((rows[row] == 0 && tables.untrained[row] == 0) || !tables.content.present(row)) continue;
    const auto all = tables.content.row(row);
    std::vector<std::vector<float>> parts;
    for (std::size_t m = 0; m < model.manifest.modalities.size(); ++m) {
      const auto part = all.subspan(model.modality_offset(m), model.manifest.modalities[m].dim);
      parts.emplace_back(part.begin(), part.end());
      if (!(kernels::l2_normalise(parts.back()) > 0)) parts.back().clear();
    }
    const std::vector<std::span<const float>> spans(parts.begin(), parts.end());
    const std::vector<Code> codes(tables.codes.row(row).begin(), tables.codes.row(row).end());
    PENCHANT_DO(set_new_item(model, tables, row, spans, codes));
    tables.untrained[row] = made[row] = 1;
    tables.bias[row] = tables.untrained_bias;
    if (row < release.last_seen_ms.size()) release.last_seen_ms[row] = 0;
  }
  std::vector<std::uint32_t> all(tables.rows());  // every row may have lost a lender
  std::iota(all.begin(), all.end(), 0U);
  tables.lenders.find(tables.content, tables.untrained, all);
  std::vector<std::uint32_t> borrowers;
  for (std::uint32_t row = 0; row < tables.rows(); ++row)
    if (made[row] != 0) borrowers.push_back(row);
  borrow_ids(tables, borrowers);
  release.transitions.forget(made);
  return {};
}

void set_blank_item(const ReleaseModel& model, ItemTables& tables, std::size_t row) {
  tables.vectors.set(row, {});
  tables.unit_vectors.set(row, {});
  set_content(model, tables, row, {});
  grow_rows(tables, row, model.manifest.model.levels);
  tables.has_id[row] = 0;
  tables.lenders.clear(row);
  PENCHANT_CHECK(set_tower_item(model, tables, row, {}).ok(), "no vectors are always accepted");
}

void tower_scores(const ReleaseModel& model, const ItemTables& tables, std::span<const ItemId> history,
                  std::span<float> out) {
  std::vector<nn::Towers::Event> events;
  std::set<std::uint32_t> known;
  for (std::size_t h = history.size(); h > 0 && events.size() < model.towers->history(); --h) {  // newest first
    const std::uint32_t row = index(history[h - 1]);
    if (!known.insert(row).second) continue;
    const auto added = tables.tower_items.find(row);
    events.push_back({row, added == tables.tower_items.end() ? nullptr : &added->second});
  }
  std::vector<float> user(model.towers->width());
  model.towers->user(events, user);
  tables.towers.scan(user, out);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] += tables.tower_bias[i];
}

void dense_logits(const ReleaseModel& model, const ItemTables& tables, std::span<const float> hidden,
                  std::span<float> out) {
  const auto& shape = model.manifest.model;
  (shape.normalised ? tables.unit_vectors : tables.vectors).scan(generate::dense_query(shape, hidden), out);
  float lowest = 0;
  bool any = false;
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (!tables.vectors.present(i)) continue;
    out[i] += tables.bias[i];
    lowest = any ? std::min(lowest, out[i]) : out[i];
    any = true;
  }
  for (std::size_t i = 0; i < out.size(); ++i)
    if (!tables.vectors.present(i)) out[i] = lowest;
}

Result<LoadedRelease> load_release(const std::string& folder) {
  PENCHANT_TRY(manifest, artifact::verify_release(folder));
  const artifact::ModelShape shape = manifest.model;
  const std::size_t n = shape.items;
  auto model = std::make_shared<ReleaseModel>();
  model->manifest = std::move(manifest);
  for (std::size_t m = 0; m < model->manifest.modalities.size(); ++m) {
    const auto& modality = model->manifest.modalities[m];
    if (modality.name == "text" && modality.encoder != "given") {
      model->text_offset = model->content_dim;
      model->text_dim = modality.dim;
      model->text_encoder_sha256 = modality.encoder_sha256;
    }
    model->content_dim += modality.dim;
  }
  model->actions = ActionTable(model->manifest.actions);

  LoadedRelease out;
  PENCHANT_TRY(ids, semantic_id::read_item_ids(folder + "/items.json", n));
  out.ids = std::move(ids);
  PENCHANT_TRY(weights, artifact::SafeTensors::open(folder + "/model.safetensors"));
  PENCHANT_TRY(sequence, nn::SequenceModel::load(weights, shape));
  model->sequence = std::move(sequence);
  PENCHANT_TRY(decoder, nn::DepthDecoder::load(weights, shape));
  model->decoder = std::move(decoder);
  PENCHANT_TRY(embedder, nn::ItemEmbedder::load(weights, model->manifest));
  model->embedder = std::move(embedder);
  PENCHANT_TRY(vectors, weights.matrix_f32("item.vector", n, shape.dim));
  PENCHANT_DO(finite("item.vector", {vectors.data(), n * shape.dim}));
  PENCHANT_TRY(own_ids, weights.matrix_f32("item.id", n, shape.dim));
  PENCHANT_DO(finite("item.id", {own_ids.data(), n * shape.dim}));
  PENCHANT_TRY(bias, weights.vector_f32("item.bias", n));
  PENCHANT_DO(finite("item.bias", bias));

  semantic_id::ExpectedCodebooks expected;
  expected.levels = shape.levels;
  expected.codebook = shape.codebook;
  expected.dim = model->content_dim;
  expected.items = n;
  PENCHANT_TRY(stored, semantic_id::load_codebooks(folder + "/codebooks.safetensors", expected));
  model->codebooks = std::make_unique<semantic_id::Codebooks>(std::move(stored.codebooks));
  PENCHANT_TRY(ranker, rank::Ranker::load(folder + "/ranker.json"));
  model->ranker = ranker;

  PENCHANT_TRY(counts, artifact::SafeTensors::open(folder + "/counts.safetensors"));
  PENCHANT_TRY(transitions, retrieve::TransitionModel::read(counts, n));
  out.transitions = std::move(transitions);
  PENCHANT_TRY(last_seen, counts.vector_i64("last_seen_ms"));
  if (last_seen.size() != n) return corrupt("last_seen_ms has " + std::to_string(last_seen.size()) + " rows");
  out.last_seen_ms.assign(last_seen.begin(), last_seen.end());

  ItemTables& tables = out.tables;
  tables.vectors = retrieve::VectorTable(shape.dim, false);
  tables.vectors.assign(vectors);
  tables.unit_vectors = retrieve::VectorTable(shape.dim, true);
  tables.unit_vectors.assign(vectors);
  tables.own_ids = retrieve::VectorTable(shape.dim, false);
  tables.own_ids.assign(own_ids);
  tables.codes = std::move(stored.codes);
  tables.bias.assign(bias.begin(), bias.end());
  tables.untrained.resize(n);
  tables.has_id.assign(n, 1);
  std::vector<float> trained_bias;
  for (std::size_t i = 0; i < n; ++i) {
    tables.untrained[i] = out.transitions.count(ItemId{static_cast<std::uint32_t>(i)}) == 0 ? 1 : 0;
    if (tables.untrained[i] == 0) trained_bias.push_back(bias[i]);
  }
  tables.untrained_bias = median(std::move(trained_bias));
  for (std::size_t i = 0; i < n; ++i)
    if (tables.untrained[i] != 0) tables.bias[i] = tables.untrained_bias;
  PENCHANT_DO(read_content(folder, *model, tables));
  PENCHANT_DO(read_towers(folder, *model, tables));
  out.model = std::move(model);
  return out;
}

}  // namespace penchant::recommend
