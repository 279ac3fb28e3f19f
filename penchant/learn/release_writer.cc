#include "penchant/learn/release_writer.h"

#include <boost/json.hpp>
#include <cmath>
#include <filesystem>

#include "penchant/artifact/files.h"
#include "penchant/artifact/manifest.h"
#include "penchant/artifact/safetensors.h"
#include "penchant/retrieve/transitions.h"
#include "penchant/semantic_id/codebooks.h"

namespace penchant::learn {
namespace {

namespace json = boost::json;

json::value number(double v) { return std::isfinite(v) ? json::value(v) : json::value(nullptr); }

Status write_items(const std::string& path, const std::vector<std::string>& ids) {
  json::array array;
  array.reserve(ids.size());
  for (const std::string& id : ids) array.emplace_back(id);
  return artifact::write_file(path, json::serialize(json::object{{"ids", std::move(array)}}));
}

Status write_content(const std::string& path, const TrainingData& data) {
  artifact::SafeTensorsWriter writer;
  for (const Modality& m : data.modalities) writer.add("content." + m.name, m.vectors.view());
  if (data.lenders.items() > 0) data.lenders.write(writer);
  return writer.write(path);
}

Status write_codes(const std::string& path, const TrainingData& data) {
  PENCHANT_TRY(books, semantic_id::Codebooks::create(data.codebooks, data.content_encoder));
  PENCHANT_DO(books.check_codes(data.codes.view()));
  return semantic_id::save_codebooks(path, books, data.codes.view());
}

Status write_model(const std::string& path, const TrainedModel& model) {
  artifact::SafeTensorsWriter writer;
  for (const NamedTensor& t : model.tensors)
    writer.add(t.name, artifact::DType::f32, t.shape, std::as_bytes(std::span(t.values)));
  return writer.write(path);
}

Status write_counts(const std::string& path, const TrainingData& data) {
  artifact::SafeTensorsWriter writer;
  retrieve::TransitionModel::build({data.train.items, data.train.offsets}, data.items).write(writer);
  writer.add("last_seen_ms", std::span<const std::int64_t>(data.last_seen_ms));
  return writer.write(path);
}

json::value started_from(const ReleaseInfo& info, const TrainedModel& model) {
  if (!info.started_from) return nullptr;
  const StartedFrom& s = *info.started_from;
  return json::object{{"release", s.release}, {"items_kept", s.kept}, {"items_added", s.added}, {"items_gone", s.gone},
                      {"valid_ndcg10", number(model.start_ndcg10)}};
}

json::object training_section(const ReleaseInfo& info, const TrainOptions& o, const TrainedModel& model) {
  json::array epochs;
  for (const EpochReport& e : model.epochs)
    epochs.push_back(json::object{{"epoch", e.epoch}, {"loss", number(e.loss)}, {"valid_ndcg10", number(e.valid_ndcg10)},
                                  {"learning_rate", number(e.learning_rate)}, {"seconds", number(e.seconds)},
                                  {"events_per_second", number(e.events_per_second)}, {"skipped_steps", e.skipped_steps}});
  json::array generator;
  for (const GeneratorEpoch& e : model.generator)
    generator.push_back(json::object{{"epoch", e.epoch}, {"loss", number(e.loss)}, {"valid_loss", number(e.valid_loss)}, {"seconds", e.seconds}});
  return {{"epochs", std::move(epochs)},
          {"generator", std::move(generator)},
          {"best_epoch", model.best_epoch},
          {"best_valid_ndcg10", number(model.best_ndcg10)},
          {"started_from", started_from(info, model)},
          {"parameters", model.parameters},
          {"seconds", info.seconds},
          {"notes", json::array(info.notes.begin(), info.notes.end())},
          {"preset", info.preset},
          {"seed", o.seed},
          {"threads", o.threads},
          {"settings", json::object{{"learning_rate", o.learning_rate}, {"weight_decay", o.weight_decay},
                                    {"batch", o.batch}, {"accumulate", o.accumulate}, {"stride", o.stride}, {"dropout", o.dropout},
                                    {"input_dropout", o.input_dropout}, {"id_dropout", o.id_dropout},
                                    {"generator_epochs", o.generator_epochs}, {"multi_token", o.multi_token},
                                    {"label_smoothing", o.label_smoothing}, {"shuffle_ties", o.shuffle_ties}, {"age", o.age},
                                    {"borrow", o.borrow}}}};
}

Status write_card(const std::string& path, const ReleaseInfo& info, const Dataset& d, const TrainOptions& o,
                  const TrainedModel& model) {
  json::array modalities;
  for (const Modality& m : d.data.modalities)
    modalities.push_back(json::object{{"name", m.name}, {"dim", m.vectors.cols()}, {"encoder", m.encoder}});
  json::object card;
  card["data"] = json::object{{"items", d.data.items}, {"users", d.users}, {"events", d.events},
                              {"training_events", d.data.train.events()}, {"validation_cases", d.data.validation.size()},
                              {"holdout", name_of(d.holdout)}, {"holdout_time_ms", d.holdout_time_ms},
                              {"modalities", std::move(modalities)}};
  card["training"] = training_section(info, o, model);
  if (!d.semantic_id_report.empty()) card["semantic_ids"] = json::parse(d.semantic_id_report);
  return artifact::write_file(path, json::serialize(card));
}

artifact::Manifest manifest_of(const ReleaseInfo& info, const Dataset& d, const TrainOptions& o, const TrainedModel& model) {
  artifact::Manifest m;
  m.name = info.name;
  m.created = info.created;
  m.preset = info.preset;
  m.seed = o.seed;
  m.holdout = std::string(name_of(d.holdout));
  m.holdout_time_ms = d.holdout_time_ms;
  m.holdout_test_ms = d.holdout_test_ms;
  m.cold_share = d.cold_share;
  m.cold_seed = d.cold_seed;
  m.cold_by = catalog::name_of(d.cold_by);
  m.ties_seed = d.ties_seed;
  m.events = d.events;
  m.users = d.users;
  m.model = model.shape;
  m.quantiser = d.quantiser;
  for (const auto& level : d.data.codebooks) m.codebooks.push_back(static_cast<std::uint32_t>(level.rows()));
  m.balance = d.balance;
  m.collisions = d.collisions;
  m.codebook_sizes = d.codebook_sizes;
  m.actions = d.data.actions;
  for (const Modality& modality : d.data.modalities)
    m.modalities.push_back({modality.name, static_cast<std::uint32_t>(modality.vectors.cols()), modality.encoder,
                            modality.encoder_sha256});
  return m;
}

}  // namespace

Status write_release(const std::string& folder, const ReleaseInfo& info, const Dataset& dataset,
                     const TrainOptions& options, const TrainedModel& model, const TrainedModel* towers) {
  std::error_code error;
  if (std::filesystem::exists(folder + "/manifest.json", error))
    return Error{ErrorCode::already_exists, folder + " holds a release already: choose another --name"};
  std::filesystem::create_directories(folder, error);
  if (error) return Error{ErrorCode::io, folder + ": " + error.message()};
  PENCHANT_DO(write_items(folder + "/items.json", dataset.item_ids));
  PENCHANT_DO(write_content(folder + "/content.safetensors", dataset.data));
  PENCHANT_DO(write_codes(folder + "/codebooks.safetensors", dataset.data));
  PENCHANT_DO(write_model(folder + "/model.safetensors", model));
  if (towers != nullptr) PENCHANT_DO(write_model(folder + "/towers.safetensors", *towers));
  PENCHANT_DO(write_counts(folder + "/counts.safetensors", dataset.data));
  PENCHANT_DO(write_card(folder + "/card.json", info, dataset, options, model));
  return artifact::seal_release(folder, manifest_of(info, dataset, options, model));
}

}  // namespace penchant::learn
