#pragma once
#include <cstddef>
#include <vector>

namespace prefdyn {

/// Spearman's rank correlation, ties averaged; NaN for fewer than three pairs, or any NaN.
double rank_correlation(const std::vector<double>& x, const std::vector<double>& y);

/// Two-sided p-value of no association: the share of all orders of y whose correlation is as far
/// from 0. Exact, for 3 to kMostPermuted pairs; else NaN, as where the correlation is.
double rank_correlation_p(const std::vector<double>& x, const std::vector<double>& y);
inline constexpr std::size_t kMostPermuted = 9;
/// Fewer pairs have too few resamples of their own for a bootstrap interval.
inline constexpr std::size_t kFewestForInterval = 8;

}  // namespace prefdyn
