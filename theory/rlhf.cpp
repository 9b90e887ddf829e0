#include "theory/rlhf.hpp"

#include <Eigen/QR>
#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>

#include "sim/base/numerics.hpp"

namespace prefdyn::theory {

namespace {

constexpr double kSolved = 1e-12;       ///< gradient norm at which a solver has converged
constexpr double kConsistent = 1e-9;    ///< preferences and classes are realised to this
constexpr double kBias = 0.01;          ///< O(1/N) of the mean gap, where it is compared
constexpr double kDeviations = 6.0;     ///< of the mean gap over samples
constexpr double kGapResolution = 0.5;  ///< what the mean gap must be known to, relative

using Reason = std::string;

Assumption needs(std::string text, std::function<Reason(const TabularFacts&)> unmet) {
    return {std::move(text), [unmet](const Evidence& e) -> Reason {
                const TabularFacts* facts = e.find<TabularFacts>();
                return facts ? unmet(*facts) : "no tabular world was solved";
            }};
}

template <class... Parts>
Reason say(const Parts&... parts) {
    std::ostringstream out;
    (out << ... << parts);
    return out.str();
}

Assumption exact_population() {
    return needs("the comparisons are the exact population", [](const TabularFacts& f) -> Reason {
        return f.population ? "" : "the comparisons are a finite sample";
    });
}

Assumption reference_has_full_support() {
    return needs("pi_ref(a | x) > 0 for every response", [](const TabularFacts& f) -> Reason {
        for (Index x = 0; x < f.reference.rows(); ++x)
            for (Index a = 0; a < f.reference.cols(); ++a)
                if (!(f.reference(x, a) > 0.0))
                    return say("the reference gives response ", a, " of prompt ", x,
                               " probability ", f.reference(x, a));
        return "";
    });
}

Assumption responses_are_compared() {
    return needs("every response beats every other, through others (Ford's condition)",
                 [](const TabularFacts& f) { return ford_unmet(f.wins); });
}

Reason not_bradley_terry(const TabularFacts& f) {
    for (std::size_t x = 0; x < f.wins.size(); ++x)
        for (Index a = 0; a < f.wins[x].rows(); ++a)
            for (Index b = 0; b < a; ++b) {
                const double all = f.wins[x](a, b) + f.wins[x](b, a);
                if (all == 0.0) continue;
                const auto r = f.reward.row(static_cast<Index>(x));
                const double p = f.wins[x](a, b) / all, want = 1.0 / (1.0 + std::exp(r(b) - r(a)));
                if (!(std::fabs(p - want) <= kConsistent))
                    return say("preferences are not Bradley-Terry in r: prompt ", x, ", P(", a,
                               " > ", b, ") = ", p, ", sigma of the reward difference is ", want);
            }
    return "";
}

Assumption bradley_terry_preferences() {
    return needs("preferences are Bradley-Terry with reward r", not_bradley_terry);
}

/// Distance of the rewards from what the class can express, up to a constant a prompt.
double unexpressed(const TabularFacts& f, const RowMatrix& reward) {
    const Index P = reward.rows(), A = reward.cols(), K = f.basis.cols();
    Matrix span = Matrix::Zero(P * A, K + P);
    span.leftCols(K) = f.basis;
    for (Index x = 0; x < P; ++x) span.block(x * A, K + x, A, 1).setOnes();
    const Vector target = Eigen::Map<const Vector>(reward.data(), reward.size());
    const Vector fit = span * span.completeOrthogonalDecomposition().solve(target);
    return (fit - target).cwiseAbs().maxCoeff();
}

Reason not_realisable(const TabularFacts& f, const RowMatrix& reward) {
    if (f.basis.size() == 0) return "";
    const double off = unexpressed(f, reward);
    if (off <= kConsistent * (1.0 + reward.cwiseAbs().maxCoeff())) return "";
    return say("the policy class does not contain pi_ref exp(r / beta) / Z: rewards are off by ",
               off);
}

Assumption realisable() {
    return needs("the policy class contains pi_ref exp(r / beta) / Z",
                 [](const TabularFacts& f) { return not_realisable(f, f.reward); });
}

Assumption fit_is_realisable() {
    return needs("the policy class contains pi_ref exp(rhat / beta) / Z",
                 [](const TabularFacts& f) -> Reason {
                     if (f.fitted_reward.size() == 0) return "no reward was fitted";
                     return not_realisable(f, f.fitted_reward);
                 });
}

Reason not_solved(const Solved& s, const char* name) {
    if (s.log_policy.size() == 0) return say(name, " was not solved");
    if (s.gradient_norm <= kSolved) return "";
    return say(name, " did not converge: gradient norm ", s.gradient_norm);
}

Assumption dpo_is_solved() {
    return needs("DPO was solved to gradient norm 1e-12",
                 [](const TabularFacts& f) { return not_solved(f.dpo, "DPO"); });
}

/// How far logits may be from the optimum. The logistic loss is generalised self-concordant (Bach
/// 2010, proposition 2): near the optimum its distance is at most twice gradient / curvature. The
/// gradient itself is a sum over all responses of terms that are at most `slope`.
double solver_error(const Solved& s, double slope) {
    const auto terms = static_cast<double>(s.log_policy.size()) + 16.0;
    double size = 1.0;
    for (const double value : s.log_policy.reshaped())
        if (std::isfinite(value)) size = std::max(size, std::fabs(value));
    return 4.0 * (s.gradient_norm + gamma_of(terms) * slope) / s.curvature + gamma_of(terms) * size;
}

/// One equality a response; step is the prompt and time the response.
std::vector<Comparison> equal(const RowMatrix& measured, const RowMatrix& bound, double error) {
    std::vector<Comparison> out;
    for (Index x = 0; x < bound.rows(); ++x)
        for (Index a = 0; a < bound.cols(); ++a)
            out.push_back({static_cast<double>(x),
                           static_cast<double>(a),
                           {measured(x, a), error},
                           bound(x, a),
                           Relation::kEqual,
                           {.scale = std::max(1.0, std::fabs(bound(x, a)))}});
    return out;
}

double rounding_of(const RowMatrix& logs) {
    const auto terms = static_cast<double>(logs.size()) + 16.0;
    return gamma_of(terms) * (1.0 + logs.cwiseAbs().maxCoeff());
}

RowMatrix optimum(const TabularFacts& f) {
    return kl_regularised_optimum(f.reference, f.reward, f.beta);
}

Assumption samples_have_optima() {
    return needs("samples were drawn and each satisfies Ford's condition",
                 [](const TabularFacts& f) -> Reason {
                     if (f.divergence.error.empty()) return "no samples were drawn";
                     if (f.without_optimum == 0) return "";
                     return say(f.without_optimum, " samples have no optimum; one of ",
                                f.divergence.size.front(), " has none with probability at most ",
                                ford_failure(f.wins, f.divergence.size.front()).most);
                 });
}

/// A check of convergence, on one of the two errors.
Evidence watching(const Evidence& e, Convergence TabularFacts::*error) {
    Evidence out = e;
    out.of = ConvergenceCase(&(e.get<TabularFacts>().*error));
    return out;
}

Assumption slopes_are_resolved() {
    return {"both slopes are known well enough to tell 1/2 from 1", [](const Evidence& e) {
                Reason reason = resolved_slope().unmet(watching(e, &TabularFacts::divergence));
                if (reason.empty())
                    reason = resolved_slope().unmet(watching(e, &TabularFacts::log_error));
                return reason;
            }};
}

/// Mean of N KL over the samples with N at least ten times the smallest, and how many they are.
std::pair<double, double> mean_scaled_gap(const Convergence& c) {
    double sum = 0.0, count = 0.0;
    for (const auto& row : c.error)
        for (std::size_t k = 0; k < row.size(); ++k)
            if (c.size[k] >= 10.0 * c.size.front()) {
                sum += c.size[k] * row[k];
                count += 1.0;
            }
    return {sum / count, count};
}

}  // namespace

Claim population_dpo_is_rlhf() {
    return {"T10a",
            "population DPO is RLHF",
            "the minimiser of the population DPO loss is pi_ref exp(r / beta) / Z, the optimum of "
            "E r - beta KL(pi || pi_ref)",
            "theory.md T10; DPO is the Bradley-Terry likelihood of beta log(pi / pi_ref)",
            ClaimKind::kRigorous,
            Scope::kStudy,
            {exact_population(), reference_has_full_support(), responses_are_compared(),
             bradley_terry_preferences(), realisable(), dpo_is_solved()},
            [](const Evidence& e) {
                const TabularFacts& f = e.get<TabularFacts>();
                return equal(f.dpo.log_policy, optimum(f), solver_error(f.dpo, f.beta));
            },
            {},
            rafailov("Equation 4", "the optimum that DPO shares, on the exact population")};
}

namespace {

/// sum_x w_x sum_a (pi - pi_ref) value, pi known to `error` in its logarithm.
Ball gained(const TabularFacts& f, const RowMatrix& value, double error) {
    const RowMatrix pi = f.dpo.log_policy.array().exp();
    const RowMatrix size = value.cwiseAbs();
    const double terms = static_cast<double>(pi.size()) + 16.0;
    const double sum = f.weight.dot(((pi - f.reference).cwiseProduct(value)).rowwise().sum());
    const double moved = f.weight.dot(pi.cwiseProduct(size).rowwise().sum()),
                 whole = moved + f.weight.dot(f.reference.cwiseProduct(size).rowwise().sum());
    return {sum, std::expm1(2.0 * error) * moved + gamma_of(terms) * whole};
}

}  // namespace

Claim reward_is_divergence() {
    return {"T20",
            "the reward that a policy gains",
            "E_pi* r - E_ref r = beta (KL(pi* || ref) + KL(ref || pi*)), pi* the minimiser of the "
            "population DPO loss",
            "theory.md T20; r = beta log(pi* / ref) + c(x)",
            ClaimKind::kRigorous,
            Scope::kStudy,
            {exact_population(), reference_has_full_support(), responses_are_compared(),
             bradley_terry_preferences(), realisable(), dpo_is_solved()},
            [](const Evidence& e) -> std::vector<Comparison> {
                const TabularFacts& f = e.get<TabularFacts>();
                const RowMatrix ratio = f.dpo.log_policy.array() - f.reference.array().log();
                const double error = solver_error(f.dpo, f.beta);
                const RowMatrix pi = f.dpo.log_policy.array().exp();
                const double apart = f.weight.dot((pi - f.reference).cwiseAbs().rowwise().sum());
                return {{0.0, 0.0, gained(f, f.reward, error),
                         Ball(f.beta) * gained(f, ratio, error).widened(2.0 * error * apart),
                         Relation::kEqual}};
            },
            {},
            {"Jeffreys identity of KL-regularised optima", "arXiv 2605.07105", "",
             "as stated there; the proof is one line"}};
}

Claim sample_dpo_is_rlhf() {
    return {"T10b",
            "DPO is RLHF, on every sample",
            "on any comparisons with Ford's condition, whatever they were drawn from, DPO's "
            "minimiser is RLHF's policy pi_ref exp(rhat / beta) / Z with the maximum-likelihood "
            "rhat",
            "theory.md T10; both maximise the same Bradley-Terry likelihood",
            ClaimKind::kRigorous,
            Scope::kStudy,
            {reference_has_full_support(), responses_are_compared(), fit_is_realisable(),
             dpo_is_solved(),
             needs("RLHF was solved to gradient norm 1e-12",
                   [](const TabularFacts& f) { return not_solved(f.rlhf, "the reward fit"); })},
            [](const Evidence& e) {
                const TabularFacts& f = e.get<TabularFacts>();
                const double fit = solver_error(f.rlhf, 1.0) / f.beta;
                return equal(f.dpo.log_policy, f.rlhf.log_policy,
                             solver_error(f.dpo, f.beta) + fit);
            },
            {.cases = StudyCases::kEachSample}};
}

Claim gap_falls_with_samples() {
    return {
        "T10c",
        "gap falls with samples",
        "KL(pi* || pihat_N) falls as N^-1 and max |log pi* - log pihat_N| as N^-1/2 in the "
        "number N of comparisons, given Ford's condition, whose probability goes to 1",
        "theory.md T10; asymptotic normality of the maximum-likelihood reward, KL is quadratic",
        ClaimKind::kPrediction,
        Scope::kStudy,
        {exact_population(), reference_has_full_support(), responses_are_compared(),
         bradley_terry_preferences(), realisable(), samples_have_optima(), slopes_are_resolved()},
        [](const Evidence& e) {
            auto out = convergence_comparisons(watching(e, &TabularFacts::divergence));
            for (const Comparison& c :
                 convergence_comparisons(watching(e, &TabularFacts::log_error)))
                out.push_back(c);
            return out;
        },
        {.cases = StudyCases::kGrowingSizes}};
}

Claim policy_gradient_is_closed_form() {
    return {
        "T10d",
        "policy gradient reaches it",
        "|log pi - log(pi_ref exp(r / beta) / Z)| <= 2 max |d| / beta wherever policy gradient "
        "stops, d its natural gradient in the logits: q - E_pi q, q = r - beta log(pi / pi_ref)",
        "theory.md T10; d vanishes only where log(pi / pi_ref) is r / beta + const",
        ClaimKind::kRigorous,
        Scope::kStudy,
        {reference_has_full_support(), realisable(),
         needs("policy gradient converged: no entry of d is above 1e-11 of the reward",
               [](const TabularFacts& f) -> Reason {
                   if (f.ascent.size() == 0) return "no policy gradient was run";
                   const double scale = std::max(f.reward.cwiseAbs().maxCoeff(), f.beta);
                   return f.ascent_residual <= 1e-11 * scale
                              ? ""
                              : say("policy gradient stopped at a gradient of ", f.ascent_residual);
               })},
        [](const Evidence& e) {
            const TabularFacts& f = e.get<TabularFacts>();
            return equal(f.ascent, optimum(f),
                         2.0 * f.ascent_residual / f.beta + rounding_of(f.ascent));
        },
        {.cases = StudyCases::kUnbroken}};
}

Claim gap_constant() {
    return {
        "T10e",
        "gap constant",
        "N E KL(pi* || pihat_N) -> tr(F I^+) / (2 beta^2), given that the sample satisfies Ford's "
        "condition (else pihat_N does not exist; its probability goes to 1), F the Fisher "
        "matrix of pi*, I that of one comparison; known to 1 % and 6 standard errors",
        "theory.md T10; delta method on the maximum-likelihood reward",
        ClaimKind::kPrediction,
        Scope::kStudy,
        {exact_population(), reference_has_full_support(), responses_are_compared(),
         bradley_terry_preferences(), realisable(), samples_have_optima()},
        [](const Evidence& e) -> std::vector<Comparison> {
            const GapLaw law = gap_law(e.get<TabularFacts>());
            const auto [mean, count] = mean_scaled_gap(e.get<TabularFacts>().divergence);
            const double off = kBias * law.mean + kDeviations * law.deviation / std::sqrt(count);
            const double size = e.get<TabularFacts>().divergence.size.back();
            return {{size,
                     0.0,
                     {mean, off},
                     law.mean,
                     Relation::kEqual,
                     {.resolution = kGapResolution}}};
        },
        {.cases = StudyCases::kGrowingSizes}};
}

}  // namespace prefdyn::theory
