#include "penchant/learn/torch/parity.h"

#include <torch/torch.h>

#include <cmath>
#include <cstring>
#include <map>

#include "penchant/artifact/files.h"
#include "penchant/artifact/safetensors.h"
#include "penchant/learn/torch/tensors.h"

namespace penchant::learn {
namespace {

using torch::Tensor;

constexpr std::uint64_t kMaxManifestBytes = 4ULL << 20;

/// Written from docs/formats/release.md alone, sharing no forward code with the trainer's Network:
/// a mistake in the export or in the page shows as a difference.
class Reference final : public ReferenceModel {
 public:
  Reference(artifact::Manifest manifest, torch::Dtype dtype) : manifest_(std::move(manifest)), dtype_(dtype) {}

  Status read(const artifact::SafeTensors& file) {
    for (const auto& [name, view] : file.tensors()) {
      if (view.dtype != artifact::DType::f32)
        return Error{ErrorCode::corrupt, name + " is not F32"};
      std::vector<std::int64_t> shape(view.shape.begin(), view.shape.end());
      Tensor t = torch::empty(shape, torch::kFloat32);
      if (!view.bytes.empty()) std::memcpy(t.data_ptr(), view.bytes.data(), view.bytes.size());
      tensors_[name] = t.to(dtype_);
    }
    return {};
  }

  Result<Activations> forward(const ReferenceSequence& s) const override try {
    torch::NoGradGuard no_grad;
    const auto& m = manifest_.model;
    if (s.items.empty() || s.items.size() > m.max_len || s.actions.size() != s.items.size() || s.gaps.size() != s.items.size())
      return invalid("a sequence needs 1 to max_len events with one item, action and gap each");
    Tensor x = at("item.vector").index_select(0, tensor_of(s.items)) + at("event.action").index_select(0, tensor_of(s.actions)) +
               at("event.gap").index_select(0, tensor_of(s.gaps));
    Activations out;
    out.input = matrix_of(x);
    Tensor mixed = m.mixes_layers ? at("layer.mix")[0] * x : Tensor();
    for (std::uint32_t b = 0; b < m.layers; ++b) {
      x = block("block." + std::to_string(b), x, true);
      out.blocks.push_back(matrix_of(x));
      if (m.mixes_layers) mixed = mixed + at("layer.mix")[b + 1] * x;
    }
    if (m.mixes_layers) x = mixed;
    if (m.reads_request) x = x + at("request.gap").index_select(0, s.requests.empty() ? torch::zeros({x.size(0)}, torch::kInt64) : tensor_of(s.requests));
    const Tensor states = norm("final_norm", x);
    out.states = matrix_of(states);
    Tensor h = states[-1], items = at("item.vector");
    if (m.normalised) {
      h = h / h.norm();
      items = items / items.norm(2, {1}, true).clamp_min(1e-12);
    }
    out.dense_logits = matrix_of(torch::mv(items, h) * m.logit_scale + at("item.bias"));
    return out;
  } catch (const c10::Error& e) {
    return Error{ErrorCode::corrupt, e.what_without_backtrace()};
  }

  Result<Matrix<double>> code_log_probs(std::span<const double> state, std::span<const std::int64_t> codes) const override try {
    torch::NoGradGuard no_grad;
    const auto& m = manifest_.model;
    if (state.size() != m.dim || codes.size() != m.levels) return invalid("state must be [d] and codes [levels]");
    const Tensor h = torch::tensor(std::vector<double>(state.begin(), state.end()), torch::kFloat64).to(dtype_);
    std::vector<Tensor> steps{linear("depth.in", h.unsqueeze(0)).squeeze(0)};
    for (std::uint32_t l = 0; l + 1 < m.levels; ++l) steps.push_back(at("depth.code." + std::to_string(l))[codes[l]]);
    Tensor z = torch::stack(steps) + at("depth.step");
    for (std::uint32_t b = 0; b < m.depth_layers; ++b) z = block("depth.block." + std::to_string(b), z, false);
    z = norm("depth.norm", z);
    std::vector<Tensor> rows;
    for (std::uint32_t l = 0; l < m.levels; ++l)
      rows.push_back(torch::log_softmax(linear("depth.out." + std::to_string(l), z[l].unsqueeze(0)), 1).squeeze(0));
    return matrix_of(torch::stack(rows));
  } catch (const c10::Error& e) {
    return Error{ErrorCode::corrupt, e.what_without_backtrace()};
  }

  Result<std::vector<double>> content_vector(std::span<const std::int64_t> codes,
                                             std::span<const std::vector<float>> modalities) const override try {
    torch::NoGradGuard no_grad;
    const auto& m = manifest_.model;
    if (codes.size() != m.levels || modalities.size() != manifest_.modalities.size())
      return invalid("codes must be [levels], with one vector (maybe empty) per modality");
    Tensor e = torch::zeros({m.dim}, dtype_);
    for (std::uint32_t l = 0; l < m.levels; ++l) e = e + at("item.code." + std::to_string(l))[codes[l]];
    for (std::size_t k = 0; k < modalities.size(); ++k)
      if (!modalities[k].empty())
        e = e + linear("item.modality." + manifest_.modalities[k].name, tensor_of(modalities[k]).to(dtype_).unsqueeze(0)).squeeze(0);
    const Matrix<double> row = matrix_of(e);
    return row.values();
  } catch (const c10::Error& e) {
    return Error{ErrorCode::corrupt, e.what_without_backtrace()};
  }

  const artifact::Manifest& manifest() const noexcept override { return manifest_; }

 private:
  [[nodiscard]] const Tensor& at(const std::string& name) const {
    const auto found = tensors_.find(name);
    TORCH_CHECK(found != tensors_.end(), "model.safetensors lacks ", name);
    return found->second;
  }
  [[nodiscard]] Tensor linear(const std::string& name, const Tensor& x) const {
    return torch::linear(x, at(name + ".weight"), at(name + ".bias"));
  }
  [[nodiscard]] Tensor norm(const std::string& name, const Tensor& x) const {
    const Tensor mean = x.mean(-1, true), centred = x - mean;
    const Tensor variance = (centred * centred).mean(-1, true);
    return centred / (variance + 1e-5).sqrt() * at(name + ".weight") + at(name + ".bias");
  }
  /// One pre-norm block over [events, d].
  [[nodiscard]] Tensor block(const std::string& name, Tensor x, bool rotate) const {
    const std::int64_t events = x.size(0), d = x.size(1), heads = manifest_.model.heads, size = d / heads;
    const Tensor qkv = linear(name + ".attn.qkv", norm(name + ".norm1", x));
    const Tensor future = torch::ones({events, events}, torch::kBool).triu(1);
    std::vector<Tensor> mixed;
    for (std::int64_t h = 0; h < heads; ++h) {
      Tensor q = qkv.narrow(1, h * size, size), k = qkv.narrow(1, d + h * size, size);
      const Tensor v = qkv.narrow(1, 2 * d + h * size, size);
      if (rotate) q = turned(q), k = turned(k);
      const Tensor scores = (torch::mm(q, k.t()) / std::sqrt(static_cast<double>(size))).masked_fill(future, -INFINITY);
      mixed.push_back(torch::mm(torch::softmax(scores, 1), v));
    }
    x = x + linear(name + ".attn.out", torch::cat(mixed, 1));
    const Tensor up = linear(name + ".ffn.up", norm(name + ".norm2", x));
    return x + linear(name + ".ffn.down", up * 0.5 * (1 + torch::erf(up / std::sqrt(2.0))));
  }
  /// Rotary position of [events, D]: row p, pair (j, j + D/2) turned by p * 10000^(-2j/D).
  [[nodiscard]] Tensor turned(const Tensor& x) const {
    Tensor out = torch::empty_like(x);
    const std::int64_t half = x.size(1) / 2;
    for (std::int64_t p = 0; p < x.size(0); ++p)
      for (std::int64_t j = 0; j < half; ++j) {
        const double angle = double(p) * std::pow(10000.0, -2.0 * double(j) / double(x.size(1)));
        out[p][j] = x[p][j] * std::cos(angle) - x[p][j + half] * std::sin(angle);
        out[p][j + half] = x[p][j] * std::sin(angle) + x[p][j + half] * std::cos(angle);
      }
    return out;
  }

  artifact::Manifest manifest_;
  torch::Dtype dtype_;
  std::map<std::string, Tensor, std::less<>> tensors_;
};

}  // namespace

Result<std::unique_ptr<ReferenceModel>> ReferenceModel::load(const std::string& folder, Precision precision) {
  PENCHANT_TRY(text, artifact::read_file(folder + "/manifest.json", kMaxManifestBytes));
  PENCHANT_TRY(manifest, artifact::parse_manifest(text));
  PENCHANT_TRY(file, artifact::SafeTensors::open(folder + "/model.safetensors"));
  auto model = std::make_unique<Reference>(std::move(manifest), precision == Precision::f64 ? torch::kFloat64 : torch::kFloat32);
  PENCHANT_DO(model->read(file));
  return std::unique_ptr<ReferenceModel>(std::move(model));
}

}  // namespace penchant::learn
