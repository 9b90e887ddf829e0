#include "experiments/studies/unseen/unseen_study.hpp"

#include <doctest/doctest.h>

#include "tests/support/support.hpp"
#include "theory/registry.hpp"

namespace prefdyn::test {

namespace {

using theory::Status;
using theory::UnseenFacts;

theory::Verdict verdict(const std::string& id, const UnseenFacts& facts) {
    return judge_case(theory::select_claims(id).front(), theory::UnseenCase(&facts));
}

const UnseenFacts& asked() {
    static const UnseenFacts facts =
        ask_unseen({.topics = 2, .dimension = 32}, {.reward_records = 5}, seed());
    return facts;
}

}  // namespace

TEST_CASE("paraphrased answers: 0.500 for the policy, nearly all for the reward model") {
    for (const theory::ImplicitRecord& record : asked().policy) {
        CHECK(record.accuracy == 0.5);
        CHECK(record.ties == 1.0);
    }
    CHECK(asked().policy.back().trained >= 0.9);
    CHECK(asked().reward.back().accuracy >= 0.9);
    CHECK(verdict("T16a", asked()).status == Status::kHolds);
    UnseenFacts named = asked();
    named.unseen[3].second = named.trained[0].first;
    CHECK(contains(verdict("T16a", named).reason, "token 0 is in both"));
    CHECK(verdict("T16a", ask_unseen({.topics = 2, .dimension = 32},
                                     {.reward_records = 2, .tied = true}, seed()))
              .status == Status::kViolated);
}

TEST_CASE("the reward model's margin grows towards the largest as promised") {
    const UnseenFacts& f = asked();
    CHECK(verdict("T16b", f).status == Status::kHolds);
    CHECK(f.largest_high.value - f.largest_low.value <= 1e-3 * f.largest_high.value);
    CHECK(f.reward.back().margin >= 0.8 * f.largest_low.value);
    CHECK(theory::margin_reached(f, 3, 4).value >= 0.4 * f.reward.back().margin);
    CHECK(theory::margin_reached(f, 0, 1).value == -kInfinity);  // the loss is still too large
    // With a step twice as long the loss need not fall: the claim says nothing.
    CHECK(contains(verdict("T16b", ask_unseen({.topics = 2, .dimension = 32},
                                              {.reward_records = 2, .eta_kappa = 2.5}, 1))
                       .reason,
                   "eta kappa = 2.5"));
    UnseenFacts mixed = f;
    mixed.largest_low = Ball(-0.1);
    CHECK(contains(verdict("T16b", mixed).reason, "no direction separates them"));
}

}  // namespace prefdyn::test
