#include "sim/head/schedule.hpp"

#include <algorithm>
#include <cmath>

namespace prefdyn {

std::vector<double> record_times(double end, Index records, Spacing spacing) {
    constexpr double kDecades = 4.0;
    std::vector<double> times = {0.0};
    for (Index j = 1; j < records - 1; ++j) {
        const double x = static_cast<double>(j) / static_cast<double>(records - 1);
        const double y = static_cast<double>(j - 1) / static_cast<double>(records - 2);
        times.push_back(spacing == Spacing::kLinear ? end * x
                                                    : end * std::pow(10.0, kDecades * (y - 1.0)));
    }
    times.push_back(end);
    return times;
}

std::vector<Index> record_steps(Index steps, Index records, Spacing spacing) {
    std::vector<Index> out = {0, steps};
    const double last = static_cast<double>(steps), intervals = static_cast<double>(records - 1);
    for (Index j = 1; j < records - 1; ++j) {
        const double x = static_cast<double>(j) / intervals;
        const double at = spacing == Spacing::kLinear ? last * x : std::pow(last, x);
        out.push_back(std::clamp<Index>(static_cast<Index>(std::llround(at)), 0, steps));
    }
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
}

}  // namespace prefdyn
