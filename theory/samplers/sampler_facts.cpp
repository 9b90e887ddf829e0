#include "theory/samplers/sampler_facts.hpp"

namespace prefdyn::theory {

namespace {

Ball power(const Ball& base, int exponent) {
    Ball out(1.0);
    for (int k = 0; k < exponent; ++k) out = out * base;
    return out;
}

/// A decimal fraction, to the rounding of its nearest double.
Ball decimal(double value) { return ball::rounded(value, 0.0); }

}  // namespace

Ball left_by_uniform(double range, int updates) {
    const Ball R(range), above = Ball(1.0) / (Ball(1.0) + exp(-R)) - Ball(0.5);
    return power(Ball(1.0) - Ball(4.0) * above / R, updates) * R;
}

Ball sampler_bound(PairSampler sampler, int updates) {
    if (sampler == PairSampler::kUniform) return power(decimal(0.588), updates);
    const Ball base = sampler == PairSampler::kMixReward ? Ball(0.5) : decimal(0.611);
    Ball out(1.0);
    for (int t = 0; t < updates; ++t) out = out * out * base;
    return out;
}

}  // namespace prefdyn::theory
