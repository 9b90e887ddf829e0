#include "theory/influence.hpp"

#include <algorithm>
#include <cmath>

#include "sim/base/ball.hpp"
#include "sim/base/numerics.hpp"

namespace prefdyn::theory {

Vector log_softmax(const Vector& logits) {
    return logits.array() - logsumexp(logits.data(), logits.size());
}

Vector pull(const Vector& log_pi, Index token) {
    Vector out = -log_pi.array().exp();
    out(token) += 1.0;
    return out;
}

namespace {

Vector log_pi_at(const RowMatrix& head, const RowMatrix& contexts, Index row) {
    return log_softmax(head * contexts.row(row).transpose());
}

/// log pi_W(y | g) - log pi_0(y | g).
double log_ratio(const InfluenceFacts& f, const RowMatrix& contexts, Index i, Index token) {
    return log_pi_at(f.head, contexts, i)(token) - log_pi_at(f.reference, contexts, i)(token);
}

/// -K(o, u) G_u of one term, for every observed context: <g_o, g_u> (e_y - pi_u).
RowMatrix term(const InfluenceFacts& f, const RowMatrix& contexts, Index i, Index token) {
    const Vector kernel = f.contexts * contexts.row(i).transpose();
    return kernel * pull(log_pi_at(f.head, contexts, i), token).transpose();
}

bool pulls(Objective objective) { return objective != Objective::kUnlikelihood; }
bool pushes(Objective objective) { return objective != Objective::kSft; }

/// exp(x) - 1 - x without cancellation.
double exp_remainder(double x) {
    if (std::fabs(x) > 1e-2) return std::expm1(x) - x;
    double sum = 0.0;
    for (int k = 9; k >= 2; --k) sum = (1.0 + sum) * x / k;
    return sum * x;
}

}  // namespace

double example_weight(const InfluenceFacts& f, Index i) {
    const double n = static_cast<double>(f.pairs.samples());
    if (f.objective != Objective::kDpo) return 1.0 / n;
    const auto k = static_cast<std::size_t>(i);
    const double margin = f.beta * (log_ratio(f, f.pairs.plus, i, f.pairs.chosen[k]) -
                                    log_ratio(f, f.pairs.minus, i, f.pairs.rejected[k]));
    return f.beta * sigmoid(-margin) / n;
}

Response first_order_response(const InfluenceFacts& f) {
    const Index m = f.contexts.rows(), V = f.head.rows();
    Response out{RowMatrix(m, V), RowMatrix::Zero(m, V), RowMatrix(m, V), Vector(m), Vector(m)};
    for (Index i = 0; i < f.pairs.samples(); ++i) {
        const auto k = static_cast<std::size_t>(i);
        const double weight = example_weight(f, i);
        if (pulls(f.objective)) out.logits += weight * term(f, f.pairs.plus, i, f.pairs.chosen[k]);
        if (pushes(f.objective))
            out.logits -= weight * term(f, f.pairs.minus, i, f.pairs.rejected[k]);
    }
    for (Index o = 0; o < m; ++o) {
        out.log_pi.row(o) = log_pi_at(f.head, f.contexts, o);
        const Vector pi = out.log_pi.row(o).array().exp();
        const Vector dz = out.logits.row(o);
        out.logp.row(o) = dz.array() - pi.dot(dz);
        out.range(o) = dz.maxCoeff() - dz.minCoeff();
        out.variance(o) = pi.dot(out.logp.row(o).transpose().cwiseAbs2());
    }
    return out;
}

Shortfall shortfall(double variance, double range, double eta) {
    if (variance == 0.0 || range == 0.0) return {0.0, 0.0};
    const double x = range * eta, scale = variance / (range * range);
    return {scale * exp_remainder(-x), std::min(scale * exp_remainder(x), x * x / 8.0)};
}

double logp_rounding(const InfluenceFacts& f, Index context, const RowMatrix& measured) {
    const double size = f.head.rowwise().norm().maxCoeff() * f.contexts.row(context).norm() +
                        measured.row(context).cwiseAbs().maxCoeff();
    const auto terms = static_cast<double>(2 * f.head.cols() + f.head.rows()) + 16.0;
    return gamma_of(terms) * (1.0 + size);
}

Worth logp_worth(const InfluenceFacts& f, Index context) {
    const Vector log_pi = log_pi_at(f.head, f.contexts, context);
    return {.scale = std::max(1.0, log_pi.cwiseAbs().maxCoeff())};
}

double ches(const Vector& chosen_hidden, const Vector& rejected_hidden) {
    return rejected_hidden.dot(chosen_hidden) - chosen_hidden.squaredNorm();
}

double chosen_rate(const InfluenceFacts& f) {
    const Vector g_plus = f.pairs.plus.row(0), g_minus = f.pairs.minus.row(0);
    const Vector up = pull(log_pi_at(f.head, f.pairs.plus, 0), f.pairs.chosen[0]);
    const Vector down = pull(log_pi_at(f.head, f.pairs.minus, 0), f.pairs.rejected[0]);
    return example_weight(f, 0) *
           (g_plus.squaredNorm() * up.squaredNorm() - g_plus.dot(g_minus) * up.dot(down));
}

namespace {

Assumption when(std::string text, std::function<bool(const InfluenceFacts&)> met) {
    return {text, [text, met](const Evidence& e) -> std::string {
                const InfluenceFacts* facts = e.find<InfluenceFacts>();
                if (!facts) return "no probabilities were measured";
                return met(*facts) ? "" : "not so: " + text;
            }};
}

bool same_rows(const RowMatrix& contexts, const RowMatrix& first) {
    return (contexts.rowwise() - first.row(0)).cwiseAbs().maxCoeff() == 0.0;
}

bool same_tokens(const std::vector<Index>& tokens) {
    return std::all_of(tokens.begin(), tokens.end(), [&](Index t) { return t == tokens[0]; });
}

}  // namespace

Assumption has_influence() {
    return when("log-probabilities were measured around a known head", [](const InfluenceFacts& f) {
        return f.head.size() > 0 && f.contexts.rows() >= 2;
    });
}

Assumption one_update_measured() {
    return when("log-probabilities after one update",
                [](const InfluenceFacts& f) { return !f.single.empty(); });
}

Assumption path_measured() {
    return when("log-probabilities along successive updates",
                [](const InfluenceFacts& f) { return f.path.size() >= 2; });
}

Assumption trained_by(Objective objective) {
    return when("the objective is " + objective_names()[static_cast<std::size_t>(objective)],
                [objective](const InfluenceFacts& f) { return f.objective == objective; });
}

Assumption one_example() {
    return when("one example", [](const InfluenceFacts& f) { return f.pairs.samples() == 1; });
}

Assumption one_context() {
    return when("every example has the same context twice and the same two tokens",
                [](const InfluenceFacts& f) {
                    return same_rows(f.pairs.plus, f.pairs.plus) &&
                           same_rows(f.pairs.minus, f.pairs.plus) && same_tokens(f.pairs.chosen) &&
                           same_tokens(f.pairs.rejected) &&
                           f.pairs.chosen[0] != f.pairs.rejected[0];
                });
}

}  // namespace prefdyn::theory
