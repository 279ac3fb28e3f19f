#pragma once
/// \file Which SIMD levels the kernels are compiled for. Include before any Highway header.
/// SSE4, AVX2 and AVX-512 cover the machines of the last fifteen years; the levels in between
/// (SSSE3, AVX3_DL, AVX3_ZEN4) add compile time and nothing to float kernels.
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_AVX3_DL)
