#pragma once
// Numbers as a card holds them, with the same bits on the host.

#include <cstdint>
#include <cstring>

#ifdef __CUDACC__
#include <cuda_bf16.h>
#endif

#include "sim/base/numerics.hpp"

namespace prefdyn::transformer::device {

/// The upper half of a float.
struct Bfloat16 {
    std::uint16_t bits;
};

PREFDYN_HD inline float to_float(float x) { return x; }
PREFDYN_HD inline float to_float(Bfloat16 x) {
    const std::uint32_t bits = static_cast<std::uint32_t>(x.bits) << 16;
    float out;
    memcpy(&out, &bits, sizeof out);
    return out;
}

template <class T>
PREFDYN_HD T from_float(float x);
template <>
PREFDYN_HD inline float from_float(float x) {
    return x;
}
/// To the nearest, of two to the even one; a NaN stays one.
template <>
PREFDYN_HD inline Bfloat16 from_float(float x) {
#ifdef __CUDA_ARCH__
    return {__bfloat16_as_ushort(__float2bfloat16_rn(x))};
#else
    std::uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return {static_cast<std::uint16_t>(bits >> 16 | 0x40u)};
    return {static_cast<std::uint16_t>((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16)};
#endif
}

}  // namespace prefdyn::transformer::device
