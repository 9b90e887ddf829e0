#include "theory/loss_scaling.hpp"

#include <cmath>

#include "theory/assumptions.hpp"
#include "theory/rates.hpp"

namespace prefdyn::theory {

namespace {

Assumption has_updates() {
    return {"the first updates of the loss and of the DPO loss",
            [](const Evidence& e) -> std::string {
                return e.find<InitialUpdates>() ? "" : "no first updates were measured";
            }};
}

}  // namespace

Claim loss_scaling() {
    return {"T11",
            "other losses at the start",
            "W'(0) = -2 phi'(0) W'_DPO(0): the initial rate is |phi'(0)| / (1/2) times the DPO "
            "loss's, and where phi'(0) > 0 the first update goes the other way",
            "theory.md T11; every margin is zero at t = 0, so every row has the slope phi'(0)",
            ClaimKind::kRigorous,
            Scope::kStudy,
            {has_updates(), starts_at_reference(), opposite_slopes()},
            [](const Evidence& e) -> std::vector<Comparison> {
                const InitialUpdates& u = e.get<InitialUpdates>();
                const double want = -2.0 * e.training.loss.slope_at_zero * u.rate_dpo;
                const double error = u.error;
                const Worth worth = {.scale = u.rate};
                return {{0.0, 0.0, {u.rate, error}, {std::fabs(want), error}, Relation::kEqual},
                        {0.0, 0.0, {u.along, error}, {want, error}, Relation::kEqual},
                        {0.0, 0.0, {u.across, error}, 0.0, Relation::kAtMost, worth}};
            }};
}

}  // namespace prefdyn::theory
