#include <cmath>
#include <limits>

#include "theory/assumptions.hpp"
#include "theory/behaviour_errors.hpp"
#include "theory/rates.hpp"

namespace prefdyn::theory {

namespace {

Assumption measured_slopes() {
    return {"behaviours are named and their initial slopes measured",
            [](const Evidence& e) -> std::string {
                const auto* b = e.find<BehaviourStatistics>();
                if (!b) return "the samples name no behaviours";
                const Index K = b->behaviours();
                const bool measured = b->margin_slope.size() == K && b->loss_slope.size() == K;
                return measured ? "" : "no initial slopes were measured";
            }};
}

Assumption two_equal_weights() {
    return {"two behaviours of equal weight, bbar not zero", [](const Evidence& e) -> std::string {
                const BehaviourStatistics& b = e.get<BehaviourStatistics>();
                if (b.behaviours() != 2)
                    return std::to_string(b.behaviours()) + " behaviours, not two";
                if (b.weight(0) != b.weight(1)) return "the weights differ";
                return b.mixture.norm() > 0.0 ? "" : "bbar vanishes";
            }};
}

}  // namespace

Claim priority_of_two() {
    return {
        "T8c",
        "priority of two equal behaviours",
        "P_1 - P_2 = (||b_1||^2 - ||b_2||^2) / (2 ||bbar||), P measured as M_k'(0) / (-2 beta^2 "
        "phi'(0) ||bbar||): the longer b leads, whatever the angle; b_k is half the class-mean "
        "difference, and the more distinguishable one leads, where classes are balanced or share "
        "no mean",
        "theory.md T8c; bbar = (b_1 + b_2) / 2",
        ClaimKind::kRigorous,
        Scope::kStudy,
        {measured_slopes(), starts_at_reference(), opposite_slopes(), two_equal_weights()},
        [](const Evidence& e) -> std::vector<Comparison> {
            const BehaviourStatistics& b = e.get<BehaviourStatistics>();
            const double unit = margin_scale(e) * b.mixture.norm();
            const double bound = 0.5 * (b.mean.row(0).squaredNorm() - b.mean.row(1).squaredNorm()) /
                                 b.mixture.norm();
            const double error = (slope_error(e, 0) + slope_error(e, 1)) / std::fabs(unit);
            return {{0.0,
                     0.0,
                     {(b.margin_slope(0) - b.margin_slope(1)) / unit, error},
                     {bound, error},
                     Relation::kEqual,
                     {.scale = 0.5 * (b.mean.row(0).squaredNorm() + b.mean.row(1).squaredNorm()) /
                               b.mixture.norm()}}};
        },
        {.search = BehaviourSearch{}},
        im_li("", "its priority level, in a statement of our own")};
}

}  // namespace prefdyn::theory
