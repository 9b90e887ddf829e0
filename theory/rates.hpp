#pragma once
// The constants of theory.md T1 to T4, for any loss of the margin (T11).

#include "theory/claim.hpp"

namespace prefdyn::theory {

/// R(0) = sqrt(2) beta |phi'(0)| ||zbar||; for the DPO loss (beta / sqrt 2) ||zbar||.
double initial_rate(const Evidence& evidence);

/// Smoothness of L in Frobenius norm: kappa = 2 beta^2 sup(phi'') lambda_max(M); for the DPO loss
/// (beta^2 / 2) lambda_max(M). Infinite for a kink, NaN for a loss that is no function of the
/// margin.
double smoothness(double beta, double curvature_max, double lambda_max);
double smoothness(const Evidence& evidence);

/// The most kappa lets the gradient norm fall: exp(-kappa t) along the flow, (1 - eta kappa)^k
/// along gradient descent (eta kappa <= 1).
double decay_factor(const Evidence& evidence, const Record& record);

/// 1 - decay_factor^2 without cancellation.
double decay_deficit(const Evidence& evidence, const Record& record);

/// One comparison for every record after t = 0.
std::function<std::vector<Comparison>(const Evidence&)> after_start(
    std::function<Comparison(const Evidence&, const Record&)> make);

/// Rounding of a gradient norm: a mean of n terms of size sqrt(2) beta |phi'(0)| ||g||, which may
/// cancel.
double rate_rounding(const Evidence& evidence);

/// Rounding of a mean of n losses of size phi(0).
double loss_rounding(const Evidence& evidence);

}  // namespace prefdyn::theory
