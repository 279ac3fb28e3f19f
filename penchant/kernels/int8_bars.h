#pragma once
/// \file For the users of one batch: the first-pass sum from which an item may still enter the list.
/// Private to kernels/. Layer 1.
#include <array>
#include <cstddef>
#include <cstdint>

namespace penchant::kernels {

/// Users that go through the items together: a multiple of those that each of Int8Kernels takes at once.
inline constexpr std::size_t kInt8Batch = 144;

/// What the bars of one panel depend on; lengths of vectors.
struct Int8PanelBounds {
  double inverse = 1;  ///< 1 / scale of its codes
  double norm = 0;     ///< largest |i| of the panel
  double rest = 0;     ///< … of this panel and all later ones
  double error = 0;    ///< largest |i - î|
};

/// One column a user; places without a user keep the initial values, which no item reaches.
struct Int8Bars {
  using Column = std::array<double, kInt8Batch>;
  Column reached;    ///< score that the list asks for
  Column norm{};     ///< |u|
  Column error{};    ///< |u - û|
  Column inverse;    ///< 1 / scale of the codes
  Column start{};    ///< added to a sum to undo the offset of the items' codes
  std::array<std::int32_t, kInt8Batch> least{};  ///< written by update()

  Int8Bars();
  /// For one panel; false when no list can be reached from here on. Where vnni_kernels() is not nullptr.
  /// \param rounding relative error of a float dot
  bool update(const Int8PanelBounds& panel, double rounding);
};

}  // namespace penchant::kernels
