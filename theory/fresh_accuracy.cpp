#include "theory/fresh_accuracy.hpp"

#include <cmath>

#include "sim/base/numerics.hpp"
#include "theory/convergence.hpp"

namespace prefdyn::theory {

namespace {

/// v^T Sigma v.
double quadratic_form(const Covariance& sigma, const Vector& v) {
    const Vector in_basis = sigma.basis.size() == 0 ? v : Vector(sigma.basis.transpose() * v);
    return sigma.eigenvalues.dot(in_basis.cwiseAbs2());
}

constexpr double kAccuracyResolution = 0.2;  ///< what accuracies must be known to, relative

double noise_to_signal(const IsotropicLimit& l) {
    const double ratio = 2.0 * l.sigma / l.distinguishability;
    return l.aspect * ratio * ratio;
}

double limiting_argument(const IsotropicLimit& l) {
    return l.distinguishability / (2.0 * l.sigma) / std::sqrt(1.0 + noise_to_signal(l));
}

/// Bernstein's inequality for a mean of independent indicators: beyond 6 standard deviations plus
/// 6 / n with probability 2 exp(-18) = 3e-8 at most.
double sampling_error(double n, double variance) { return (6.0 * std::sqrt(variance) + 6.0) / n; }

/// Of fresh samples: how many are right, in mean and variance.
struct RightCount {
    double samples = 0.0, mean = 0.0, variance = 0.0;
};

RightCount right_count(const FreshAccuracy& f, const Vector& v) {
    RightCount out;
    for (const FreshPart& part : f.parts) {
        const double n = static_cast<double>(part.samples), p = part_accuracy(part, v);
        out.samples += n;
        out.mean += n * p;
        out.variance += n * p * (1.0 - p);
    }
    return out;
}

Assumption has_fresh_samples() {
    return {"accuracy was measured on fresh samples", [](const Evidence& e) -> std::string {
                return e.find<FreshAccuracy>() ? "" : "nothing was measured on fresh samples";
            }};
}

Assumption fresh_gaussian() {
    return {"fresh features are Gaussian within each class", [](const Evidence& e) -> std::string {
                return e.get<FreshAccuracy>().gaussian ? "" : "the features are not Gaussian";
            }};
}

Assumption one_update() {
    return {"one full-batch update was made, so that v is parallel to zbar",
            [](const Evidence& e) -> std::string {
                const bool full = e.training.dynamics == Dynamics::kGradientDescent;
                return full && e.get<FreshAccuracy>().updates == 1.0
                           ? ""
                           : "v need not be parallel to zbar";
            }};
}

}  // namespace

double part_accuracy(const FreshPart& part, const Vector& v) {
    return normal_cdf(v.dot(part.mean) / std::sqrt(quadratic_form(part.covariance, v)));
}

double class_accuracy(const PopulationMoments& moments, int y, const Vector& v) {
    return y > 0 ? part_accuracy({0, moments.mean_plus, moments.plus}, v)
                 : part_accuracy({0, -moments.mean_minus, moments.minus}, v);
}

double gaussian_accuracy(const PopulationMoments& moments, double p_plus, const Vector& v) {
    return p_plus * class_accuracy(moments, +1, v) +
           (1.0 - p_plus) * class_accuracy(moments, -1, v);
}

double limiting_accuracy(const IsotropicLimit& limit) {
    return normal_cdf(limiting_argument(limit));
}

double accuracy_fluctuation(const IsotropicLimit& l, Index n) {
    const double samples = static_cast<double>(n), q = noise_to_signal(l);
    const double a = limiting_argument(l), ratio = 2.0 * l.sigma / l.distinguishability;
    const double relative = std::sqrt(2.0 / (l.aspect * samples) + 4.0 * ratio * ratio / samples);
    const double density = std::exp(-0.5 * a * a) / std::sqrt(2.0 * std::acos(-1.0));
    return density * 0.5 * a * q / (1.0 + q) * relative;
}

Claim fresh_accuracy() {
    return {"T6c",
            "fresh data after one update",
            "test accuracy = sum_y p_y Phi( zbar^T (y mu_y) / sqrt(zbar^T Sigma_y zbar) ) given "
            "zbar, within 6 standard deviations + 6 / n of the n fresh samples (Bernstein)",
            "theory.md T6c; v is parallel to zbar, so margins are Gaussian within each class",
            ClaimKind::kPrediction,
            Scope::kStudy,
            {has_fresh_samples(), fresh_gaussian(), one_update()},
            [](const Evidence& e) -> std::vector<Comparison> {
                const FreshAccuracy& f = e.get<FreshAccuracy>();
                const RightCount right = right_count(f, e.means().zbar);
                return {{f.updates,
                         f.updates * e.training.eta,
                         {f.accuracy, sampling_error(right.samples, right.variance)},
                         right.mean / right.samples,
                         Relation::kEqual,
                         {.resolution = kAccuracyResolution}}};
            }};
}

Claim high_dimensional_accuracy() {
    return {
        "T6d",
        "fresh data in high dimension",
        "n, d -> infinity with d / n fixed, isotropic, balanced, no common mean: accuracy given "
        "zbar -> Phi( (D / 2 sigma) / sqrt(1 + 4 d sigma^2 / (n D^2)) ), error ~ n^{-1/2}",
        "theory.md T6d; ||zbar||^2 concentrates at D^2 / 4 + sigma^2 d / n with "
        "relative fluctuations n^{-1/2}",
        ClaimKind::kPrediction,
        Scope::kStudy,
        {resolved_slope()},
        convergence_comparisons,
        {.cases = StudyCases::kGrowingSizes}};
}

}  // namespace prefdyn::theory
