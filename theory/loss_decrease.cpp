#include "theory/assumptions.hpp"
#include "theory/rates.hpp"

namespace prefdyn::theory {

namespace {

using Bound = Ball (*)(const Evidence&, const Record&);

/// Trivially L falls by at least nothing, and by no more than to its infimum.
std::function<std::vector<Comparison>(const Evidence&)> fall(Bound bound, Relation relation) {
    return after_start([=](const Evidence& e, const Record& r) -> Comparison {
        const LossFacts& facts = e.training.loss;
        const double most = facts.value_at_zero - facts.infimum;
        return {
            r.step,
            r.time,
            loss_drop(e, r),
            bound(e, r),
            relation,
            {.trivial = unless_at_rest(e, relation, relation == Relation::kAtLeast ? 0.0 : most)}};
    });
}

Ball squared_rate(const Evidence& e) { return square(initial_rate(e)); }

}  // namespace

Claim loss_decrease_lower_bound() {
    return {"T4a",
            "loss decrease, lower bound",
            "L(0) - L(t) >= R(0)^2 (1 - exp(-2 kappa t)) / (2 kappa); gradient descent: "
            "R(0)^2 (1 - (1 - eta kappa)^(2k)) / (2 kappa)",
            "theory.md T4; energy identity with T3a; needs no convexity",
            ClaimKind::kRigorous,
            Scope::kRun,
            {has_trajectory(), starts_at_reference(), smooth_loss(), full_gradient(1.0)},
            fall([](const Evidence& e,
                    const Record& r) { return squared_rate(e) * decayed_time(e, r); },
                 Relation::kAtLeast),
            {.faults = {PlantedFault::kStronger, PlantedFault::kEtaHalved}}};
}

Claim loss_decrease_upper_bound() {
    return {"T4b",
            "loss decrease, upper bound",
            "L(0) - L(t) <= t R(0)^2; balanced classes: the initial slope is beta^2 D^2 / 8",
            "theory.md T4; energy identity with T2a",
            ClaimKind::kRigorous,
            Scope::kRun,
            {has_trajectory(), starts_at_reference(), convex_loss(), full_gradient(2.0)},
            fall([](const Evidence& e, const Record& r) { return time_of(r) * squared_rate(e); },
                 Relation::kAtMost),
            {.faults = {PlantedFault::kStronger, PlantedFault::kEtaDoubled}}};
}

}  // namespace prefdyn::theory
