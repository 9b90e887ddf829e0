#include "theory/assumptions.hpp"
#include "theory/rates.hpp"

namespace prefdyn::theory {

Claim rate_lower_bound() {
    return {"T3a",
            "rate, lower bound",
            "R(t) >= R(0) exp(-kappa t); gradient descent: R_k >= (1 - eta kappa)^k R(0)",
            "theory.md T3; the Hessian of L is at most kappa, whether L is convex or not",
            ClaimKind::kRigorous,
            Scope::kRun,
            {has_trajectory(), starts_at_reference(), smooth_loss(), full_gradient(1.0)},
            after_start([](const Evidence& e, const Record& r) -> Comparison {
                const Ball bound = initial_rate(e) * decay_factor(e, r);
                return {r.step,
                        r.time,
                        update_rate(e, r),
                        bound,
                        Relation::kAtLeast,
                        {.scale = initial_rate(e).value,
                         .trivial = unless_at_rest(e, Relation::kAtLeast, 0.0)}};
            }),
            {.faults = {PlantedFault::kStronger, PlantedFault::kKappaUnderstated}}};
}

Claim head_change_lower_bound() {
    return {"T3b",
            "head change, lower bound",
            "||Delta W(t)||_F >= R(0) (1 - exp(-2 kappa t)) / (2 kappa); gradient descent: "
            "R(0) (1 - (1 - eta kappa)^(2k)) / (2 kappa)",
            "theory.md T3; loss decrease divided by R(0) (convexity)",
            ClaimKind::kRigorous,
            Scope::kRun,
            {has_trajectory(), starts_at_reference(), convex_loss(), full_gradient(1.0)},
            after_start([](const Evidence& e, const Record& r) -> Comparison {
                const Ball bound = initial_rate(e) * decayed_time(e, r);
                return {r.step,
                        r.time,
                        head_change(r),
                        bound,
                        Relation::kAtLeast,
                        {.trivial = unless_at_rest(e, Relation::kAtLeast, 0.0)}};
            }),
            {.faults = {PlantedFault::kStronger, PlantedFault::kEtaHalved}}};
}

Claim linearisation_bound() {
    return {"T3c",
            "distance from the straight line",
            "||Delta W(t) - t W'(0)||_F <= (kappa t^2 / 2) R(0)",
            "theory.md T3; W' is kappa-Lipschitz along a path no longer than t R(0)",
            ClaimKind::kRigorous,
            Scope::kRun,
            {has_trajectory(), starts_at_reference(), convex_loss(), full_gradient(2.0)},
            after_start([](const Evidence& e, const Record& r) -> Comparison {
                const Ball straight = time_of(r) * initial_rate(e);
                const Ball bound = Ball(0.5) * smoothness(e) * time_of(r) * straight;
                return {r.step,
                        r.time,
                        linear_remainder(r),
                        bound,
                        Relation::kAtMost,
                        {.trivial = unless_at_rest(e, Relation::kAtMost, 2.0 * straight.value)}};
            }),
            {.faults = {PlantedFault::kKappaUnderstated, PlantedFault::kEtaDoubled}}};
}

}  // namespace prefdyn::theory
