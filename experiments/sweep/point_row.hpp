#pragma once
// Filling a point's row from what was run.

#include <functional>

#include "experiments/sweep/model.hpp"

namespace prefdyn::sweep {

template <class Result>
struct Measure {
    Column column;
    std::function<double(const Result&)> get;
};

template <class Result>
std::vector<Column> columns_of(const std::vector<Measure<Result>>& measures) {
    std::vector<Column> out;
    for (const auto& m : measures) out.push_back(m.column);
    return out;
}

/// Appends a curve: get(record) of each record, NaN behind them.
template <class Get>
void append_curve(Row& row, const std::vector<Record>& records, std::size_t length, Get get) {
    for (std::size_t k = 0; k < length; ++k)
        row.push_back(k < records.size() ? get(records[k])
                                         : std::numeric_limits<double>::quiet_NaN());
}

/// Appends the claim's columns.
void append_verdict(Row& row, const theory::Claim& claim, const theory::Evidence& evidence);

}  // namespace prefdyn::sweep
