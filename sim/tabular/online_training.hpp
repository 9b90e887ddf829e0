#pragma once
// Online DPO, trained. The implicit rewards h = beta log(pi / pi_ref), known up to a constant, are
// all that a step sees:
//   h_a += (2 eta beta^2 / Z) sum_b w(a, b) (sigma(r_a - r_b) - sigma(h_a - h_b)).

#include <vector>

#include "sim/base/ball.hpp"
#include "sim/base/stream.hpp"
#include "sim/tabular/online_dpo.hpp"

namespace prefdyn {

/// max |(r_a - r_b) - (h_a - h_b)| over all pairs after 0, 1, ..., `steps` updates from the
/// reference. Every operation carries its rounding: a ball holds the number of exact arithmetic.
std::vector<Ball> reward_errors(const OnlineDpo& problem, int steps);

/// h (A) one update after `implicit` (A), rounding carried along.
std::vector<Ball> updated_rewards(const OnlineDpo& problem, const Vector& implicit);

/// h (A) after `steps` updates, each of which adds `noise` times an independent standard normal to
/// every h_a. Noise 0 draws nothing.
Vector noisy_rewards(const OnlineDpo& problem, int steps, double noise, Stream& stream);

}  // namespace prefdyn
