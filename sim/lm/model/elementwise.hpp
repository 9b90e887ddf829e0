#pragma once
// What a transformer does to single numbers, the same on the processor and on a card.

#include "sim/base/numerics.hpp"

namespace prefdyn::transformer {

/// 1 / sqrt(mean x^2 + epsilon) from the sum of d squares.
PREFDYN_HD inline float rms_scale(double squares, long d, double epsilon) {
    return static_cast<float>(1.0 / std::sqrt(squares / static_cast<double>(d) + epsilon));
}

/// w x / rms.
PREFDYN_HD inline float normed(float w, float x, float scale) { return w * (x * scale); }

/// (a + i b) exp(i angle).
PREFDYN_HD inline void rotate_pair(float& a, float& b, float cosine, float sine) {
    const float x = a, y = b;
    a = x * cosine - y * sine;
    b = y * cosine + x * sine;
}

/// silu(g) u with silu(g) = g / (1 + exp(-g)).
PREFDYN_HD inline float gated_by(float g, float u) { return g / (1.0f + std::exp(-g)) * u; }

}  // namespace prefdyn::transformer
