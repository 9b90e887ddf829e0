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

Assumption exponential_moments() {
    return {"alpha >= 1: E ||x - E x||^m <= (m!/2) tr Sigma L^(m - 2)",
            [](const Evidence& e) -> std::string {
                return std::isfinite(e.population->bernstein_length)
                           ? ""
                           : "the tails have no exponential moments (alpha < 1)";
            }};
}

Origin pinelis_sakhanenko() {
    return {
        "Pinelis & Sakhanenko, Remarks on inequalities for large deviation probabilities; "
        "Caponnetto & De Vito, Optimal rates for the regularized least-squares algorithm",
        "Theory Probab. Appl. 1985; Found. Comput. Math. 2007", "Proposition 2 there",
        "the inequality before its last step, which is sharper than what is printed"};
}

/// T2 with a bound on the sample mean that holds with probability 1 - delta.
std::function<std::vector<Comparison>(const Evidence&)> head_change_from(
    double (*of_mean)(const PopulationFacts&, Index, double)) {
    return after_start([of_mean](const Evidence& e, const Record& r) -> Comparison {
        const double rate =
            std::sqrt(2.0) * e.training.beta * std::fabs(e.training.loss.slope_at_zero) *
            (e.population->mean_norm + of_mean(*e.population, e.means().n, e.delta));
        return {r.step,
                r.time,
                head_change(r),
                time_of(r) * stated(rate),
                Relation::kAtMost,
                {.trivial = r.time * largest_rate(e)}};
    });
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

Claim exponential_moments_sample_mean() {
    return {"T5b",
            "sample mean, exponential tails",
            "| ||zbar|| - ||p_+ mu_+ - p_- mu_-|| | <= r, n r^2 / (2 (tr S + r L)) = log(2/delta), "
            "with probability >= 1 - delta; L = max sqrt(tr Sigma_y) E|x|^3 / 3 of a coordinate x "
            "with variance 1",
            "theory.md T5b; Bernstein's inequality in Hilbert space, the moments those of the law",
            ClaimKind::kProbabilistic,
            Scope::kReplicate,
            {known_population(), finite_covariance(), independent_samples(), exponential_moments()},
            [](const Evidence& e) -> std::vector<Comparison> {
                return {at_start(deviation(e), stated(subexponential_deviation(
                                                   *e.population, e.means().n, e.delta)))};
            },
            {},
            pinelis_sakhanenko()};
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
    return {"T5p",
            "head change from the population",
            "||Delta W(t)||_F <= t (beta/sqrt 2) (||p_+ mu_+ - p_- mu_-|| + sqrt(tr S/n) + "
            "sqrt(2 ||S|| log(1/delta)/n)) for all t, with probability >= 1 - delta",
            "theory.md T5p; T2 with T5g",
            ClaimKind::kProbabilistic,
            Scope::kRun,
            {has_trajectory(), starts_at_reference(), convex_loss(), full_gradient(2.0),
             known_population(), finite_covariance(), independent_samples(), gaussian_features()},
            head_change_from(gaussian_deviation),
            {},
            im_li("Theorem 4.1", "our version, for Gaussian features and the Frobenius norm")};
}

Claim population_head_change_with_tails() {
    return {"T5bp",
            "head change, exponential tails",
            "||Delta W(t)||_F <= t (beta/sqrt 2) (||p_+ mu_+ - p_- mu_-|| + r) for all t, r of "
            "T5b, with "
            "probability >= 1 - delta",
            "theory.md T5b; T2 with T5b",
            ClaimKind::kProbabilistic,
            Scope::kRun,
            {has_trajectory(), starts_at_reference(), convex_loss(), full_gradient(2.0),
             known_population(), finite_covariance(), independent_samples(), exponential_moments()},
            head_change_from(subexponential_deviation),
            {},
            im_li("Theorem 4.1",
                  "our version, for its class of features with alpha >= 1, the Frobenius norm")};
}

}  // namespace prefdyn::theory
