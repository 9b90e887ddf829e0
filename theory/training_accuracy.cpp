// Accuracy on the training set (theory.md T6a, T6b), for any convex loss that falls at 0.
#include <boost/math/tools/minima.hpp>
#include <cmath>

#include "theory/assumptions.hpp"
#include "theory/rates.hpp"

namespace prefdyn::theory {

namespace {

Assumption loss_falls_at_zero() {
    return {"phi'(0) < 0", [](const Evidence& e) -> std::string {
                return e.training.loss.slope_at_zero < 0.0 ? "" : "the loss does not fall at 0";
            }};
}

/// By convexity phi(m) >= phi(0) + phi'(0) m >= phi(0) wherever m <= 0.
Assumption loss_counts_errors() {
    return {"phi is convex, phi'(0) < 0 and inf phi is finite",
            [](const Evidence& e) -> std::string {
                const LossFacts& loss = e.training.loss;
                if (loss.form != LossForm::kMargin) return "L is not a mean of phi(m_i)";
                if (!loss.convex) return "the loss is not convex";
                if (!(loss.slope_at_zero < 0.0)) return "the loss does not fall at 0";
                return std::isfinite(loss.infimum) ? "" : "the loss is not bounded below";
            }};
}

Assumption loss_is_known() {
    return {"phi itself is known", [](const Evidence& e) -> std::string {
                return e.training.phi ? "" : "only the constants of the loss are known";
            }};
}

/// How far a cosine must clear the threshold so that a margin m_i > 0 is measured as such. Relative
/// to 2 beta t ||v'(0)|| ||z_i|| a measured margin errs by `rounding` (trainer, dot product), by
/// the rounding of v'(0) where zbar cancels, and zbar itself was rounded once more for the cosine.
double cosine_guard(const Evidence& e) {
    return 2.0 * (e.training.rounding + rate_rounding(e) / initial_rate(e));
}

/// kappa times this, halved, bounds || v(t) - t v'(0) || / || t v'(0) ||: t along the flow, t - eta
/// along gradient descent, because || v_k - k eta v'(0) || <= sum_{j<k} eta kappa j eta || v'(0)
/// ||.
double curved_time(const Evidence& e, const Record& r) {
    if (e.training.dynamics == Dynamics::kGradientFlow) return r.time;
    return std::max(0.0, r.time - e.training.eta);
}

/// Share of prompts whose cosine is beyond `threshold`; false for NaN.
double share_beyond(const Vector& cosine, double threshold) {
    Index count = 0;
    for (const double c : cosine) count += c > threshold ? 1 : 0;
    return static_cast<double>(count) / static_cast<double>(cosine.size());
}

/// 1 - (loss - inf phi) / (phi(0) - inf phi), or 0 where that is negative and says nothing.
double guaranteed_accuracy(const LossFacts& facts, double loss) {
    const double error = (loss - facts.infimum) / (facts.value_at_zero - facts.infimum);
    return std::max(0.0, 1.0 - error);
}

double accuracy_rounding(const Evidence& e) {
    const LossFacts& facts = e.training.loss;
    return loss_rounding(e) / (facts.value_at_zero - facts.infimum);
}

/// The accuracy at a record against what a loss of at most `loss` guarantees.
Comparison accuracy_at_least(const Evidence& e, const Record& r, double loss) {
    return {r.step,
            r.time,
            r.train.rewards_accuracies,
            guaranteed_accuracy(e.training.loss, loss),
            Relation::kAtLeast,
            accuracy_rounding(e)};
}

/// (1/n) sum_i phi(2 beta r w^T z_i) + r^2 / t, w = zbar / ||zbar||.
double comparator_loss(const Evidence& e, double r, double t) {
    double sum = 0.0;
    for (const double p : e.statistics().projection)
        sum += e.training.phi->value(2.0 * e.training.beta * r * p);
    return sum / static_cast<double>(e.statistics().n) + r * r / t;
}

/// Its minimum over r >= 0. Every r gives a bound, so the search may be rough: 12 bits of r leave
/// the minimum of this smooth convex function 2^-24 too high.
double best_comparator_loss(const Evidence& e, double t) {
    const LossFacts& facts = e.training.loss;
    // Beyond this r the second term alone exceeds the value at r = 0.
    const double longest = std::sqrt(t * (facts.value_at_zero - facts.infimum));
    std::uintmax_t iterations = 30;
    const auto best = boost::math::tools::brent_find_minima(
        [&](double r) { return comparator_loss(e, r, t); }, 0.0, longest, 12, iterations);
    return std::min(best.second, facts.value_at_zero);
}

}  // namespace

Claim early_accuracy() {
    return {"T6a",
            "accuracy at early times",
            "for t < 2 / kappa, reward accuracy A(t) >= share of i with cos(z_i, zbar) > kappa t / "
            "2; gradient descent: > kappa (t - eta) / 2",
            "theory.md T6a; T3c and Cauchy-Schwarz on m_i = 2 beta v^T z_i",
            ClaimKind::kRigorous,
            Scope::kRun,
            {has_trajectory(), starts_at_reference(), convex_loss(), loss_falls_at_zero(),
             full_gradient(2.0)},
            [](const Evidence& e) {
                std::vector<Comparison> out;
                for (const Record& r : e.trajectory().records) {
                    const double threshold = 0.5 * smoothness(e) * curved_time(e, r);
                    if (!(r.time > 0.0) || threshold >= 1.0) continue;
                    const double share =
                        share_beyond(e.statistics().cosine,
                                     threshold * (1.0 + e.training.rounding) + cosine_guard(e));
                    out.push_back(
                        {r.step, r.time, r.train.rewards_accuracies, share, Relation::kAtLeast});
                }
                return out;
            }};
}

Claim accuracy_from_loss() {
    return {
        "T6b",
        "accuracy from the loss",
        "A(t) >= 1 - L(t) / log 2, for any trainer; other losses: 1 - (L(t) - inf phi) / (phi(0) "
        "- inf phi); 0 where this says nothing",
        "theory.md T6b; phi(m) >= phi(0) wherever m <= 0",
        ClaimKind::kRigorous,
        Scope::kRun,
        {has_trajectory(), loss_counts_errors()},
        after_start([](const Evidence& e, const Record& r) {
            return accuracy_at_least(e, r, r.train.loss);
        })};
}

Claim accuracy_from_comparator() {
    return {"T6e",
            "accuracy from projections",
            "A(t) >= 1 - (1 / log 2) min_{r >= 0} [ (1/n) sum phi(2 beta r w^T z_i) + r^2 / t ], "
            "w = zbar / ||zbar||: no trained quantity on the right; other losses as in T6b",
            "theory.md T6e; t (L(t) - L(U)) <= ||U - W_0||_F^2 / 2 = r^2 for U - W_0 = "
            "(e_Y - e_N) r w^T, and the same for gradient descent with eta <= 1 / kappa",
            ClaimKind::kRigorous,
            Scope::kRun,
            {has_trajectory(), starts_at_reference(), loss_counts_errors(), loss_is_known(),
             full_gradient(1.0)},
            after_start([](const Evidence& e, const Record& r) {
                return accuracy_at_least(e, r, best_comparator_loss(e, r.time));
            })};
}

}  // namespace prefdyn::theory
