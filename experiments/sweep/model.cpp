#include "experiments/sweep/model.hpp"

#include "sim/base/numerics.hpp"

namespace prefdyn::sweep {

Experiment run_experiment();
Experiment priority_experiment();

const std::vector<Experiment>& experiments() {
    static const std::vector<Experiment> all = {run_experiment(), priority_experiment()};
    return all;
}

std::vector<Measure> claim_measures(const std::string& id) {
    return {measure_as(id + "_status", "status"), measure_as(id + "_slack", "slack"),
            measure_as(id + "_tightness", "tightness_max")};
}

void append_verdicts(Row& row, const std::vector<theory::Claim>& claims,
                     const theory::Evidence& evidence) {
    for (const theory::Claim& claim : claims) {
        const theory::Verdict v = theory::judge(claim, std::span(&evidence, 1));
        const bool judged = v.status != theory::Status::kNotApplicable;
        row.push_back(static_cast<double>(v.status));
        row.push_back(judged ? v.slack : kNan);
        row.push_back(judged ? v.tightness.max : kNan);
    }
}

void Model::append_kept(Row& row, const Dataset& data, const Trajectory& trajectory) const {
    if (!kept_) return;
    for (const auto& values : kept_values(data, trajectory, *kept_))
        row.insert(row.end(), values.begin(), values.end());
}

std::size_t row_length(const std::vector<Measure>& measures, std::size_t records) {
    std::size_t out = 0;
    for (const Measure& m : measures) out += m.axis == MeasureAxis::kRecord ? records : 1;
    return out;
}

}  // namespace prefdyn::sweep
