#pragma once
// Gradient descent in steps of length h against the flow of L + (h / 4) ||grad L||^2 (theory.md
// T24): what is measured, and the constants of the bound.

#include <vector>

#include "sim/base/ball.hpp"
#include "sim/base/types.hpp"

namespace prefdyn::theory {

/// Of a loss sum_k p_k softplus(-beta u_k . theta): bounds on its derivatives' norms.
struct Derivatives {
    double gradient;  ///< at the start; it never grows
    double second, third, fourth;
};

/// `wins` as of tabular DPO, [P] (A, A); lambda = the largest eigenvalue of sum p u u^T, p summing
/// to 1: beta^2 lambda / 4, sqrt 2 beta^3 lambda / (6 sqrt 3), beta^4 lambda / 4.
Derivatives derivatives_of(const std::vector<Matrix>& wins, double beta, double gradient);

struct StepFacts {
    Derivatives bound;
    double duration = 0.0;            ///< T = count * step
    std::vector<double> step;         ///< h, each half of the one before
    std::vector<Ball> from_modified;  ///< ||theta_GD - theta of the modified flow|| at T
    std::vector<Ball> from_plain;     ///< the same of the plain flow

    // One pair (w, l), at a point of the descent: the penalty and what it is made of.
    double penalty_step = 0.0;    ///< h; 0: none was measured
    Ball penalty;                 ///< (h / 4) ||grad L||^2, by the loss's gradient
    Vector theta, log_reference;  ///< (A)
    Index chosen = 0, rejected = 0;
    double beta = 0.0;
};

/// C of ||theta_GD - theta|| <= T C h^2.
Ball step_constant(const Derivatives& bound, double step);

/// log2 of error k - 1 over error k: the slope in h between two steps.
double slope_between(const std::vector<Ball>& error, std::size_t k);

}  // namespace prefdyn::theory
