#pragma once
// Assumptions shared by the claims, each with its check.

#include "theory/claim.hpp"

namespace prefdyn::theory {

Assumption has_trajectory();
Assumption starts_at_reference();
Assumption convex_loss();
/// Gradient flow, or full-batch gradient descent with eta <= limit / kappa.
Assumption full_gradient(double limit);
Assumption finite_covariance();
Assumption gaussian_features();
Assumption independent_samples();
Assumption known_population();

}  // namespace prefdyn::theory
