#pragma once
#include <algorithm>
#include <cstddef>

namespace prefdyn {

/// Of `n` > 0 numbers in ascending order, with linear interpolation (type 7).
inline double sorted_quantile(const double* sorted, std::size_t n, double level) {
    const double position = level * static_cast<double>(n - 1);
    const auto low = static_cast<std::size_t>(position);
    const std::size_t high = std::min(low + 1, n - 1);
    return sorted[low] + (position - static_cast<double>(low)) * (sorted[high] - sorted[low]);
}

}  // namespace prefdyn
