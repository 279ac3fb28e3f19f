#pragma once
/// \file Fixed-size set of small integers. Layer 0.
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace penchant {

/// One bit for each of [0, size). Threads: const calls are safe together.
class Bitmap {
 public:
  Bitmap() = default;
  explicit Bitmap(std::size_t size, bool value = false)
      : words_((size + 63) / 64, value ? ~0ULL : 0ULL), size_(size) { trim(); }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool test(std::size_t i) const noexcept {
    return i < size_ && ((words_[i >> 6] >> (i & 63)) & 1) != 0;
  }
  void set(std::size_t i) { words_[i >> 6] |= 1ULL << (i & 63); }
  void reset(std::size_t i) { words_[i >> 6] &= ~(1ULL << (i & 63)); }
  [[nodiscard]] std::size_t count() const noexcept {
    std::size_t n = 0;
    for (auto w : words_) n += static_cast<std::size_t>(std::popcount(w));
    return n;
  }
  /// Calls visit(i) for every member, ascending.
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (std::size_t w = 0; w < words_.size(); ++w)
      for (auto left = words_[w]; left != 0; left &= left - 1) visit(w * 64 + static_cast<std::size_t>(std::countr_zero(left)));
  }
  Bitmap& operator&=(const Bitmap& o) { for (std::size_t i = 0; i < words_.size(); ++i) words_[i] &= i < o.words_.size() ? o.words_[i] : 0; return *this; }
  Bitmap& operator|=(const Bitmap& o) { for (std::size_t i = 0; i < words_.size() && i < o.words_.size(); ++i) words_[i] |= o.words_[i]; trim(); return *this; }
  /// Complement in place.
  Bitmap& flip() { for (auto& w : words_) w = ~w; trim(); return *this; }
  friend bool operator==(const Bitmap&, const Bitmap&) = default;

 private:
  void trim() { if (size_ % 64 != 0 && !words_.empty()) words_.back() &= (1ULL << (size_ % 64)) - 1; }
  std::vector<std::uint64_t> words_;
  std::size_t size_ = 0;
};

}  // namespace penchant
