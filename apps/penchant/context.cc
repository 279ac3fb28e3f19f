#include "context.h"

#include <filesystem>

namespace penchant::app {

Exit exit_of(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::not_found: return Exit::not_found;
    case ErrorCode::corrupt: return Exit::corrupt;
    case ErrorCode::resource_exhausted: return Exit::exhausted;
    case ErrorCode::unavailable:
    case ErrorCode::deadline_exceeded:
    case ErrorCode::cancelled: return Exit::unavailable;
    case ErrorCode::internal: return Exit::internal;
    case ErrorCode::invalid_argument:
    case ErrorCode::already_exists:
    case ErrorCode::io: return Exit::failed;
  }
  return Exit::internal;
}

Context::Context(const Globals& globals) : globals_(globals), executor_(globals.threads) {}

Result<store::Store*> Context::store(bool create) {
  if (!store_) {
    if (!create && !std::filesystem::exists(globals_.home + "/penchant.db"))
      return Error{ErrorCode::not_found, globals_.home + " holds no data yet; import some: penchant --home " +
                                             globals_.home + " import FILES"};
    PENCHANT_TRY(opened, store::open_store(globals_.home, {.create = create}));
    store_ = std::move(opened);
  }
  return store_.get();
}

Result<recommend::Engine*> Context::engine(bool live_release) {
  if (!engine_) {
    PENCHANT_TRY(opened_store, store());
    recommend::EngineOptions options;
    options.home = globals_.home;
    options.encoder_dir = globals_.encoder_dir;
    options.live_release = live_release;
    PENCHANT_TRY(opened, recommend::Engine::open(*opened_store, options, executor_, clock_));
    engine_ = std::move(opened);
  }
  return engine_.get();
}

void Context::close() {
  engine_.reset();
  store_.reset();
}

Result<std::string> Context::release_folder(const std::string& name) {
  if (!name.empty()) {
    const std::string folder = models_dir() + "/" + name;
    if (!std::filesystem::exists(folder + "/manifest.json"))
      return Error{ErrorCode::not_found, "no release \"" + name + "\" below " + models_dir() +
                                             "; penchant models list shows what is there"};
    return folder;
  }
  PENCHANT_TRY(opened, store());
  PENCHANT_TRY(releases, opened->releases());
  for (const auto& release : releases)
    if (release.live) return models_dir() + "/" + release.name;
  return Error{ErrorCode::not_found, "no release yet; train one: penchant --home " + globals_.home + " train"};
}

}  // namespace penchant::app
