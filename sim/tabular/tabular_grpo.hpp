#pragma once
// GRPO with rewards 0 and 1, a tabular policy and the exact natural gradient. One round starts from
// a policy that is right with probability p and maximises
//   E_pi (r - p) / sqrt(p (1 - p) + epsilon) - beta KL(pi || pi_ref).

#include "sim/base/ball.hpp"
#include "sim/tabular/tabular.hpp"

namespace prefdyn {

struct GrpoWorld {
    RowMatrix reference;  ///< pi_ref (1, A)
    RowMatrix right;      ///< r (1, A), 0 or 1
    double beta = 0.5;
    double epsilon = 1e-4;  ///< added to the variance of the rewards

    /// P(right) of the reference.
    double success() const { return reference.cwiseProduct(right).sum(); }
};

/// `responses` of which the first half are right, their shares drawn; P(right) = `success`.
GrpoWorld grpo_world(double success, double beta, double epsilon, Index responses,
                     std::uint64_t seed);

/// Throws one InputError that lists everything wrong: a success or epsilon or beta out of range.
void validate(const GrpoWorld& world);

/// P(right) of the policy at which natural policy gradient ends, started from the reference, where
/// the round's old policy is right with probability `before`. The radius is what its last gradient
/// and rounding leave open.
Ball grpo_round(const GrpoWorld& world, double before);

}  // namespace prefdyn
