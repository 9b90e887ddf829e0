#include "sim/contexts/answers.hpp"

#include <string>

#include "sim/base/failure.hpp"
#include "sim/base/numerics.hpp"

namespace prefdyn {

namespace {

void require_rows(const char* what, Index row, Index rows) {
    if (row < 0 || row >= rows)
        throw InputError(std::string("answers: ")
                             .append(what)
                             .append(" ")
                             .append(std::to_string(row))
                             .append(" is outside [0, ")
                             .append(std::to_string(rows))
                             .append(")"));
}

void validate(const AnswerState& state, const Answer& answer) {
    if (answer.token.empty()) throw InputError("answers: an answer has no token");
    if (answer.token.size() != answer.context.size())
        throw InputError("answers: " + std::to_string(answer.token.size()) + " tokens with " +
                         std::to_string(answer.context.size()) + " contexts");
    for (const Index token : answer.token) require_rows("token", token, state.head.rows());
    for (const Index row : answer.context) require_rows("context", row, state.context.rows());
}

}  // namespace

void validate(const AnswerState& state, const std::vector<AnswerPair>& pairs) {
    if (pairs.empty()) throw InputError("answers: there is no pair");
    if (state.head.cols() != state.context.cols())
        throw InputError("answers: the head has dimension " + std::to_string(state.head.cols()) +
                         ", the contexts " + std::to_string(state.context.cols()));
    for (const AnswerPair& pair : pairs) {
        validate(state, pair.chosen);
        validate(state, pair.rejected);
    }
}

double AnswerGradient::dot(const AnswerGradient& other, bool contexts) const {
    const double of_head = head.cwiseProduct(other.head).sum();
    return contexts ? of_head + context.cwiseProduct(other.context).sum() : of_head;
}

Vector log_probabilities(const AnswerState& state, Index context) {
    const Vector logit = state.head * state.context.row(context).transpose();
    const double most = logit.maxCoeff();
    return logit.array() - (most + std::log((logit.array() - most).exp().sum()));
}

Vector token_pull(const AnswerState& state, const Answer& answer, std::size_t k) {
    Vector out = -log_probabilities(state, answer.context[k]).array().exp();
    out(answer.token[k]) += 1.0;
    return out;
}

double log_probability(const AnswerState& state, const Answer& answer) {
    double out = 0.0;
    for (std::size_t k = 0; k < answer.token.size(); ++k)
        out += log_probabilities(state, answer.context[k])(answer.token[k]);
    return out;
}

AnswerGradient log_probability_gradient(const AnswerState& state, const Answer& answer) {
    AnswerGradient out{Matrix::Zero(state.head.rows(), state.head.cols()),
                       RowMatrix::Zero(state.context.rows(), state.context.cols())};
    for (std::size_t k = 0; k < answer.token.size(); ++k) {
        const Index row = answer.context[k];
        const Vector pull = token_pull(state, answer, k);
        out.head += pull * state.context.row(row);
        out.context.row(row) += pull.transpose() * state.head;
    }
    return out;
}

AnswerLoss answer_loss(double x, double reference, double beta) {
    const double margin = beta * (x - reference);
    return {softplus(-margin), -beta * sigmoid(-margin)};
}

}  // namespace prefdyn
