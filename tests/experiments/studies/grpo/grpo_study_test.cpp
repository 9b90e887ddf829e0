#include "experiments/studies/grpo/grpo_study.hpp"

#include <doctest/doctest.h>

#include "tests/support/support.hpp"
#include "theory/registry.hpp"

namespace prefdyn::test {

namespace {

using theory::Recursion;
using theory::RecursionFacts;
using theory::Status;

RecursionFacts played(double success, double beta, double epsilon, double nudge = 1e-3) {
    return play_grpo(grpo_world(success, beta, epsilon, 6, seed()), 40, nudge);
}

theory::Verdict verdict(const std::string& id, const RecursionFacts& facts) {
    return judge_case(theory::select_claims(id).front(), theory::RecursionCase(&facts));
}

}  // namespace

TEST_CASE("GRPO's recursion: fixed points, thresholds and cycles of an independent program") {
    const RecursionFacts settled = played(0.2, 1.0, 1e-4);
    CHECK(std::fabs(settled.fixed.value - 0.681124) <= 2e-5);
    CHECK(std::fabs(settled.recursion.least_beta(settled.fixed).value - 0.388376) <= 2e-5);
    CHECK(std::fabs(settled.success.back().value - 0.68113) <= 1e-5);
    const RecursionFacts cycling = played(1e-3, 0.45, 0.03);
    CHECK(std::fabs(cycling.fixed.value - 0.172963) <= 2e-5);
    CHECK(std::fabs(cycling.recursion.least_beta(cycling.fixed).value - 0.649875) <= 2e-4);
    // Started at the reference it alternates, round after round.
    CHECK(std::fabs(cycling.success[38].value - 0.59715) <= 3e-3);
    CHECK(std::fabs(cycling.success[39].value - 0.06695) <= 3e-3);
    CHECK(std::fabs(cycling.success[40].value - 0.59897) <= 3e-3);
    // Below the threshold, and yet success tends to 1: another fixed point takes it.
    const RecursionFacts taken = played(1e-3, 0.36, 1e-3);
    CHECK(std::fabs(taken.fixed.value - 0.298837) <= 2e-5);
    CHECK(taken.success.back().value >= 0.999);
    CHECK(!std::isnan(taken.cycle.value));
}

TEST_CASE("the slope of the recursion is its derivative") {
    const Recursion h{0.05, 0.8, 0.01};
    for (const double p : {0.1, 0.4, 0.8}) {
        const double d = 1e-6;
        const double slope = (h.next(Ball(p + d)).value - h.next(Ball(p - d)).value) / (2.0 * d);
        CHECK(std::fabs(h.slope(Ball(p)).value - slope) <= 1e-6);
    }
    const Ball fixed = h.fixed_point();
    const Recursion critical{0.05, h.least_beta(fixed).value, 0.01};
    CHECK(std::fabs(std::fabs(h.slope(fixed).value) - critical.beta / h.beta) <= 1e-9);
}

TEST_CASE("stable above the threshold, a two-cycle below it") {
    const RecursionFacts settled = played(0.2, 1.0, 1e-4), cycling = played(1e-3, 0.45, 0.03);
    for (const char* id : {"T22a", "T22b"}) {
        CHECK(verdict(id, settled).status == Status::kHolds);
        CHECK(verdict(id, cycling).status == Status::kHolds);
    }
    CHECK(verdict("T22c", settled).status == Status::kHolds);
    CHECK(contains(verdict("T22c", cycling).reason, "beta = 0.45 is not above 0.649"));
    CHECK(verdict("T22d", cycling).status == Status::kHolds);
    CHECK(contains(verdict("T22d", settled).reason, "beta = 1 is not below 0.388"));
    CHECK(contains(verdict("T22c", played(0.2, 1.0, 1e-4, 0.3)).reason, "|h'| reaches"));
}

}  // namespace prefdyn::test
