#pragma once
/// \file A copy of a release whose user model learns from another model's task. Layer 5; the implementation of
/// finetune() is in torch/, this header is free of LibTorch. Library: penchant_learn_torch.
#include <cstdint>
#include <string>
#include <vector>

#include "penchant/base/progress.h"
#include "penchant/base/result.h"

namespace penchant::learn {

/// One thing that was shown to a user, and what came of it.
struct LabelledOutcome {
  std::uint32_t user = 0;    ///< row of the histories
  std::uint32_t read = 0;    ///< events of the user before it, 1 to the length of the history
  std::uint32_t item = 0;    ///< row of the release
  std::uint8_t positive = 0;
  std::uint8_t valid = 0;    ///< 1: judged for the early stop, not learned from
};

/// Histories as the release reads them, in CSR, and outcomes. Bytes on disk: docs/formats/outcomes.md.
struct FinetuneData {
  std::vector<std::int64_t> offsets{0};            ///< [users + 1]
  std::vector<std::int32_t> items, actions, gaps;  ///< [events] rows of the release's tables
  std::vector<LabelledOutcome> outcomes;
  std::string task;                                ///< what is predicted, for the card
  std::int64_t until_ms = 0;                       ///< no outcome is later; 0: not told
};
/// \return corrupt, not_found or io, naming the tensor and row
Result<FinetuneData> read_outcomes(const std::string& path);
Status write_outcomes(const std::string& path, const FinetuneData& data);

struct FinetuneOptions {
  std::uint32_t blocks = 0;         ///< last blocks that learn, with the final norm; 0: all of them, and the event tables
  std::uint32_t epochs = 10;        ///< at most
  std::uint32_t patience = 3;       ///< epochs without a better validation loss before it stops; 0: never
  std::uint32_t batch = 32;         ///< histories (windows of them) per step
  double learning_rate = 5e-4;      ///< AdamW, of the network
  double head_rate = 1e-2;          ///< of the head
  double weight_decay = 0.01;       ///< AdamW, on matrices
  double dropout = 0.2;             ///< as TrainOptions
  std::uint64_t seed = 1;
  std::uint32_t threads = 1;
};
/// Sets one option by its name, e.g. "blocks=2"; `seed` and `threads` are no settings.
/// \return invalid_argument naming the known settings, or the value that is no number
Status apply_setting(FinetuneOptions& options, std::string_view setting);
Status validate(const FinetuneOptions& options);

struct FinetuneEpoch {
  std::uint32_t epoch = 0;  ///< 0: the head alone has learned, the network is the release's
  double loss = 0, valid_loss = 0, valid_auc = 0;  ///< nats per outcome; NaN without validation outcomes
};
struct FinetuneReport {
  std::vector<FinetuneEpoch> epochs;
  std::uint32_t best_epoch = 0;  ///< of the least validation loss; the last without validation
  std::size_t outcomes = 0, valid_outcomes = 0;
};

/// Trains the last blocks and the final norm of a release, from its own weights, by the logistic loss of a
/// head a <u, v> + <w, u> + <c, v> + b_i, u and v the user's and the item's vector as the dense head multiplies them,
/// and writes the copy as a release folder: other files as they are, the card says what was done. The head is
/// left behind: whoever embeds the copy has one. Long histories are cut into windows of max_len that overlap by half.
/// The copy's dense head now tells what is liked, not what comes next: it is for user vectors, not for lists.
/// Same data, options and machine, same bytes. Threads: sets LibTorch's for the whole process; one call at a time.
/// \return already_exists when `to` holds a release, invalid_argument, cancelled, or corrupt naming the tensor
Result<FinetuneReport> finetune(const std::string& from, const std::string& to, const std::string& created, const FinetuneData& data,
                                const FinetuneOptions& options, const ProgressSink& progress = {});

}  // namespace penchant::learn
