#pragma once
// phi and phi' in exact numbers, with the constants that the theorems are stated in.

#include "experiments/certify/exact/real.hpp"
#include "sim/loss/loss.hpp"

namespace prefdyn::certify {

/// sigmoid: softplus(-m) = log(1 + exp(-m)); cdpo adds eps m, robust takes eps / (1 - 2 eps) m
/// from it; ipo: (m / beta - 1 / (2 beta))^2. All are convex.
class ExactPhi {
  public:
    /// Why a loss has no exact phi here; empty if it has one.
    static std::string why_not(const LossSpec& spec);

    /// Constants are made at the precision of the thread.
    explicit ExactPhi(const LossSpec& spec);

    Real value(const Real& margin) const;
    Real derivative(const Real& margin) const;

    Real at_zero, slope_at_zero, curvature_max;
    Real infimum;  ///< where it is bounded below
    bool bounded_below = true;

  private:
    bool parabola_;
    Real tilt_;   ///< of the line that is added to softplus(-m)
    Real scale_;  ///< of the parabola, 1 / beta^2
};

}  // namespace prefdyn::certify
