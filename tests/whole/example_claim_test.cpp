// The worked example of docs/adding-a-claim.md, held to the same standard as the registered claims.
#include <doctest/doctest.h>

#include <cmath>

#include "experiments/runs/run.hpp"
#include "tests/support/support.hpp"
#include "theory/assumptions.hpp"
#include "theory/claims.hpp"
#include "theory/rates.hpp"

// [claim]
namespace prefdyn::theory {

Claim mean_margin_bound() {
    return {"X1",
            "mean margin, upper bound",
            "mean reward margin(t) <= 2 R(0) ||Delta W(t)||_F for the DPO loss, any trainer",
            "Cauchy-Schwarz: the mean margin is <Delta W, W'(0)> / |phi'(0)|",
            ClaimKind::kRigorous,
            Scope::kRun,
            {has_trajectory(), starts_at_reference()},
            [](const Evidence& e) {
                std::vector<Comparison> out;
                const double slope = std::fabs(e.training.loss.slope_at_zero);
                for (const Record& r : e.trajectory->records)
                    out.push_back({r.step, r.time, r.train.rewards_margins,
                                   initial_rate(e) * r.head_change / slope, Relation::kAtMost,
                                   r.head_change * rate_rounding(e)});
                return out;
            }};
}

}  // namespace prefdyn::theory
// [claim]

namespace prefdyn::test {

TEST_CASE("the example claim holds for every trainer and fails when it is strengthened") {
    const theory::Claim claim = theory::mean_margin_bound();
    for (std::size_t method = 0; method < method_names().size(); ++method) {
        RunConfig config;
        config.seed = seed();
        config.training.method = static_cast<Method>(method);
        config.training.batch = 32;
        config.training.spacing = Spacing::kLogarithmic;
        const RunResult run = run_synthetic(config);
        const theory::Evidence evidence = run.evidence();
        CHECK(theory::judge(claim, std::span(&evidence, 1)).status == theory::Status::kHolds);
        if (config.training.method != Method::kGradientDescent) continue;
        const auto stronger = theory::strengthened(claim, 0.9);
        CHECK(theory::judge(stronger, std::span(&evidence, 1)).status == theory::Status::kViolated);
    }
}

}  // namespace prefdyn::test
