#pragma once
// The arithmetic of formulas in numbers with errors.

#include "sim/base/ball.hpp"
#include "theory/formula/evaluate.hpp"

namespace prefdyn::theory {

template <>
struct Arithmetic<Ball> {
    static Truth less(const Ball& a, const Ball& b);
    static Truth at_most(const Ball& a, const Ball& b);
    static Truth equal(const Ball& a, const Ball& b);
    static Ball apply(Function f, const Ball& x);
    static Ball power(const Ball& base, const Ball& exponent);
    static Ball quotient(const Ball& a, const Ball& b) { return a / b; }
    static Ball lesser(const Ball& a, const Ball& b) { return min(a, b); }
    static Ball larger(const Ball& a, const Ball& b) { return max(a, b); }
    static bool is_zero(const Ball& x) { return x.value == 0.0 && x.radius == 0.0; }
    static Ball sum(const Ball* x, std::size_t n);
    static Ball quantile(const Ball* x, std::size_t n, double level);
    static Ball cover(const Ball* x, std::size_t n, double level);
    static Ball share(std::size_t sure, std::size_t possible, std::size_t n);
};

}  // namespace prefdyn::theory
