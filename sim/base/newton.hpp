#pragma once
// Damped Newton for smooth convex functions of a few variables whose Hessian may have a kernel.

#include <functional>

#include "sim/base/types.hpp"

namespace prefdyn {

struct Expansion {
    double value;
    Vector gradient;
    Matrix hessian;
};

struct NewtonResult {
    Vector x;
    double gradient_norm = 0.0;
    double curvature = 0.0;  ///< least eigenvalue of the Hessian outside its kernel
    int iterations = 0;
    bool converged = false;
};

/// Minimises from x until the gradient norm is at most `tolerance`, then takes one step more: at
/// quadratic convergence that leaves rounding only. Steps never leave x + range of the Hessian.
NewtonResult newton(const std::function<Expansion(const Vector&)>& function, Vector x,
                    double tolerance);

}  // namespace prefdyn
