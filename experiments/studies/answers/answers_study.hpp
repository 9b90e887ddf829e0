#pragma once
// Answers whose hidden states are trained too (theory.md T17), and when the CHES score ranks the
// fall of the chosen answer.

#include "experiments/studies/study.hpp"
#include "theory/answers/answer_facts.hpp"

namespace prefdyn {

/// What is drawn: states and answers of `length` tokens; in each pair the contexts behind the first
/// token point alike by a random amount, and a share of the tokens there is the same.
struct AnswerDraw {
    Index vocabulary = 50, dimension = 10, length = 1, pairs = 1;
    double shared = 0.0;
};
struct DrawnAnswers {
    AnswerState state;
    std::vector<AnswerPair> pairs;
};
DrawnAnswers draw_answers(const AnswerDraw& draw, std::uint64_t seed);

/// With slopes measured by the gradients of head and contexts.
theory::AnswerFacts measure_answers(DrawnAnswers drawn, double beta, std::uint64_t seed);

/// -d/dt ln pi(y+) of one pair trained alone, per unit of -l'.
double fall_of(const DrawnAnswers& drawn, const AnswerPair& pair, bool contexts_trained);

Study answers_study();

}  // namespace prefdyn
