#include "penchant/kernels/batch_top_k.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <functional>
#include <numeric>
#include <vector>

#include "penchant/kernels/aligned.h"
#include "penchant/kernels/int8_bars.h"
#include "penchant/kernels/int8_codes.h"
#include "penchant/kernels/int8_panels.h"
#include "penchant/kernels/linear.h"
#include "penchant/kernels/vectors.h"

namespace penchant::kernels {
namespace {

constexpr std::size_t kFloatBatch = 64;          ///< users in float: a row block of PackedLinear
constexpr std::size_t kFloatBlock = 1024;        ///< items per block in float: scores stay in L2
constexpr std::size_t kSeedPanels = 16;          ///< looked at first, for a bar to start from
constexpr std::size_t kLike = 32 * kInt8Panel;   ///< neighbours in norm that are sorted by coordinate
constexpr std::size_t kWaiting = 24;             ///< candidates whose vectors are fetched together
constexpr std::size_t kSeedPlaces = 40;          ///< longer lists start without a bar
constexpr std::size_t kShortList = 64;           ///< newcomers look for their place from the back
constexpr float kLowest = -std::numeric_limits<float>::infinity();
constexpr int kItemLevels = 127, kItemOffset = 128;

std::size_t round_up(std::size_t n, std::size_t to) { return (n + to - 1) / to * to; }

double norm_of(std::span<const float> v) {
  std::array<double, 4> sums{};  // one after the other, a sum waits for its own result
  std::size_t c = 0;
  for (; c + 4 <= v.size(); c += 4)
    for (std::size_t l = 0; l < 4; ++l) sums[l] += static_cast<double>(v[c + l]) * v[c + l];
  for (; c < v.size(); ++c) sums[0] += static_cast<double>(v[c]) * v[c];
  return std::sqrt(sums[0] + sums[1] + (sums[2] + sums[3]));
}

/// Nearest whole number of steps; |x| <= 127.5 steps.
int steps_of(float x, float per_step) {
  const float scaled = x * per_step;
  return static_cast<int>(scaled + (scaled < 0 ? -0.5F : 0.5F));
}

/// 64 items of nearly equal norm, as 8-bit numbers of one scale.
struct Panel : Int8PanelBounds {
  double scale = 1;  ///< of one step
  std::uint64_t valid = ~0ULL;
};

/// One user on the way through the items.
struct Searcher {
  std::span<const float> vector;
  std::span<const std::uint32_t> excluded;
  Scored* best = nullptr;  ///< [k], the best in front
  std::size_t count = 0;
  double scale = 1, inverse = 1, norm = 0, error = 0;  ///< of û
  double start = 0;                                    ///< to add to its sums: items' codes have an offset
  double rounding = 0;                                 ///< relative error of a float dot
  double floor = -std::numeric_limits<double>::infinity();  ///< k items are known to reach it
};

}  // namespace

struct BatchTopK::Impl {
  std::size_t dim = 0, extended = 0, padded = 0, steps = 0;
  std::size_t stride = 0;             ///< bytes from one user's codes to the next
  float bias_unit = 0;                ///< the users' coordinate that carries the bias; 0: no bias
  std::vector<std::uint32_t> row_of;    ///< [n] place -> item row; roughly by falling norm
  std::vector<std::uint32_t> place_of;  ///< [n] the inverse
  AlignedVector<float> vectors;       ///< [n, dim] by place
  std::vector<float> bias;            ///< [n] by place, or empty
  std::vector<Panel> panels;
  AlignedVector<std::uint8_t> codes;    ///< [panels][steps][64][4]
  const Int8Kernels* kernels = nullptr;  ///< of the first pass; none: in float
  std::vector<PackedLinear> blocks;   ///< in float
  std::vector<double> block_norms;    ///< largest |i| of each block

  [[nodiscard]] std::span<const float> vector(std::size_t place) const {
    return std::span(vectors).subspan(place * dim, dim);
  }
  [[nodiscard]] float exact(const Searcher& user, std::size_t place) const {
    const float product = dot(user.vector, vector(place));
    return bias.empty() ? product : product + bias[place];
  }

  void quantise(MatrixView<const float> rows) {
    panels.resize((rows.rows() + kInt8Panel - 1) / kInt8Panel);
    codes.assign(panels.size() * padded * kInt8Panel, kItemOffset);
    // The panels that are looked at first share a scale: their sums can be compared.
    const std::size_t together = std::min(panels.size(), kSeedPanels);
    for (std::size_t p = 0; p < panels.size(); ++p) {
      const std::size_t begin = p < together ? 0 : p * kInt8Panel;
      const std::size_t end = std::min(rows.rows(), std::max(together, p + 1) * kInt8Panel);
      float most = 0;
      if (p == 0 || p >= together)
        for (std::size_t i = begin; i < end; ++i) most = std::max(most, max_abs(rows.row(i)));
      quantise_panel(p, rows, most);
    }
    for (std::size_t p = panels.size(); p-- > 0;)
      panels[p].rest = std::max(panels[p].norm, p + 1 < panels.size() ? panels[p + 1].rest : 0);
  }

  void quantise_panel(std::size_t p, MatrixView<const float> rows, float most) {
    Panel& panel = panels[p];
    const std::size_t count = std::min(kInt8Panel, rows.rows() - p * kInt8Panel);
    if (count < kInt8Panel) panel.valid = (1ULL << count) - 1;
    if (p > 0 && p < kSeedPanels)
      panel.scale = panels[0].scale;
    else if (most > 0) panel.scale = static_cast<double>(most) / kItemLevels;
    panel.inverse = 1 / panel.scale;
    const auto per_step = static_cast<float>(panel.inverse);
    for (std::size_t i = 0; i < count; ++i) {
      const auto row = rows.row(p * kInt8Panel + i);
      double error = 0;
      for (std::size_t c = 0; c < extended; ++c) {
        const int code = std::clamp(steps_of(row[c], per_step), -kItemLevels, kItemLevels);
        codes[((p * steps + c / kInt8Step) * kInt8Panel + i) * kInt8Step + c % kInt8Step] =
            static_cast<std::uint8_t>(code + kItemOffset);
        const double off = row[c] - code * panel.scale;
        error += off * off;
      }
      panel.error = std::max(panel.error, std::sqrt(error));
      panel.norm = std::max(panel.norm, norm_of(row));
    }
  }

  /// The float rows of likely items come from L2 or L3: all of them are asked for before the first is used.
  void prefetch(std::size_t place) const {
    const auto* row = reinterpret_cast<const char*>(vectors.data() + place * dim);
    for (std::size_t byte = 0; byte < std::min<std::size_t>(dim * sizeof(float), 512); byte += 64)
      __builtin_prefetch(row + byte);
  }

  /// Offers an item; true when the worst of the list changed for the better.
  bool offer(Searcher& user, std::size_t place, std::size_t k) const {
    const Scored found{exact(user, place), row_of[place]};
    if (user.count == k ? !ranks_before(found, user.best[k - 1]) : found.score < user.floor) return false;
    if (std::ranges::binary_search(user.excluded, found.index)) return false;
    Scored* end = user.best + (user.count == k ? k - 1 : user.count++);  // those before it stay
    Scored* at = end;
    if (k <= kShortList) {
      for (; at != user.best && ranks_before(found, at[-1]); --at) at[0] = at[-1];
    } else {
      at = std::upper_bound(user.best, end, found, ranks_before);
      std::move_backward(at, end, end + 1);
    }
    *at = found;
    return true;
  }

  /// Score that an item needs to belong to the list.
  [[nodiscard]] static double reached(const Searcher& user, std::size_t k) {
    return user.count < k ? user.floor : std::max<double>(user.floor, user.best[k - 1].score);
  }
  /// How far a first-pass score may be from the exact one.
  [[nodiscard]] static double margin(const Searcher& user, double error, double norm) {
    return user.norm * error + user.error * (norm + error) + user.rounding * user.norm * norm;
  }

  /// The k-th largest of 64 maxima of disjoint sets of items: k items score at least that much.
  void seed_floors(std::span<Searcher> users, std::size_t k, const std::int8_t* coded) const {
    const std::size_t seeds = std::min(kSeedPanels, row_of.size() / kInt8Panel);  // whole panels only
    if (seeds == 0) return;
    double error = 0;
    for (std::size_t p = 0; p < seeds; ++p) error = std::max(error, panels[p].error);
    const std::size_t group = kernels->users;
    std::vector<std::int32_t> most(group * kInt8Panel);
    for (std::size_t first = 0; first < users.size(); first += group) {
      std::ranges::fill(most, std::numeric_limits<std::int32_t>::min());
      for (std::size_t p = 0; p < seeds; ++p)
        kernels->maxima(products(p, coded + first * stride, group), most.data());
      for (std::size_t u = first; u < std::min(users.size(), first + group); ++u) {
        std::size_t place = k;  // excluded items may hold the first places
        for (std::size_t e = 0; e < users[u].excluded.size() && place <= kSeedPlaces; ++e)
          if (users[u].excluded[e] < place_of.size() && place_of[users[u].excluded[e]] < seeds * kInt8Panel) ++place;
        if (place > kSeedPlaces) continue;
        const auto begin = most.begin() + static_cast<std::ptrdiff_t>((u - first) * kInt8Panel);
        const auto nth = begin + static_cast<std::ptrdiff_t>(place - 1);
        std::size_t sets = kInt8Panel;
        if (2 * place < kInt8Panel / 2) {  // fewer and larger sets are enough
          sets /= 2;
          for (std::size_t i = 0; i < sets; ++i) begin[i] = std::max(begin[i], begin[sets + i]);
        }
        std::nth_element(begin, nth, begin + static_cast<std::ptrdiff_t>(sets), std::greater<>());
        const double sum = static_cast<double>(*nth) + users[u].start;
        users[u].floor = sum * users[u].scale * panels[0].scale - margin(users[u], error, panels[0].norm);
      }
    }
  }

  /// \param has_floors the users know theirs already
  void search_int8(std::span<Searcher> users, std::size_t k, bool has_floors) const {
    const std::size_t count = round_up(users.size(), kernels->users);
    AlignedVector<std::int8_t> coded(count * stride, 0);
    for (std::size_t u = 0; u < users.size(); ++u) code_user(users[u], coded.data() + u * stride);
    const Int8Session session(*kernels, steps);
    if (!has_floors && k <= kSeedPlaces) seed_floors(users, k, coded.data());
    Int8Bars bars;
    for (std::size_t u = 0; u < users.size(); ++u) {
      bars.norm[u] = users[u].norm;
      bars.error[u] = users[u].error;
      bars.inverse[u] = users[u].inverse;
      bars.start[u] = users[u].start;
      bars.reached[u] = reached(users[u], k);
    }
    // Candidates wait until their float rows have come from memory.
    struct Waiting {
      std::uint32_t user, place;
    };
    std::array<Waiting, kWaiting> waiting;
    std::size_t waits = 0;
    const auto offer_all = [&] {
      for (std::size_t w = 0; w < waits; ++w) {
        Searcher& user = users[waiting[w].user];
        if (offer(user, waiting[w].place, k)) bars.reached[waiting[w].user] = reached(user, k);
      }
      waits = 0;
    };
    std::array<Int8Hit, kInt8Batch> hits;
    for (std::size_t p = 0; p < panels.size(); ++p) {
      if (!bars.update(panels[p], users[0].rounding)) break;
      const std::size_t found = kernels->find(products(p, coded.data(), count), bars.least.data(), hits.data());
      for (const Int8Hit& hit : std::span(hits).first(found)) {
        for (std::uint64_t left = hit.items & panels[p].valid; left != 0; left &= left - 1) {
          const std::size_t place = p * kInt8Panel + static_cast<std::size_t>(std::countr_zero(left));
          prefetch(place);
          waiting[waits++] = {hit.user, static_cast<std::uint32_t>(place)};
          if (waits == kWaiting) offer_all();
        }
      }
      if (p < 2) offer_all();
    }
    offer_all();
  }

  [[nodiscard]] Int8Products products(std::size_t panel, const std::int8_t* coded, std::size_t count) const {
    return {codes.data() + panel * padded * kInt8Panel, steps, coded, stride, count};
  }

  /// Writes û and what undoes the offset of the items' codes.
  void code_user(Searcher& user, std::int8_t* codes_out) const {
    const Int8Codes coded = encode_int8(user.vector, bias_unit, {codes_out, dim});
    user.scale = coded.scale;
    user.inverse = 1 / user.scale;
    user.error = coded.error;
    std::int32_t sum = coded.sum;
    if (extended > dim) {
      const int code = std::clamp(steps_of(bias_unit, static_cast<float>(user.inverse)), -kInt8Levels, kInt8Levels);
      codes_out[dim] = static_cast<std::int8_t>(code);
      sum += code;
      user.error = std::hypot(user.error, bias_unit - code * user.scale);
    }
    user.start = -static_cast<double>(kItemOffset) * sum;
  }

  void search_floats(std::span<Searcher> users, MatrixView<const float> vectors_of_users, std::size_t k) const {
    Matrix<float> scores(users.size(), kFloatBlock);
    for (std::size_t b = 0; b < blocks.size(); ++b) {
      const std::size_t width = blocks[b].outputs();
      const MatrixView<float> out(scores.values().data(), users.size(), width);
      blocks[b].apply(vectors_of_users, out);
      for (std::size_t u = 0; u < users.size(); ++u) {
        std::size_t i = 0;
        for (; i < width && users[u].count < k; ++i) offer(users[u], b * kFloatBlock + i, k);
        const auto bar_now = [&] {  // strictly below what may enter
          const double bar = reached(users[u], k) - margin(users[u], 0, block_norms[b]);
          return std::nextafter(static_cast<float>(bar), kLowest);
        };
        if (i == width) continue;
        for (float below = bar_now(); (i = find_above(out.row(u), i, below)) < width; ++i)
          if (offer(users[u], b * kFloatBlock + i, k)) below = bar_now();
      }
    }
  }
};

BatchTopK::BatchTopK(MatrixView<const float> items, std::span<const float> bias, Engine engine)
    : impl_(std::make_unique<Impl>()) {
  const std::size_t n = items.rows();
  PENCHANT_CHECK(!items.empty() && n < kNone && items.cols() < 65'000, "BatchTopK: no items, or too many");
  PENCHANT_CHECK(bias.empty() || (bias.size() == n && all_finite(bias)), "BatchTopK: bias");
  Impl& impl = *impl_;
  impl.dim = items.cols();
  impl.extended = impl.dim + (bias.empty() ? 0 : 1);
  impl.padded = round_up(impl.extended, kInt8Step);
  impl.steps = impl.padded / kInt8Step;
  impl.stride = round_up(impl.padded, kLine);
  float most = 0;
  for (std::size_t i = 0; i < n; ++i) {
    PENCHANT_CHECK(all_finite(items.row(i)), "BatchTopK: an item vector is not finite");
    most = std::max(most, max_abs(items.row(i)));
  }
  // The bias becomes a coordinate no larger than the others.
  if (!bias.empty()) impl.bias_unit = most > 0 && max_abs(bias) > 0 ? max_abs(bias) / most : 1;
  Matrix<float> rows(n, impl.extended);
  std::vector<double> norms(n);
  std::vector<float> reach(n);  ///< largest coordinate
  for (std::size_t i = 0; i < n; ++i) {
    std::ranges::copy(items.row(i), rows.row(i).begin());
    if (!bias.empty()) rows(i, impl.dim) = bias[i] / impl.bias_unit;
    norms[i] = norm_of(rows.row(i));
    reach[i] = max_abs(rows.row(i));
  }
  impl.row_of.resize(n);
  std::iota(impl.row_of.begin(), impl.row_of.end(), 0U);
  // Long vectors first, so that bars rise early; among the like, those with like largest coordinates
  // together, because a panel has one scale. The first panels share theirs in any case.
  std::ranges::stable_sort(impl.row_of, [&](auto a, auto b) { return norms[a] > norms[b]; });
  for (std::size_t from = kSeedPanels * kInt8Panel; from < n; from += kLike)
    std::ranges::stable_sort(std::span(impl.row_of).subspan(from, std::min(kLike, n - from)),
                             [&](auto a, auto b) { return reach[a] > reach[b]; });
  Matrix<float> sorted(n, impl.extended);
  impl.vectors.resize(n * impl.dim);
  for (std::size_t place = 0; place < n; ++place) {
    const std::uint32_t row = impl.row_of[place];
    std::ranges::copy(rows.row(row), sorted.row(place).begin());
    std::ranges::copy(items.row(row), impl.vectors.begin() + static_cast<std::ptrdiff_t>(place * impl.dim));
    if (!bias.empty()) impl.bias.push_back(bias[row]);
  }
  if (engine != Engine::floats) impl.kernels = vnni_kernels();
  if (engine == Engine::automatic && amx_kernels() != nullptr) impl.kernels = amx_kernels();
  if (impl.kernels != nullptr) {
    impl.place_of.resize(n);
    for (std::uint32_t place = 0; place < n; ++place) impl.place_of[impl.row_of[place]] = place;
    impl.quantise(sorted.view());
    return;
  }
  for (std::size_t first = 0; first < n; first += kFloatBlock) {
    const std::size_t count = std::min(kFloatBlock, n - first);
    impl.blocks.emplace_back(MatrixView<const float>(impl.vectors.data() + first * impl.dim, count, impl.dim),
                             bias.empty() ? std::span<const float>() : std::span(impl.bias).subspan(first, count));
    double most_norm = 0;
    for (std::size_t place = first; place < first + count; ++place) most_norm = std::max(most_norm, norms[impl.row_of[place]]);
    impl.block_norms.push_back(most_norm);
  }
}

BatchTopK::~BatchTopK() = default;
BatchTopK::BatchTopK(BatchTopK&&) noexcept = default;
BatchTopK& BatchTopK::operator=(BatchTopK&&) noexcept = default;

void BatchTopK::find(MatrixView<const float> users, std::size_t k, const Exclusions& excluded,
                     std::span<Scored> out, std::span<const float> floors) const {
  const Impl& impl = *impl_;
  PENCHANT_CHECK(floors.empty() || floors.size() == users.rows(), "BatchTopK: one floor per user");
  PENCHANT_CHECK(users.cols() == impl.dim && out.size() == users.rows() * k, "BatchTopK: sizes differ");
  PENCHANT_CHECK(excluded.offsets.empty() || (excluded.offsets.size() == users.rows() + 1 &&
                                              excluded.offsets.back() <= excluded.items.size()),
                 "BatchTopK: exclusions do not fit the users");
  if (k == 0) return;
  std::array<Searcher, kInt8Batch> batch;
  const std::size_t step = impl.kernels != nullptr ? kInt8Batch : kFloatBatch;
  for (std::size_t first = 0; first < users.rows(); first += step) {
    const std::size_t count = std::min(step, users.rows() - first);
    for (std::size_t u = 0; u < count; ++u) {
      batch[u] = {.vector = users.row(first + u), .best = out.data() + (first + u) * k};
      Searcher& user = batch[u];
      if (!floors.empty()) user.floor = floors[first + u];
      PENCHANT_CHECK(all_finite(user.vector), "BatchTopK: a user vector is not finite");
      if (!excluded.offsets.empty()) {
        const std::uint64_t from = excluded.offsets[first + u], to = excluded.offsets[first + u + 1];
        PENCHANT_CHECK(from <= to, "BatchTopK: offsets of exclusions fall");
        user.excluded = excluded.items.subspan(from, to - from);
      }
      const double own = norm_of(user.vector);
      user.norm = std::sqrt(own * own + static_cast<double>(impl.bias_unit) * impl.bias_unit) * (1 + 1e-6);
      // Twice gamma_n of a float sum of dim products and the bias (Higham 2002, 3.1), once for each pass.
      user.rounding = 2 * (static_cast<double>(impl.dim) + 4) * 0x1.0p-23;
    }
    const std::span<Searcher> searchers(batch.data(), count);
    if (impl.kernels != nullptr)
      impl.search_int8(searchers, k, !floors.empty());
    else
      impl.search_floats(searchers, users.rows_from(first, count), k);
    for (Searcher& user : searchers) {
      std::fill(user.best + user.count, user.best + k, Scored{kLowest, kNone});
    }
  }
}

std::size_t BatchTopK::items() const noexcept { return impl_->row_of.size(); }
std::size_t BatchTopK::dim() const noexcept { return impl_->dim; }
bool BatchTopK::screens() const noexcept { return impl_->kernels != nullptr; }
const char* BatchTopK::engine_name() const noexcept { return screens() ? impl_->kernels->name : "floats"; }

}  // namespace penchant::kernels
