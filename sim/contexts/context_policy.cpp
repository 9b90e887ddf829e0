#include "sim/contexts/context_policy.hpp"

#include "sim/base/failure.hpp"
#include "sim/base/numerics.hpp"

namespace prefdyn {

RowMatrix log_policy(const RowMatrix& head, const RowMatrix& contexts) {
    RowMatrix out = contexts * head.transpose();
    for (Index i = 0; i < out.rows(); ++i)
        out.row(i).array() -= logsumexp(out.row(i).data(), out.cols());
    return out;
}

namespace {

/// Row i is weight_i (e_{y_i} - pi_i), from log pi (n, V).
RowMatrix residuals(const RowMatrix& log_pi, const std::vector<Index>& tokens,
                    const Vector& weight) {
    RowMatrix out = -log_pi.array().exp().matrix();
    for (Index i = 0; i < out.rows(); ++i) {
        out(i, tokens[static_cast<std::size_t>(i)]) += 1.0;
        out.row(i) *= weight(i);
    }
    return out;
}

}  // namespace

ContextTrainer::ContextTrainer(ContextPairs pairs, const RowMatrix& reference, Objective objective,
                               double beta)
    : pairs_(std::move(pairs)), objective_(objective), beta_(beta) {
    validate(pairs_, reference.rows(), "context pairs");
    if (reference.cols() != pairs_.dimension())
        throw InputError("reference head: " + std::to_string(reference.cols()) +
                             " columns, contexts have dimension " +
                             std::to_string(pairs_.dimension()),
                         "the head is (V, d)");
    if (!(beta > 0.0)) throw InputError("beta: " + std::to_string(beta) + " is not positive");
    reference_plus_ = answer_logp(log_policy(reference, pairs_.plus), pairs_.chosen);
    reference_minus_ = answer_logp(log_policy(reference, pairs_.minus), pairs_.rejected);
}

Vector ContextTrainer::answer_logp(const RowMatrix& log_pi,
                                   const std::vector<Index>& tokens) const {
    Vector out(log_pi.rows());
    for (Index i = 0; i < out.size(); ++i) out(i) = log_pi(i, tokens[static_cast<std::size_t>(i)]);
    return out;
}

Vector ContextTrainer::margins(const RowMatrix& head) const {
    return beta_ *
           ((answer_logp(log_policy(head, pairs_.plus), pairs_.chosen) - reference_plus_) -
            (answer_logp(log_policy(head, pairs_.minus), pairs_.rejected) - reference_minus_));
}

double ContextTrainer::descent(const RowMatrix& head, RowMatrix& direction) const {
    const RowMatrix plus = log_policy(head, pairs_.plus), minus = log_policy(head, pairs_.minus);
    const Vector chosen = answer_logp(plus, pairs_.chosen);
    const Vector rejected = answer_logp(minus, pairs_.rejected);
    const double n = static_cast<double>(pairs_.samples());
    Vector weight = Vector::Constant(pairs_.samples(), 1.0 / n);
    double loss = 0.0;
    if (objective_ == Objective::kDpo) {
        const Vector m = beta_ * ((chosen - reference_plus_) - (rejected - reference_minus_));
        for (Index i = 0; i < m.size(); ++i) {
            loss += softplus(-m(i)) / n;
            weight(i) = beta_ * sigmoid(-m(i)) / n;
        }
    }
    direction = RowMatrix::Zero(head.rows(), head.cols());
    if (objective_ != Objective::kUnlikelihood) {
        direction += residuals(plus, pairs_.chosen, weight).transpose() * pairs_.plus;
        if (objective_ != Objective::kDpo) loss -= chosen.mean();
    }
    if (objective_ != Objective::kSft) {
        direction -= residuals(minus, pairs_.rejected, weight).transpose() * pairs_.minus;
        if (objective_ != Objective::kDpo) loss += rejected.mean();
    }
    return loss;
}

RowMatrix ContextTrainer::train(RowMatrix head, double eta, Index steps) const {
    RowMatrix direction;
    for (Index k = 0; k < steps; ++k) {
        descent(head, direction);
        head += eta * direction;
    }
    return head;
}

}  // namespace prefdyn
