#include "penchant/nn/towers.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "penchant/kernels/vectors.h"
#include "penchant/nn/weights.h"

namespace penchant::nn {
namespace {

constexpr std::string_view kModality = "modality.", kMean = ".mean";
constexpr std::size_t kMaxModalities = 16, kMaxDim = 8192;

Error corrupt(const std::string& what) { return {ErrorCode::corrupt, what}; }

Result<std::pair<std::size_t, std::size_t>> shape_of(const artifact::SafeTensors& tensors, const std::string& name) {
  PENCHANT_TRY(found, tensors.get(name));
  const bool good = found.shape.size() == 2 && found.shape[0] >= 1 && found.shape[1] >= 1 &&
                    found.shape[0] <= std::numeric_limits<std::uint32_t>::max() && found.shape[1] <= kMaxDim * 2;
  if (!good) return corrupt("tensor \"" + name + "\" must be a matrix of at most " + std::to_string(2 * kMaxDim) + " columns");
  return std::pair(static_cast<std::size_t>(found.shape[0]), static_cast<std::size_t>(found.shape[1]));
}

Result<float> read_one(const artifact::SafeTensors& tensors, const std::string& name) {
  PENCHANT_TRY(values, read_vector(tensors, name, 1));
  return values[0];
}

void apply_one(const kernels::PackedLinear& layer, std::span<const float> in, std::span<float> out) {
  layer.apply({in.data(), 1, in.size()}, {out.data(), 1, out.size()});
}

/// The training's unit length: a vector shorter than this stays what it is.
void to_unit(std::span<float> v) {
  const float norm = std::max(std::sqrt(kernels::dot(v, v)), 1e-9F);
  for (float& x : v) x /= norm;
}

}  // namespace

Result<Towers> Towers::load(const artifact::SafeTensors& tensors, std::size_t items) {
  Towers out;
  for (const auto& [name, tensor] : tensors.tensors())
    if (name.starts_with(kModality) && name.ends_with(kMean) && name.size() > kModality.size() + kMean.size())
      out.names_.push_back(name.substr(kModality.size(), name.size() - kModality.size() - kMean.size()));
  const std::size_t m = out.names_.size();
  const bool ids = tensors.contains("item.id");
  if (m > kMaxModalities || (m == 0 && !ids)) return corrupt("towers need a behaviour side or 1 to 16 modalities");
  PENCHANT_TRY(shape, shape_of(tensors, ids ? "user.id.weight" : std::string(kModality) + out.names_[0] + ".top.weight"));
  const std::size_t d = out.dim_ = shape.first;
  const std::size_t width = d * (m + (ids ? 1 : 0));
  if (width > kMaxDim) return corrupt("towers wider than " + std::to_string(kMaxDim));
  PENCHANT_TRY(vectors, read_table(tensors, "item.vector", items, width));
  PENCHANT_TRY(bias, read_vector(tensors, "item.bias", items));
  PENCHANT_TRY(new_bias, read_one(tensors, "new.bias"));
  PENCHANT_TRY(new_gate, read_one(tensors, "new.gate"));
  PENCHANT_TRY(scale, read_one(tensors, "scale"));
  PENCHANT_TRY(temperature, read_one(tensors, "temperature"));
  PENCHANT_TRY(history, read_one(tensors, "history"));
  if (!(history >= 1 && history <= 4096)) return corrupt("history must be from 1 to 4096");
  out.history_ = static_cast<std::size_t>(history);
  if (!(temperature > 0) || !(new_gate >= 0 && new_gate <= 1))
    return corrupt("temperature must be above 0 and new.gate from 0 to 1");
  out.vectors_ = std::move(vectors);
  out.bias_ = std::move(bias);
  out.new_bias_ = new_bias, out.new_gate_ = new_gate, out.scale_ = scale, out.temperature_ = temperature;
  if (ids) {
    PENCHANT_TRY(table, read_table(tensors, "item.id", items, d));
    out.ids_ = std::move(table);
    PENCHANT_TRY(user_id, read_linear(tensors, "user.id", d, d));
    out.user_id_ = std::move(user_id);
  }
  if (m > 0 && tensors.contains("intensity.weight")) {
    PENCHANT_TRY(intensity, read_linear(tensors, "intensity", m, width));
    out.intensity_ = std::move(intensity);
  }
  for (const std::string& name : out.names_) {
    const std::string prefix = std::string(kModality) + name;
    PENCHANT_TRY(projection_shape, shape_of(tensors, prefix + ".projection.weight"));
    const std::size_t dim = projection_shape.second;
    PENCHANT_TRY(mean, read_vector(tensors, prefix + ".mean", dim));
    PENCHANT_TRY(projection, read_linear(tensors, prefix + ".projection", d, dim));
    PENCHANT_TRY(top, read_linear(tensors, prefix + ".top", d, 2 * d));
    PENCHANT_TRY(interest, read_linear(tensors, prefix + ".interest", d, 2 * d));
    PENCHANT_TRY(parts, read_table(tensors, prefix + ".part", items, 2 * d));
    Side side{std::move(mean), std::move(projection), std::move(top), std::move(interest), std::move(parts), {}, {}};
    if (tensors.contains(prefix + ".centroids")) {
      PENCHANT_TRY(clusters, shape_of(tensors, prefix + ".centroids"));
      PENCHANT_TRY(centroids, read_table(tensors, prefix + ".centroids", clusters.first, dim));
      PENCHANT_TRY(table, read_table(tensors, prefix + ".table", clusters.first, d));
      side.centroids = std::move(centroids);
      side.table = std::move(table);
    }
    out.sides_.push_back(std::move(side));
  }
  return out;
}

void Towers::user(std::span<const Event> history, std::span<float> out) const {
  PENCHANT_CHECK(out.size() == width(), "a user vector of another width");
  std::ranges::fill(out, 0.0F);
  if (history.empty()) return;
  const float share = 1.0F / static_cast<float>(history.size());
  std::size_t at = 0;
  std::vector<float> mean;
  if (user_id_) {
    mean.assign(dim_, 0);
    for (const Event& event : history)
      if (event.added == nullptr) kernels::add_scaled(mean, share, ids_.row(event.row));
    apply_one(*user_id_, mean, out.first(dim_));
    to_unit(out.first(dim_));
    at = dim_;
  }
  const std::size_t first_interest = at;
  for (std::size_t m = 0; m < sides_.size(); ++m, at += dim_) {
    mean.assign(2 * dim_, 0);
    for (const Event& event : history)
      kernels::add_scaled(mean, share, event.added == nullptr ? sides_[m].parts.row(event.row)
                                                              : std::span<const float>(event.added->parts[m]));
    apply_one(sides_[m].interest, mean, out.subspan(at, dim_));
    to_unit(out.subspan(at, dim_));
  }
  if (!sides_.empty()) {
    std::vector<float> intensities(sides_.size(), 1.0F / static_cast<float>(sides_.size()));
    if (intensity_) {
      apply_one(*intensity_, out, intensities);
      float sum = 0;
      for (float& v : intensities) sum += v = std::exp(1 / (1 + std::exp(-v)) / temperature_);
      for (float& v : intensities) v /= sum;
    }
    for (std::size_t m = 0; m < sides_.size(); ++m)
      for (float& v : out.subspan(first_interest + m * dim_, dim_)) v *= intensities[m];
  }
  for (float& v : out) v *= scale_;
}

Result<TowerItem> Towers::place(std::span<const std::span<const float>> vectors) const {
  if (vectors.size() != sides_.size())
    return invalid("the towers have " + std::to_string(sides_.size()) + " modalities, not " + std::to_string(vectors.size()));
  TowerItem item{std::vector<float>(width(), 0), {}, std::vector<float>(sides_.size(), 0)};
  std::size_t at = user_id_ ? dim_ : 0;
  for (std::size_t m = 0; m < sides_.size(); ++m, at += dim_) {
    const Side& side = sides_[m];
    auto& part = item.parts.emplace_back(2 * dim_, 0.0F);
    if (vectors[m].empty()) continue;
    if (vectors[m].size() != side.mean.size() || !kernels::all_finite(vectors[m]))
      return invalid("modality \"" + names_[m] + "\" needs " + std::to_string(side.mean.size()) + " finite values, " +
                     std::to_string(vectors[m].size()) + " were given");
    std::vector<float> x(vectors[m].begin(), vectors[m].end());
    if (kernels::l2_normalise(x) == 0) continue;  // no content after all
    kernels::add_scaled(x, -1, side.mean);
    kernels::l2_normalise(x);
    apply_one(side.projection, x, std::span(part).first(dim_));
    if (!side.centroids.empty()) {
      float best = std::numeric_limits<float>::infinity();
      std::size_t cluster = 0;
      for (std::size_t k = 0; k < side.centroids.rows(); ++k) {
        float distance = 0;
        for (std::size_t j = 0; j < x.size(); ++j) distance += (x[j] - side.centroids(k, j)) * (x[j] - side.centroids(k, j));
        if (distance < best) best = distance, cluster = k;
      }
      item.outlier[m] = best;
      std::ranges::copy(side.table.row(cluster), part.begin() + static_cast<std::ptrdiff_t>(dim_));
    }
    const auto vector = std::span(item.vector).subspan(at, dim_);
    apply_one(side.top, part, vector);
    to_unit(vector);
    if (user_id_)
      for (float& v : vector) v *= 1 - new_gate_;
  }
  return item;
}

}  // namespace penchant::nn
