#pragma once
// What is measured of online DPO (theory.md T18).

#include <vector>

#include "sim/base/ball.hpp"
#include "sim/tabular/online_dpo.hpp"

namespace prefdyn::theory {

struct SamplerFacts {
    OnlineDpo world;
    /// max |delta| after 0, 1, ... updates, delta(a, b) = (r_a - r_b) - beta log(pi_a ref_b /
    /// (pi_b ref_a)).
    std::vector<Ball> error;

    // With noise: over independent runs, after the same number of updates.
    double noise = 0.0;   ///< sigma: deviation of what every update adds to every implicit reward
    double square = 0.0;  ///< mean of delta^2, of the pair where it is largest
    double square_error = 0.0;  ///< standard error of that mean
};

/// (1 - 4 (sigma(R) - 1/2) / R)^T R of rewards that take two values, R apart: what T updates from
/// uniform pairs leave at least.
Ball left_by_uniform(double range, int updates);

/// The published bound on max |delta| after T updates: 0.588^T, 0.5^(2^T - 1), 0.611^(2^T - 1).
Ball sampler_bound(PairSampler sampler, int updates);

}  // namespace prefdyn::theory
