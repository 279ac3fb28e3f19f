#pragma once
/// \file The settings of Penchant's own user model as something that can be tuned. Layer 6.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "penchant/base/result.h"
#include "penchant/evaluate/tune/tune.h"

namespace penchant::evaluate {

struct ReleaseTuning {
  std::string home;              ///< with penchant.db, which is what the trials learn from
  std::string trainer;           ///< path of penchant-train; empty: unavailable
  std::string encoder_dir;       ///< sentence encoder; empty: items have no text vectors
  std::string preset = "auto";   ///< defaults of the settings: tiny, small, sparse, base, large or auto
  std::uint64_t events = 0, users = 0;  ///< in the store, for "auto"
  std::uint32_t threads = 0;     ///< of the trainer; 0: all
};

/// "penchant", "dense" and "generator": what of a release can be tuned.
[[nodiscard]] bool is_release_column(std::string_view name) noexcept;

/// A trial trains a release in `<home>/models/.tune-NAME`, which holds out what the protocol asks,
/// scores validation events with the column NAME of it, and removes it. "penchant" scores with the
/// default weights of the fusion: fitted ones would have seen the validation events.
/// \return invalid_argument for another name or preset, unavailable without a trainer; making a model
/// fails with invalid_argument under a protocol that no release holds out (shuffled ties, given)
Result<TuneSubject> release_subject(std::string_view name, ReleaseTuning tuning);

}  // namespace penchant::evaluate
