#include <algorithm>
#include <cmath>

#include "theory/influence.hpp"

namespace prefdyn::theory {

namespace {

/// Smallest and largest over the tokens of eta d log pi - (change of log pi).
struct Missed {
    double least, most, size;  ///< size: largest absolute value
};

Missed missed(const Response& response, const ProbabilityRecord& record, Index o) {
    const Vector gap =
        record.eta * response.logp.row(o) - (record.logp.row(o) - response.log_pi.row(o));
    return {gap.minCoeff<Eigen::PropagateNaN>(), gap.maxCoeff<Eigen::PropagateNaN>(),
            gap.cwiseAbs().maxCoeff<Eigen::PropagateNaN>()};
}

/// Adds the slope of log error between two step sizes. The true slope is within
/// range (eta_1 + eta_2) / log(eta_1 / eta_2) of 2 (see shortfall()); steps for which that interval
/// would contain slope 1, or whose error is rounding, decide nothing and are left out.
void add_slope(const InfluenceFacts& f, const Response& response, Index o, std::size_t k,
               std::vector<Comparison>& out) {
    const ProbabilityRecord &coarse = f.single[k], &fine = f.single[k + 1];
    const double rounding = logp_rounding(f, o, coarse.logp);
    const double error = missed(response, coarse, o).size, next = missed(response, fine, o).size;
    const double ratio = std::log(coarse.eta / fine.eta);
    const double width =
        (response.range(o) * (coarse.eta + fine.eta) + rounding / error + rounding / next) / ratio;
    if (width >= 1.0) return;
    const double slope = std::log(error / next) / ratio;
    out.push_back({static_cast<double>(k),
                   fine.eta,
                   {slope, width},
                   2.0,
                   Relation::kEqual,
                   {.resolution = 0.5}});
}

}  // namespace

Claim first_order_response_claim() {
    return {
        "T12a",
        "first-order response, slope",
        "| log pi_o(eta) - log pi_o(0) + eta A_o sum_u K(o,u) G_u | = O(eta^2): its slope in eta "
        "on logarithmic axes is 2 within range (eta_1 + eta_2) / log(eta_1 / eta_2), for SFT, "
        "unlikelihood, both and DPO, in any context; range = max - min of the logits' response",
        "theory.md T12a; Taylor expansion of log-sum-exp in eta",
        ClaimKind::kPrediction,
        Scope::kStudy,
        {has_influence(), one_update_measured()},
        [](const Evidence& e) {
            const InfluenceFacts& f = e.get<InfluenceFacts>();
            const Response response = first_order_response(f);
            std::vector<Comparison> out;
            for (Index o = 0; o < f.contexts.rows(); ++o)
                for (std::size_t k = 0; k + 1 < f.single.size(); ++k)
                    add_slope(f, response, o, k, out);
            return out;
        },
        {},
        ren_sutherland("", "its decomposition A, K, G, for a linear head")};
}

Claim first_order_shortfall() {
    return {"T12e",
            "beyond the first order",
            "for any eta and every token, eta d log pi_o - (change of log pi_o) lies between "
            "Var (exp(-x) - 1 + x) / range^2 and min(Var (exp(x) - 1 - x) / range^2, x^2 / 8), "
            "x = eta range, Var of the logits' response under pi_o: log pi always ends below the "
            "first-order prediction",
            "theory.md T12e; cumulants of log-sum-exp",
            ClaimKind::kRigorous,
            Scope::kStudy,
            {has_influence(), one_update_measured()},
            [](const Evidence& e) {
                const InfluenceFacts& f = e.get<InfluenceFacts>();
                const Response response = first_order_response(f);
                std::vector<Comparison> out;
                for (Index o = 0; o < f.contexts.rows(); ++o)
                    for (const ProbabilityRecord& r : f.single) {
                        const Missed gap = missed(response, r, o);
                        const Shortfall bound =
                            shortfall(response.variance(o), response.range(o), r.eta);
                        const double error = logp_rounding(f, o, r.logp);
                        out.push_back({1.0,
                                       r.eta,
                                       {gap.least, error},
                                       bound.low,
                                       Relation::kAtLeast,
                                       logp_worth(f, o)});
                        out.push_back({1.0,
                                       r.eta,
                                       {gap.most, error},
                                       bound.high,
                                       Relation::kAtMost,
                                       logp_worth(f, o)});
                    }
                return out;
            },
            {.search = ContextSearch{.objective = std::nullopt, .examples = 4}},
            ren_sutherland("", "the remainder of its decomposition, bounded by ourselves")};
}

}  // namespace prefdyn::theory
