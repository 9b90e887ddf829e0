#pragma once
// Expectations over one Gaussian variable. For functions analytic around the real line (phi' and
// phi'' of smooth losses; the logistic ones have poles at +- i pi).

#include "sim/base/types.hpp"

namespace prefdyn {

/// E f(x), x ~ N(0, 1), is sum_k weight(k) f(node(k)).
struct NormalRule {
    Vector node, weight;
};

/// Gauss-Hermite with `count` nodes (Golub-Welsch): exact for polynomials of degree < 2 count.
NormalRule gauss_hermite(Index count);

/// Nodes `step` apart on [-9, 9], where all but 1e-18 of the mass lies. The error falls like
/// exp(-2 pi a / step), a the distance of the nearest pole of f(x): fewer nodes than
/// Gauss-Hermite needs once a is small.
NormalRule trapezoid(double step);

/// A rule for E f(mean + deviation x) with an absolute error below 1e-11 for the logistic phi, phi'
/// and phi'': Gauss-Hermite up to deviation 2, beyond it the trapezoidal rule with a step that
/// shrinks like 1 / deviation.
NormalRule rule_for(double deviation);

/// E f(mean + deviation x).
template <class Function>
double normal_expectation(const NormalRule& rule, double mean, double deviation, Function f) {
    double sum = 0.0;
    for (Index k = 0; k < rule.node.size(); ++k)
        sum += rule.weight(k) * f(mean + deviation * rule.node(k));
    return sum;
}

}  // namespace prefdyn
