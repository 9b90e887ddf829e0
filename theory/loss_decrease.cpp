#include "theory/assumptions.hpp"
#include "theory/rates.hpp"

namespace prefdyn::theory {

namespace {

using Bound = double (*)(const Evidence&, const Record&);

std::function<std::vector<Comparison>(const Evidence&)> loss_drop(Bound bound, Relation relation) {
    return after_start([=](const Evidence& e, const Record& r) -> Comparison {
        const double start = e.trajectory().records.front().train.loss;
        return {r.step, r.time, start - r.train.loss, bound(e, r), relation, loss_rounding(e)};
    });
}

double squared_rate(const Evidence& e) { return initial_rate(e) * initial_rate(e); }

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
            loss_drop(
                [](const Evidence& e, const Record& r) {
                    return squared_rate(e) * decay_deficit(e, r) / (2.0 * smoothness(e));
                },
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
            loss_drop([](const Evidence& e, const Record& r) { return r.time * squared_rate(e); },
                      Relation::kAtMost),
            {.faults = {PlantedFault::kStronger, PlantedFault::kEtaDoubled}}};
}

}  // namespace prefdyn::theory
