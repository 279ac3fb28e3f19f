#include "penchant/kernels/softmax_loss.h"

#include <omp.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <new>
#include <numeric>
#include <oneapi/dnnl/dnnl.hpp>
#include <type_traits>
#include <vector>

#include "penchant/base/result.h"
#include "penchant/kernels/softmax_rows.h"

namespace penchant::kernels {
namespace {

using dnnl::memory;
using Dim = memory::dim;
using Tag = memory::format_tag;

constexpr std::size_t kRows = 128;     ///< positions whose exponentials exist at one time, per thread
constexpr std::size_t kMaxTile = 1024; ///< items per tile: 128 * 1024 logits stay in the second-level cache
constexpr std::size_t kMultiple = 16;  ///< tiles are whole vectors

std::size_t ceil_div(std::size_t a, std::size_t b) { return (a + b - 1) / b; }

/// Uninitialised, aligned.
template <class T>
class Buffer {
 public:
  explicit Buffer(std::size_t n) : data_(static_cast<T*>(::operator new(std::max<std::size_t>(n, 1) * sizeof(T), kAlign))), size_(n) {}
  ~Buffer() { ::operator delete(data_, kAlign); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  [[nodiscard]] T* data() const { return data_; }
  [[nodiscard]] std::size_t size() const { return size_; }
  void fill(T value) { std::fill(data_, data_ + size_, value); }

 private:
  static constexpr std::align_val_t kAlign{64};
  T* data_;
  std::size_t size_;
};

template <class T>
constexpr memory::data_type type_of() {
  return std::is_same_v<T, float> ? memory::data_type::f32 : memory::data_type::bf16;
}

enum class Repeated : std::uint8_t {
  none,
  add,     ///< the product is added to C
  factor,  ///< B comes many times: it is given as pack() leaves it
};

/// C [m, n] = or += A [m, k] * B [k, n]; A and B of type T, C float, all contiguous.
template <class T>
class Product {
 public:
  Product(const dnnl::engine& engine, std::size_t m, std::size_t k, std::size_t n, Tag a, Tag b, Repeated repeated)
      : engine_(engine), a_({Dim(m), Dim(k)}, type_of<T>(), a), plain_({Dim(k), Dim(n)}, type_of<T>(), b),
        b_({Dim(k), Dim(n)}, type_of<T>(), repeated == Repeated::factor ? Tag::any : b),
        c_({Dim(m), Dim(n)}, memory::data_type::f32, Tag::ab) {
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    if (repeated == Repeated::add) {
      dnnl::post_ops sum;
      sum.append_sum(1.0F);
      attributes.set_post_ops(sum);
    }
    const dnnl::matmul::primitive_desc plan({a_, b_, c_}, attributes, engine);
    b_ = plan.weights_desc();
    scratch_desc_ = plan.scratchpad_desc();
    scratch_.resize(scratch_desc_.get_size());
    product_ = dnnl::matmul(plan);
  }
  /// Values of T that pack() writes.
  [[nodiscard]] std::size_t packed_size() const { return ceil_div(b_.get_size(), sizeof(T)); }
  void pack(dnnl::stream& stream, const T* b, T* packed) const {
    memory from(plain_, engine_, const_cast<T*>(b)), to(b_, engine_, packed);
    dnnl::reorder(from, to).execute(stream, from, to);
  }
  void run(dnnl::stream& stream, const T* a, const T* b, float* c) {
    product_.execute(stream, {{DNNL_ARG_SRC, memory(a_, engine_, const_cast<T*>(a))},
                              {DNNL_ARG_WEIGHTS, memory(b_, engine_, const_cast<T*>(b))},
                              {DNNL_ARG_DST, memory(c_, engine_, c)},
                              {DNNL_ARG_SCRATCHPAD, memory(scratch_desc_, engine_, scratch_.data())}});
  }

 private:
  const dnnl::engine& engine_;
  memory::desc a_, plain_, b_, c_, scratch_desc_;
  std::vector<std::byte> scratch_;
  dnnl::matmul product_;
};

/// What all threads read.
template <class T>
struct Shared {
  const SoftmaxLossInput& in;
  const SoftmaxLossGradients& out;
  std::size_t p, n, d, k, tiles, tile;
  double share;                   ///< 1 / p
  std::vector<double> parts;      ///< [p], weight of each position times share
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  Product<T> logits_of, users_of;
  Buffer<T> turned_items, items;  ///< [tiles] as pack() of logits_of and of users_of leaves them
  std::vector<float> bias;        ///< [tiles * tile], padded with -infinity
  std::vector<float> items_mean;  ///< [d], label smoothing only
  float bias_mean = 0;

  Shared(const SoftmaxLossInput& input, const SoftmaxLossGradients& gradients)
      : in(input), out(gradients), p(input.users.rows()), n(input.items.rows()), d(input.items.cols()),
        k(p > 0 ? input.targets.size() / p : 0), tiles(ceil_div(n, kMaxTile)),
        tile(ceil_div(ceil_div(n, tiles), kMultiple) * kMultiple), share(1.0 / static_cast<double>(std::max<std::size_t>(p, 1))),
        logits_of(engine, kRows, d, tile, Tag::ab, Tag::ba, Repeated::factor),
        users_of(engine, kRows, tile, d, Tag::ab, Tag::ab, Repeated::factor),
        turned_items(tiles * logits_of.packed_size()), items(learns() ? tiles * users_of.packed_size() : 0),
        bias(tiles * tile, -std::numeric_limits<float>::infinity()) {
    parts.assign(p, 0);
    for (std::size_t i = 0; i < p * k; ++i) parts[i / k] += share * static_cast<double>(in.weights[i]);
    dnnl::stream stream(engine);
    Buffer<T> plain(tile * d);  // padded with zeros
    for (std::size_t t = 0; t < tiles; ++t) {
      const std::size_t rows = std::min(tile, n - t * tile);
      if (rows < tile) plain.fill(T{});
      for (std::size_t i = 0; i < rows; ++i) scale_to(in.items.row(t * tile + i).data(), 1.0F, plain.data() + i * d, d);
      logits_of.pack(stream, plain.data(), turned_items.data() + t * logits_of.packed_size());
      if (learns()) users_of.pack(stream, plain.data(), items.data() + t * users_of.packed_size());
    }
    for (std::size_t i = 0; i < n; ++i) bias[i] = in.bias.empty() ? 0.0F : in.bias[i];
    if (in.label_smoothing == 0) return;
    items_mean.assign(d, 0);
    for (std::size_t i = 0; i < n; ++i) add_scaled(items_mean.data(), 1.0F / static_cast<float>(n), in.items.row(i).data(), d);
    for (std::size_t i = 0; i < n; ++i) bias_mean += bias[i] / static_cast<float>(n);
  }
  [[nodiscard]] bool learns() const { return !out.users.empty() || !out.items.empty() || !out.bias.empty(); }
};

/// One thread's share of the positions.
template <class T>
class Worker {
 public:
  explicit Worker(const Shared<T>& s)
      : s_(s), stream_(engine_), logits_of_(engine_, kRows, s.d, s.tile, Tag::ab, Tag::ba, Repeated::factor),
        users_of_(engine_, kRows, s.tile, s.d, Tag::ab, Tag::ab, Repeated::factor),
        items_of_(engine_, s.tile, kRows, s.d, Tag::ba, Tag::ab, Repeated::add), users_(kRows * s.d), scaled_(kRows * s.d),
        exps_((s.learns() ? s.tiles : 1) * kRows * s.tile), logits_(kRows * s.tile), part_(kRows * s.d),
        d_items(s.out.items.empty() ? 0 : s.tiles * s.tile * s.d), d_bias(s.out.bias.empty() ? 0 : s.tiles * s.tile) {
    d_items.fill(0);
    d_bias.fill(0);
  }

  void run(std::size_t begin, std::size_t end) {
    for (std::size_t at = begin; at < end; at += kRows) chunk(at, std::min(kRows, end - at));
  }

 private:
  T* exps(std::size_t t) const { return exps_.data() + (s_.learns() ? t : 0) * kRows * s_.tile; }

  void chunk(std::size_t at, std::size_t rows) {
    const std::size_t d = s_.d, tile = s_.tile, tiles = s_.tiles;
    users_.fill(T{});
    for (std::size_t r = 0; r < rows; ++r) scale_to(s_.in.users.row(at + r).data(), 1.0F, users_.data() + r * d, d);
    tops_.assign(tiles * kRows, 0);
    sums_.assign(tiles * kRows, 0);
    std::vector<double> picked(rows, 0);
    for (std::size_t t = 0; t < tiles; ++t) {
      logits_of_.run(stream_, users_.data(), s_.turned_items.data() + t * logits_of_.packed_size(), logits_.data());
      // Only the last tile is padded; without a bias the others need no addition.
      const float* bias = s_.in.bias.empty() && t + 1 < tiles ? nullptr : s_.bias.data() + t * tile;
      T* e = exps(t);
      for (std::size_t r = 0; r < rows; ++r) {
        float* row = logits_.data() + r * tile;
        const float top = add_and_max(row, bias, tile);
        for (std::size_t c = 0; c < s_.k; ++c) {
          const auto target = static_cast<std::size_t>(s_.in.targets[(at + r) * s_.k + c]);
          if (target / tile == t) picked[r] += static_cast<double>(s_.in.weights[(at + r) * s_.k + c]) * row[target % tile];
        }
        tops_[t * kRows + r] = top;
        sums_[t * kRows + r] = exp_shifted(row, top, e + r * tile, tile);
      }
      if (s_.learns())
        std::fill(e + rows * tile, e + kRows * tile, T{});  // rows beyond the end add nothing
    }
    finish(at, rows, picked);
    if (s_.learns()) gradients(at, rows);
  }

  /// Loss of the chunk; tops_ become the factors that turn exponentials into gradients.
  void finish(std::size_t at, std::size_t rows, const std::vector<double>& picked) {
    const double s = s_.in.label_smoothing;
    for (std::size_t r = 0; r < rows; ++r) {
      double top = -std::numeric_limits<double>::infinity(), sum = 0;
      for (std::size_t t = 0; t < s_.tiles; ++t) top = std::max<double>(top, tops_[t * kRows + r]);
      for (std::size_t t = 0; t < s_.tiles; ++t)
        sum += sums_[t * kRows + r] * std::exp(static_cast<double>(tops_[t * kRows + r]) - top);
      const double part = s_.parts[at + r];
      double loss_here = part * (top + std::log(sum)) - (1 - s) * s_.share * picked[r];
      if (s > 0) {
        const auto user = s_.in.users.row(at + r);
        loss_here -= s * part * (std::inner_product(user.begin(), user.end(), s_.items_mean.begin(), 0.0) + s_.bias_mean);
      }
      loss += loss_here;
      for (std::size_t t = 0; t < s_.tiles; ++t) {
        float& factor = tops_[t * kRows + r];
        factor = static_cast<float>(part * std::exp(static_cast<double>(factor) - top) / sum);
      }
    }
  }

  void gradients(std::size_t at, std::size_t rows) {
    const std::size_t d = s_.d, tile = s_.tile;
    scaled_.fill(T{});
    for (std::size_t r = 0; r < rows && !s_.out.users.empty(); ++r) std::ranges::fill(s_.out.users.row(at + r), 0.0F);
    for (std::size_t t = 0; t < s_.tiles; ++t) {
      const float* factors = tops_.data() + t * kRows;
      const T* e = exps(t);
      if (!s_.out.users.empty()) {
        users_of_.run(stream_, e, s_.items.data() + t * users_of_.packed_size(), part_.data());
        for (std::size_t r = 0; r < rows; ++r)
          add_scaled(s_.out.users.row(at + r).data(), factors[r], part_.data() + r * d, d);
      }
      if (d_items.size() > 0) {
        for (std::size_t r = 0; r < rows; ++r)
          scale_to(s_.in.users.row(at + r).data(), factors[r], scaled_.data() + r * d, d);
        items_of_.run(stream_, e, scaled_.data(), d_items.data() + t * tile * d);
      }
      if (d_bias.size() > 0)
        for (std::size_t r = 0; r < rows; ++r) add_scaled(d_bias.data() + t * tile, factors[r], e + r * tile, tile);
    }
    subtract_targets(at, rows);
  }

  void subtract_targets(std::size_t at, std::size_t rows) {
    const std::size_t d = s_.d;
    const double s = s_.in.label_smoothing;
    for (std::size_t r = 0; r < rows; ++r) {
      const auto user = s_.in.users.row(at + r);
      for (std::size_t c = 0; c < s_.k; ++c) {
        const auto target = static_cast<std::size_t>(s_.in.targets[(at + r) * s_.k + c]);
        const auto w = static_cast<float>(-(1 - s) * s_.share * static_cast<double>(s_.in.weights[(at + r) * s_.k + c]));
        if (!s_.out.users.empty()) add_scaled(s_.out.users.row(at + r).data(), w, s_.in.items.row(target).data(), d);
        if (d_items.size() > 0) add_scaled(d_items.data() + target * d, w, user.data(), d);
        if (d_bias.size() > 0) d_bias.data()[target] += w;
      }
      if (s > 0 && !s_.out.users.empty())
        add_scaled(s_.out.users.row(at + r).data(), static_cast<float>(-s * s_.parts[at + r]), s_.items_mean.data(), d);
    }
  }

  const Shared<T>& s_;
  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream_;
  Product<T> logits_of_, users_of_, items_of_;
  Buffer<T> users_, scaled_, exps_;
  Buffer<float> logits_, part_;
  std::vector<float> tops_, sums_;  ///< [tiles, kRows]

 public:
  Buffer<float> d_items, d_bias;
  double loss = 0;
};

template <class T>
double run(const SoftmaxLossInput& input, const SoftmaxLossGradients& gradients, Executor& executor) {
  const Shared<T> shared(input, gradients);
  const std::size_t chunks = ceil_div(shared.p, kRows), parts = std::max<std::size_t>(1, std::min(executor.threads(), chunks));
  std::vector<std::unique_ptr<Worker<T>>> workers(parts);
  executor.parallel_for(parts, 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t w = begin; w < end; ++w) {
      const int before = omp_get_max_threads();
      omp_set_num_threads(1);  // oneDNN takes the setting of the calling thread
      workers[w] = std::make_unique<Worker<T>>(shared);
      workers[w]->run(std::min(shared.p, chunks * w / parts * kRows), std::min(shared.p, chunks * (w + 1) / parts * kRows));
      omp_set_num_threads(before);
    }
  });
  double loss = 0;
  for (const auto& worker : workers) loss += worker->loss;
  const std::size_t n = shared.n, d = shared.d;
  if (!gradients.items.empty()) {
    std::vector<float> users_sum(d, 0);  // label smoothing: every item is pulled by s / n of all positions
    const double pull = -input.label_smoothing / static_cast<double>(n);
    if (pull != 0)
      for (std::size_t r = 0; r < shared.p; ++r)
        add_scaled(users_sum.data(), static_cast<float>(pull * shared.parts[r]), input.users.row(r).data(), d);
    executor.parallel_for(n, 256, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i) {
        const auto row = gradients.items.row(i);
        std::ranges::copy(users_sum, row.begin());
        for (const auto& worker : workers) add_scaled(row.data(), 1.0F, worker->d_items.data() + i * d, d);
      }
    });
  }
  if (!gradients.bias.empty()) {
    const double whole = std::accumulate(shared.parts.begin(), shared.parts.end(), 0.0);
    std::ranges::fill(gradients.bias, static_cast<float>(-input.label_smoothing * whole / static_cast<double>(n)));
    for (const auto& worker : workers) add_scaled(gradients.bias.data(), 1.0F, worker->d_bias.data(), n);
  }
  return loss;
}

}  // namespace

Precision fastest_precision() {
  return __builtin_cpu_supports("avx512bf16") ? Precision::bf16 : Precision::f32;
}

double softmax_loss(const SoftmaxLossInput& input, const SoftmaxLossGradients& gradients, Precision precision,
                    Executor& executor) {
  const std::size_t p = input.users.rows(), n = input.items.rows();
  PENCHANT_CHECK(n > 0 && input.items.cols() > 0 && (p == 0 || input.users.cols() == input.items.cols()), "softmax_loss: sizes differ");
  PENCHANT_CHECK(p == 0 || (input.targets.size() % p == 0 && !input.targets.empty()), "softmax_loss: targets per position");
  PENCHANT_CHECK(input.targets.size() == input.weights.size(), "softmax_loss: one weight per target");
  PENCHANT_CHECK(input.bias.empty() || input.bias.size() == n, "softmax_loss: one bias per item");
  for (const std::int64_t target : input.targets)
    PENCHANT_CHECK(target >= 0 && static_cast<std::size_t>(target) < n, "softmax_loss: a target is no item row");
  return precision == Precision::bf16 ? run<BFloat16>(input, gradients, executor) : run<float>(input, gradients, executor);
}

}  // namespace penchant::kernels
