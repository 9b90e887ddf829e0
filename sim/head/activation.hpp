#pragma once
// Element-wise activations of an embedding g(x) = act(E x) and their derivatives.

#include <string>
#include <vector>

#include "sim/base/numerics.hpp"

namespace prefdyn {

enum class Activation { kIdentity, kRelu, kTanh, kGelu };

/// Names in the order of `Activation`.
inline std::vector<std::string> activation_names() { return {"identity", "relu", "tanh", "gelu"}; }

/// act(z); gelu is z Phi(z), not its tanh approximation.
PREFDYN_HD inline double activate(Activation kind, double z) {
    switch (kind) {
        case Activation::kIdentity:
            return z;
        case Activation::kRelu:
            return z < 0.0 ? 0.0 : z;
        case Activation::kTanh:
            return std::tanh(z);
        case Activation::kGelu:
            return z * normal_cdf(z);
    }
    return std::nan("");
}

/// act'(z); 0 at the kink of relu.
PREFDYN_HD inline double activation_slope(Activation kind, double z) {
    constexpr double kInvSqrt2Pi = 0.39894228040143268;
    switch (kind) {
        case Activation::kIdentity:
            return 1.0;
        case Activation::kRelu:
            return z > 0.0 ? 1.0 : (z <= 0.0 ? 0.0 : z);  // NaN stays NaN
        case Activation::kTanh: {
            const double t = std::tanh(z);
            return 1.0 - t * t;
        }
        case Activation::kGelu:
            return normal_cdf(z) + z * kInvSqrt2Pi * std::exp(-0.5 * z * z);
    }
    return std::nan("");
}

}  // namespace prefdyn
