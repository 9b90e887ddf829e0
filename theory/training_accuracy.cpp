// Accuracy on the training set from projections alone (theory.md T6e), for any convex loss that
// falls at 0.
#include <algorithm>
#include <boost/math/tools/toms748_solve.hpp>
#include <cmath>

#include "theory/assumptions.hpp"
#include "theory/rates.hpp"

namespace prefdyn::theory {

namespace {

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

/// 1 - (loss - inf phi) / (phi(0) - inf phi).
Ball guaranteed_accuracy(const LossFacts& facts, const Ball& loss) {
    const Ball start = {facts.value_at_zero, 2.0 * kEpsilon * std::fabs(facts.value_at_zero)};
    const Ball floor = {facts.infimum, 2.0 * kEpsilon * std::fabs(facts.infimum)};
    return Ball(1.0) - (loss - floor) / (start - floor);
}

/// An accuracy against what a loss of at most `loss` guarantees.
Comparison accuracy_at_least(const Evidence& e, const Record& r, const Ball& accuracy,
                             const Ball& loss) {
    return {r.step,
            r.time,
            accuracy,
            guaranteed_accuracy(e.training.loss, loss),
            Relation::kAtLeast,
            {.trivial = 0.0}};
}

/// f(r) = (1/n) sum_i phi(2 beta r w^T z_i) + r^2 / t, w = zbar / ||zbar||.
class ComparatorLoss {
  public:
    ComparatorLoss(const Evidence& e, double t)
        : e_(e), t_(t), margin_(e.statistics().projection.size()), term_(margin_.size()) {}

    double value(double r) {
        place(r);
        e_.training.phi->values(margin_.data(), margin_.size(), term_.data());
        CompensatedSum sum;
        for (const double term : term_) sum += term;
        return sum.value() / n() + r * r / t_;
    }
    double slope(double r) {
        place(r);
        e_.training.phi->derivatives(margin_.data(), margin_.size(), term_.data());
        return 2.0 * e_.training.beta * term_.dot(e_.statistics().projection) / n() + 2.0 * r / t_;
    }
    /// Where f' would be 0 if phi bent as much as it can everywhere: not beyond where it is.
    double least_length() const {
        const LossFacts& facts = e_.training.loss;
        const double unit = 2.0 * e_.training.beta;
        const Vector& p = e_.statistics().projection;
        return -unit * facts.slope_at_zero * p.mean() /
               (unit * unit * facts.curvature_max * p.squaredNorm() / n() + 2.0 / t_);
    }

  private:
    void place(double r) { margin_ = (2.0 * e_.training.beta * r) * e_.statistics().projection; }
    double n() const { return static_cast<double>(margin_.size()); }

    const Evidence& e_;
    double t_;
    Vector margin_, term_;
};

/// The error of f(r): a margin errs as its projection does, phi by its slope and by
/// its own rounding (kLossRoundings).
double comparator_error(const Evidence& e, double r, double t, double value) {
    const LossFacts& facts = e.training.loss;
    const double size = std::sqrt(e.statistics().mean_square),
                 reach = 2.0 * e.training.beta * r * size;
    const double slope =
        std::min(facts.slope_max, std::fabs(facts.slope_at_zero) + facts.curvature_max * reach);
    return slope * reach * (cosine_error(e) + 4.0 * kEpsilon) +
           kEpsilon * (16.0 * (std::fabs(value) + slope * reach + std::fabs(facts.value_at_zero)) +
                       4.0 * r * r / t);
}

/// The value at r = 0.
Ball unmoved(const LossFacts& facts) {
    return {facts.value_at_zero, 2.0 * kEpsilon * std::fabs(facts.value_at_zero)};
}

Ball accuracy(const Record& r, const ShareError& error) {
    const double shift = 0.5 * (error.above - error.below);
    return {r.train.rewards_accuracies + shift, 0.5 * (error.above + error.below)};
}

}  // namespace

/// Every r gives a bound, so the search may be rough: 12 bits of r. f is convex where phi is, so
/// the sign of f' says on which side of the minimum r lies.
double comparator_length(const Evidence& e, double t) {
    const LossFacts& facts = e.training.loss;
    // Beyond `longest` the second term alone exceeds the value at r = 0; far below `shortest` every
    // margin is too small for phi to bend or fall.
    const double longest = std::sqrt(t * (facts.value_at_zero - facts.infimum));
    const double widest = e.statistics().projection.cwiseAbs().maxCoeff();
    double shortest = std::min(longest, 1.0 / (2.0 * e.training.beta * widest)) * 1e-6;
    if (!(shortest > 0.0) || !std::isfinite(longest)) return 0.0;
    ComparatorLoss f(e, t);
    // A little less than it: the bracket has to hold the minimum in spite of rounding.
    if (const double least = 0.999 * f.least_length(); least > shortest && least < longest)
        shortest = least;
    const auto slope = [&](double x) { return f.slope(std::exp(x)); };
    const double low = std::log(shortest), high = std::log(longest);
    const double at_low = slope(low), at_high = slope(high);
    if (!(at_low < 0.0)) return shortest;
    if (!(at_high > 0.0)) return longest;
    std::uintmax_t iterations = 40;
    const auto close = [](double a, double b) { return b - a <= 0x1p-12; };
    const auto [from, to] =
        boost::math::tools::toms748_solve(slope, low, high, at_low, at_high, close, iterations);
    return std::exp(0.5 * (from + to));
}

/// The minimum over r > 0, or what is known at 0.
Ball comparator_loss(const Evidence& e, double t) {
    const double r = comparator_length(e, t);
    const Ball nothing = unmoved(e.training.loss);
    if (r == 0.0) return nothing;
    const double value = ComparatorLoss(e, t).value(r);
    return min({value, comparator_error(e, r, t, value)}, nothing);
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
                return accuracy_at_least(e, r, accuracy(r, r.error.path_accuracy),
                                         comparator_loss(e, r.time));
            })};
}

}  // namespace prefdyn::theory
