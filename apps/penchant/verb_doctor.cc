/// \file doctor: what this machine and home have, and how to mend what is missing.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <cstdio>
#include <filesystem>
#include <thread>

#include "context.h"
#include "penchant/artifact/manifest.h"
#include "penchant/text/encoder.h"
#include "terminal.h"

namespace penchant::app {
namespace {

namespace fs = std::filesystem;

struct Finding {
  std::string part;
  bool good = false;
  std::string what;
};

Finding check_cpu() {
  std::string level = "no AVX2: slow, but works";
  if (__builtin_cpu_supports("avx512f")) level = "AVX-512";
  else if (__builtin_cpu_supports("avx2")) level = "AVX2";
  return {"processor", __builtin_cpu_supports("avx2") != 0, level + ", " + std::to_string(std::thread::hardware_concurrency()) + " cores"};
}

Finding check_encoder(const Globals& globals) {
  if (globals.encoder_dir.empty())
    return {"sentence encoder", false, "not found; run ./setup, or give its folder with --encoder: new items get no text vector"};
  auto encoder = text::SentenceEncoder::load(globals.encoder_dir);
  if (!encoder.ok()) return {"sentence encoder", false, encoder.error().message};
  return {"sentence encoder", true, (*encoder)->name() + " in " + globals.encoder_dir};
}

Finding check_trainer(const Globals& globals) {
  const std::string path = globals.program_dir + "/penchant-train";
  if (!fs::exists(path)) return {"penchant-train", false, path + " is not there; build it with tools/build release"};
  return {"penchant-train", true, path};
}

Finding check_disk(const Globals& globals) {
  std::error_code error;
  const auto space = fs::space(fs::exists(globals.home) ? globals.home : ".", error);
  const double free_gib = error ? 0 : static_cast<double>(space.available) / (1 << 30);
  char text[64];
  std::snprintf(text, sizeof text, "%.1f GiB free%s", free_gib, free_gib < 1 ? "; make room before importing" : "");
  return {"disk", free_gib >= 1, text};
}

Finding check_release(Context& context) {
  auto folder = context.release_folder();
  if (!folder.ok()) return {"release", false, folder.error().message};
  auto manifest = artifact::verify_release(*folder);
  if (!manifest.ok()) return {"release", false, manifest.error().message};
  return {"release", true, manifest->name + ", every file as its manifest says"};
}

Status doctor(Context& context) {
  std::vector<Finding> findings{check_cpu(), check_disk(context.globals()), check_encoder(context.globals()),
                                check_trainer(context.globals())};
  auto store = context.store();
  if (store.ok()) {
    PENCHANT_TRY(counts, (*store)->counts());
    findings.push_back({"data", counts.events > 0, with_commas(counts.items) + " items, " + with_commas(counts.users) +
                                                       " users, " + with_commas(counts.events) + " events"});
    findings.push_back(check_release(context));
  } else {
    findings.push_back({"data", false, store.error().message});
  }
  bool all_good = true;
  boost::json::array rows;
  for (const auto& f : findings) {
    all_good = all_good && f.good;
    if (context.globals().json)
      rows.push_back({{"part", f.part}, {"good", f.good}, {"what", f.what}});
    else
      std::printf(" %s %s %s\n", f.good ? green("✓").c_str() : yellow("!").c_str(), fit(f.part, 18).c_str(), f.what.c_str());
  }
  if (context.globals().json) std::printf("%s\n", boost::json::serialize(rows).c_str());
  return {};
}

}  // namespace

void add_doctor(CLI::App& app, Run& run) {
  app.add_subcommand("doctor", "what is here, what is missing, how to mend it")->callback([&run] {
    run = [](Context& c) { return doctor(c); };
  });
}

}  // namespace penchant::app
