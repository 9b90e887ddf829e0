#include <cmath>

#include "theory/assumptions.hpp"
#include "theory/rates.hpp"

namespace prefdyn::theory {

namespace {

/// |phi'(0)| beta D / sqrt 2. Dhat errs as the two class means do.
Ball balanced_rate(const Evidence& e) {
    const MeanStatistics& s = e.means();
    const double slope = e.training.beta * std::fabs(e.training.loss.slope_at_zero);
    return Ball(s.distinguishability, 2.0 * zbar_norm(s).radius) * slope / sqrt(Ball(2.0));
}

}  // namespace

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
            const Ball measured = {start.update_rate, start.error.update_rate};
            std::vector<Comparison> out = {{0.0, 0.0, measured, initial_rate(e), Relation::kEqual}};
            if (e.means().n_plus == e.means().n_minus)
                out.push_back({0.0, 0.0, measured, balanced_rate(e), Relation::kEqual});
            return out;
        },
        {.faults = {PlantedFault::kStronger, PlantedFault::kBetaOff, PlantedFault::kClassFlipped},
         .curve = false}};
}

}  // namespace prefdyn::theory
