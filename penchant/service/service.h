#pragma once
/// \file The REST surface: routes, checks, keys, tasks and metrics on top of the engine. Layer 6.
///
///     service::Service service({.home = home, .version = "0.1.0"}, runner, clock);
///     auto server = net::Server::start(service.wire({.port = 7600}), service.handler());
///     …open store and engine…          // until then /readyz and the API answer 503
///     service.attach(*store, *engine);
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "penchant/base/clock.h"
#include "penchant/base/result.h"
#include "penchant/net/server.h"
#include "penchant/recommend/engine.h"
#include "penchant/service/task_runner.h"
#include "penchant/store/store.h"

namespace penchant::service {

struct ServiceOptions {
  std::string home;              ///< models are read from <home>/models, uploads go to <home>/uploads
  std::string version = "0.0.0"; ///< of Penchant, shown by /version
  std::string api_key;           ///< empty: no key is asked for
  std::string console_dir;       ///< folder of the built console; empty or absent: a short page says so
  std::string import_dir;        ///< POST /v1/imports reads paths below it; empty: only uploads
  std::vector<std::string> allowed_hosts;  ///< names besides loopback that may stand in Host when no
                                           ///< key is set (a page elsewhere could else use a name of its own)
  bool create_unknown_items = false;       ///< events of unknown items make them, unless a request says otherwise
  std::uint64_t id_seed = 0;               ///< of recommendation ids; 0: from the system
};

/// Answers every request of the server. Threads: handle() and admit() are safe from any thread;
/// attach() and loading_failed() are called once, from any thread. The Service must outlive the
/// Server; what is attached must outlive both.
class Service {
 public:
  Service(ServiceOptions options, TaskRunner& runner, const Clock& clock);
  /// As stop().
  ~Service();
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  /// From now on the API answers.
  void attach(store::Store& store, recommend::Engine& engine);
  /// The API goes on to answer 503, now with this reason.
  void loading_failed(const Error& error);
  /// Where /metrics finds the state of the server; optional.
  void watch(std::function<net::ServerStats()> stats);

  [[nodiscard]] net::Response handle(const net::Request& request);
  [[nodiscard]] net::Handler handler();
  /// `options` with key, admission (keys and routes are checked before a body is read) and refusal
  /// texts of this service.
  [[nodiscard]] net::ServerOptions wire(net::ServerOptions options);
  /// Cancels the tasks and waits for the running one; later tasks are refused.
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// The OpenAPI 3.1 document of this surface (what docs/openapi.json holds), indented, newline at the end.
[[nodiscard]] std::string openapi_document(const std::string& version);

}  // namespace penchant::service
