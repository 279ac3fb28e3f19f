#pragma once
/// \file Baselines that penchant-train fits in its own process: GRU4Rec, SASRec, gSASRec, BERT4Rec.
/// Layer 6. The files that pass between the programs are in docs/formats/sequences.md.
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "penchant/evaluate/baselines/registry.h"
#include "penchant/evaluate/model.h"
#include "penchant/kernels/linear.h"

namespace penchant::evaluate {

/// Part of every cache key: raised when the trainer's networks or files change, so that models of an
/// older trainer are not taken for its work.
inline constexpr int kTrainerFormat = 3;

/// A network that penchant-train fits on the training sequences; score = <user, item> + bias.
///
/// fit() keeps what was trained below BaselineContext::cache_folder, in a folder named by the SHA-256
/// of the sequences, the model, its settings, the settings there are, the seed and kTrainerFormat. A second fit() of the same
/// trains nothing. A folder appears there whole or not at all, and its files are checked against their
/// hashes before they are used; a damaged one is trained anew.
///
/// Memory: (queries + items) * d floats. Threads: as Model.
class TrainedModel final : public Model {
 public:
  /// \param settings "name=value" of every setting (the registry fills in its defaults), passed to the
  /// trainer as they are; a name given twice takes the last value
  TrainedModel(std::string name, std::vector<std::string> settings, BaselineContext context);
  ~TrainedModel() override;
  [[nodiscard]] const std::vector<std::string>& names() const noexcept override { return names_; }
  /// \return unavailable without a trainer program (says what to do) and for a refit whose questions are
  /// validation targets, cancelled, corrupt when what the
  /// trainer wrote is not what its format promises, or the trainer's own message
  Status fit(const FitInput& input, Executor& executor, const ProgressSink& progress) override;
  /// Encodes all histories in one run of the trainer; only their item rows are used.
  Status prepare(std::span<const Query> queries, Executor& executor) override;
  Status score(std::span<const Query> queries, MatrixView<float> out) const override;
  /// Those trained by a softmax over the catalogue, sampled or whole.
  [[nodiscard]] bool scores_are_logits() const noexcept override;

  /// True when the last fit() found its model in the cache.
  [[nodiscard]] bool was_cached() const noexcept { return was_cached_; }

 private:
  Result<std::string> cache_folder();
  Status train(const std::string& sequences, const std::string& work, const std::string& key,
               const FitInput& input, const ProgressSink& progress);

  std::vector<std::string> names_;
  std::map<std::string, std::string> settings_;  ///< by name
  BaselineContext context_;
  std::string temporary_;  ///< cache of a model without one, removed with it
  std::string model_;      ///< folder of model.safetensors and model.json
  std::size_t items_ = 0;
  bool was_cached_ = false;
  Matrix<float> users_;  ///< [queries, d]
  kernels::PackedLinear scorer_;
  bool prepared_ = false;
};

/// For the registry. The settings were checked there.
std::unique_ptr<Model> make_trained(std::string name, std::vector<std::string> settings, BaselineContext context);

}  // namespace penchant::evaluate
