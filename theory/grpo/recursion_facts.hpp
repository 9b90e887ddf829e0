#pragma once
// GRPO's recursion for the probability of success (theory.md T22), and what is measured of it.

#include <vector>

#include "sim/base/ball.hpp"

namespace prefdyn::theory {

/// h(p) = 1 / (1 + ((1 - p_ref) / p_ref) exp(-1 / (beta sqrt(p (1 - p) + epsilon)))).
struct Recursion {
    double reference;  ///< p_ref
    double beta, epsilon;

    Ball next(const Ball& p) const;
    /// h'(p) = h (1 - h) (2 p - 1) / (2 beta (p (1 - p) + epsilon)^(3/2)).
    Ball slope(const Ball& p) const;
    /// The least p with h(p) = p, by bisection: the radius holds a change of sign of h(p) - p.
    Ball fixed_point() const;
    /// beta above which |h'(p)| < 1 at a fixed point p: p (1 - p) |2p - 1| / (2 (p (1 - p) +
    /// epsilon)^(3/2)).
    Ball least_beta(const Ball& p) const;
    /// A p below the fixed point with h(h(p)) = p, by bisection between p_ref and it; NaN where
    /// h(h(p)) - p does not change its sign there.
    Ball cycle(const Ball& fixed_point) const;
};

/// Policies found by natural policy gradient, round by round.
struct RecursionFacts {
    Recursion recursion;
    std::vector<Ball> success;  ///< p_0 = p_ref, p_1, ...
    Ball fixed;                 ///< p*, the least fixed point
    std::vector<Ball> nudged;   ///< from p* + nudge
    double nudge = 0.0;
    Ball cycle;                 ///< as Recursion::cycle
    std::vector<Ball> cycling;  ///< two rounds from the cycle's low point
};

}  // namespace prefdyn::theory
