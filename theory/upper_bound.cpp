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
                for (std::size_t k = 1; k < records.size(); ++k)
                    out.push_back({records[k].step, records[k].time, records[k].update_rate,
                                   records[k - 1].update_rate, Relation::kAtMost,
                                   e.training.rounding * initial_rate(e) + rate_rounding(e)});
                return out;
            },
            {.faults = {PlantedFault::kStronger, PlantedFault::kStepTooLarge}}};
}

namespace {

/// min( t R(0), sqrt(t (L(0) - L(t)) / c), sqrt(t (phi(0) - inf phi) / c) ), c = 1 along the flow
/// and 1 - eta kappa / 2 along gradient descent (discrete energy inequality).
double upper_bound(const Evidence& e, const Record& record) {
    const LossFacts& loss = e.training.loss;
    const bool flow = e.training.dynamics == Dynamics::kGradientFlow;
    const double c = flow ? 1.0 : 1.0 - 0.5 * e.training.eta * smoothness(e);
    const double linear = record.time * initial_rate(e);
    if (!(c > 0.0)) return linear;
    const double start = e.trajectory().records.front().train.loss;
    const double drop = std::max(start - record.train.loss, 0.0) + loss_rounding(e);
    return std::min({linear, std::sqrt(record.time * drop / c),
                     std::sqrt(record.time * (loss.value_at_zero - loss.infimum) / c)});
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
                    r.head_change,
                    upper_bound(e, r),
                    Relation::kAtMost,
                    r.time * rate_rounding(e)};
        }),
        {.faults = {PlantedFault::kStronger, PlantedFault::kEtaDoubled}}};
}

}  // namespace prefdyn::theory
