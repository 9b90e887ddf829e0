#include "theory/minibatch.hpp"

#include <cmath>

#include "theory/assumptions.hpp"
#include "theory/rates.hpp"

namespace prefdyn::theory {

namespace {

/// Standard errors granted to a mean: a true statement is called violated with chance 6e-7.
constexpr double kStandardErrors = 5.0;
constexpr double kMeanResolution = 0.25;  ///< what a mean must be known to, relative

Assumption many_orders() {
    return {
        "means are over at least 1000 orders of the batches", [](const Evidence& e) -> std::string {
            if (!e.find<MinibatchFacts>()) return "no minibatches were drawn";
            return e.get<MinibatchFacts>().orders >= 1000 ? ""
                                                          : "too few orders for a normal interval";
        }};
}

Assumption drawn_anew() {
    return {"every batch is drawn anew from all rows", [](const Evidence& e) -> std::string {
                return e.get<MinibatchFacts>().drawn_anew
                           ? ""
                           : "batches of an epoch share no rows: their gradients are not unbiased, "
                             "given those before";
            }};
}

Assumption small_steps() {
    return {"eta <= 2 / kappa", [](const Evidence& e) -> std::string {
                return step_curvature(e).low() <= 2.0 ? "" : "eta kappa > 2";
            }};
}

Assumption convex_phi() {
    return {"phi is convex, kinks allowed, with a bounded slope",
            [](const Evidence& e) -> std::string {
                const LossFacts& loss = e.training.loss;
                if (loss.form != LossForm::kMargin) return "L is not a mean of phi(m_i)";
                if (!loss.convex) return "the loss is not convex";
                return std::isfinite(loss.slope_max) ? "" : "the loss's slope has no bound";
            }};
}

Ball of(const Expected& x) { return {x.mean, kStandardErrors * x.error}; }

/// G^2 = 2 beta^2 sup |phi'|^2 tr M bounds the mean of ||grad l_i||_F^2.
Ball square_of_rows(const Evidence& e) {
    const MeanStatistics& s = e.means();
    const double slope = e.training.loss.slope_max, beta = e.training.beta;
    const double n = static_cast<double>(s.n + s.zbar.size());
    return Ball(2.0) * beta * beta * slope * slope *
           Ball(s.mean_square, gamma_of(n + 4.0) * s.mean_square);
}

std::vector<Comparison> distances(const Evidence& e) {
    const auto& f = e.get<MinibatchFacts>();
    const double eta = e.training.eta;
    std::vector<Comparison> out;
    for (std::size_t k = 1; k < f.distance.size(); ++k) {
        const Record& r = e.trajectory().records[k];
        const Ball t = time_of(r), most = square(Ball(2.0) * t * largest_rate(e));
        // Two computed heads are off by the errors of their steps.
        const double drift = 4.0 * r.error.drift * (std::sqrt(f.distance[k].mean) + r.error.drift);
        const Worth worth{.resolution = kMeanResolution, .trivial = most.value};
        const Ball measured = of(f.distance[k]).widened(drift);
        out.push_back({r.step, r.time, measured, Ball(eta * eta * f.share) * of(f.variance[k]),
                       Relation::kAtMost, worth});
        out.push_back({r.step, r.time, measured, Ball(eta * f.share) * t * square_of_rows(e),
                       Relation::kAtMost, worth});
    }
    return out;
}

std::vector<Comparison> averages(const Evidence& e) {
    const auto& f = e.get<MinibatchFacts>();
    const double longest_row = e.statistics().row_norm.maxCoeff();
    const double n = static_cast<double>(e.means().n),
                 d = static_cast<double>(e.means().zbar.size());
    const Ball steepest = Ball(std::sqrt(2.0) * e.training.beta * e.training.loss.slope_max) *
                          Ball(longest_row, gamma_of(d + 4.0) * longest_row);
    std::vector<Comparison> out;
    for (std::size_t k = 1; k < f.average_loss.size(); ++k) {
        const Record& r = e.trajectory().records[k];
        const Ball furthest = time_of(r) * steepest;
        // A head is the sum of its updates, each a mean over a batch; margins are dot products.
        const double head = gamma_of(n + d + 4.0 * r.step + 16.0) * furthest.value;
        const double loss =
            steepest.value * head + gamma_of(n + 16.0) * std::fabs(f.average_loss[k].mean);
        out.push_back({r.step,
                       r.time,
                       of(f.average_loss[k]).widened(loss),
                       comparator_loss(e, r.time) + Ball(0.5 * e.training.eta) * square_of_rows(e),
                       Relation::kAtMost,
                       {.resolution = kMeanResolution}});
        out.push_back({r.step, r.time, {f.longest[k], head}, furthest, Relation::kAtMost});
    }
    return out;
}

}  // namespace

Claim minibatches_near_full_batch() {
    return {"T2s",
            "minibatches near the full batch",
            "E ||W_k - W_k^GD||_F^2 <= eta^2 rho E sum_{j<k} v_j <= eta t rho 2 beta^2 sup|phi'|^2 "
            "tr M, v_j the variance of a row's gradient at W_j, rho = 1/b with replacement, "
            "(n - b)/(b (n - 1)) without; means to 5 standard errors",
            "theory.md T2s; steps of gradient descent bring no two heads further apart",
            ClaimKind::kPrediction,
            Scope::kStudy,
            {many_orders(), drawn_anew(), convex_loss(), small_steps()},
            distances};
}

Claim average_head_of_minibatches() {
    return {"T6g",
            "average head of minibatches",
            "E L(mean of W_0 ... W_{k-1}) <= min_r [ (1/n) sum phi(2 beta r w^T z_i) + r^2 / t ] + "
            "eta G^2 / 2, G^2 = 2 beta^2 sup|phi'|^2 tr M, and surely ||W_k - W_0||_F <= t sqrt(2) "
            "beta sup|phi'| max ||g_i||; means to 5 standard errors",
            "theory.md T6g; the regret of online gradient descent",
            ClaimKind::kPrediction,
            Scope::kStudy,
            {many_orders(), drawn_anew(), convex_phi()},
            averages};
}

}  // namespace prefdyn::theory
