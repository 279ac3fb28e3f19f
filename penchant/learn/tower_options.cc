#include <array>

#include "penchant/learn/setting_table.h"
#include "penchant/learn/towers.h"

namespace penchant::learn {
namespace {

constexpr std::array<SettingField<TowerOptions>, 22> kSettings{{
    {"dim", &TowerOptions::dim}, {"clusters", &TowerOptions::clusters}, {"neighbours", &TowerOptions::neighbours},
    {"history", &TowerOptions::history}, {"ids", &TowerOptions::ids}, {"content", &TowerOptions::content},
    {"gate", &TowerOptions::gate}, {"intensities", &TowerOptions::intensities},
    {"shuffled_clusters", &TowerOptions::shuffled_clusters}, {"pairwise", &TowerOptions::pairwise},
    {"temperature", &TowerOptions::temperature}, {"decoupling", &TowerOptions::decoupling},
    {"scale", &TowerOptions::scale}, {"dropout", &TowerOptions::dropout},
    {"history_dropout", &TowerOptions::history_dropout}, {"id_dropout", &TowerOptions::id_dropout},
    {"label_smoothing", &TowerOptions::label_smoothing}, {"learning_rate", &TowerOptions::learning_rate},
    {"weight_decay", &TowerOptions::weight_decay}, {"batch", &TowerOptions::batch}, {"epochs", &TowerOptions::epochs},
    {"patience", &TowerOptions::patience},
}};

}  // namespace

Status apply_setting(TowerOptions& options, std::string_view setting) {
  return apply_setting(options, setting, kSettings);
}

std::vector<std::string> settings_of(const TowerOptions& options) { return settings_of(options, kSettings); }

Status validate(const TowerOptions& o) {
  PENCHANT_DO(in_range("dim", o.dim, 4, 1024));
  if (o.dim % 4 != 0) return invalid("dim " + std::to_string(o.dim) + " must be a multiple of 4, the attention heads");
  PENCHANT_DO(in_range("clusters", o.clusters, 0, 65536));
  PENCHANT_DO(in_range("neighbours", o.neighbours, 0, 256));
  PENCHANT_DO(in_range("history", o.history, 1, 4096));
  if (!o.ids && !o.content) return invalid("ids and content are both off: nothing is left to learn from");
  PENCHANT_DO(in_range("temperature", o.temperature, 1e-3, 1e3));
  PENCHANT_DO(in_range("decoupling", o.decoupling, 0, 1e3));
  PENCHANT_DO(in_range("scale", o.scale, 1e-3, 1e3));
  PENCHANT_DO(in_range("dropout", o.dropout, 0, 0.95));
  PENCHANT_DO(in_range("history_dropout", o.history_dropout, 0, 0.95));
  PENCHANT_DO(in_range("id_dropout", o.id_dropout, 0, 1));
  PENCHANT_DO(in_range("label_smoothing", o.label_smoothing, 0, 0.99));
  PENCHANT_DO(in_range("learning_rate", o.learning_rate, 1e-9, 10));
  PENCHANT_DO(in_range("weight_decay", o.weight_decay, 0, 10));
  PENCHANT_DO(in_range("batch", o.batch, 1, 65536));
  PENCHANT_DO(in_range("epochs", o.epochs, 1, 100'000));
  PENCHANT_DO(in_range("threads", o.threads, 1, 1024));
  return {};
}

}  // namespace penchant::learn
