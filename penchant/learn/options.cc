#include "penchant/learn/options.h"

#include <array>
#include <string>

#include "penchant/learn/setting_table.h"

namespace penchant::learn {
namespace {

constexpr std::array<SettingField<TrainOptions>, 44> kSettings{{
    {"dim", &TrainOptions::dim}, {"layers", &TrainOptions::layers}, {"heads", &TrainOptions::heads},
    {"ffn", &TrainOptions::ffn}, {"max_len", &TrainOptions::max_len}, {"depth_layers", &TrainOptions::depth_layers},
    {"gaps", &TrainOptions::gaps}, {"normalised", &TrainOptions::normalised}, {"logit_scale", &TrainOptions::logit_scale},
    {"mix_layers", &TrainOptions::mix_layers}, {"read_request", &TrainOptions::read_request},
    {"generator_epochs", &TrainOptions::generator_epochs},
    {"multi_token", &TrainOptions::multi_token}, {"multi_token_decay", &TrainOptions::multi_token_decay},
    {"teacher_share", &TrainOptions::teacher_share}, {"teacher_top", &TrainOptions::teacher_top},
    {"engagement", &TrainOptions::engagement}, {"next_action", &TrainOptions::next_action},
    {"next_gap", &TrainOptions::next_gap}, {"next_attributes", &TrainOptions::next_attributes},
    {"label_smoothing", &TrainOptions::label_smoothing}, {"dropout", &TrainOptions::dropout},
    {"input_dropout", &TrainOptions::input_dropout}, {"id_dropout", &TrainOptions::id_dropout},
    {"age", &TrainOptions::age}, {"borrow", &TrainOptions::borrow},
    {"batch", &TrainOptions::batch}, {"accumulate", &TrainOptions::accumulate}, {"stride", &TrainOptions::stride}, {"shuffle_ties", &TrainOptions::shuffle_ties},
    {"learning_rate", &TrainOptions::learning_rate}, {"weight_decay", &TrainOptions::weight_decay},
    {"clip", &TrainOptions::clip}, {"warmup_steps", &TrainOptions::warmup_steps}, {"cosine", &TrainOptions::cosine},
    {"epochs", &TrainOptions::epochs}, {"patience", &TrainOptions::patience},
    {"negatives", &TrainOptions::negatives}, {"negative_power", &TrainOptions::negative_power},
    {"calibration", &TrainOptions::calibration}, {"score_penalty", &TrainOptions::score_penalty},
    {"mask_share", &TrainOptions::mask_share}, {"id_scale", &TrainOptions::id_scale},
    {"weight_scale", &TrainOptions::weight_scale},
}};

}  // namespace

Status apply_setting(TrainOptions& options, std::string_view setting) {
  return apply_setting(options, setting, kSettings);
}

std::vector<std::string> settings_of(const TrainOptions& options) { return settings_of(options, kSettings); }

std::string_view preset_for(DataSize size) noexcept {
  constexpr std::uint64_t kShortHistory = 20;  // events, on average
  if (size.events < 20'000) return "tiny";
  if (size.events < 500'000) return size.events < kShortHistory * size.users ? "sparse" : "small";
  if (size.events < 20'000'000) return "base";
  return "large";
}

Result<TrainOptions> preset_options(std::string_view preset) {
  if (preset == "auto") preset = preset_for({});
  TrainOptions o;
  if (preset == "tiny") {
    o.dim = 32, o.heads = 1, o.ffn = 128, o.layers = 1, o.max_len = 50, o.stride = 25, o.epochs = 40;
    return o;
  }
  if (preset == "small") return o;
  if (preset == "sparse") {
    o.dim = 128, o.max_len = 50, o.stride = 25, o.batch = 128, o.learning_rate = 1.5e-3, o.epochs = 20;
    o.dropout = o.input_dropout = 0.5, o.label_smoothing = 0.1, o.weight_decay = 0;
    o.age = 3;
    return o;
  }
  if (preset == "base") {
    o.dim = 128, o.heads = 4, o.ffn = 512, o.max_len = 200, o.stride = 100, o.batch = 32;
    o.learning_rate = 1.2e-3, o.epochs = 10;
    return o;
  }
  if (preset == "large") {
    o.dim = 256, o.heads = 8, o.ffn = 1024, o.layers = 4, o.max_len = 200, o.stride = 100;
    o.batch = 256, o.learning_rate = 1e-3, o.warmup_steps = 1000, o.epochs = 10;
    return o;
  }
  return invalid("preset \"" + std::string(preset) +
                 "\" is not known; choose tiny, small, sparse, base, large or auto");
}

Status validate(const TrainOptions& o) {
  PENCHANT_DO(in_range("dim", o.dim, 2, 8192));
  PENCHANT_DO(in_range("heads", o.heads, 1, 256));
  if (o.dim % (2 * o.heads) != 0)
    return invalid("dim " + std::to_string(o.dim) + " must be a multiple of 2 * heads = " +
                   std::to_string(2 * o.heads));
  PENCHANT_DO(in_range("layers", o.layers, 1, 128));
  PENCHANT_DO(in_range("depth_layers", o.depth_layers, 1, 16));
  PENCHANT_DO(in_range("ffn", o.ffn, 1, 65536));
  PENCHANT_DO(in_range("max_len", o.max_len, 2, 8192));
  PENCHANT_DO(in_range("stride", o.stride, 1, o.max_len));
  PENCHANT_DO(in_range("gaps", o.gaps, 2, 256));
  PENCHANT_DO(in_range("logit_scale", o.logit_scale, 1e-3, 1e3));
  PENCHANT_DO(in_range("generator_epochs", o.generator_epochs, 0, 10'000));
  PENCHANT_DO(in_range("multi_token", o.multi_token, 1, 32));
  PENCHANT_DO(in_range("multi_token_decay", o.multi_token_decay, 0, 1));
  PENCHANT_DO(in_range("teacher_share", o.teacher_share, 0, 1));
  PENCHANT_DO(in_range("teacher_top", o.teacher_top, 1, 1024));
  PENCHANT_DO(in_range("engagement", o.engagement, 0, 10));
  const std::pair<const char*, double> auxiliary[] = {{"next_action", o.next_action}, {"next_gap", o.next_gap}, {"next_attributes", o.next_attributes}};
  for (const auto& [name, weight] : auxiliary) {
    PENCHANT_DO(in_range(name, weight, 0, 100));
    if (weight > 0 && o.architecture.objective != Objective::next_event) return invalid(std::string(name) + " needs a next event: a cloze has none");
  }
  PENCHANT_DO(in_range("label_smoothing", o.label_smoothing, 0, 0.99));
  PENCHANT_DO(in_range("dropout", o.dropout, 0, 0.95));
  PENCHANT_DO(in_range("input_dropout", o.input_dropout, 0, 0.95));
  PENCHANT_DO(in_range("id_dropout", o.id_dropout, 0, 1));
  PENCHANT_DO(in_range("age", o.age, 0, 1e6));
  PENCHANT_DO(in_range("batch", o.batch, 1, 65536));
  PENCHANT_DO(in_range("accumulate", o.accumulate, 1, 4096));
  const bool samples = o.architecture.loss != Loss::softmax;
  PENCHANT_DO(in_range("negatives", o.negatives, samples ? 1 : 0, 100'000));
  PENCHANT_DO(in_range("negative_power", o.negative_power, 0, 2));
  PENCHANT_DO(in_range("calibration", o.calibration, 0, 1));
  PENCHANT_DO(in_range("score_penalty", o.score_penalty, 0, 1e3));
  PENCHANT_DO(in_range("mask_share", o.mask_share, 0.01, 0.9));
  PENCHANT_DO(in_range("id_scale", o.id_scale, 0, 10));
  PENCHANT_DO(in_range("weight_scale", o.weight_scale, 0, 10));
  if (samples && o.engagement > 0) return invalid("engagement needs the softmax loss: sampled losses count all events alike");
  if (samples && o.multi_token > 1) return invalid("multi_token needs the softmax loss: sampled losses know one target");
  PENCHANT_DO(in_range("learning_rate", o.learning_rate, 1e-9, 10));
  PENCHANT_DO(in_range("weight_decay", o.weight_decay, 0, 10));
  PENCHANT_DO(in_range("clip", o.clip, 1e-6, 1e9));
  PENCHANT_DO(in_range("epochs", o.epochs, 1, 100'000));
  PENCHANT_DO(in_range("threads", o.threads, 1, 1024));
  if (o.launch.size < 1 || o.launch.rank >= o.launch.size) return invalid("launch: rank " + std::to_string(o.launch.rank) + " of " + std::to_string(o.launch.size));
  if (o.resume && o.checkpoint.empty()) return invalid("resume needs the path of a checkpoint");
  return {};
}

artifact::ModelShape shape_of(const TrainOptions& o, std::uint32_t items, std::uint32_t actions,
                              std::uint32_t levels, std::uint32_t codebook) {
  artifact::ModelShape s;
  s.items = items;
  s.dim = o.dim;
  s.layers = o.layers;
  s.heads = o.heads;
  s.ffn = o.ffn;
  s.max_len = o.max_len;
  s.depth_layers = o.depth_layers;
  s.levels = levels;
  s.codebook = codebook;
  s.gaps = o.gaps;
  s.actions = actions;
  s.logit_scale = o.normalised ? o.logit_scale : 1;
  s.normalised = o.normalised;
  s.mixes_layers = o.mix_layers;
  s.reads_request = o.read_request;
  return s;
}

}  // namespace penchant::learn
