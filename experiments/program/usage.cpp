#include "experiments/program/usage.hpp"

#include <omp.h>
#include <sys/resource.h>

#include <ctime>
#include <fstream>

namespace prefdyn {

double processor_seconds() {
    return static_cast<double>(std::clock()) / CLOCKS_PER_SEC / omp_get_max_threads();
}

double peak_resident_mib() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return static_cast<double>(usage.ru_maxrss) / 1024.0;
}

void forget_peak() { std::ofstream("/proc/self/clear_refs") << "5"; }

}  // namespace prefdyn
