#include "penchant/evaluate/baselines/trained.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <thread>

#include "penchant/artifact/files.h"
#include "penchant/evaluate/baselines/trained_files.h"
#include "penchant/evaluate/trainer_process.h"
#include "penchant/learn/options.h"

namespace penchant::evaluate {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPartial = ".partial-";
constexpr std::size_t kKeyInName = 24;  ///< hex digits of the key in a folder's name; the record holds all

Error io_error(const std::string& path, const std::error_code& error) {
  const bool full = error == std::errc::no_space_on_device;
  return {full ? ErrorCode::resource_exhausted : ErrorCode::io, path + ": " + error.message()};
}

Result<std::string> fresh_folder(const std::string& parent, std::string_view prefix) {
  std::string path = parent + "/" + std::string(prefix) + std::to_string(::getpid()) + "-XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) return io_error(path, {errno, std::generic_category()});
  return path;
}

/// A folder that is removed when it goes, unless it was renamed.
struct WorkFolder {
  std::string path;
  explicit WorkFolder(std::string made) : path(std::move(made)) {}
  WorkFolder(const WorkFolder&) = delete;
  WorkFolder& operator=(const WorkFolder&) = delete;
  ~WorkFolder() {
    std::error_code ignored;
    if (!path.empty()) fs::remove_all(path, ignored);
  }
};

/// Folders that a killed process left half-written.
void remove_abandoned(const std::string& cache) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(cache, error)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(kPartial)) continue;
    int pid = 0;
    const char* first = name.data() + kPartial.size();
    const auto [end, bad] = std::from_chars(first, name.data() + name.size(), pid);
    if (bad != std::errc() || pid <= 0 || *end != '-') continue;
    if (::kill(pid, 0) == 0 || errno != ESRCH) continue;
    std::error_code ignored;
    fs::remove_all(entry.path(), ignored);
  }
}

std::map<std::string, std::string> by_name(const std::vector<std::string>& words) {
  std::map<std::string, std::string> settings;
  for (const auto& word : words) {
    const auto equals = std::min(word.find('='), word.size());
    settings[word.substr(0, equals)] = equals < word.size() ? word.substr(equals + 1) : "";
  }
  return settings;
}

}  // namespace

TrainedModel::TrainedModel(std::string name, std::vector<std::string> settings, BaselineContext context)
    : names_{std::move(name)}, settings_(by_name(settings)), context_(std::move(context)) {
  if (context_.threads == 0) context_.threads = std::max(1u, std::thread::hardware_concurrency());
}

TrainedModel::~TrainedModel() {
  std::error_code ignored;
  if (!temporary_.empty()) fs::remove_all(temporary_, ignored);
}

Result<std::string> TrainedModel::cache_folder() {
  std::error_code error;
  if (context_.cache_folder.empty()) {
    if (temporary_.empty()) {
      PENCHANT_TRY(made, fresh_folder(fs::temp_directory_path().string(), "penchant-trained-"));
      temporary_ = made;
    }
    return temporary_;
  }
  fs::create_directories(context_.cache_folder, error);
  if (error) return io_error(context_.cache_folder, error);
  remove_abandoned(context_.cache_folder);
  return context_.cache_folder;
}

Status TrainedModel::fit(const FitInput& input, Executor&, const ProgressSink& progress) {
  const std::string& name = names_.front();
  prepared_ = false;
  if (context_.trainer.empty())
    return Error{ErrorCode::unavailable, name + " is trained by penchant-train, which was not found: build it with "
                                                "LibTorch (tools/build release), or leave " + name + " out"};
  if (name.ends_with("-refit") && !input.validation_is_past)
    return Error{ErrorCode::unavailable, name + " learns from the validation events too: it can be judged on the test part "
                                                "of the protocols last-out, time and windows, and is not tuned itself"};
  PENCHANT_TRY(cache, cache_folder());
  PENCHANT_TRY(made, fresh_folder(cache, kPartial));
  WorkFolder work(made);
  const std::string sequences = work.path + "/sequences.safetensors";
  PENCHANT_DO(write_sequences(sequences, input, find_baseline(name)->content != ContentUse::none));
  PENCHANT_TRY(hash, artifact::sha256_file(sequences));
  std::string facts = hash + "\n" + name + "\n" + std::to_string(input.seed) + "\n" + std::to_string(kTrainerFormat);
  for (const auto& [setting, value] : settings_) facts += "\n" + setting + "=" + value;
  // A trained model records its settings: one of a program that knew others could not be read.
  for (const std::string& known : learn::settings_of(learn::TrainOptions())) facts += "\n" + known;
  const std::string key = artifact::sha256(facts);
  items_ = input.training.items;
  model_ = cache + "/" + name + "-" + key.substr(0, kKeyInName);

  auto known = check_trained(model_, key);
  was_cached_ = known.ok();
  if (was_cached_) {
    if (progress && !progress({"train " + name, 1, 1, "trained before"}))
      return Error{ErrorCode::cancelled, "training was cancelled"};
    return {};
  }
  if (known.error().code == ErrorCode::io) return std::move(known).error();
  return train(sequences, work.path, key, input, progress);
}

Status TrainedModel::train(const std::string& sequences, const std::string& work, const std::string& key,
                           const FitInput& input, const ProgressSink& progress) {
  const std::string& name = names_.front();
  const std::string out = work + "/model";
  std::error_code error;
  fs::create_directory(out, error);
  if (error) return io_error(out, error);
  std::vector<std::string> arguments{"fit", "--sequences", sequences, "--model", name};
  for (const auto& [setting, value] : settings_) arguments.insert(arguments.end(), {"--set", setting + "=" + value});
  arguments.insert(arguments.end(), {"--seed", std::to_string(input.seed), "--threads", std::to_string(context_.threads),
                                     "--out", out, "--progress-json", "/dev/fd/3"});
  const auto started = std::chrono::steady_clock::now();
  if (auto trained = run_trainer(context_.trainer, std::move(arguments), "train " + name, progress); !trained.ok())
    return std::move(trained).error().within(name);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  if (auto sealed = seal_trained(out, {.key = key, .model = name, .settings = settings_, .seed = input.seed,
                                       .seconds = seconds});
      !sealed.ok())
    return std::move(sealed).error().within(name);

  fs::rename(out, model_, error);
  if (!error) return {};
  // Another process was faster, or a damaged folder lies in the way.
  if (check_trained(model_, key).ok()) return {};
  std::error_code ignored;
  fs::rename(model_, work + "/damaged", ignored);
  fs::rename(out, model_, error);
  if (error && !check_trained(model_, key).ok()) return io_error(model_, error);
  return {};
}

Status TrainedModel::prepare(std::span<const Query> queries, Executor&) {
  PENCHANT_CHECK(!model_.empty(), "fit() comes before prepare()");
  prepared_ = false;
  PENCHANT_TRY(cache, cache_folder());
  PENCHANT_TRY(made, fresh_folder(cache, kPartial));
  WorkFolder work(made);
  const std::string histories = work.path + "/histories.safetensors", encoded_file = work.path + "/encoded.safetensors";
  PENCHANT_DO(write_histories(histories, queries));
  if (auto ran = run_trainer(context_.trainer,
                             {"encode", "--model", model_, "--histories", histories, "--out", encoded_file, "--threads",
                              std::to_string(context_.threads)},
                             "encode " + names_.front(), {});
      !ran.ok())
    return std::move(ran).error().within(names_.front());
  auto encoded = read_encoded(encoded_file, queries.size(), items_);
  if (!encoded.ok()) return Error{ErrorCode::corrupt, names_.front() + ": " + encoded.error().message};
  users_ = std::move(encoded->users);
  scorer_ = kernels::PackedLinear(encoded->items.view(), encoded->bias);
  prepared_ = true;
  return {};
}

Status TrainedModel::score(std::span<const Query> queries, MatrixView<float> out) const {
  PENCHANT_CHECK(prepared_ && out.rows() == queries.size() && out.cols() == items_, "prepare() comes before score()");
  if (queries.empty()) return {};
  bool in_order = true;
  for (std::size_t q = 0; q < queries.size(); ++q) {
    PENCHANT_CHECK(queries[q].number < users_.rows(), "a query that prepare() was not shown");
    in_order &= queries[q].number == queries[0].number + q;
  }
  if (in_order) {
    scorer_.apply(users_.view().rows_from(queries[0].number, queries.size()), out);
    return {};
  }
  Matrix<float> rows(queries.size(), users_.cols());
  for (std::size_t q = 0; q < queries.size(); ++q)
    std::ranges::copy(users_.row(queries[q].number), rows.row(q).begin());
  scorer_.apply(rows.view(), out);
  return {};
}

bool TrainedModel::scores_are_logits() const noexcept {
  constexpr std::string_view kSoftmax[] = {"sasrec", "sasrec-refit", "sasrec-sampled", "gru4rec", "bert4rec"};
  return std::ranges::find(kSoftmax, names_.front()) != std::end(kSoftmax);
}

std::unique_ptr<Model> make_trained(std::string name, std::vector<std::string> settings, BaselineContext context) {
  return std::make_unique<TrainedModel>(std::move(name), std::move(settings), std::move(context));
}

}  // namespace penchant::evaluate
