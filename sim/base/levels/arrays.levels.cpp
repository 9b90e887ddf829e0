#include "sim/base/levels/arrays.hpp"

#include "sim/base/levels/lanes.hpp"
#include "sim/base/numerics.hpp"

namespace prefdyn::PREFDYN_LEVEL {

namespace {

/// exp(x - high) of all numbers in kLanes partial sums.
double exponentials(const double* x, std::ptrdiff_t n, double high) {
    constexpr int kVectors = kLanes / kWidth;
    V sum[kVectors] = {};
    std::ptrdiff_t i = 0;
    for (; i + kLanes <= n; i += kLanes)
        for (int l = 0; l < kVectors; ++l)
            sum[l] += elementary::exp_of(load(x + i + l * kWidth) - high);
    double lane[kLanes];
    for (int l = 0; l < kVectors; ++l) store(lane + l * kWidth, sum[l]);
    for (int k = 0; i < n; ++i, ++k) {
        double last;
        store_some(&last, elementary::exp_of(load_some(x + i, 1) - high), 1);
        lane[k] += last;
    }
    return ((lane[0] + lane[4]) + (lane[1] + lane[5])) +
           ((lane[2] + lane[6]) + (lane[3] + lane[7]));
}

double logsumexp(const double* x, std::ptrdiff_t n) {
    double high = x[0];
    for (std::ptrdiff_t k = 1; k < n; ++k) high = x[k] > high ? x[k] : high;
    if (__builtin_isinf(high)) return high;
    double out;
    store_some(&out, elementary::log_of(V{} + exponentials(x, n, high)), 1);
    return high + out;
}

}  // namespace

#define PREFDYN_MAPPED(function)                                \
    [](const double* x, std::ptrdiff_t n, double* out) {        \
        map(x, n, out, [](const V& v) { return function(v); }); \
    }

const ArrayFunctions array_functions = {
    PREFDYN_MAPPED(elementary::exp_of),   PREFDYN_MAPPED(elementary::log_of),
    PREFDYN_MAPPED(elementary::log1p_of), PREFDYN_MAPPED(prefdyn::softplus),
    PREFDYN_MAPPED(prefdyn::sigmoid),     logsumexp};

}  // namespace prefdyn::PREFDYN_LEVEL
