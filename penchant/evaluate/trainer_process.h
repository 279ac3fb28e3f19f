#pragma once
/// \file penchant-train as a child process: progress, cancelling, and its exit codes as errors. Layer 6.
#include <string>
#include <string_view>
#include <vector>

#include "penchant/base/progress.h"
#include "penchant/base/result.h"

namespace penchant::evaluate {

/// Runs penchant-train with these arguments until it ends. Where they hold "--progress-json
/// /dev/fd/3", every report of it goes to `progress`; the last one is repeated while it is silent, so
/// that a run can be cancelled at any time (SIGTERM). OpenMP threads of the child wait passively
/// unless OMP_WAIT_POLICY is set: spinning ones make training many times slower as soon as anything
/// else runs. Threads: any.
/// \param step names the work until the first report comes, e.g. "train sasrec"
/// \return unavailable when the program cannot be started (says what to do), cancelled, or the
/// trainer's own message under the error code that its exit code stands for
Status run_trainer(const std::string& program, std::vector<std::string> arguments, const std::string& step,
                   const ProgressSink& progress);

}  // namespace penchant::evaluate
