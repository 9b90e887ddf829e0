#pragma once
// What is measured of online DPO (theory.md T18).

#include <vector>

#include "sim/base/ball.hpp"
#include "sim/tabular/online_dpo.hpp"

namespace prefdyn::theory {

/// One exact update from h = r - apart.
struct NearUpdate {
    double step;             ///< eta
    Vector apart;            ///< (A), sums to 0
    std::vector<Ball> left;  ///< r - h after it (A)
};

struct SamplerFacts {
    OnlineDpo world;
    /// max |delta| after 0, 1, ... updates, delta(a, b) = (r_a - r_b) - beta log(pi_a ref_b /
    /// (pi_b ref_a)).
    std::vector<Ball> error;

    std::vector<NearUpdate> near = {};  ///< from policies near the optimum

    // With noise: over independent runs, after the same number of updates.
    double noise = 0.0;   ///< sigma: deviation of what every update adds to every implicit reward
    double square = 0.0;  ///< mean of delta^2, of the pair where it is largest
    double square_error = 0.0;  ///< standard error of that mean
};

/// Of the Laplacian sum over pairs of sigma'(r_a - r_b) u u^T, u = e_a - e_b: what an update from
/// uniform pairs near the optimum multiplies errors with is 1 - (2 eta beta^2 / A^2) times it.
struct RewardCurvature {
    Vector value;   ///< (A) increasing; the first is that of the constants, 0
    Matrix vector;  ///< (A, A), a column each
};
RewardCurvature reward_curvature(const Vector& reward);

/// (largest - least) / (largest + least) of them, the constants left out: no step shrinks every
/// error by more.
double best_linear_rate(const RewardCurvature& curvature);

/// (1 - 4 (sigma(R) - 1/2) / R)^T R of rewards that take two values, R apart: what T updates from
/// uniform pairs leave at least.
Ball left_by_uniform(double range, int updates);

/// The published bound on max |delta| after T updates: 0.588^T, 0.5^(2^T - 1), 0.611^(2^T - 1).
Ball sampler_bound(PairSampler sampler, int updates);

}  // namespace prefdyn::theory
