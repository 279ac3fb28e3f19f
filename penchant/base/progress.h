#pragma once
/// \file How a long step tells its caller how far it is. Layer 0.
#include <cstdint>
#include <functional>
#include <string>

namespace penchant {

/// One report of a long step; `total` 0 means unknown.
struct Progress {
  std::string step;          ///< "import", "encode text", "train", …
  std::uint64_t done = 0;    ///< units finished
  std::uint64_t total = 0;   ///< units in all
  std::string detail;        ///< short free text, e.g. "loss 5.21, NDCG@10 0.064"
};

/// Called from the working thread, at most some ten times a second. Return false to cancel.
using ProgressSink = std::function<bool(const Progress&)>;

}  // namespace penchant
