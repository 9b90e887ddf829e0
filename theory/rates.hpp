#pragma once
// The constants of theory.md T1 to T4, for any loss of the margin (T11), and what was measured of
// a run, each with its error.

#include "sim/base/ball.hpp"
#include "theory/claim.hpp"

namespace prefdyn::theory {

/// ||zbar|| and lambda_max(M) with the roundings of theory/statistics.cpp.
Ball zbar_norm(const MeanStatistics& statistics);
Ball lambda_max(const DatasetStatistics& statistics);

/// R(0) = sqrt(2) beta |phi'(0)| ||zbar||; for the DPO loss (beta / sqrt 2) ||zbar||.
Ball initial_rate(const Evidence& evidence);

/// Smoothness of L in Frobenius norm: kappa = 2 beta^2 sup(phi'') lambda_max(M); for the DPO loss
/// (beta^2 / 2) lambda_max(M). Infinite for a kink, NaN for a loss that is no function of the
/// margin.
double smoothness(double beta, double curvature_max, double lambda_max);
Ball smoothness(const Evidence& evidence);

/// t, and eta kappa.
Ball time_of(const Record& record);
Ball step_curvature(const Evidence& evidence);

/// The most kappa lets the gradient norm fall: exp(-kappa t) along the flow, (1 - eta kappa)^k
/// along gradient descent (eta kappa <= 1).
Ball decay_factor(const Evidence& evidence, const Record& record);

/// (1 - decay_factor^2) / (2 kappa) without cancellation; t where kappa = 0.
Ball decayed_time(const Evidence& evidence, const Record& record);

/// kappa times this, halved, bounds || v(t) - t v'(0) || / || t v'(0) ||: t along the flow, t - eta
/// along gradient descent, because || v_k - k eta v'(0) || <= sum_{j<k} eta kappa j eta || v'(0)
/// ||.
Ball curved_time(const Evidence& evidence, const Record& record);

/// T3e: max over s of (1 - e^{-2 kappa s}) / (2 kappa) + (t - s) / (1 + 2 kappa (t - s)) along the
/// flow; for gradient descent with eta kappa <= 1 the same with (1 - eta kappa)^{2 j} and c eta m
/// for t - s, c = 1 - eta kappa / 2, j + m steps in all. Any s gives a bound.
Ball held_time(const Evidence& evidence, const Record& record);

/// The m of so many steps of gradient descent, kappa > 0.
double steps_held(double kappa, double eta, double steps);

/// Of a cosine with zbar, or of a projection on it relative to ||z_i||: zbar's direction and a dot
/// product of d numbers.
double cosine_error(const Evidence& evidence);

/// One comparison for every record after t = 0.
std::function<std::vector<Comparison>(const Evidence&)> after_start(
    std::function<Comparison(const Evidence&, const Record&)> make);

/// What the exact training would have had at the record, L smooth: the recorded number, its error,
/// and what the errors of the steps so far make of it. An update off by e moves a gradient by
/// kappa ||e||, and with it each inequality between two steps.
Ball update_rate(const Evidence& evidence, const Record& record);
Ball head_change(const Record& record);       ///< L convex, eta kappa <= 2
Ball linear_remainder(const Record& record);  ///< L convex, eta kappa <= 2
Ball loss(const Evidence& evidence, const Record& record);
Ball loss_drop(const Evidence& evidence, const Record& record);  ///< L(0) - L(t)

/// Of an exact training whose head is this far, ||.||_F, from the one that was measured.
Ball rate_moved(const Evidence& evidence, const Record& record, double drift);
Ball loss_moved(const Evidence& evidence, const Record& record, double drift);

/// Of the head as it was measured, however it was trained.
Ball measured_loss(const Record& record);
Ball measured_rate(const Record& record);
/// Of an exact training that was at the head measured `before`.
Ball rate_since(const Evidence& evidence, const Record& before, const Record& record);

/// What a bound that is a multiple of R(0) must beat: `trivial`, or anything where R(0) cannot be
/// told from zero, so that nothing moves.
double unless_at_rest(const Evidence& evidence, Relation relation, double trivial);

/// T6e: an r that all but minimises (1/n) sum phi(2 beta r w . z_i) + r^2 / t; 0 where nothing is
/// gained.
double comparator_length(const Evidence& evidence, double t);

/// T6e: its value there.
Ball comparator_loss(const Evidence& evidence, double t);

/// sqrt(2) beta sup |phi'| mean ||g||, which no rate exceeds; infinite where phi' has no bound.
double largest_rate(const Evidence& evidence);

}  // namespace prefdyn::theory
