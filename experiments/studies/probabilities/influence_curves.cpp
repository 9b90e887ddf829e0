// What the first-order influence leaves out, over the step size: data of two figures.
#include <algorithm>
#include <cmath>

#include "experiments/studies/probabilities/probabilities.hpp"

namespace prefdyn {

namespace {

/// One update by one objective, at the chosen token's context g_+.
struct InfluencePoint {
    double range;         ///< eta (max - min of the logits' response)
    double first_order;   ///< max over tokens of |eta d log pi|
    double remainder;     ///< max over tokens of eta d log pi - (change of log pi)
    double second_order;  ///< eta^2 / 2 times the variance of the logits' response
    theory::Shortfall bound;
};

std::vector<double> curve_sizes() {
    std::vector<double> out;
    for (int k = -8; k <= 6; ++k) out.push_back(std::ldexp(1.0, k));
    return out;
}

std::vector<InfluencePoint> measure(Objective objective, std::uint64_t seed) {
    theory::InfluenceFacts facts =
        make_facts({.rho = 0.4, .objective = objective, .reference_shift = 0.5}, seed);
    measure_single(facts, honest_trainer(facts), curve_sizes());
    const theory::Response response = theory::first_order_response(facts);
    std::vector<InfluencePoint> out;
    for (const theory::ProbabilityRecord& r : facts.single) {
        const Vector first = r.eta * response.logp.row(0);
        const Vector change = r.logp.row(0) - response.log_pi.row(0);
        out.push_back({r.eta * response.range(0), first.cwiseAbs().maxCoeff(),
                       (first - change).maxCoeff(), 0.5 * r.eta * r.eta * response.variance(0),
                       theory::shortfall(response.variance(0), response.range(0), r.eta)});
    }
    return out;
}

using Points = std::vector<InfluencePoint>;

std::vector<Filled<Points>> filled_fields() {
    using P = const InfluencePoint&;
    const std::string objective = "probabilities_objective", size = "probabilities_update",
                      prefix = "probabilities_influence_";
    const std::vector<std::string> axes = {objective, size};
    return {
        {objective, "", "what one update descends",
         [](const Points&) { return objective_names(); }},
        {size, "nats", "logit that the update adds to its own token",
         [](const Points&) { return curve_sizes(); }},
        {prefix + "range", axes, "nats", "eta times the range of the logits' response at g_+",
         &InfluencePoint::range},
        {prefix + "first_order", axes, "nats", "largest |eta d log pi| over tokens at g_+",
         &InfluencePoint::first_order},
        {prefix + "remainder", axes, "nats",
         "largest eta d log pi - (change of log pi) over tokens at g_+",
         &InfluencePoint::remainder},
        {prefix + "second_order", axes, "nats",
         "eta^2 / 2 times the variance of the logits' response under pi",
         &InfluencePoint::second_order},
        {prefix + "remainder_low", axes, "nats", "lower bound T12e on the remainder",
         [](P p) { return p.bound.low; }},
        {prefix + "remainder_high", axes, "nats", "upper bound T12e on the remainder",
         [](P p) { return p.bound.high; }},
    };
}

}  // namespace

std::vector<Field> influence_fields() { return fields_of(filled_fields()); }

void put_influence(StudyOutcome& outcome, std::uint64_t seed) {
    Points points;
    for (std::size_t k = 0; k < objective_names().size(); ++k)
        std::ranges::move(measure(static_cast<Objective>(k), seed), std::back_inserter(points));
    outcome.put(filled_fields(), points);
}

}  // namespace prefdyn
