#pragma once
/// \file Which of several processes that train one model together this one is. Layer 5.
#include <cstdint>
#include <string>

#include "penchant/base/result.h"

namespace penchant::learn {

/// Place among the ranks of a data-parallel training; by default there is one.
struct Launch {
  std::uint32_t rank = 0, size = 1;
  std::uint32_t local_size = 1;       ///< ranks on this machine, who share its cores
  std::string address;                ///< host where they meet
  std::uint16_t port = 0;
  bool launcher_meets = false;        ///< the launcher keeps the meeting point itself (torchrun); else rank 0 does
  std::string attempt;                ///< of a launcher that starts all ranks again after a failure
  [[nodiscard]] bool leads() const noexcept { return rank == 0; }
  [[nodiscard]] bool alone() const noexcept { return size == 1; }
};

/// From WORLD_SIZE, RANK, MASTER_ADDR and MASTER_PORT, which torchrun, Ray Train and Slurm scripts set; alone without
/// WORLD_SIZE. LOCAL_WORLD_SIZE, TORCHELASTIC_USE_AGENT_STORE and TORCHELASTIC_RESTART_COUNT are torchrun's.
/// \return invalid_argument naming the variable that is missing or no number
Result<Launch> launch_from_environment();

}  // namespace penchant::learn
