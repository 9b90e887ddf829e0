#pragma once
// The elementary functions of many numbers at a time; the bits are those of one at a time.

#include <cstddef>

#include "sim/base/levels/level.hpp"

namespace prefdyn {

/// out[i] = f(x[i]), n numbers; x and out may be the same.
struct ArrayFunctions {
    void (*exp)(const double* x, std::ptrdiff_t n, double* out);
    void (*log)(const double* x, std::ptrdiff_t n, double* out);
    void (*log1p)(const double* x, std::ptrdiff_t n, double* out);
    void (*softplus)(const double* x, std::ptrdiff_t n, double* out);
    void (*sigmoid)(const double* x, std::ptrdiff_t n, double* out);
    /// log sum_k exp(x_k) of n > 0 numbers; -infinity stands for an empty sum.
    double (*logsumexp)(const double* x, std::ptrdiff_t n);
};
PREFDYN_KERNELS(ArrayFunctions, array_functions)

}  // namespace prefdyn
