#pragma once
// The vectors of the level that a file *.levels.cpp is compiled for; for such files alone. All sums
// have kLanes partial sums, whatever the width.

#include <cstddef>

#include "sim/base/levels/elementary.hpp"

namespace prefdyn::PREFDYN_LEVEL {

#if defined(__AVX512F__)
inline constexpr int kWidth = 8;
#elif defined(__AVX2__)
inline constexpr int kWidth = 4;
#else
inline constexpr int kWidth = 2;
#endif
inline constexpr int kLanes = 8;
typedef double V __attribute__((vector_size(kWidth * sizeof(double))));

PREFDYN_INLINE V load(const double* from) {
    V out;
    __builtin_memcpy(&out, from, sizeof out);
    return out;
}
PREFDYN_INLINE void store(double* to, const V& x) { __builtin_memcpy(to, &x, sizeof x); }

PREFDYN_INLINE V load(const float* from) {
    typedef float F __attribute__((vector_size(kWidth * sizeof(float))));
    F half;
    __builtin_memcpy(&half, from, sizeof half);
    return __builtin_convertvector(half, V);
}

/// The first `count` < kWidth numbers at `from`, then zeros.
template <class Scalar>
PREFDYN_INLINE V load_some(const Scalar* from, std::ptrdiff_t count) {
    Scalar some[kWidth] = {};
    for (int k = 0; k < kWidth; ++k)
        if (k < count) some[k] = from[k];
    return load(some);
}
PREFDYN_INLINE void store_some(double* to, const V& x, std::ptrdiff_t count) {
    for (int k = 0; k < kWidth; ++k)
        if (k < count) to[k] = x[k];
}

/// Numbers 0, 2, ... of a, then those of b, each plus its right neighbour.
PREFDYN_INLINE V pairs(const V& a, const V& b) {
#if defined(__AVX512F__)
    return __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14) +
           __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15);
#elif defined(__AVX2__)
    return __builtin_shufflevector(a, b, 0, 2, 4, 6) + __builtin_shufflevector(a, b, 1, 3, 5, 7);
#else
    return __builtin_shufflevector(a, b, 0, 2) + __builtin_shufflevector(a, b, 1, 3);
#endif
}

/// out[i] = f(x[i]) for n numbers.
template <class F>
PREFDYN_INLINE void map(const double* x, std::ptrdiff_t n, double* out, F f) {
    std::ptrdiff_t i = 0;
    for (; i + kWidth <= n; i += kWidth) store(out + i, f(load(x + i)));
    if (i < n) store_some(out + i, f(load_some(x + i, n - i)), n - i);
}

}  // namespace prefdyn::PREFDYN_LEVEL
