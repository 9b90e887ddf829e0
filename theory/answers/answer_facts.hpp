#pragma once
// How fast answers become likelier where hidden states are trained too (theory.md T17).

#include <vector>

#include "sim/contexts/answers.hpp"

namespace prefdyn::theory {

/// A state, and slopes along the gradient flow of the mean loss over head and contexts. Pairs share
/// the context of their first tokens, no others.
struct AnswerFacts {
    AnswerState state;
    std::vector<AnswerPair> pairs;   ///< (N)
    std::vector<double> loss;        ///< l of each pair (N)
    std::vector<double> loss_slope;  ///< l' of each pair, in ln pi(y+) - ln pi(y-) (N)

    std::vector<double> chosen_slope;  ///< d/dt ln pi(y+), measured (N)
    Vector token_slope;    ///< d/dt ln pi(z) in the context of the first pair, measured (V)
    double error = 0.0;    ///< of a measured slope, relative to its largest term
    double largest = 0.0;  ///< that term

    bool one_token() const;  ///< every answer has one token
    bool one_pair() const { return pairs.size() == 1; }
};

/// The bracket of Theorem 4 for the first token of a pair: what -l' is multiplied with.
double first_token_bracket(const AnswerState& state, const AnswerPair& pair);
/// The bracket of Theorem 5 for token z.
double other_token_bracket(const AnswerState& state, const AnswerPair& pair, Index z);
/// The bracket of Theorem 6, any number of tokens, first ones different.
double answer_bracket(const AnswerState& state, const AnswerPair& pair);
/// alpha_j of Theorem 8: what pair j's slope times <h_i, h_j> adds to pair i.
double between_pairs(const AnswerState& state, const AnswerPair& i, const AnswerPair& j);

/// CHES: <sum h+, sum h-> - ||sum h+||^2.
double ches_score(const AnswerState& state, const AnswerPair& pair);

}  // namespace prefdyn::theory
