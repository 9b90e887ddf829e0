#include "experiments/finetune/measure.hpp"

#include <cmath>
#include <limits>

#include "sim/base/numerics.hpp"

namespace prefdyn {

namespace {

using finetune::MetricSums;

double per_pair(const MetricSums& s, double sum) { return s.pairs > 0.0 ? sum / s.pairs : kNan; }
double per_token(double sum, double tokens) { return tokens > 0.0 ? sum / tokens : kNan; }

}  // namespace

const std::vector<Measured<MetricSums>>& pair_measures() {
    using S = const MetricSums&;
    static const std::vector<Measured<MetricSums>> all = {
        {"loss", [](S s) { return per_pair(s, s.loss); }},
        {"rewards_chosen", [](S s) { return per_pair(s, s.reward[0]); }},
        {"rewards_rejected", [](S s) { return per_pair(s, s.reward[1]); }},
        {"rewards_margins", [](S s) { return per_pair(s, s.reward[0] - s.reward[1]); }},
        {"rewards_accuracies", [](S s) { return per_pair(s, s.reward_wins); }},
        {"rewards_ties", [](S s) { return per_pair(s, s.reward_ties); }},
        {"outputs_accuracies", [](S s) { return per_pair(s, s.policy_wins); }},
        {"logps_chosen", [](S s) { return per_pair(s, s.logp[0]); }},
        {"logps_rejected", [](S s) { return per_pair(s, s.logp[1]); }},
        {"logits_chosen", [](S s) { return per_token(s.logit[0], s.length[0]); }},
        {"logits_rejected", [](S s) { return per_token(s.logit[1], s.length[1]); }},
        {"entropy", [](S s) { return per_token(s.entropy, s.length[0] + s.length[1]); }},
        {"mean_token_accuracy", [](S s) { return per_token(s.correct, s.length[0]); }},
    };
    return all;
}

namespace {

const std::vector<Measured<theory::DatasetStatistics>>& geometry_measures() {
    using G = const theory::DatasetStatistics&;
    static const std::vector<Measured<theory::DatasetStatistics>> all = {
        {"distinguishability", [](G g) { return g.distinguishability; }},
        {"distinguishability_debiased", [](G g) { return g.distinguishability_debiased(); }},
        {"noise_floor", [](G g) { return std::sqrt(g.noise_floor_squared()); }},
        {"concentration", [](G g) { return g.concentration(); }},
        {"trace", [](G g) { return g.trace(); }},
        {"zbar_norm", [](G g) { return g.zbar_norm; }},
    };
    return all;
}

std::vector<Measured<BehaviourMeasure>> make_behaviour_measures() {
    using B = const BehaviourMeasure&;
    std::vector<Measured<BehaviourMeasure>> out;
    for (const auto& m : pair_measures())
        out.push_back(
            {on_training_set(m.measure.name), [get = m.get](B b) { return get(b.train); }});
    for (const auto& m : pair_measures())
        out.push_back(
            {on_held_out_set(m.measure.name), [get = m.get](B b) { return get(b.held_out); }});
    for (const auto& m : geometry_measures())
        out.push_back(
            {m.measure, [get = m.get](B b) { return b.classes ? get(b.geometry) : kNan; }});
    return out;
}

}  // namespace

const std::vector<Measured<BehaviourMeasure>>& behaviour_measures() {
    static const auto all = make_behaviour_measures();
    return all;
}

std::vector<double> measure_row(const BehaviourMeasure& measure) {
    std::vector<double> out;
    for (const auto& each : behaviour_measures()) out.push_back(each.get(measure));
    return out;
}

theory::DatasetStatistics geometry_of(const transformer::RowsF& embeddings,
                                      const std::vector<std::int8_t>& label) {
    Dataset data;
    data.name = "embeddings";
    data.features = embeddings.cast<double>();
    data.label = label;
    return theory::dataset_statistics(data);
}

}  // namespace prefdyn
