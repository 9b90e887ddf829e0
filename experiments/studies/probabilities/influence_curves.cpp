// What the first-order influence leaves out, over the step size: data of two figures.
#include <algorithm>
#include <cmath>

#include "experiments/results/columns.hpp"
#include "experiments/studies/probabilities/probabilities.hpp"

namespace prefdyn {

namespace {

const std::string kObjective = "probabilities_objective", kSize = "probabilities_update";

/// One update by one objective, at the chosen token's context g_+.
struct InfluencePoint {
    double range;         ///< eta (max - min of the logits' response)
    double first_order;   ///< max over tokens of |eta d log pi|
    double remainder;     ///< max over tokens of eta d log pi - (change of log pi)
    double second_order;  ///< eta^2 / 2 times the variance of the logits' response
    theory::Shortfall bound;
};

std::vector<Column<InfluencePoint>> columns() {
    using P = const InfluencePoint&;
    return {
        {"range", "nats", "eta times the range of the logits' response at g_+",
         [](P p) { return p.range; }},
        {"first_order", "nats", "largest |eta d log pi| over tokens at g_+",
         [](P p) { return p.first_order; }},
        {"remainder", "nats", "largest eta d log pi - (change of log pi) over tokens at g_+",
         [](P p) { return p.remainder; }},
        {"second_order", "nats", "eta^2 / 2 times the variance of the logits' response under pi",
         [](P p) { return p.second_order; }},
        {"remainder_low", "nats", "lower bound T12e on the remainder",
         [](P p) { return p.bound.low; }},
        {"remainder_high", "nats", "upper bound T12e on the remainder",
         [](P p) { return p.bound.high; }},
    };
}

std::vector<double> curve_sizes() {
    std::vector<double> out;
    for (int k = -8; k <= 6; ++k) out.push_back(std::ldexp(1.0, k));
    return out;
}

std::vector<InfluencePoint> measure(Objective objective, std::uint64_t seed) {
    ContextDials dials;
    dials.objective = objective;
    dials.rho = 0.4;
    dials.reference_shift = 0.5;
    theory::InfluenceFacts facts = make_facts(dials, seed);
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

}  // namespace

std::vector<Field> influence_fields() {
    std::vector<Field> out = {
        text_field(kObjective, {kObjective}, "what one update descends"),
        real_field(kSize, {kSize}, "nats", "logit that the update adds to its own token")};
    for (const auto& c : columns())
        out.push_back(real_field("probabilities_influence_" + c.name, {kObjective, kSize}, c.unit,
                                 c.description));
    return out;
}

void put_influence(StudyOutcome& outcome, std::uint64_t seed) {
    std::vector<InfluencePoint> points;
    for (std::size_t k = 0; k < objective_names().size(); ++k)
        for (const InfluencePoint& p : measure(static_cast<Objective>(k), seed))
            points.push_back(p);
    outcome.values.emplace_back(kObjective, objective_names());
    outcome.values.emplace_back(kSize, curve_sizes());
    for (const auto& c : columns())
        outcome.values.emplace_back("probabilities_influence_" + c.name, gather(points, c.get));
}

}  // namespace prefdyn
