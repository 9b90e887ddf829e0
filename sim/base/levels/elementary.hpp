#pragma once
// exp, log and log(1 + x) of +, -, *, / and integers alone, so that they have the same bits on
// every processor and for every width: V is double or a vector of doubles. To 1 ulp (tested against
// MPFR). The processor's own library chooses instructions by the machine, and its bits with them.
// On a card they are the card's.

#include <cmath>
#include <cstdint>

#if defined(__CUDACC__)
#define PREFDYN_HD __host__ __device__
#else
#define PREFDYN_HD
#endif
/// Nothing that is compiled for one level may be linked into another.
#define PREFDYN_INLINE PREFDYN_HD inline __attribute__((always_inline))

namespace prefdyn::elementary {

/// Unsigned integers as wide and as many as V.
template <class V>
struct WordOf;
#if !defined(__CUDACC__)  // kernels of a card take one number at a time
template <class V>
struct WordOf {
    typedef std::uint64_t type __attribute__((vector_size(sizeof(V))));
};
#endif
template <>
struct WordOf<double> {
    using type = std::uint64_t;
};
template <class V>
using Word = typename WordOf<V>::type;

template <class V>
PREFDYN_INLINE Word<V> word_of(const V& x) {
    Word<V> out;
    __builtin_memcpy(&out, &x, sizeof out);
    return out;
}
template <class V>
PREFDYN_INLINE V value_of(const Word<V>& bits) {
    V out;
    __builtin_memcpy(&out, &bits, sizeof out);
    return out;
}

PREFDYN_INLINE double magnitude(double x) { return std::fabs(x); }
template <class V>
PREFDYN_INLINE V magnitude(const V& x) {
    return value_of<V>(word_of(x) & 0x7fffffffffffffffu);
}

/// log 2 in two parts; products of the first with integers below 2^12 are exact.
inline constexpr double kLog2High = 0x1.62e42fefa3000p-1, kLog2Low = 0x1.3de6af278ece6p-42;

/// exp(x): x = n log 2 + r with |r| <= log(2) / 2, whose rounding is carried along, and a
/// polynomial (Chebyshev nodes, error 0.02 ulp) for exp(r) = 1 + r + r^2 q(r).
template <class V>
PREFDYN_INLINE V exp_of(V x) {
#if defined(__CUDA_ARCH__)
    return std::exp(x);
#else
    constexpr double kLowest = -746.0, kHighest = 710.0;  // beyond them 0 and infinity
    constexpr std::uint64_t kBias = 2048;
    constexpr double kRound = 0x1.8p52 + kBias;  // what is added to it is rounded to an integer
    x = x < kLowest ? V{} + kLowest : x;
    x = x > kHighest ? V{} + kHighest : x;
    const V shifted = x * 0x1.71547652b82fep+0 + kRound;
    const V n = shifted - kRound;
    const V high = x - n * kLog2High, low = n * kLog2Low;
    const V r = high - low;
    const V lost = (high - r) - low;
    const V r2 = r * r, r4 = r2 * r2;
    const V q0 = 0.5 + r * 0x1.5555555555556p-3;
    const V q2 = 0x1.5555555555555p-5 + r * 0x1.11111111109b3p-7;
    const V q4 = 0x1.6c16c16c167e1p-10 + r * 0x1.a01a01a7c41d5p-13;
    const V q6 = 0x1.a01a01a47b054p-16 + r * 0x1.71de0dae63bb3p-19;
    const V q8 = (0x1.27e4e1f48534fp-22 + r * 0x1.af38a9b0ec855p-26) + r2 * 0x1.1f66df7fca49fp-29;
    const V q = (q0 + r2 * q2) + r4 * ((q4 + r2 * q6) + r4 * q8);
    const V sum = 1.0 + r;
    const V p = sum + (((1.0 - sum) + r) + (r2 * q + lost));
    // 2^n in two factors: p 2^n itself may be subnormal, or larger than any number.
    const Word<V> power = word_of(shifted) & 0xfffu;  // n + kBias
    const Word<V> one = power >> 1, other = power - one;
    return p * value_of<V>((one - 1) << 52) * value_of<V>((other - 1) << 52);
#endif
}

/// log(2^-scale (u + c)) for u > 0 normal and |c| <= ulp(u) / 2: u = 2^k m with m in
/// [sqrt(1/2), sqrt(2)), f = m - 1 (`near`, where k = 0: u + c - 1 without rounding), s = f / (2 +
/// f), and log(1 + f) = f - (h - s (h + s^2 p(s^2))) with h = f^2 / 2.
template <class V>
PREFDYN_INLINE V log_of_sum(const V& u, const V& c, const V& near, const V& scale) {
    constexpr std::uint64_t kRootHalf = 0x3fe6a09e667f3bcdu, kTwo = 0x4000000000000000u;
    const Word<V> from = word_of(u) - kRootHalf + kTwo;
    const Word<V> power = from >> 52;  // k + 1024
    const V k = value_of<V>(power | 0x4330000000000000u) - (0x1p52 + 1024.0) - scale;
    const V m = value_of<V>(word_of(u) - (power << 52) + kTwo);
    const auto close = power == 1024u;
    const V f = close ? near : m - 1.0;
    const V rest = close ? V{} : c / u;
    const V s = f / (2.0 + f), z = s * s, z2 = z * z;
    const V p0 = 0x1.5555555555558p-1 + z * 0x1.99999999952d7p-2;
    const V p2 = 0x1.2492492df281ap-2 + z * 0x1.c71c62e3f11e6p-3;
    const V p4 = (0x1.7462b51cb66b1p-3 + z * 0x1.39fe51a7c18f9p-3) + z2 * 0x1.2b5900de53b32p-3;
    const V p = z * ((p0 + z2 * p2) + (z2 * z2) * p4);
    const V half = 0.5 * f * f;
    return k * kLog2High + (f - (half - (s * (half + p) + (k * kLog2Low + rest))));
}

/// log(x); NaN below 0, -infinity at 0.
template <class V>
PREFDYN_INLINE V log_of(const V& x) {
#if defined(__CUDA_ARCH__)
    return std::log(x);
#else
    constexpr double kInf = __builtin_inf();
    const auto tiny = x < 0x1p-1022;
    const V u = tiny ? x * 0x1p54 : x;
    V out = log_of_sum(u, V{}, u - 1.0, tiny ? V{} + 54.0 : V{});
    out = x == kInf ? x : out;
    out = x == 0.0 ? V{} - kInf : out;
    return x >= 0.0 ? out : V{} + __builtin_nan("");
#endif
}

/// log(1 + x); NaN below -1, -infinity at -1.
template <class V>
PREFDYN_INLINE V log1p_of(const V& x) {
#if defined(__CUDA_ARCH__)
    return std::log1p(x);
#else
    constexpr double kInf = __builtin_inf();
    const V u = 1.0 + x;
    const V c = x < 1.0 ? x - (u - 1.0) : 1.0 - (u - x);
    V out = log_of_sum(u, c, x, V{});
    out = x == kInf ? x : out;
    out = x == -1.0 ? V{} - kInf : out;
    return x >= -1.0 ? out : V{} + __builtin_nan("");
#endif
}

}  // namespace prefdyn::elementary
