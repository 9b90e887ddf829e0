// Theorems that are false, among them some that every default run fulfils: the search breaks each.
#include <doctest/doctest.h>

#include "experiments/falsify/falsify.hpp"
#include "experiments/verify/verify.hpp"
#include "tests/support/support.hpp"
#include "theory/formula/claim_file.hpp"

using namespace prefdyn;

namespace {

const char* const kFalse = R"(
[F1]
title = true of balanced classes
claim = start: zbar <= D / 2
[F2]
title = true of a third of the distance
needs = convex; from reference; gradient descent
claim = after t > 0: linear_remainder <= kappa * t^2 * R0 / 3
[F3]
title = accuracy from a smaller loss
needs = convex; from reference; full gradient 1
claim = after t > 0: accuracy >= 0.9 - 2 * loss / (3 * log(2))
[F4]
title = true of 0.95 times it
needs = convex; from reference; full gradient 1
claim = after t > 0: head_change >= 1.05 * R0 * (1 - decay) / kappa
[F5]
title = true until late
needs = loss sigmoid; from reference; full gradient 1
claim = head_change <= 3 * R0 / kappa
[F6]
title = true of more than one direction
claim = start: kappa_zbar <= 0.999 * kappa
[F8]
title = true where the median sample has the mean's side
needs = loss sigmoid; full gradient 1; from reference
claim = after t > 0: margin_median >= 0
[F9]
title = true of many samples
claim = start: D_debiased >= 0.05 * D
[F10]
title = true of light tails
claim = start: max(norm_z) <= 3.5 * sqrt(mean_square)
[F11]
title = true where no sample is on the wrong side
needs = loss sigmoid; from reference; full gradient 1
claim = end: min(dm0) * t >= -0.5 + 0 * loss
[F12]
title = true of early times
needs = loss sigmoid; from reference; full gradient 1
claim = for s = previous, where t(s) > 0: accuracy >= accuracy(s) - 0.02
[F13]
title = true without a common mean
claim = start: mean_square <= trace + D^2
[H1]
title = true of every run of the suite
needs = loss sigmoid; from reference; full gradient 1
claim = after t > 0: accuracy >= 0.3
[H3]
title = true of every run of the suite
claim = start: n >= 12
)";

}  // namespace

TEST_CASE("false theorems are broken within 1500 runs") {
    for (const theory::Claim& claim : theory::parse_claims(kFalse, "false.claim").claims) {
        FalsifyPlan plan;
        plan.budget = 1500;
        plan.seed = 1;
        const Falsification found = falsify(claim, plan);
        CHECK_MESSAGE(found.violated(), claim.id, ": ", found.extremal().ratio);
        if (found.violated()) CHECK(found.extremal().ratio > 1.0);
    }
}

TEST_CASE("two of them hold on every run of the suite") {
    const auto all = theory::parse_claims(kFalse, "false.claim").claims;
    const std::vector<theory::Claim> hidden(all.end() - 2, all.end());
    const Verification v = verify_synthetic(hidden, {.profile = Profile::kQuick});
    for (const ClaimSummary& s : v.summaries()) {
        CHECK(s.count(theory::Status::kViolated) == 0);
        CHECK(s.count(theory::Status::kHolds) > 0);
    }
}
