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

Assumption recorded_behaviours() {
    return {"every behaviour is recorded", [](const Evidence& e) -> std::string {
                const auto* b = e.find<BehaviourStatistics>();
                if (!b) return "the samples name no behaviours";
                const auto K = static_cast<std::size_t>(b->behaviours());
                for (const Record& r : e.trajectory().records)
                    if (r.behaviours.size() != K) return "the records lack behaviours";
                return "";
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

/// The record after one step of gradient descent, if there is one: M_k is linear in the head, so
/// M_k(eta) / eta is its initial slope exactly.
const Record* first_step(const Evidence& e) {
    if (e.training.dynamics != Dynamics::kGradientDescent) return nullptr;
    const auto K = static_cast<std::size_t>(e.get<BehaviourStatistics>().behaviours());
    for (const Record& r : e.trajectory().records)
        if (r.step == 1.0 && r.behaviours.size() == K) return &r;
    return nullptr;
}

}  // namespace

Claim priority_margin_slope() {
    return {
        "T8a",
        "margin slope of a behaviour",
        "M_k'(0) = -2 beta^2 phi'(0) bbar^T b_k, for DPO beta^2 bbar^T b_k = beta^2 ||bbar|| P_k",
        "theory.md T8a; any loss: T11; M_k = 2 beta v^T b_k and v'(0) = -beta phi'(0) bbar",
        ClaimKind::kRigorous,
        Scope::kStudy,
        {measured_slopes(), starts_at_reference(), opposite_slopes()},
        [](const Evidence& e) {
            const BehaviourStatistics& b = e.get<BehaviourStatistics>();
            std::vector<Comparison> out;
            const Record* step = first_step(e);
            for (Index k = 0; k < b.behaviours(); ++k) {
                const Ball bound = {margin_scale(e) * b.alignment(k), slope_error(e, k)};
                out.push_back(
                    {0.0, 0.0, {b.margin_slope(k), slope_error(e, k)}, bound, Relation::kEqual});
                if (!step) continue;
                const double margin = step->behaviours[static_cast<std::size_t>(k)].rewards_margins;
                out.push_back({1.0, step->time,
                               Ball(margin, margin_error(e, *step, k)) / time_of(*step), bound,
                               Relation::kEqual});
            }
            return out;
        },
        {.search = BehaviourSearch{}},
        im_li("", "its priority level, in a statement of our own")};
}

namespace {

/// What T8b says about behaviours i and j, bbar^T b_i > bbar^T b_j.
struct Pair {
    Index i, j;
    double alignment;  ///< bbar^T (b_i - b_j)
    double distance;   ///< ||bbar|| ||b_i - b_j||
    double error;      ///< of `alignment` and `distance`
};

std::vector<Pair> ordered_pairs(const Evidence& e) {
    const BehaviourStatistics& b = e.get<BehaviourStatistics>();
    std::vector<Pair> out;
    for (Index i = 0; i < b.behaviours(); ++i)
        for (Index j = 0; j < b.behaviours(); ++j) {
            if (!(b.alignment(i) > b.alignment(j))) continue;
            const Vector difference = b.mean.row(i) - b.mean.row(j);
            const double distance = b.mixture.norm() * difference.norm();
            out.push_back({i, j, b.mixture.dot(difference), distance,
                           product_error(e, b.mean.row(i).norm(), b.mean_square(i)) +
                               product_error(e, b.mean.row(j).norm(), b.mean_square(j))});
        }
    return out;
}

/// Before t* the bound on the lead; from then on, where that bound is not positive, the same
/// inequality as a bound on what the lead has lost against its initial slope.
Comparison compare_pair(const Evidence& e, const Pair& p, const Record& r) {
    const auto margin = [&](Index k) -> Ball {
        return {r.behaviours[static_cast<std::size_t>(k)].rewards_margins, margin_error(e, r, k)};
    };
    const Ball scale = Ball(margin_scale(e)) * time_of(r), lead = margin(p.i) - margin(p.j);
    const Ball linear = scale * Ball(p.alignment, p.error);
    const Ball straight = scale * Ball(p.distance, p.error);
    const Ball lost = Ball(0.5) * smoothness(e) * time_of(r) * straight;
    if (linear.value > lost.value)
        return {r.step, r.time, lead, linear - lost, Relation::kAtLeast, {.trivial = 0.0}};
    return {
        r.step, r.time, linear - lead, lost, Relation::kAtMost, {.trivial = 2.0 * straight.value}};
}

}  // namespace

Claim priority_lead() {
    return {"T8b",
            "the higher priority leads",
            "P_i > P_j: M_i(t) - M_j(t) >= 2 beta^2 |phi'(0)| t ||bbar|| [ (P_i - P_j) - "
            "(kappa t / 2) ||b_i - b_j|| ], so i leads until t* = 2 (P_i - P_j) / (kappa ||b_i - "
            "b_j||)",
            "theory.md T8b; T3c in the direction b_i - b_j",
            ClaimKind::kRigorous,
            Scope::kStudy,
            {has_trajectory(), starts_at_reference(), convex_loss(), loss_falls_at_zero(),
             full_gradient(2.0), recorded_behaviours()},
            [](const Evidence& e) {
                std::vector<Comparison> out;
                for (const Pair& pair : ordered_pairs(e))
                    for (const Record& r : e.trajectory().records)
                        if (r.time > 0.0) out.push_back(compare_pair(e, pair, r));
                return out;
            },
            {.search = BehaviourSearch{}},
            im_li("", "its priority level, in a statement of our own")};
}

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

Claim priority_loss_slope() {
    return {"T8d",
            "loss slope of a behaviour",
            "-L_k'(0) = 2 beta^2 phi'(0)^2 bbar^T b_k, for DPO (beta^2 / 2) bbar^T b_k; negative "
            "where training on the mixture un-learns behaviour k at first",
            "theory.md T8d; L_k' = phi'(0) M_k' at t = 0",
            ClaimKind::kRigorous,
            Scope::kStudy,
            {measured_slopes(), starts_at_reference(), opposite_slopes()},
            [](const Evidence& e) {
                const BehaviourStatistics& b = e.get<BehaviourStatistics>();
                const double slope = -e.training.loss.slope_at_zero;
                std::vector<Comparison> out;
                for (Index k = 0; k < b.behaviours(); ++k) {
                    const double error = std::fabs(slope) * slope_error(e, k);
                    out.push_back({0.0,
                                   0.0,
                                   {-b.loss_slope(k), error},
                                   {margin_scale(e) * slope * b.alignment(k), error},
                                   Relation::kEqual});
                }
                return out;
            },
            {.search = BehaviourSearch{}}};
}

}  // namespace prefdyn::theory
