#include "theory/population_dynamics.hpp"

#include <boost/numeric/odeint/integrate/integrate_times.hpp>
#include <boost/numeric/odeint/stepper/controlled_runge_kutta.hpp>
#include <boost/numeric/odeint/stepper/generation.hpp>
#include <boost/numeric/odeint/stepper/runge_kutta_dopri5.hpp>
#include <cmath>
#include <limits>

#include "sim/base/largest_eigenvalue.hpp"
#include "sim/base/normal_quadrature.hpp"
#include "theory/convergence.hpp"

namespace prefdyn::theory {

namespace {

/// Law of the margin m = 2 beta v^T z within a component.
struct MarginLaw {
    double mean, deviation;
};

MarginLaw margin_law(const MixtureComponent& c, double beta, const Vector& v) {
    const double variance = std::max(0.0, v.dot(c.covariance * v));
    return {2.0 * beta * v.dot(c.mean), 2.0 * beta * std::sqrt(variance)};
}

double positive_share(const MarginLaw& m) {
    if (m.deviation == 0.0) return m.mean > 0.0 ? 1.0 : 0.0;
    return normal_cdf(m.mean / m.deviation);
}

}  // namespace

Mixture class_components(const PopulationMoments& moments, double weight, double p_plus) {
    return {{weight * p_plus, moments.mean_plus, moments.plus.dense()},
            {weight * (1.0 - p_plus), -moments.mean_minus, moments.minus.dense()}};
}

Mixture components_of(const Population& population) {
    Mixture out;
    for (const Population::Component& c : population.components())
        out.push_back({c.weight, c.label * c.mean, c.covariance.dense()});
    return out;
}

double second_moment_norm(const Mixture& mixture) {
    Matrix m = Matrix::Zero(mixture.front().mean.size(), mixture.front().mean.size());
    for (const auto& c : mixture)
        m += c.weight * (c.covariance + c.mean * c.mean.transpose()).eval();
    return largest_eigenvalue(m);
}

Vector population_velocity(const Mixture& mixture, const MarginLoss& loss, double beta,
                           const Vector& v) {
    Vector out = Vector::Zero(v.size());
    for (const auto& c : mixture) {
        const auto [mean, deviation] = margin_law(c, beta, v);
        const NormalRule rule = rule_for(deviation);
        const double push = normal_expectation(rule, mean, deviation,
                                               [&](double m) { return -loss.derivative(m); });
        const double damping =
            normal_expectation(rule, mean, deviation, [&](double m) { return loss.curvature(m); });
        out += beta * c.weight * (push * c.mean - 2.0 * beta * damping * (c.covariance * v));
    }
    return out;
}

PopulationState population_state(const Mixture& mixture, const MarginLoss& loss, double beta,
                                 double time, const Vector& v) {
    PopulationState out{time, v, std::sqrt(2.0) * v.norm(), 0.0, 0.0, 0.0};
    for (const auto& c : mixture) {
        const MarginLaw law = margin_law(c, beta, v);
        out.loss += c.weight * normal_expectation(rule_for(law.deviation), law.mean, law.deviation,
                                                  [&](double m) { return loss.value(m); });
        out.rewards_margins += c.weight * law.mean;
        out.rewards_accuracies += c.weight * positive_share(law);
    }
    return out;
}

std::vector<PopulationState> population_dynamics(const Mixture& mixture, const MarginLoss& loss,
                                                 double beta, const std::vector<double>& times,
                                                 double tolerance) {
    namespace odeint = boost::numeric::odeint;
    using State = std::vector<double>;
    const Index d = mixture.front().mean.size();
    const auto vector = [d](const State& x) -> Vector {
        return Eigen::Map<const Vector>(x.data(), d);
    };
    const auto field = [&](const State& x, State& dxdt, double) {
        const Vector velocity = population_velocity(mixture, loss, beta, vector(x));
        std::copy(velocity.begin(), velocity.end(), dxdt.begin());
    };
    std::vector<PopulationState> out;
    const auto observe = [&](const State& x, double t) {
        out.push_back(population_state(mixture, loss, beta, t, vector(x)));
    };
    State x(static_cast<std::size_t>(d), 0.0);
    // Absolute tolerance: far below the size v has reached at the first time after 0.
    const double start = population_velocity(mixture, loss, beta, vector(x)).norm();
    const double scale = times[1] * start + std::numeric_limits<double>::min();
    auto stepper = odeint::make_controlled(1e-3 * tolerance * scale, tolerance,
                                           odeint::runge_kutta_dopri5<State>());
    odeint::integrate_times(stepper, field, x, times.begin(), times.end(), times[1], observe);
    return out;
}

Claim population_curves() {
    return {
        "T7",
        "exact population dynamics",
        "n -> infinity: v' = beta sum_c q_c ( E[sigma(-m)] nu_c - 2 beta E[sigma'(m)] Sigma_c v "
        "), m ~ N(2 beta v^T nu_c, 4 beta^2 v^T Sigma_c v); the distance of v(t), and of the "
        "curves of ||Delta W||, loss, margin and accuracy, falls like n^{-1/2}",
        "theory.md T7; Stein's lemma. zbar - E zbar ~ n^{-1/2}; what noise adds to ||zbar|| is "
        "of order 1/n",
        ClaimKind::kPrediction,
        Scope::kStudy,
        {resolved_slope()},
        convergence_comparisons};
}

}  // namespace prefdyn::theory
