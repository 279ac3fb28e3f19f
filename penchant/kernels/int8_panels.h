#pragma once
/// \file Products of 8-bit vectors against 64 items at a time, compared where they arise.
/// Private to kernels/. Layer 1.
#include <cstddef>
#include <cstdint>

namespace penchant::kernels {

inline constexpr std::size_t kInt8Panel = 64;  ///< items per panel
inline constexpr std::size_t kInt8Step = 4;    ///< coordinates multiplied together; rows are padded to it

/// Views of one panel of items and of some users; lengths in steps of four coordinates.
/// sum(u, i) = sum_k panel[k][i] * users[u][k]; sums fit 32 bits for 4 * steps <= 65,536.
struct Int8Products {
  const std::uint8_t* panel = nullptr;  ///< [steps][64][4]
  std::size_t steps = 0;
  const std::int8_t* users = nullptr;  ///< [count][4 * steps], rows `stride` bytes apart
  std::size_t stride = 0;
  std::size_t count = 0;  ///< a multiple of Int8Kernels::users
};

/// Items of a panel that reached the bar of one user.
struct Int8Hit {
  std::uint32_t user = 0;
  std::uint64_t items = 0;  ///< bit i: item i; never 0
};

/// One way to multiply, for CPUs that have its instructions.
struct Int8Kernels {
  const char* name;
  std::size_t users;  ///< that go together
  /// Sets the calling thread up for vectors of this many steps, and undoes it. Nothing else that sets
  /// up matrix tiles may run between the two.
  void (*begin)(std::size_t steps);
  void (*end)();
  /// Writes a hit for each user with an item of sum(u, i) >= least[u], users ascending.
  /// \param hits [count] \return how many
  std::size_t (*find)(const Int8Products& products, const std::int32_t* least, Int8Hit* hits);
  /// most[u][i] becomes the larger of itself and sum(u, i); most [count][64].
  void (*maxima)(const Int8Products& products, std::int32_t* most);
};

/// AVX-512 VNNI; nullptr where the CPU has not F, BW and VNNI.
[[nodiscard]] const Int8Kernels* vnni_kernels() noexcept;
/// Matrix tiles (AMX); nullptr where the CPU has none or the system does not let this process use them.
[[nodiscard]] const Int8Kernels* amx_kernels() noexcept;

/// Holds begin() open.
class Int8Session {
 public:
  /// \param kernels live as long as the program
  Int8Session(const Int8Kernels& kernels, std::size_t steps) : kernels_(kernels) { kernels_.begin(steps); }
  ~Int8Session() { kernels_.end(); }
  Int8Session(const Int8Session&) = delete;
  Int8Session& operator=(const Int8Session&) = delete;

 private:
  const Int8Kernels& kernels_;
};

}  // namespace penchant::kernels
