#pragma once
/// \file What every verb of the command line shares: global options, exit codes, opened parts.
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "penchant/base/clock.h"
#include "penchant/base/executor.h"
#include "penchant/base/result.h"
#include "penchant/recommend/engine.h"
#include "penchant/store/store.h"
#include "penchant/text/vector_cache.h"

namespace CLI {
class App;
}

namespace penchant::app {

/// Documented in docs/howto/command-line.md and printed by `penchant --help`.
enum class Exit : int {
  ok = 0,
  failed = 1,        ///< input or data is wrong, or the operating system refused
  usage = 2,         ///< the command line is wrong
  not_found = 3,     ///< no such item, user, file or release
  corrupt = 4,       ///< stored bytes are damaged or foreign
  exhausted = 5,     ///< disk, memory or a limit is full
  unavailable = 6,   ///< port in use, program missing, deadline passed, cancelled
  internal = 70,     ///< our bug; the message says where
};
[[nodiscard]] Exit exit_of(ErrorCode code) noexcept;

/// Options before the verb.
struct Globals {
  std::string home = "home";      ///< --home, PENCHANT_HOME
  std::string encoder_dir;        ///< --encoder, PENCHANT_ENCODER; default: below the cache
  std::string program_dir;        ///< folder of this program (penchant-train lies beside it)
  std::uint32_t threads = 0;      ///< --threads, PENCHANT_THREADS; 0: all cores
  bool json = false;              ///< --json: one JSON value on standard output, nothing else
  bool quiet = false;             ///< --quiet: no progress
};

/// Opened parts of one command. Threads: one at a time.
class Context {
 public:
  explicit Context(const Globals& globals);
  [[nodiscard]] const Globals& globals() const { return globals_; }
  Executor& executor() { return executor_; }
  const Clock& clock() const { return clock_; }
  /// The home's store; made when absent only with `create`.
  Result<store::Store*> store(bool create = false);
  /// \param live_release false: without the live release, for work that must not depend on it; counts on the first call
  Result<recommend::Engine*> engine(bool live_release = true);
  /// Forgets store and engine, so that the next use reads the disk again.
  void close();
  [[nodiscard]] std::string models_dir() const { return globals_.home + "/models"; }
  /// Cache of encoded item texts (docs/formats/text_vectors.md).
  [[nodiscard]] std::string text_vectors() const { return text::catalogue_vectors_file(globals_.home); }
  /// Path of penchant-train, which need not be there.
  [[nodiscard]] std::string trainer() const { return globals_.program_dir + "/penchant-train"; }
  /// Folder of the named release, or of the live one when the name is empty; not_found says how to
  /// get one.
  Result<std::string> release_folder(const std::string& name = "");

 private:
  Globals globals_;
  Executor executor_;
  SystemClock clock_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<recommend::Engine> engine_;
};

/// Adds one verb (or family) to the program; its callback stores what to run in `run`.
using Run = std::function<Status(Context&)>;
void add_import(CLI::App& app, Run& run);
void add_describe(CLI::App& app, Run& run);      ///< describe, validate
void add_train(CLI::App& app, Run& run);
void add_finetune(CLI::App& app, Run& run);
void add_eval(CLI::App& app, Run& run);
void add_tune(CLI::App& app, Run& run);
void add_replay(CLI::App& app, Run& run);
void add_recommend(CLI::App& app, Run& run);     ///< recommend, search, explain
void add_sids(CLI::App& app, Run& run);          ///< sids show, report, diff, compare
void add_sids_files(CLI::App& sids, Run& run);   ///< sids export, sids import
void add_sids_ranking(CLI::App& sids, Run& run);     ///< sids ranking
void add_sids_vocabulary(CLI::App& sids, Run& run);  ///< sids vocabulary, sids pieces
void add_models(CLI::App& app, Run& run);        ///< models list, models promote
void add_embeddings(CLI::App& app, Run& run);    ///< embeddings push, show, export, evaluate
void add_embeddings_evaluate(CLI::App& embeddings, Run& run);
void add_serve(CLI::App& app, Run& run);
void add_demo(CLI::App& app, Run& run);
void add_doctor(CLI::App& app, Run& run);

/// Serves until SIGINT or SIGTERM; used by `serve` and at the end of `demo`.
struct ServeOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 7600;
  std::string console_dir;
  std::string import_dir;
  std::string api_key;
  std::vector<std::string> allowed_hosts;  ///< names besides loopback that may stand in Host without a key
};
Status serve(Context& context, const ServeOptions& options);
/// Where the console's files are: beside the program, in the source tree, or "".
[[nodiscard]] std::string find_console(const Globals& globals);

}  // namespace penchant::app
