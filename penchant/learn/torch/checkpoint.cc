#include "penchant/learn/torch/checkpoint.h"

#include <cstring>
#include <filesystem>
#include <sstream>

#include "penchant/artifact/files.h"

namespace penchant::learn {
namespace {

using torch::Tensor;

constexpr std::int64_t kCheckpointFormat = 4;
constexpr std::int64_t kCurveColumns = 8;

Tensor text_tensor(const std::string& text) {
  Tensor t = torch::empty({static_cast<std::int64_t>(text.size())}, torch::kUInt8);
  std::memcpy(t.data_ptr(), text.data(), text.size());
  return t;
}

Tensor curve_tensor(const std::vector<EpochReport>& curve) {
  Tensor t = torch::zeros({static_cast<std::int64_t>(curve.size()), kCurveColumns}, torch::kFloat64);
  auto* row = t.data_ptr<double>();
  for (const EpochReport& r : curve) {
    const double values[kCurveColumns] = {double(r.epoch), r.loss, r.valid_ndcg10,
                                          r.learning_rate, r.seconds, r.events_per_second, double(r.skipped_steps), double(r.returns)};
    std::memcpy(row, values, sizeof values);
    row += kCurveColumns;
  }
  return t;
}

std::vector<EpochReport> curve_from(const Tensor& t) {
  std::vector<EpochReport> curve;
  const Tensor c = t.to(torch::kFloat64).contiguous();
  for (std::int64_t e = 0; e < c.size(0); ++e) {
    const double* v = c.data_ptr<double>() + e * kCurveColumns;
    curve.push_back({static_cast<std::uint32_t>(v[0]), v[1], v[2], v[3], v[4], v[5],
                     static_cast<std::uint32_t>(v[6]), static_cast<std::uint32_t>(v[7])});
  }
  return curve;
}

Status read_weights(torch::serialize::InputArchive& archive, const std::string& prefix, std::vector<Tensor>& out) {
  torch::NoGradGuard no_grad;
  for (std::size_t i = 0; i < out.size(); ++i) {
    Tensor read;
    archive.read(prefix + std::to_string(i), read);
    if (read.sizes() != out[i].sizes() || read.dtype() != out[i].dtype())
      return Error{ErrorCode::corrupt, prefix + std::to_string(i) + " has another shape than this network"};
    out[i].copy_(read);
  }
  return {};
}

}  // namespace

Status save_checkpoint(const std::string& path, const std::string& run, const std::vector<Tensor>& now,
                       const std::vector<Tensor>& best, const Optimiser& optimiser,
                       const Position& position) {
  torch::serialize::OutputArchive archive, state;
  archive.write("format", torch::full({1}, kCheckpointFormat, torch::kInt64));
  archive.write("run", text_tensor(run));
  for (std::size_t i = 0; i < now.size(); ++i) archive.write("now." + std::to_string(i), now[i].detach());
  for (std::size_t i = 0; i < best.size(); ++i) archive.write("best." + std::to_string(i), best[i].detach());
  optimiser.save(state);
  archive.write("optimiser", state);
  archive.write("clock", torch::tensor({std::int64_t{position.epochs_done}, static_cast<std::int64_t>(position.steps_done),
                                        std::int64_t{position.best_epoch}, std::int64_t{position.stale_epochs}},
                                       torch::kInt64));
  archive.write("curve", curve_tensor(position.curve));
  std::ostringstream bytes;
  archive.save_to(bytes);
  return artifact::write_file(path, bytes.view());
}

Result<Position> load_checkpoint(const std::string& path, const std::string& run, std::vector<Tensor>& now,
                                 std::vector<Tensor>& best, Optimiser& optimiser) {
  std::error_code missing;
  if (!std::filesystem::exists(path, missing))
    return Error{ErrorCode::not_found, "there is no checkpoint " + path};
  try {
    torch::serialize::InputArchive archive, state;
    archive.load_from(path);
    Tensor format, owner, clock, curve;
    archive.read("format", format);
    if (format.numel() != 1 || format.item<std::int64_t>() != kCheckpointFormat)
      return invalid("checkpoint " + path + " has a format we do not know: train without --resume");
    archive.read("run", owner);
    const Tensor expected = text_tensor(run);
    if (owner.dtype() != torch::kUInt8 || !owner.equal(expected))
      return invalid("checkpoint " + path +
                     " belongs to a run with other data or options: train without --resume, or with the same ones");
    PENCHANT_DO(read_weights(archive, "now.", now));
    PENCHANT_DO(read_weights(archive, "best.", best));
    archive.read("optimiser", state);
    optimiser.load(state);
    archive.read("clock", clock);
    archive.read("curve", curve);
    if (clock.dtype() != torch::kInt64 || clock.numel() != 4 || curve.dim() != 2 || curve.size(1) != kCurveColumns)
      return Error{ErrorCode::corrupt, "checkpoint " + path + ": clock or curve has a wrong shape"};
    const std::int64_t* c = clock.data_ptr<std::int64_t>();
    Position position;
    position.epochs_done = static_cast<std::uint32_t>(c[0]);
    position.steps_done = static_cast<std::uint64_t>(c[1]);
    position.best_epoch = static_cast<std::uint32_t>(c[2]);
    position.stale_epochs = static_cast<std::uint32_t>(c[3]);
    position.curve = curve_from(curve);
    return position;
  } catch (const std::exception& e) {
    const std::string what = e.what();
    return Error{ErrorCode::corrupt, "checkpoint " + path + " cannot be read (" + what.substr(0, what.find('\n')) +
                                         "): remove it or train without --resume"};
  }
}

}  // namespace penchant::learn
