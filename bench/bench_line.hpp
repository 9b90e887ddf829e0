#pragma once
#include <algorithm>
#include <iomanip>
#include <ostream>
#include <string>

#include "experiments/program/output_options.hpp"
#include "sim/base/cancel.hpp"
#include "sim/base/stopwatch.hpp"

namespace prefdyn {

/// Shortest of a few repetitions: the least disturbed one.
template <class Work>
double best_seconds(int repetitions, Work work) {
    double best = 1e300;
    for (int r = 0; r < repetitions; ++r) {
        stop_if_requested();
        const Stopwatch watch;
        work();
        best = std::min(best, watch.seconds());
    }
    return best;
}

inline void line(std::ostream& out, const std::string& what, double value, const std::string& unit,
                 const std::string& note = {}) {
    out << std::left << std::setw(60) << what << std::right << std::setw(12) << std::setprecision(4)
        << value << " " << std::left << std::setw(8) << unit << note << "\n";
}

}  // namespace prefdyn
