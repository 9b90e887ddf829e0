#include "sim/contexts/answers.hpp"

#include <doctest/doctest.h>

#include "experiments/studies/answers/answers_study.hpp"
#include "tests/support/support.hpp"

namespace prefdyn::test {

TEST_CASE("gradients of answers are what differences say") {
    const DrawnAnswers drawn =
        draw_answers({.vocabulary = 5, .dimension = 3, .length = 3, .pairs = 2, .shared = 0.5}, 5);
    const Answer& answer = drawn.pairs[1].rejected;
    const AnswerGradient gradient = log_probability_gradient(drawn.state, answer);
    const double h = 1e-5;
    const auto slope = [&](auto&& entry) {
        AnswerState up = drawn.state, down = drawn.state;
        entry(up) += h;
        entry(down) -= h;
        return (log_probability(up, answer) - log_probability(down, answer)) / (2.0 * h);
    };
    for (Index i = 0; i < drawn.state.head.size(); ++i)
        CHECK(std::fabs(gradient.head.data()[i] - slope([&](AnswerState& s) -> double& {
                            return s.head.data()[i];
                        })) <= 1e-8);
    for (Index i = 0; i < drawn.state.context.size(); ++i)
        CHECK(std::fabs(gradient.context.data()[i] - slope([&](AnswerState& s) -> double& {
                            return s.context.data()[i];
                        })) <= 1e-8);
}

TEST_CASE("the loss of a pair and its slope") {
    const AnswerLoss at = answer_loss(1.3, 0.4, 0.5);
    CHECK(std::fabs(at.value - std::log(1.0 + std::exp(-0.45))) <= 1e-15);
    CHECK(std::fabs(at.slope - (answer_loss(1.3 + 1e-5, 0.4, 0.5).value -
                                answer_loss(1.3 - 1e-5, 0.4, 0.5).value) /
                                   2e-5) <= 1e-9);
}

TEST_CASE("what is wrong with answers is said") {
    const DrawnAnswers good = draw_answers({.vocabulary = 4, .dimension = 2}, 1);
    const auto refusal = [&](auto spoil) {
        DrawnAnswers bad = good;
        spoil(bad);
        return input_error([&] { validate(bad.state, bad.pairs); });
    };
    CHECK(contains(refusal([](DrawnAnswers& a) { a.pairs.clear(); }), "no pair"));
    CHECK(contains(refusal([](DrawnAnswers& a) { a.pairs[0].rejected = {}; }), "no token"));
    CHECK(contains(refusal([](DrawnAnswers& a) { a.pairs[0].chosen.token[0] = 4; }),
                   "token 4 is outside [0, 4)"));
    CHECK(contains(refusal([](DrawnAnswers& a) { a.pairs[0].chosen.context[0] = -1; }),
                   "context -1"));
    CHECK(contains(refusal([](DrawnAnswers& a) { a.pairs[0].chosen.context.push_back(0); }),
                   "1 tokens with 2 contexts"));
    CHECK(contains(refusal([](DrawnAnswers& a) { a.state.context.resize(1, 3); }), "dimension"));
}

}  // namespace prefdyn::test
