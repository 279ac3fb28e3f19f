#pragma once
/// \file What the handlers of the routes share. Private to service.
#include <atomic>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "penchant/base/clock.h"
#include "penchant/net/server.h"
#include "penchant/service/item_cache.h"
#include "penchant/service/metrics.h"
#include "penchant/service/recommendation_id.h"
#include "penchant/service/service.h"
#include "penchant/service/task_table.h"

namespace penchant::service {

/// Threads: each member is safe from any thread or says what guards it.
struct ServiceState {
  ServiceState(ServiceOptions opts, TaskRunner& tasks_runner, const Clock& time, std::uint64_t seed);

  const ServiceOptions options;
  TaskRunner& runner;    // outlives the service
  const Clock& clock;    // outlives the service
  std::atomic<bool> ready{false};   // set last by attach(): the two pointers may be read once it is true
  store::Store* store = nullptr;
  recommend::Engine* engine = nullptr;
  ItemCache items;
  Metrics metrics;
  RecommendationIds ids;
  std::mutex patching;   // held while a record is read, changed and put back

  std::mutex mutex;      // guards the two below
  std::string load_error;
  std::function<net::ServerStats()> server_stats;

  TaskTable tasks;       // last: its end waits for work that uses the rest
};

}  // namespace penchant::service
