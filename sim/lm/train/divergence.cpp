#include "sim/lm/train/divergence.hpp"

#include <algorithm>
#include <cmath>

#include "sim/base/numerics.hpp"

namespace prefdyn::finetune {

namespace {

constexpr double kLargestExponent = 80.0, kNearOne = 1e-6;  // as in TRL

Divergence::Score power(double x, double a) {
    if (std::fabs(a) < kNearOne) return {x, 1.0};
    const double exponent = std::min(a * x, kLargestExponent);
    return {std::expm1(exponent) / a, a * x > kLargestExponent ? 0.0 : std::exp(exponent)};
}

}  // namespace

Divergence::Score Divergence::at(double x) const {
    switch (kind) {
        case DivergenceKind::kForwardKl:
            return {-std::expm1(-x), std::exp(-x)};
        case DivergenceKind::kJs:
            return {std::log(2.0) + log_sigmoid(x), sigmoid(-x)};
        case DivergenceKind::kAlpha:
            return power(x, alpha - 1.0);
        default:
            return {x, 1.0};
    }
}

}  // namespace prefdyn::finetune
