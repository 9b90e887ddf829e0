#include <algorithm>
#include <cmath>

#include "theory/assumptions.hpp"
#include "theory/rates.hpp"

namespace prefdyn::theory {

Claim rate_never_increases() {
    return {"T2a",
            "rate never increases",
            "R(t) <= R(s) for t >= s",
            "theory.md T2; L is convex and kappa-smooth (co-coercivity)",
            ClaimKind::kRigorous,
            Scope::kRun,
            {has_trajectory(), convex_loss(), full_gradient(2.0)},
            [](const Evidence& e) {
                std::vector<Comparison> out;
                const auto& records = e.trajectory().records;
                const double most = unless_at_rest(e, Relation::kAtMost, largest_rate(e));
                for (std::size_t k = 1; k < records.size(); ++k)
                    out.push_back({records[k].step,
                                   records[k].time,
                                   rate_since(e, records[k - 1], records[k]),
                                   measured_rate(records[k - 1]),
                                   Relation::kAtMost,
                                   {.scale = initial_rate(e).value, .trivial = most}});
                return out;
            },
            {.faults = {PlantedFault::kStronger, PlantedFault::kStepTooLarge}}};
}

namespace {

/// min( t R(0), sqrt(t (L(0) - L(t)) / c), sqrt(t (phi(0) - inf phi) / c) ), c = 1 along the flow
/// and 1 - eta kappa / 2 along gradient descent (discrete energy inequality).
Ball upper_bound(const Evidence& e, const Record& record) {
    const LossFacts& loss = e.training.loss;
    const bool flow = e.training.dynamics == Dynamics::kGradientFlow;
    const Ball c = flow ? Ball(1.0) : Ball(1.0) - Ball(0.5) * step_curvature(e);
    const Ball time = time_of(record), linear = time * initial_rate(e);
    if (!(c.low() > 0.0)) return linear;
    const Ball most = {loss.value_at_zero - loss.infimum, 4.0 * kEpsilon * loss.value_at_zero};
    return min(linear, sqrt(time * min(loss_drop(e, record), most) / c));
}

}  // namespace

Claim head_change_upper_bound() {
    return {
        "T2b",
        "head change, upper bound",
        "||Delta W(t)||_F <= min( t R(0), sqrt(t (L(0) - L(t))), sqrt(t log 2) ); under gradient "
        "descent the square roots are divided by sqrt(1 - eta kappa / 2)",
        "theory.md T2; falling gradient norm, Cauchy-Schwarz on the energy identity",
        ClaimKind::kRigorous,
        Scope::kRun,
        {has_trajectory(), starts_at_reference(), convex_loss(), full_gradient(2.0)},
        after_start([](const Evidence& e, const Record& r) -> Comparison {
            return {r.step,
                    r.time,
                    head_change(r),
                    upper_bound(e, r),
                    Relation::kAtMost,
                    {.trivial = unless_at_rest(e, Relation::kAtMost, r.time * largest_rate(e))}};
        }),
        {.faults = {PlantedFault::kStronger, PlantedFault::kEtaDoubled}}};
}

}  // namespace prefdyn::theory
