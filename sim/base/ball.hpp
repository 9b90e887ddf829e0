#pragma once
// Numbers with their error: running error analysis in double precision. A Ball holds the exact
// number within `radius` of `value`; every operation adds what it rounds itself, so the radius of a
// result follows from those of its operands and from the operations, never from taste.
// (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., sections 2.2 and 3.3.)

#include <algorithm>
#include <cmath>

#include "sim/base/numerics.hpp"

namespace prefdyn {

inline constexpr double kUnitRoundoff = 0.5 * kEpsilon;  ///< u
/// What an operation errs by where it leaves the range downwards.
inline constexpr double kSmallestNumber = std::numeric_limits<double>::denorm_min();

/// gamma_k = k u / (1 - k u): relative error of k roundings in a row (Higham, lemma 3.1). Infinite
/// from k u = 1 on.
inline double gamma_of(double roundings) {
    const double ku = roundings * kUnitRoundoff;
    return ku < 1.0 ? ku / (1.0 - ku) : kInfinity;
}

struct Ball {
    double value = 0.0;
    double radius = 0.0;  ///< >= 0; infinite where nothing is known

    constexpr Ball() = default;
    constexpr Ball(double exact) : value(exact) {}  // NOLINT: a double is a Ball without error
    constexpr Ball(double centre, double error) : value(centre), radius(error) {}

    double low() const { return value - radius; }
    double high() const { return value + radius; }
    /// Grown by an error of another origin.
    Ball widened(double by) const { return {value, radius + by}; }
};

namespace ball {

/// The radius itself is rounded a few times on its way, and below the smallest normal number an
/// operation errs by a fixed amount.
inline Ball rounded(double value, double radius) {
    if (std::isnan(radius)) radius = kInfinity;
    const double own = kUnitRoundoff * std::fabs(value);
    const double tiny = value == 0.0 && radius == 0.0 ? 0.0 : kSmallestNumber;
    return {value, (radius + own) * (1.0 + 8.0 * kUnitRoundoff) + tiny};
}

/// f of both ends of x, f monotone and computed to two units in the last place. Where it is not
/// zero but smaller than any number it errs by the smallest.
template <class Function>
Ball monotone(const Ball& x, double low, double high, Function f) {
    const double value = f(x.value), a = f(low), b = f(high);
    const double reach = std::max({std::fabs(a - value), std::fabs(b - value)});
    const double size = std::max({std::fabs(a), std::fabs(b), std::fabs(value)});
    const bool vanished = value == 0.0 && (x.value != 0.0 || x.radius != 0.0);
    return rounded(value, reach + 4.0 * kUnitRoundoff * size + (vanished ? kSmallestNumber : 0.0));
}

}  // namespace ball

inline Ball operator-(const Ball& a) { return {-a.value, a.radius}; }
inline Ball operator+(const Ball& a, const Ball& b) {
    return ball::rounded(a.value + b.value, a.radius + b.radius);
}
inline Ball operator-(const Ball& a, const Ball& b) { return a + (-b); }
/// A product that leaves the range downwards is zero, and errs by the smallest number; so does the
/// product of radii.
inline Ball operator*(const Ball& a, const Ball& b) {
    const double value = a.value * b.value;
    const bool exact = a.radius == 0.0 && b.radius == 0.0;
    const bool vanished = value == 0.0 && a.value != 0.0 && b.value != 0.0;
    const double radius = (a.radius == 0.0 ? 0.0 : a.radius * (std::fabs(b.value) + b.radius)) +
                          (b.radius == 0.0 ? 0.0 : std::fabs(a.value) * b.radius);
    return ball::rounded(value, radius + (exact && !vanished ? 0.0 : kSmallestNumber));
}
/// Infinite radius where the divisor may be zero.
inline Ball operator/(const Ball& a, const Ball& b) {
    const double least = std::fabs(b.value) - b.radius;
    const double value = a.value / b.value;
    if (!(least > 0.0)) return {value, kInfinity};
    const bool zero = a.value == 0.0 && a.radius == 0.0;
    return ball::rounded(
        value, (a.radius + std::fabs(value) * b.radius) / least + (zero ? 0.0 : kSmallestNumber));
}

/// What lies below zero is cut off.
inline Ball sqrt(const Ball& x) {
    return ball::monotone({std::max(0.0, x.value), x.radius}, std::max(0.0, x.low()),
                          std::max(0.0, x.high()), [](double y) { return std::sqrt(y); });
}
inline Ball exp(const Ball& x) {
    return ball::monotone(x, x.low(), x.high(), [](double y) { return std::exp(y); });
}
inline Ball expm1(const Ball& x) {
    return ball::monotone(x, x.low(), x.high(), [](double y) { return std::expm1(y); });
}
/// x >= -1: what lies below is cut off.
inline Ball log1p(const Ball& x) {
    return ball::monotone({std::max(-1.0, x.value), x.radius}, std::max(-1.0, x.low()), x.high(),
                          [](double y) { return std::log1p(y); });
}
inline Ball abs(const Ball& x) { return {std::fabs(x.value), x.radius}; }
inline Ball square(const Ball& x) { return x * x; }
inline Ball min(const Ball& a, const Ball& b) {
    const double value = std::min(a.value, b.value);
    return {value,
            std::max(value - std::min(a.low(), b.low()), std::min(a.high(), b.high()) - value)};
}
inline Ball max(const Ball& a, const Ball& b) { return -min(-a, -b); }

}  // namespace prefdyn
