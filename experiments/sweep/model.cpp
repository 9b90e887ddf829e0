#include "experiments/sweep/model.hpp"

#include "experiments/sweep/priority_model.hpp"
#include "experiments/sweep/run_model.hpp"

namespace prefdyn::sweep {

const std::vector<Experiment>& experiments() {
    static const std::vector<Experiment> all = {run_experiment(), priority_experiment()};
    return all;
}

std::vector<Column> claim_columns(const std::string& id) {
    return {{id + "_status", "", "0 holds, 1 violated, 2 not applicable, 3 fitted"},
            {id + "_slack", "", "smallest relative distance to the bound; negative: violated"},
            {id + "_tightness", "",
             "largest measured / bound (bound / measured from below): 1 is "
             "tight"}};
}

std::size_t row_length(const std::vector<Column>& columns, std::size_t records) {
    std::size_t out = 0;
    for (const Column& c : columns) out += c.curve ? records : 1;
    return out;
}

}  // namespace prefdyn::sweep
