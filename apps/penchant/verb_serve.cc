/// \file serve: REST API and console on one port, until a signal ends it.
#include <CLI/CLI.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>

#include "context.h"
#include "penchant/net/server.h"
#include "penchant/service/local_tasks.h"
#include "penchant/service/service.h"
#include "terminal.h"

namespace penchant::app {
namespace {

/// Blocks SIGINT and SIGTERM for all threads started after it, so that wait() receives them.
class StopSignal {
 public:
  StopSignal() {
    ::sigemptyset(&set_);
    ::sigaddset(&set_, SIGINT);
    ::sigaddset(&set_, SIGTERM);
    ::pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  }
  void wait() const {
    int number = 0;
    ::sigwait(&set_, &number);
  }

 private:
  sigset_t set_{};
};

}  // namespace

std::string find_console(const Globals& globals) {
  for (const std::string& folder : {globals.program_dir + "/../../../console/dist", globals.program_dir + "/console",
                                    std::string("console/dist")})
    if (std::filesystem::exists(folder + "/index.html")) return std::filesystem::weakly_canonical(folder).string();
  return "";
}

Status serve(Context& context, const ServeOptions& options) {
  const StopSignal stop;
  const auto& globals = context.globals();
  service::LocalTasks tasks({.home = globals.home,
                             .trainer = context.trainer(),
                             .encoder_dir = globals.encoder_dir});
  const SystemClock clock;
  service::Service service({.home = globals.home,
                            .version = PENCHANT_VERSION,
                            .api_key = options.api_key,
                            .console_dir = options.console_dir,
                            .import_dir = options.import_dir,
                            .allowed_hosts = options.allowed_hosts},
                           tasks, clock);
  net::ServerOptions wire;
  wire.host = options.host;
  wire.port = options.port;
  auto started = net::Server::start(service.wire(wire), service.handler());
  if (!started.ok() && started.error().code == ErrorCode::already_exists)
    return Error{ErrorCode::unavailable, started.error().message};  // a port in use may be free later
  PENCHANT_TRY(server, std::move(started));
  service.watch([&server] { return server->stats(); });
  std::printf("Penchant serves %s on http://%s:%u  (Ctrl-C stops)\n", globals.home.c_str(), options.host.c_str(),
              static_cast<unsigned>(options.port));
  std::fflush(stdout);
  const auto load = [&]() -> Status {
    PENCHANT_TRY(store, context.store(true));
    PENCHANT_TRY(engine, context.engine());
    tasks.attach(*store, *engine, context.executor());
    service.attach(*store, *engine);
    return {};
  };
  if (auto loaded = load(); !loaded.ok()) {
    service.loading_failed(loaded.error());
    server->stop(std::chrono::seconds(5));
    return std::move(loaded).error();
  }
  stop.wait();
  std::printf("\nstopping: requests in flight are answered first\n");
  server->stop(std::chrono::seconds(5));
  service.stop();
  return {};
}

void add_serve(CLI::App& app, Run& run) {
  auto options = std::make_shared<ServeOptions>();
  auto* verb = app.add_subcommand("serve", "the REST API and the console on one port");
  verb->add_option("--host", options->host, "address; beyond loopback a key is required")->envname("PENCHANT_HOST")->capture_default_str();
  verb->add_option("--port", options->port)->envname("PENCHANT_PORT")->capture_default_str();
  verb->add_option("--console", options->console_dir, "folder of the built console (default: found beside the program)")->envname("PENCHANT_CONSOLE");
  verb->add_option("--import-dir", options->import_dir, "folder below which POST /v1/imports may read")->envname("PENCHANT_IMPORT_DIR");
  verb->add_option("--allow-host", options->allowed_hosts, "name besides localhost that requests may ask for when no key is set");
  verb->add_option("--api-key", options->api_key, "key that requests must carry")->envname("PENCHANT_API_KEY");
  verb->callback([&run, options] {
    run = [options](Context& context) {
      if (options->console_dir.empty()) options->console_dir = find_console(context.globals());
      return serve(context, *options);
    };
  });
}

}  // namespace penchant::app
