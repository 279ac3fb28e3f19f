#include "penchant/kernels/linear.h"

#include <omp.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <mutex>
#include <new>
#include <oneapi/dnnl/dnnl.hpp>
#include <optional>
#include <string>
#include <vector>

#include "penchant/kernels/panels.h"

namespace penchant::kernels {
namespace {

// Row blocks handed to oneDNN, largest first; what is left runs through the panels.
constexpr std::array<std::size_t, 3> kRowBlocks = {256, 64, 16};
constexpr std::size_t kAlignment = 64;

std::size_t round_up(std::size_t n, std::size_t to) { return (n + to - 1) / to * to; }

struct AlignedDelete {
  void operator()(float* p) const { ::operator delete(p, std::align_val_t{kAlignment}); }
};
using AlignedFloats = std::unique_ptr<float[], AlignedDelete>;

AlignedFloats aligned_zeros(std::size_t n) {
  auto* p = static_cast<float*>(::operator new(n * sizeof(float), std::align_val_t{kAlignment}));
  std::fill(p, p + n, 0.0F);
  return AlignedFloats(p);
}

/// oneDNN plans and runs with the OpenMP setting of the calling thread: one thread while this lives.
class OneThread {
 public:
  OneThread() : before_(omp_get_max_threads()) {
    if (before_ != 1) omp_set_num_threads(1);
  }
  ~OneThread() {
    if (before_ != 1) omp_set_num_threads(before_);
  }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int before_;
};

using dnnl::memory;

/// The matrix product of one row-block size.
struct Block {
  std::once_flag once;
  std::optional<dnnl::matmul> product;  // absent: oneDNN has no AVX-512 kernel for it
  memory::desc source, weights, bias, target, scratchpad;
  std::string name;
};

}  // namespace

struct PackedLinear::Impl {
  std::size_t inputs = 0, outputs = 0, padded_inputs = 0;
  AlignedFloats weights;  // [panels][padded_inputs][64]
  AlignedFloats bias;     // [panels * 64]
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  mutable std::array<Block, kRowBlocks.size()> blocks;

  [[nodiscard]] Panels panels() const { return {weights.get(), bias.get(), inputs, padded_inputs, outputs}; }

  void build(Block& block, std::size_t rows) const {
    const auto m = static_cast<memory::dim>(rows), k = static_cast<memory::dim>(inputs),
               n = static_cast<memory::dim>(outputs);
    constexpr auto kFloat = memory::data_type::f32;
    try {
      block.source = memory::desc({m, k}, kFloat, memory::format_tag::ab);
      block.weights = memory::desc({k, n}, kFloat, memory::format_tag::BA16a64b);
      block.bias = memory::desc({1, n}, kFloat, memory::format_tag::ab);
      block.target = memory::desc({m, n}, kFloat, memory::format_tag::ab);
      dnnl::primitive_attr attributes;
      attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
      const dnnl::matmul::primitive_desc plan(
          dnnl::matmul::desc(block.source, block.weights, block.bias, block.target), attributes, engine);
      block.name = plan.impl_info_str();
      // Only the batch-reduce kernels beat the panels. The older path through gemm must not be used
      // either: its one-time set-up is a weak symbol that LibTorch's own oneDNN defines as well.
      if (block.name.find("brg") == std::string::npos) return;
      block.scratchpad = plan.scratchpad_desc();
      block.product.emplace(plan);
    } catch (const dnnl::error&) {
      block.product.reset();
    }
  }

  const Block& block_for(std::size_t index) const {
    Block& block = blocks[index];
    std::call_once(block.once, [&] { build(block, kRowBlocks[index]); });
    return block;
  }

  void run(const Block& block, const float* x, float* y) const {
    dnnl::stream stream(engine);
    std::vector<std::byte> scratch(block.scratchpad.get_size());
    auto* in = const_cast<float*>(x);  // oneDNN's memory has no const form; the source is only read
    (*block.product)
        .execute(stream, {{DNNL_ARG_SRC, memory(block.source, engine, in)},
                          {DNNL_ARG_WEIGHTS, memory(block.weights, engine, weights.get())},
                          {DNNL_ARG_BIAS, memory(block.bias, engine, bias.get())},
                          {DNNL_ARG_DST, memory(block.target, engine, y)},
                          {DNNL_ARG_SCRATCHPAD, memory(block.scratchpad, engine, scratch.data())}});
    stream.wait();
  }
};

PackedLinear::PackedLinear() = default;
PackedLinear::~PackedLinear() = default;
PackedLinear::PackedLinear(PackedLinear&&) noexcept = default;
PackedLinear& PackedLinear::operator=(PackedLinear&&) noexcept = default;

PackedLinear::PackedLinear(MatrixView<const float> weights, std::span<const float> bias)
    : impl_(std::make_unique<Impl>()) {
  PENCHANT_CHECK(!weights.empty(), "PackedLinear: empty weights");
  PENCHANT_CHECK(bias.empty() || bias.size() == weights.rows(), "PackedLinear: bias size");
  Impl& impl = *impl_;
  impl.inputs = weights.cols();
  impl.outputs = weights.rows();
  impl.padded_inputs = round_up(impl.inputs, kInputBlock);
  const std::size_t padded_outputs = round_up(impl.outputs, kPanel);
  impl.weights = aligned_zeros(padded_outputs * impl.padded_inputs);
  impl.bias = aligned_zeros(padded_outputs);
  std::copy(bias.begin(), bias.end(), impl.bias.get());
  for (std::size_t o = 0; o < impl.outputs; ++o) {
    float* column = impl.weights.get() + (o / kPanel) * impl.padded_inputs * kPanel + o % kPanel;
    const auto row = weights.row(o);
    for (std::size_t i = 0; i < impl.inputs; ++i) column[i * kPanel] = row[i];
  }
}

void PackedLinear::apply(MatrixView<const float> x, MatrixView<float> y) const {
  PENCHANT_CHECK(impl_ != nullptr, "PackedLinear: no weights");
  const Impl& impl = *impl_;
  PENCHANT_CHECK(x.cols() == impl.inputs && y.cols() == impl.outputs && x.rows() == y.rows(),
                 "PackedLinear: sizes differ");
  std::size_t row = 0;
  const bool dense = x.stride() == x.cols() && y.stride() == y.cols();
  if (dense && x.rows() >= kRowBlocks.back()) {
    const OneThread one_thread;
    for (std::size_t b = 0; b < kRowBlocks.size(); ++b) {
      if (x.rows() - row < kRowBlocks[b]) continue;
      const Block& block = impl.block_for(b);
      if (!block.product) break;
      for (; x.rows() - row >= kRowBlocks[b]; row += kRowBlocks[b])
        impl.run(block, x.row(row).data(), y.row(row).data());
    }
  }
  if (row < x.rows())
    multiply_panels(impl.panels(), x.rows_from(row, x.rows() - row), y.rows_from(row, x.rows() - row));
}

std::size_t PackedLinear::inputs() const noexcept { return impl_ ? impl_->inputs : 0; }
std::size_t PackedLinear::outputs() const noexcept { return impl_ ? impl_->outputs : 0; }

const char* PackedLinear::engine_name() const {
  if (!impl_) return "none";
  const OneThread one_thread;
  const Block& block = impl_->block_for(0);
  return block.product ? block.name.c_str() : "panels";
}

}  // namespace penchant::kernels
