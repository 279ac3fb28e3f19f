#pragma once
/// \file Every trial of a search on disk, one JSON line each: docs/formats/tune.md. Layer 6.
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "penchant/base/result.h"

namespace penchant::evaluate {

/// One setting of the whole model and what it was worth on validation.
struct Trial {
  std::map<std::string, double> settings;              ///< every setting of the model
  std::vector<std::pair<std::string, double>> metrics; ///< "ndcg@10", … each in [0, 1]; empty: it failed
  std::string error;                                   ///< why it failed
  double seconds = 0;
  /// Null when there is none of that name.
  [[nodiscard]] const double* find(std::string_view metric) const noexcept;
};

/// The trials of one model under one protocol, open for more. Held by one process at a time.
/// Threads: one at a time.
class TuneJournal {
 public:
  /// Reads what is there and opens the file for more; makes it, and its folder, when absent. Lines of
  /// another context (other data, protocol, seed or filter) are left alone; lines that cannot be read
  /// (a run that was killed while writing) are ignored. Both are counted in notes().
  /// \param context what a trial depends on besides its settings; trials of equal context compare
  /// \return unavailable when another process holds the file; io, resource_exhausted
  static Result<TuneJournal> open(const std::string& path, std::string context);
  TuneJournal(TuneJournal&&) noexcept;
  TuneJournal& operator=(TuneJournal&&) = delete;
  ~TuneJournal();

  /// Of this context, oldest first.
  [[nodiscard]] const std::vector<Trial>& trials() const noexcept { return trials_; }
  /// Plain sentences about what was ignored.
  [[nodiscard]] const std::vector<std::string>& notes() const noexcept { return notes_; }
  /// On disk when it returns.
  Status append(const Trial& trial);

 private:
  TuneJournal(std::string path, std::string context, int fd)
      : path_(std::move(path)), context_(std::move(context)), fd_(fd) {}
  Status read();

  std::string path_, context_;
  int fd_ = -1;
  bool broken_end_ = false;  ///< the file ends inside a line
  std::vector<Trial> trials_;
  std::vector<std::string> notes_;
};

}  // namespace penchant::evaluate
