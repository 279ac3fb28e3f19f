#pragma once
/// \file Where a run stands, on disk. Private to penchant/learn/torch.
///
/// A LibTorch archive, rewritten whole after every epoch (temporary name, then rename). Entries:
/// 1. `format` i64 [1] = 4; 2. `run` u8 [..], fingerprint of data, options and start: another run's file is
/// refused; 3. `now.<i>`, `best.<i>`: the weights in table order; 4. `optimiser`: AdamW's state;
/// 5. `clock` i64 [4]: epochs done, steps done, best epoch, epochs since the best; 6. `curve` f64
/// [epochs, 8]: the reports. Random numbers are drawn afresh from (seed, epoch, step): no state.
#include <torch/torch.h>

#include <cstdint>
#include <string>
#include <vector>

#include "penchant/base/result.h"
#include "penchant/learn/torch/optimiser.h"
#include "penchant/learn/trainer.h"

namespace penchant::learn {

struct Position {
  std::uint32_t epochs_done = 0, best_epoch = 0, stale_epochs = 0;
  std::uint64_t steps_done = 0;
  std::vector<EpochReport> curve;
};

Status save_checkpoint(const std::string& path, const std::string& run, const std::vector<torch::Tensor>& now,
                       const std::vector<torch::Tensor>& best, const Optimiser& optimiser,
                       const Position& position);
/// Fills the given tensors in place. not_found when there is no file; invalid_argument when it
/// belongs to another run; corrupt when it cannot be read.
Result<Position> load_checkpoint(const std::string& path, const std::string& run, std::vector<torch::Tensor>& now,
                                 std::vector<torch::Tensor>& best, Optimiser& optimiser);

}  // namespace penchant::learn
