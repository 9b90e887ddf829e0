#include <cmath>

#include "theory/assumptions.hpp"
#include "theory/rates.hpp"

namespace prefdyn::theory {

Claim initial_rate_identity() {
    return {
        "T1",
        "initial rate",
        "R(0) = sqrt(2) beta |phi'(0)| ||zbar||, for DPO (beta / sqrt 2) ||zbar||; balanced "
        "classes: "
        "beta D / (2 sqrt 2)",
        "theory.md T1; sigma(0) = 1/2; any loss: theory.md T11",
        ClaimKind::kRigorous,
        Scope::kRun,
        {has_trajectory(), starts_at_reference(), opposite_slopes()},
        [](const Evidence& e) {
            const Record& start = e.trajectory().records.front();
            std::vector<Comparison> out = {
                {0.0, 0.0, start.update_rate, initial_rate(e), Relation::kEqual, rate_rounding(e)}};
            if (e.means().n_plus == e.means().n_minus)
                out.push_back({0.0, 0.0, start.update_rate,
                               e.training.beta * std::fabs(e.training.loss.slope_at_zero) *
                                   e.means().distinguishability / std::sqrt(2.0),
                               Relation::kEqual, rate_rounding(e)});
            return out;
        },
        {.faults = {PlantedFault::kStronger, PlantedFault::kBetaOff, PlantedFault::kClassFlipped},
         .curve = false}};
}

}  // namespace prefdyn::theory
