#include "penchant/service/local_tasks.h"

#include <boost/json.hpp>

#include "penchant/import/import.h"
#include "penchant/service/training.h"

namespace penchant::service {

void LocalTasks::attach(store::Store& store, recommend::Engine& engine, Executor& executor) {
  store_ = &store;
  engine_ = &engine;
  executor_ = &executor;
}

Result<JobOutcome> LocalTasks::import_files(const ImportJob& job, const ProgressSink& progress) {
  if (store_ == nullptr) return Error{ErrorCode::unavailable, "the server is still loading"};
  import::ImportOptions options;
  options.items_file = job.items_path;
  options.users_file = job.users_path;
  options.dry_run = job.dry_run;
  options.rejects_path = options_.home + "/rejects.csv";
  PENCHANT_TRY(report, import::import_paths(job.paths, options, *store_, progress));
  return JobOutcome{.json = import::to_json(report)};
}

Result<JobOutcome> LocalTasks::train(const TrainJob& job, const ProgressSink& progress) {
  if (store_ == nullptr) return Error{ErrorCode::unavailable, "the server is still loading"};
  TrainingOptions options;
  options.home = options_.home;
  options.trainer = options_.trainer;
  options.encoder_dir = options_.encoder_dir;
  options.name = job.name;
  options.preset = job.preset;
  if (job.seed) options.seed = *job.seed;
  if (job.epochs) options.epochs = *job.epochs;
  if (!job.holdout.empty()) options.extra = {"--holdout", job.holdout};
  if (!job.warm_start.empty()) options.extra.insert(options.extra.end(), {"--warm-start", job.warm_start});
  options.promote = false;  // the service lets the engine do it, so that requests in flight finish on the old one
  PENCHANT_TRY(outcome, train_release(options, *store_, *executor_, progress));
  const boost::json::object json{{"release", outcome.release}, {"seconds", outcome.seconds}, {"summary", outcome.summary}};
  return JobOutcome{.release = outcome.release, .json = boost::json::serialize(json)};
}

}  // namespace penchant::service
