#pragma once
// Assumptions shared by the claims, each with its check.

#include "theory/claim.hpp"

namespace prefdyn::theory {

Assumption has_trajectory();
Assumption starts_at_reference();
/// phi is a smooth function of the margin, so that kappa bounds the Hessian of L from above.
Assumption smooth_loss();
/// smooth_loss(), and phi is convex, so that L is convex in W.
Assumption convex_loss();
/// phi'(0) < 0: training raises the margins at first.
Assumption loss_falls_at_zero();
/// dphi/dr_w + dphi/dr_l = 0 at t = 0: the softmax normaliser cancels there.
Assumption opposite_slopes();
/// Gradient flow, or full-batch gradient descent with eta <= limit / kappa.
Assumption full_gradient(double limit);
Assumption finite_covariance();
Assumption gaussian_features();
Assumption independent_samples();
Assumption known_population();

}  // namespace prefdyn::theory
