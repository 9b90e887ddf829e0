#include "experiments/runs/run_measures.hpp"

#include <algorithm>
#include <cmath>

#include "sim/base/numerics.hpp"
#include "theory/rates.hpp"

namespace prefdyn {

const std::vector<Measured<RunResult>>& run_measures() {
    using R = const RunResult&;
    static const std::vector<Measured<RunResult>> all = {
        {"run_samples", [](R r) { return static_cast<double>(r.statistics.n); }},
        {"run_dimension", [](R r) { return static_cast<double>(r.statistics.zbar.size()); }},
        {"p_plus", [](R r) { return r.statistics.p_plus; }},
        {"distinguishability_sample", [](R r) { return r.statistics.distinguishability; }},
        {"distinguishability_debiased",
         [](R r) { return r.statistics.distinguishability_debiased(); }},
        {"noise_floor", [](R r) { return std::sqrt(r.statistics.noise_floor_squared()); }},
        {"zbar_norm", [](R r) { return r.statistics.zbar_norm; }},
        {"concentration", [](R r) { return r.statistics.concentration(); }},
        {"trace", [](R r) { return r.statistics.trace(); }},
        {"lambda_max", [](R r) { return r.statistics.lambda_max; }},
        {"kappa", [](R r) { return r.kappa; }},
        {"learning_rate", [](R r) { return r.config.training.eta; }},
        {"initial_rate_predicted", [](R r) { return theory::initial_rate(r.evidence()).value; }},
        {"initial_rate_measured", [](R r) { return r.trajectory.records.front().update_rate; }},
    };
    return all;
}

namespace {

struct SplitMeasure {
    const char* name;
    double SplitMetrics::*value;
};

const SplitMeasure kSplitMeasures[] = {
    {"loss", &SplitMetrics::loss},
    {"rewards_margins", &SplitMetrics::rewards_margins},
    {"rewards_accuracies", &SplitMetrics::rewards_accuracies},
    {"rewards_ties", &SplitMetrics::rewards_ties},
    {"outputs_accuracies", &SplitMetrics::outputs_accuracies},
    {"outputs_ties", &SplitMetrics::outputs_ties},
    {"logps_chosen", &SplitMetrics::logps_chosen},
    {"logps_rejected", &SplitMetrics::logps_rejected},
    {"rewards_chosen", &SplitMetrics::rewards_chosen},
    {"rewards_rejected", &SplitMetrics::rewards_rejected},
};

std::vector<Measured<Record>> make_record_measures() {
    using R = const Record&;
    std::vector<Measured<Record>> out = {
        {"step", [](R r) { return r.step; }},
        {"time", [](R r) { return r.time; }},
        {"epoch", [](R r) { return r.epoch; }},
        {"head_change", [](R r) { return r.head_change; }},
        {"head_change_spectral", [](R r) { return r.head_change_spectral; }},
        {"update_rate", [](R r) { return r.update_rate; }},
        {"linear_remainder", [](R r) { return r.linear_remainder; }},
        {"error_loss", [](R r) { return r.error.loss; }},
        {"error_update_rate", [](R r) { return r.error.update_rate; }},
        {"error_head_change", [](R r) { return r.error.head_change; }},
        {"error_linear_remainder", [](R r) { return r.error.linear_remainder; }},
        {"error_accuracy",
         [](R r) { return std::max(r.error.accuracy.below, r.error.accuracy.above); }},
        {"error_drift", [](R r) { return r.error.drift; }},
    };
    for (const SplitMeasure& m : kSplitMeasures)
        out.push_back({on_training_set(m.name), [v = m.value](R r) { return r.train.*v; }});
    for (const SplitMeasure& m : kSplitMeasures)
        out.push_back({on_held_out_set(m.name), [v = m.value](R r) { return r.held_out.*v; }});
    return out;
}

}  // namespace

const std::vector<Measured<Record>>& record_measures() {
    static const auto all = make_record_measures();
    return all;
}

double first_at_most(const std::vector<double>& step, const std::vector<double>& value,
                     double level) {
    for (std::size_t k = 0; k < value.size(); ++k) {
        const double now = value[k] - level;
        if (!(now <= 0.0)) continue;
        if (k == 0) return step[k];
        const double before = value[k - 1] - level;
        return step[k - 1] + before / (before - now) * (step[k] - step[k - 1]);
    }
    return kNan;
}

RecordCurves::RecordCurves(std::vector<const Trajectory*> runs) : runs_(std::move(runs)) {
    for (const Trajectory* run : runs_) length_ = std::max(length_, run->records.size());
}

std::vector<double> RecordCurves::of(const std::function<double(const Record&)>& get) const {
    std::vector<double> out(runs_.size() * length_, kNan);
    for (std::size_t r = 0; r < runs_.size(); ++r)
        std::ranges::transform(runs_[r]->records, out.data() + r * length_, get);
    return out;
}

std::vector<double> RecordCurves::of_behaviours(std::size_t count,
                                                double BehaviourMetrics::*value) const {
    std::vector<double> out(runs_.size() * length_ * count, kNan);
    for (std::size_t r = 0; r < runs_.size(); ++r)
        for (std::size_t k = 0; k < runs_[r]->records.size(); ++k)
            std::ranges::transform(runs_[r]->records[k].behaviours,
                                   out.data() + (r * length_ + k) * count,
                                   [&](const BehaviourMetrics& m) { return m.*value; });
    return out;
}

}  // namespace prefdyn
