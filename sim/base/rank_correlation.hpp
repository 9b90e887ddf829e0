#pragma once
#include <vector>

namespace prefdyn {

/// Spearman's rank correlation, ties averaged; NaN for fewer than three pairs, or any NaN.
double rank_correlation(const std::vector<double>& x, const std::vector<double>& y);

}  // namespace prefdyn
