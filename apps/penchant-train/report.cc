#include "report.h"

#include <boost/json.hpp>
#include <cerrno>
#include <cmath>
#include <cstring>

namespace penchant::app {
namespace {

namespace json = boost::json;
constexpr auto kInterval = std::chrono::milliseconds(200);

std::string clock_text(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0) return "?";
  char text[32];
  const long s = std::lround(seconds);
  if (s < 60) std::snprintf(text, sizeof text, "%ld s", s);
  else std::snprintf(text, sizeof text, "%ld min %02ld s", s / 60, s % 60);
  return text;
}

std::string detail_of(const learn::TrainProgress& p) {
  char text[160];
  const int n = std::snprintf(text, sizeof text, "epoch %u/%u, loss %.3f", p.epoch, p.epochs, p.loss);
  std::string out(text, static_cast<std::size_t>(n));
  if (p.finished != nullptr && std::isfinite(p.finished->valid_ndcg10)) {
    std::snprintf(text, sizeof text, ", validation NDCG@10 %.4f", p.finished->valid_ndcg10);
    out += text;
  }
  std::snprintf(text, sizeof text, ", %.0f events/s", p.events_per_second);
  return out + text;
}

}  // namespace

Report::~Report() {
  if (open_line_) std::fputc('\n', stderr);
  if (json_ != nullptr) std::fclose(json_);
}

Status Report::open_json(const std::string& path) {
  json_ = std::fopen(path.c_str(), "w");
  if (json_ != nullptr) return {};
  return Error{ErrorCode::io, "--progress-json " + path + ": " + std::strerror(errno)};
}

bool Report::too_soon() {
  const auto now = std::chrono::steady_clock::now();
  if (now - last_ < kInterval) return true;
  last_ = now;
  return false;
}

void Report::show(const std::string& line, bool stays) {
  if (quiet_ || (!terminal_ && !stays)) return;
  std::fprintf(stderr, terminal_ ? "\r\033[K%s%s" : "%s%s", line.c_str(), stays ? "\n" : "");
  open_line_ = !stays;
  std::fflush(stderr);
}

void Report::step(const Progress& p) {
  const bool begins = p.step != last_step_;
  last_step_ = p.step;
  if (!begins && p.done != p.total && too_soon()) return;
  std::string line = p.step;
  if (p.total > 0) line += " " + std::to_string(p.done) + "/" + std::to_string(p.total);
  if (!p.detail.empty()) line += " (" + p.detail + ")";
  show(line, p.total == 0 || p.done == p.total);
  if (json_ == nullptr) return;
  const json::object o{{"step", p.step}, {"done", p.done}, {"total", p.total}, {"detail", p.detail}};
  std::fprintf(json_, "%s\n", json::serialize(o).c_str());
  std::fflush(json_);
}

void Report::training(const learn::TrainProgress& p) {
  if (p.finished == nullptr && too_soon()) return;
  const std::string detail = detail_of(p), step = p.phase.empty() ? "train" : std::string(p.phase);
  show(step + ": " + detail + ", " + clock_text(p.seconds_left) + " left", p.finished != nullptr);
  if (json_ == nullptr) return;
  json::object o{{"step", step},
                 {"done", (p.epoch - 1) * p.steps + p.step},
                 {"total", p.epochs * p.steps},
                 {"detail", detail},
                 {"epoch", p.epoch},
                 {"loss", std::isfinite(p.loss) ? json::value(p.loss) : json::value(nullptr)},
                 {"events_per_second", p.events_per_second},
                 {"seconds_left", p.seconds_left}};
  if (p.finished != nullptr && std::isfinite(p.finished->valid_ndcg10)) o["valid_ndcg10"] = p.finished->valid_ndcg10;
  std::fprintf(json_, "%s\n", json::serialize(o).c_str());
  std::fflush(json_);
}

void Report::note(const std::string& line) { show(line, true); }

}  // namespace penchant::app
