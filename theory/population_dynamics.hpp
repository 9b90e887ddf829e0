#pragma once
// Gradient flow on the population loss of a Gaussian mixture (theory.md T7): by Stein's lemma a
// closed equation for v(t), its coefficients one-dimensional integrals.

#include <vector>

#include "sim/data/distribution.hpp"
#include "sim/data/population.hpp"
#include "sim/loss/loss.hpp"

namespace prefdyn::theory {

/// Component c of the law of z = s g: weight q_c, N(nu_c, Sigma_c). A class of a behaviour with
/// features N(mu, Sigma) and label s has nu = s mu.
struct MixtureComponent {
    double weight;
    Vector mean;        ///< nu_c (d)
    Matrix covariance;  ///< Sigma_c (d, d)
};
using Mixture = std::vector<MixtureComponent>;

/// The two components of one behaviour whose share of the population is `weight`.
Mixture class_components(const PopulationMoments& moments, double weight, double p_plus);

/// The components of a population of the user's own.
Mixture components_of(const Population& population);

/// M = sum_c q_c (Sigma_c + nu_c nu_c^T), largest eigenvalue.
double second_moment_norm(const Mixture& mixture);

/// The population at time t: Delta W = (e_Y - e_N) v^T.
struct PopulationState {
    double time;
    Vector v;                   ///< (d)
    double head_change;         ///< ||Delta W||_F = sqrt(2) ||v||
    double loss;                ///< E phi(m)
    double rewards_margins;     ///< E m
    double rewards_accuracies;  ///< P(m > 0)
};

/// v' = beta sum_c q_c ( E[-phi'(m)] nu_c - 2 beta E[phi''(m)] Sigma_c v ),
/// m ~ N(2 beta v^T nu_c, 4 beta^2 v^T Sigma_c v).
Vector population_velocity(const Mixture& mixture, const MarginLoss& loss, double beta,
                           const Vector& v);

PopulationState population_state(const Mixture& mixture, const MarginLoss& loss, double beta,
                                 double time, const Vector& v);

/// Integrates from v = 0 by Dormand-Prince 5(4) and reports at `times`, increasing from 0.
/// `tolerance` is the relative local error.
std::vector<PopulationState> population_dynamics(const Mixture& mixture, const MarginLoss& loss,
                                                 double beta, const std::vector<double>& times,
                                                 double tolerance = 1e-10);

}  // namespace prefdyn::theory
