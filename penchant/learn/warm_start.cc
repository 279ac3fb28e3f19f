#include "penchant/learn/warm_start.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

#include "penchant/retrieve/vector_table.h"

namespace penchant::learn {
namespace {

// Found on validation events: docs/decisions/0016-warm-start.md.
constexpr std::uint32_t kMostEpochs = 10, kPatience = 4, kGeneratorEpochs = 2;

constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

/// Row of the release that today's row i goes on from; kNone: nothing was learned of it.
std::vector<std::uint32_t> learned_rows(const EarlierRelease& earlier, const Dataset& dataset) {
  std::vector<std::uint32_t> rows(dataset.item_ids.size(), kNone);
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (const auto before = earlier.row(dataset.item_ids[i]); before && earlier.train_count[*before] > 0) rows[i] = *before;
  return rows;
}

/// Ids of the release in today's rows [items, d]; the others borrow.
std::vector<float> ids_of(MatrixView<const float> before, std::span<const std::uint32_t> from, const TrainingData& data) {
  retrieve::VectorTable ids(before.cols(), false);
  std::vector<std::uint8_t> unlearned(from.size(), 0);
  std::vector<std::uint32_t> borrowers;
  ids.grow(from.size());
  for (std::uint32_t i = 0; i < from.size(); ++i) {
    if (from[i] != kNone) ids.set(i, before.row(from[i]));
    else unlearned[i] = 1, borrowers.push_back(i);
  }
  const Matrix<float> all = concatenated(data.modalities, data.items);
  retrieve::VectorTable content(all.cols(), true);
  content.assign(all.view());
  retrieve::LenderTable lenders;
  lenders.grow(from.size());
  lenders.find(content, unlearned, borrowers);
  std::vector<float> out(ids.view().data(), ids.view().data() + from.size() * before.cols());
  for (const std::uint32_t i : borrowers)
    std::ranges::copy(lenders.mean(i, ids), out.begin() + static_cast<std::ptrdiff_t>(i * before.cols()));
  return out;
}

/// The same for biases; the others take the median.
std::vector<float> biases_of(std::span<const float> before, std::span<const std::uint32_t> from) {
  std::vector<float> learned;
  for (const std::uint32_t row : from)
    if (row != kNone) learned.push_back(before[row]);
  const auto middle = learned.begin() + static_cast<std::ptrdiff_t>(learned.size() / 2);
  std::ranges::nth_element(learned, middle);
  const float median = learned.empty() ? 0 : *middle;
  std::vector<float> out;
  for (const std::uint32_t row : from) out.push_back(row == kNone ? median : before[row]);
  return out;
}

Result<StartWeights> map_rows(const EarlierRelease& earlier, const Dataset& dataset, StartWeights out) {
  const artifact::ModelShape& shape = earlier.manifest().model;
  const std::vector<std::uint32_t> from = learned_rows(earlier, dataset);
  for (const auto& [name, tensor] : earlier.weights.tensors()) {
    if (name == "item.vector") continue;  // made from the others
    NamedTensor taken{name, tensor.shape, {}};
    if (name == "item.id") {
      PENCHANT_TRY(ids, earlier.weights.matrix_f32(name, shape.items, shape.dim));
      taken.values = ids_of(ids, from, dataset.data);
      taken.shape[0] = dataset.data.items;
    } else if (name == "item.bias") {
      PENCHANT_TRY(biases, earlier.weights.vector_f32(name, shape.items));
      taken.values = biases_of(biases, from);
      taken.shape[0] = dataset.data.items;
    } else if (name == "event.action") {
      PENCHANT_TRY(actions, earlier.weights.matrix_f32(name, shape.actions, shape.dim));
      taken.values = action_rows(earlier, actions, dataset.data.actions);
      taken.shape[0] = dataset.data.actions.size();
    } else {
      PENCHANT_TRY(same, named_tensor(name, tensor));
      taken = std::move(same);
    }
    out.tensors.push_back(std::move(taken));
  }
  return out;
}

}  // namespace

Result<TrainOptions> warm_options(const EarlierRelease& earlier, std::string_view preset) {
  const artifact::Manifest& manifest = earlier.manifest();
  PENCHANT_TRY(options, preset_options(preset == "auto" ? manifest.preset : preset));
  if (preset == "auto") {
    const artifact::ModelShape& s = manifest.model;
    options.dim = s.dim, options.layers = s.layers, options.heads = s.heads, options.ffn = s.ffn, options.gaps = s.gaps;
    options.max_len = s.max_len, options.stride = std::max(1U, s.max_len / 2);
    options.depth_layers = s.depth_layers, options.normalised = s.normalised;
    options.mix_layers = s.mixes_layers, options.read_request = s.reads_request;
  }
  options.epochs = std::min(kMostEpochs, options.epochs / 2);
  options.patience = kPatience, options.generator_epochs = kGeneratorEpochs;
  return options;
}

Status check_sizes(const EarlierRelease& earlier, const TrainOptions& o) {
  const artifact::ModelShape& s = earlier.manifest().model;
  const struct {
    const char* name;
    std::uint32_t before, now;
  } sizes[] = {{"dim", s.dim, o.dim}, {"layers", s.layers, o.layers}, {"heads", s.heads, o.heads}, {"ffn", s.ffn, o.ffn},
               {"depth_layers", s.depth_layers, o.depth_layers}, {"gaps", s.gaps, o.gaps}, {"normalised", s.normalised, o.normalised},
               {"mix_layers", s.mixes_layers, o.mix_layers}, {"read_request", s.reads_request, o.read_request}};
  for (const auto& size : sizes)
    if (size.before != size.now)
      return invalid(std::string(size.name) + ": release \"" + earlier.manifest().name + "\" has " + std::to_string(size.before) +
                     ", this training " + std::to_string(size.now) +
                     ": leave out --preset and the setting, or train without --warm-start");
  return {};
}

Status check_unseen(const EarlierRelease& earlier, Dataset& dataset) {
  const artifact::Manifest& manifest = earlier.manifest();
  const std::string release = "release \"" + manifest.name + "\"";
  if (dataset.holdout == Holdout::none) {
    std::erase_if(dataset.data.validation, [&](const ValidationCase& c) { return c.time_ms <= earlier.newest_event_ms; });
    return {};
  }
  const std::string word(name_of(dataset.holdout));
  if (dataset.holdout == Holdout::time) {
    if (earlier.newest_event_ms < dataset.holdout_time_ms) return {};
    return invalid(release + " has learned from events that --holdout time keeps back: start from a release that ends before them, "
                   "or use --holdout none");
  }
  const bool leaves_last_out = manifest.holdout == name_of(Holdout::last_out) || manifest.holdout == name_of(Holdout::cold);
  if (!leaves_last_out)
    return invalid(release + " was trained with --holdout " + manifest.holdout + " and may have learned from the events that --holdout " +
                   word + " keeps back: start from a release of last-out, or use --holdout none");
  if (manifest.ties_seed != dataset.ties_seed)
    return invalid(release + " was trained with --ties-seed " + std::to_string(manifest.ties_seed) +
                   ", so other events were held out than --ties-seed " + std::to_string(dataset.ties_seed) + " keeps back: use the same");
  for (std::size_t i = 0; i < dataset.held_out.size(); ++i)
    if (dataset.held_out[i] != 0 && earlier.row(dataset.item_ids[i]))
      return invalid(release + " knows item \"" + dataset.item_ids[i] + "\", which --holdout cold keeps back: use --cold-by first-seen "
                     "and a release that is older than these items, or another hold-out");
  return {};
}

Result<StartWeights> start_weights(const EarlierRelease& earlier, const Dataset& dataset) {
  StartWeights out;
  out.from.release = earlier.manifest().name;
  out.logit_scale = earlier.manifest().model.logit_scale;
  for (const std::string& id : dataset.item_ids) ++(earlier.row(id) ? out.from.kept : out.from.added);
  out.from.gone = static_cast<std::uint32_t>(earlier.ids.items.size()) - out.from.kept;
  return map_rows(earlier, dataset, std::move(out));
}

}  // namespace penchant::learn
