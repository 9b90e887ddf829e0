#include "experiments/studies/designs/designs_study.hpp"

#include <doctest/doctest.h>

#include "tests/support/support.hpp"
#include "theory/registry.hpp"
#include "theory/rlhf.hpp"

namespace prefdyn::test {

namespace {

using theory::DesignFacts;
using theory::Status;
using theory::TabularTask;

TabularTask three() {
    return {Eigen::Vector3d(0.2, 0.5, 0.3), Eigen::Vector3d(1.0, 0.0, -1.5), 0.5};
}
TabularTask four() { return {Vector::Constant(4, 0.25), Eigen::Vector4d(0.0, 1.0, 2.0, 3.0), 1.0}; }

Matrix uniform(Index A) {
    Matrix out = Matrix::Constant(A, A, 1.0 / static_cast<double>(A * (A - 1)));
    out.diagonal().setZero();
    return out;
}

theory::Verdict verdict(const std::string& id, const DesignFacts& facts) {
    return judge_case(theory::select_claims(id).front(), theory::DesignCase(&facts));
}

}  // namespace

TEST_CASE("costs of designs: values of an independent program, and T10e's") {
    CHECK(theory::design_cost(three(), uniform(3)) == doctest::Approx(4.841421306));
    CHECK(theory::design_cost(four(), uniform(4)) == doctest::Approx(2.856677067));
    const Matrix best = theory::best_pairs(three(), 1000);
    CHECK(theory::design_cost(three(), best) == doctest::Approx(2.931041969));
    CHECK(theory::least_cost(three(), best) == doctest::Approx(2.931041969));
    CHECK(theory::design_cost(four(), theory::best_pairs(four(), 1000)) ==
          doctest::Approx(2.200802143));
    // All of the weight on two pairs of the three, the likeliest response in most of it.
    CHECK(best(0, 1) + best(1, 0) == doctest::Approx(0.8155).epsilon(1e-3));
    CHECK(best(0, 2) + best(2, 0) <= 1e-6);
    theory::TabularFacts facts;
    facts.beta = three().beta;
    facts.weight = Vector::Ones(1);
    facts.reference = three().reference.transpose();
    facts.reward = three().reward.transpose();
    facts.wins = {uniform(3)};
    for (Index a = 0; a < 3; ++a)
        for (Index b = 0; b < 3; ++b)
            facts.wins[0](a, b) *= 2.0 / (1.0 + std::exp(three().reward(b) - three().reward(a)));
    CHECK(theory::gap_law(facts).mean == doctest::Approx(4.841421306));
}

TEST_CASE("where all responses are alike uniform pairs are the best") {
    const TabularTask alike{Vector::Constant(5, 0.2), Vector::Zero(5), 1.0};
    const Matrix best = theory::best_pairs(alike, 50);
    CHECK((best - uniform(5)).cwiseAbs().maxCoeff() <= 1e-14);
    CHECK(std::fabs(theory::least_cost(alike, best) / theory::design_cost(alike, best) - 1.0) <=
          1e-12);
}

TEST_CASE("savings are the derivative of the cost") {
    const Matrix pair = uniform(4), saved = theory::savings(four(), pair);
    for (Index a = 0; a < 4; ++a)
        for (Index b = 0; b < a; ++b) {
            Matrix more = pair, less = pair;
            const double h = 1e-6;
            more(a, b) += h;
            less(a, b) -= h;
            const double slope =
                (theory::design_cost(four(), more) - theory::design_cost(four(), less)) / (2.0 * h);
            CHECK(std::fabs(slope + saved(a, b)) <= 1e-5);
        }
    CHECK(saved.cwiseProduct(pair).sum() == doctest::Approx(theory::design_cost(four(), pair)));
}

TEST_CASE("the gain that was predicted is measured") {
    const DesignFacts facts = try_designs(three(), 100000, 1000, seed());
    for (const char* id : {"T23a", "T23b", "T23c"})
        CHECK(verdict(id, facts).status == Status::kHolds);
    CHECK(facts.uniform.scaled_gap / facts.best.scaled_gap >= 1.3);
    DesignFacts lacking = facts;
    lacking.uniform.pair.row(2).setZero();
    lacking.uniform.pair.col(2).setZero();
    CHECK(contains(verdict("T23b", lacking).reason, "not by the design uniform"));
    CHECK(contains(verdict("T23c", try_designs(three(), 0, 1, 1)).reason, "no samples"));
}

TEST_CASE("designs refuse what is no task, all of it at once") {
    try {
        try_designs({Eigen::Vector2d(0.7, 0.7), Eigen::Vector2d(0.0, kNan), 0.0}, 10, 1, 1);
        FAIL("accepted");
    } catch (const InputError& error) {
        CHECK(contains(error.what(), "a reward is not finite"));
        CHECK(contains(error.what(), "sum to 1"));
        CHECK(contains(error.what(), "beta = 0.0"));
    }
    CHECK_THROWS_AS(try_designs({Vector::Ones(1), Vector::Zero(1), 1.0}, 10, 1, 1), InputError);
}

}  // namespace prefdyn::test
