#pragma once
/// \file A vector that begins at a cache line, so that rows of whole lines are read without crossing one.
/// Private to kernels/. Layer 1.
#include <cstddef>
#include <new>
#include <vector>

namespace penchant::kernels {

inline constexpr std::size_t kLine = 64;  ///< bytes of a cache line

template <class T>
struct LineAllocator {
  using value_type = T;
  LineAllocator() = default;
  template <class U>
  LineAllocator(const LineAllocator<U>&) noexcept {}  // NOLINT: implicit, as the standard asks

  [[nodiscard]] T* allocate(std::size_t n) {
    return static_cast<T*>(::operator new(n * sizeof(T), std::align_val_t{kLine}));
  }
  void deallocate(T* p, std::size_t n) noexcept {
    ::operator delete(p, n * sizeof(T), std::align_val_t{kLine});
  }
  friend bool operator==(const LineAllocator&, const LineAllocator&) noexcept { return true; }
};

template <class T>
using AlignedVector = std::vector<T, LineAllocator<T>>;

}  // namespace penchant::kernels
