#pragma once
// Online DPO in a tabular world of one prompt and A responses (Shi, Zhou & Du, arXiv 2409.19605):
// pairs (a, b) are drawn with weight w(a, b) / Z from the policy at hand, preferred by
// Bradley-Terry with reward r, and one step of exact gradient is made on the DPO loss.

#include "sim/base/types.hpp"

namespace prefdyn {

enum class PairSampler {
    kUniform,    ///< w = 4
    kMixReward,  ///< Mix-R: w = 1 / (sigma(x) sigma(-x)), x = r_a - r_b
    kMixPolicy,  ///< Mix-P: the same of the implicit rewards, x = h_a - h_b
};

/// "uniform", "Mix-R", "Mix-P".
const char* sampler_name(PairSampler sampler);

struct OnlineDpo {
    Vector reward;  ///< r (A)
    double beta = 0.1;
    PairSampler sampler = PairSampler::kUniform;
    /// eta of theta -= eta dL/dtheta; 0: Z / (2 A beta^2), which takes an error that is linear in
    /// the policy's away where w is the pair's true curvature.
    double step = 0.0;

    Index responses() const { return reward.size(); }
    double range() const { return reward.maxCoeff() - reward.minCoeff(); }
};

/// Throws one InputError that lists everything wrong: fewer than two responses, a reward that is
/// not finite, beta or step out of range.
void validate(const OnlineDpo& problem);

}  // namespace prefdyn
