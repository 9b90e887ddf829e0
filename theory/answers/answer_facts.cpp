#include "theory/answers/answer_facts.hpp"

#include <algorithm>

namespace prefdyn::theory {

namespace {

/// The two answers' first tokens in their shared context.
struct First {
    Vector probability;
    Index plus, minus;
    Eigen::RowVectorXd context;
};

First first_of(const AnswerState& state, const AnswerPair& pair) {
    const Index row = pair.chosen.context.front();
    return {log_probabilities(state, row).array().exp(), pair.chosen.token.front(),
            pair.rejected.token.front(), state.context.row(row)};
}

/// Theorem 4 without its part in ||h||^2.
double head_parts(const AnswerState& state, const First& f) {
    const Matrix& W = state.head;
    const Vector& pi = f.probability;
    const auto plus = W.row(f.plus), minus = W.row(f.minus);
    double out = (1.0 - pi(f.plus)) * plus.squaredNorm() + pi(f.minus) * minus.squaredNorm() -
                 (1.0 - pi(f.plus) + pi(f.minus)) * plus.dot(minus);
    for (Index z = 0; z < W.rows(); ++z)
        if (z != f.plus && z != f.minus) out -= pi(z) * W.row(z).dot(plus - minus);
    return out;
}

/// sum_{k, k'} alpha_{kk'} <h_k, h_k'> of two answers.
double overlap(const AnswerState& state, const Answer& a, const Answer& b) {
    double out = 0.0;
    for (std::size_t k = 0; k < a.token.size(); ++k) {
        const Vector of_a = token_pull(state, a, k);
        for (std::size_t j = 0; j < b.token.size(); ++j)
            out += of_a.dot(token_pull(state, b, j)) *
                   state.context.row(a.context[k]).dot(state.context.row(b.context[j]));
    }
    return out;
}

Eigen::RowVectorXd sum_of(const AnswerState& state, const Answer& answer) {
    Eigen::RowVectorXd out = Eigen::RowVectorXd::Zero(state.context.cols());
    for (const Index row : answer.context) out += state.context.row(row);
    return out;
}

}  // namespace

bool AnswerFacts::one_token() const {
    return std::ranges::all_of(pairs, [](const AnswerPair& pair) {
        return pair.chosen.token.size() == 1 && pair.rejected.token.size() == 1;
    });
}

double first_token_bracket(const AnswerState& state, const AnswerPair& pair) {
    const First f = first_of(state, pair);
    return head_parts(state, f) +
           (1.0 - f.probability(f.plus) + f.probability(f.minus)) * f.context.squaredNorm();
}

double other_token_bracket(const AnswerState& state, const AnswerPair& pair, Index z) {
    const First f = first_of(state, pair);
    const Eigen::RowVectorXd apart = state.head.row(f.plus) - state.head.row(f.minus);
    const Vector along = state.head * apart.transpose();
    return along(z) + (f.probability(f.minus) - f.probability(f.plus)) * f.context.squaredNorm() -
           f.probability.dot(along);
}

double answer_bracket(const AnswerState& state, const AnswerPair& pair) {
    double out = head_parts(state, first_of(state, pair));
    for (std::size_t k = 1; k < pair.chosen.token.size(); ++k)
        out += (token_pull(state, pair.chosen, k).transpose() * state.head).squaredNorm();
    return out - overlap(state, pair.chosen, pair.rejected) +
           overlap(state, pair.chosen, pair.chosen);
}

double between_pairs(const AnswerState& state, const AnswerPair& i, const AnswerPair& j) {
    const First mine = first_of(state, i), other = first_of(state, j);
    const auto same = [](Index a, Index b) { return a == b ? 1.0 : 0.0; };
    return same(mine.plus, other.plus) - same(mine.plus, other.minus) +
           mine.probability(other.minus) - mine.probability(other.plus);
}

double ches_score(const AnswerState& state, const AnswerPair& pair) {
    const Eigen::RowVectorXd plus = sum_of(state, pair.chosen);
    return plus.dot(sum_of(state, pair.rejected)) - plus.squaredNorm();
}

}  // namespace prefdyn::theory
