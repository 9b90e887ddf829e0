#pragma once
#include <cstdint>
#include <cstring>

#include "sim/base/numerics.hpp"

namespace prefdyn {

/// x 2^-896 for a finite x, exactly, without the conversion unit: a float's exponent and fraction
/// moved to where a double has them.
PREFDYN_HD inline double scaled_down(float x) {
    std::int32_t bits;
    std::memcpy(&bits, &x, sizeof bits);
    const auto high = static_cast<std::uint32_t>(bits >> 3) & 0x8fffffffu;
    const auto low = static_cast<std::uint32_t>(bits) << 29;
    const std::uint64_t both = std::uint64_t{high} << 32 | low;
    double out;
    std::memcpy(&out, &both, sizeof out);
    return out;
}
PREFDYN_HD inline double scaled_down(double x) { return x; }

/// What undoes scaled_down of a T.
template <class T>
inline constexpr double kScaledDown = 1.0;
template <>
inline constexpr double kScaledDown<float> = 0x1p896;

}  // namespace prefdyn
