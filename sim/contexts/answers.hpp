#pragma once
// Answers of one or several tokens whose hidden states are parameters of their own (unconstrained
// features): token k of an answer has the probability softmax(W h)[y_k], h the context before it.

#include <vector>

#include "sim/base/types.hpp"

namespace prefdyn {

/// Tokens and the rows of AnswerState::context that stand before them, as many.
struct Answer {
    std::vector<Index> token, context;
};

struct AnswerPair {
    Answer chosen, rejected;
};

struct AnswerState {
    Matrix head;        ///< W (V, d)
    RowMatrix context;  ///< h (C, d)
};

/// Of something with respect to every parameter.
struct AnswerGradient {
    Matrix head;
    RowMatrix context;
    double dot(const AnswerGradient& other, bool contexts) const;
};

/// Throws InputError for an answer without tokens, a token or a context that is not there.
void validate(const AnswerState& state, const std::vector<AnswerPair>& pairs);

/// log pi(.|h) of one context, (V).
Vector log_probabilities(const AnswerState& state, Index context);

/// e_{y_k} - pi(.|h_k), (V): what token k pulls the logits towards.
Vector token_pull(const AnswerState& state, const Answer& answer, std::size_t k);

/// ln pi(y): the sum over its tokens.
double log_probability(const AnswerState& state, const Answer& answer);
AnswerGradient log_probability_gradient(const AnswerState& state, const Answer& answer);

/// DPO's loss log(1 + exp(-beta (x - x_ref))) in x = ln pi(y+) - ln pi(y-), and its slope l'(x).
struct AnswerLoss {
    double value, slope;
};
AnswerLoss answer_loss(double x, double reference, double beta);

}  // namespace prefdyn
