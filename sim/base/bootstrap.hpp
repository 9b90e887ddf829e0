#pragma once
#include <functional>
#include <vector>

#include "sim/base/stream.hpp"

namespace prefdyn {

struct Interval {
    double estimate, low, high;
};

/// A statistic of the rows 0 .. size - 1 with its 95 % percentile bootstrap interval over 1000
/// resamples. Resamples on which it is NaN are left out; all NaN if every one is.
Interval bootstrap(std::size_t size,
                   const std::function<double(const std::vector<std::size_t>& rows)>& statistic,
                   Stream stream);

/// Mean of the numbers among `sample`, NaN left out.
Interval bootstrap_mean(std::vector<double> sample, Stream stream);

/// Spearman's rank correlation of x and y over resampled pairs.
Interval bootstrap_rank_correlation(const std::vector<double>& x, const std::vector<double>& y,
                                    Stream stream);

}  // namespace prefdyn
