#include <cmath>

#include "theory/assumptions.hpp"
#include "theory/rates.hpp"

namespace prefdyn::theory {

namespace {

/// A statement about the population, with the few roundings of its formula.
Ball stated(double value) { return {value, 16.0 * kEpsilon * std::fabs(value)}; }

/// | ||zbar|| - ||E zbar|| |
Ball deviation(const Evidence& e) {
    return abs(zbar_norm(e.means()) - stated(e.population->mean_norm));
}

Comparison at_start(const Ball& measured, const Ball& bound) {
    return {0.0, 0.0, measured, bound, Relation::kAtMost};
}

/// The C that this replicate needs in sqrt(tr S/n) + C sqrt(||S||/n) log(2/delta)^(1/alpha).
double needed_constant(const Evidence& e) {
    const PopulationFacts& p = *e.population;
    const double n = static_cast<double>(e.means().n);
    const double spread =
        std::sqrt(p.norm / n) * std::pow(std::log(2.0 / e.delta), 1.0 / p.subexponential_exponent);
    return (deviation(e).value - std::sqrt(p.trace / n)) / spread;
}

Assumption subexponential_tails() {
    return {"features are alpha-subexponential", [](const Evidence& e) -> std::string {
                return e.population->subexponential_exponent > 0.0
                           ? ""
                           : "the tails are heavier than any subexponential class";
            }};
}

}  // namespace

Claim gaussian_sample_mean() {
    return {"T5g",
            "sample mean, Gaussian",
            "| ||zbar|| - ||p_+ mu_+ - p_- mu_-|| | <= sqrt(tr S/n) + sqrt(2 ||S|| log(1/delta)/n) "
            "with "
            "probability >= 1 - delta",
            "theory.md T5g; Gaussian concentration of a Lipschitz function",
            ClaimKind::kProbabilistic,
            Scope::kReplicate,
            {known_population(), finite_covariance(), independent_samples(), gaussian_features()},
            [](const Evidence& e) -> std::vector<Comparison> {
                return {at_start(deviation(e),
                                 stated(gaussian_deviation(*e.population, e.means().n, e.delta)))};
            }};
}

Claim markov_sample_mean() {
    return {
        "T5m",
        "sample mean, finite covariance",
        "| ||zbar|| - ||p_+ mu_+ - p_- mu_-|| | <= sqrt(tr S/(n delta)) with probability >= 1 - "
        "delta",
        "theory.md T5m; Markov's inequality",
        ClaimKind::kProbabilistic,
        Scope::kReplicate,
        {known_population(), finite_covariance(), independent_samples()},
        [](const Evidence& e) -> std::vector<Comparison> {
            return {at_start(deviation(e),
                             stated(markov_deviation(*e.population, e.means().n, e.delta)))};
        }};
}

Claim subexponential_sample_mean() {
    return {
        "T5a",
        "sample mean, subexponential",
        "the smallest C with | ||zbar|| - ||E zbar|| | <= sqrt(tr S/n) + C sqrt(||S||/n) "
        "log(2/delta)^(1/alpha) in a share 1 - delta of the replicates",
        "theory.md T5a; the constant is fitted, not proved",
        ClaimKind::kFit,
        Scope::kReplicate,
        {known_population(), finite_covariance(), independent_samples(), subexponential_tails()},
        [](const Evidence& e) -> std::vector<Comparison> {
            return {at_start(needed_constant(e), e.constant.value_or(std::nan("")))};
        },
        {},
        im_li("", "its class of features, the constant fitted")};
}

Claim population_head_change() {
    return {
        "T5p",
        "head change from the population",
        "||Delta W(t)||_F <= t (beta/sqrt 2) (||p_+ mu_+ - p_- mu_-|| + sqrt(tr S/n) + "
        "sqrt(2 ||S|| log(1/delta)/n)) for all t, with probability >= 1 - delta",
        "theory.md T5p; T2 with T5g",
        ClaimKind::kProbabilistic,
        Scope::kRun,
        {has_trajectory(), starts_at_reference(), convex_loss(), full_gradient(2.0),
         known_population(), finite_covariance(), independent_samples(), gaussian_features()},
        after_start([](const Evidence& e, const Record& r) -> Comparison {
            const double rate =
                std::sqrt(2.0) * e.training.beta * std::fabs(e.training.loss.slope_at_zero) *
                (e.population->mean_norm + gaussian_deviation(*e.population, e.means().n, e.delta));
            return {r.step,
                    r.time,
                    head_change(r),
                    time_of(r) * stated(rate),
                    Relation::kAtMost,
                    {.trivial = r.time * largest_rate(e)}};
        }),
        {},
        im_li("Theorem 4.1", "our version, for Gaussian features and the Frobenius norm")};
}

}  // namespace prefdyn::theory
