#pragma once
// Filling a point's row from what was run.

#include <limits>

#include "experiments/sweep/model.hpp"

namespace prefdyn::sweep {

/// Of a point: the run's numbers, then the curves.
template <class Result>
std::vector<Measure> measures_of(const std::vector<Measured<Result>>& numbers,
                                 const std::vector<Measured<Record>>& curves) {
    std::vector<Measure> out;
    for (const auto& m : numbers) out.push_back(m.measure);
    for (const auto& m : curves) out.push_back(m.measure);
    return out;
}

/// A point's row of them.
template <class Result>
Row row_of(const Result& result, const std::vector<Measured<Result>>& numbers,
           const std::vector<Measured<Record>>& curves, std::size_t length) {
    Row out;
    for (const auto& m : numbers) out.push_back(m.get(result));
    const std::vector<Record>& records = result.trajectory.records;
    for (const auto& m : curves)
        for (std::size_t k = 0; k < length; ++k)
            out.push_back(k < records.size() ? m.get(records[k])
                                             : std::numeric_limits<double>::quiet_NaN());
    return out;
}

/// Appends claim_measures of the claim.
void append_verdict(Row& row, const theory::Claim& claim, const theory::Evidence& evidence);

}  // namespace prefdyn::sweep
