#include "theory/grpo/recursion_facts.hpp"

#include <cmath>

namespace prefdyn::theory {

namespace {

constexpr int kScanned = 4096;
constexpr int kHalvings = 60;

Ball variance(const Ball& p) { return p * (Ball(1.0) - p); }

/// Where f(x) turns from positive at `low` to not positive at `high`.
template <class Function>
Ball change_of_sign(double low, double high, Function f) {
    for (int k = 0; k < kHalvings; ++k) {
        const double middle = 0.5 * (low + high);
        (f(middle) > 0.0 ? low : high) = middle;
    }
    const double value = 0.5 * (low + high);
    return {value, 0.5 * (high - low)};
}

/// Widened until the ends are clear of rounding: f above zero at the low one, below at the high.
template <class Function>
Ball clear_change(Ball at, Function f) {
    at.radius = std::max(at.radius, kEpsilon * at.value);
    for (int k = 0;
         k < kHalvings && !(f(Ball(at.low())).low() > 0.0 && f(Ball(at.high())).high() < 0.0); ++k)
        at.radius *= 2.0;
    return at;
}

}  // namespace

Ball Recursion::next(const Ball& p) const {
    const Ball odds = (Ball(1.0) - Ball(reference)) / Ball(reference);
    const Ball lift = Ball(1.0) / (Ball(beta) * sqrt(variance(p) + Ball(epsilon)));
    return Ball(1.0) / (Ball(1.0) + odds * exp(-lift));
}

Ball Recursion::slope(const Ball& p) const {
    const Ball spread = variance(p) + Ball(epsilon);
    return variance(next(p)) * (Ball(2.0) * p - Ball(1.0)) /
           (Ball(2.0) * Ball(beta) * spread * sqrt(spread));
}

Ball Recursion::least_beta(const Ball& p) const {
    const Ball spread = variance(p) + Ball(epsilon);
    return variance(p) * abs(Ball(2.0) * p - Ball(1.0)) / (Ball(2.0) * spread * sqrt(spread));
}

Ball Recursion::fixed_point() const {
    const auto rise = [this](const Ball& p) { return next(p) - p; };
    const auto above = [&](double p) { return rise(Ball(p)).value; };
    double low = reference;
    for (int k = 1; k <= kScanned; ++k) {
        const double high = reference + (1.0 - reference) * k / kScanned;
        if (!(above(high) > 0.0)) return clear_change(change_of_sign(low, high, above), rise);
        low = high;
    }
    return {kNan, kInfinity};
}

Ball Recursion::cycle(const Ball& fixed_point) const {
    const auto twice = [this](const Ball& p) { return next(next(p)) - p; };
    const auto above = [&](double p) { return twice(Ball(p)).value; };
    const double width = fixed_point.value - reference;
    for (int k = kScanned - 1; k > 0; --k) {
        const double p = reference + width * k / kScanned;
        if (above(p) > 0.0) return {kNan, kInfinity};
        const double lower = reference + width * (k - 1) / kScanned;
        if (above(lower) > 0.0) return clear_change(change_of_sign(lower, p, above), twice);
    }
    return {kNan, kInfinity};
}

}  // namespace prefdyn::theory
