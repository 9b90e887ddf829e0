#include "experiments/sweep/model.hpp"

#include "experiments/sweep/priority_model.hpp"
#include "experiments/sweep/run_model.hpp"

namespace prefdyn::sweep {

const std::vector<Experiment>& experiments() {
    static const std::vector<Experiment> all = {run_experiment(), priority_experiment()};
    return all;
}

std::vector<Measure> claim_measures(const std::string& id) {
    return {measure_as(id + "_status", "status"), measure_as(id + "_slack", "slack"),
            measure_as(id + "_tightness", "tightness_max")};
}

std::size_t row_length(const std::vector<Measure>& measures, std::size_t records) {
    std::size_t out = 0;
    for (const Measure& m : measures) out += m.axis == MeasureAxis::kRecord ? records : 1;
    return out;
}

}  // namespace prefdyn::sweep
