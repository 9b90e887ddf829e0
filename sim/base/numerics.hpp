#pragma once
// The scalar functions every trainer, bound and metric is made of: stable for all finite arguments,
// written once, usable on host and device. Natural logarithms throughout.

#include <cmath>
#include <limits>

#include "sim/base/levels/elementary.hpp"

namespace prefdyn {

inline constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
inline constexpr double kInfinity = std::numeric_limits<double>::infinity();
inline constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
inline constexpr double kPi = 3.14159265358979323846;

/// Neumaier's sum: off by 2 u of the sum and, second order, n u^2 of the sum of magnitudes.
class CompensatedSum {
  public:
    void operator+=(double x) {
        const double next = sum_ + x;
        lost_ += std::fabs(sum_) >= std::fabs(x) ? (sum_ - next) + x : (x - next) + sum_;
        sum_ = next;
    }
    /// Infinite where the plain sum is: there is nothing to make up for.
    double value() const { return std::isfinite(sum_) ? sum_ + lost_ : sum_; }

  private:
    double sum_ = 0.0, lost_ = 0.0;
};

// Of a double, or of a vector of them (sim/base/levels).

/// log(1 + exp(x)).
template <class V>
PREFDYN_INLINE V softplus(const V& x) {
    return (x > 0.0 ? x : V{}) +
           elementary::log1p_of(elementary::exp_of(-elementary::magnitude(x)));
}

/// log sigma(x) = -softplus(-x).
template <class V>
PREFDYN_INLINE V log_sigmoid(const V& x) {
    return -softplus(-x);
}

/// sigma(x) = 1 / (1 + exp(-x)).
template <class V>
PREFDYN_INLINE V sigmoid(const V& x) {
    const V e = elementary::exp_of(-elementary::magnitude(x));
    return (x >= 0.0 ? V{} + 1.0 : e) / (1.0 + e);
}

/// log(exp(a) + exp(b)); -infinity stands for an empty sum.
template <class V>
PREFDYN_INLINE V logaddexp(const V& a, const V& b) {
    const V high = a > b ? a : b;
    const V low = a > b ? b : a;
    const V sum = high + elementary::log1p_of(elementary::exp_of(low - high));
    return low == -kInfinity ? high : sum;
}

/// Phi(x), the standard normal distribution function.
PREFDYN_HD inline double normal_cdf(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }

/// log sum_k exp(z_k) over n > 0 entries.
PREFDYN_HD inline double logsumexp(const double* z, long n) {
    double high = z[0];
    for (long k = 1; k < n; ++k) high = z[k] > high ? z[k] : high;
    if (std::isinf(high)) return high;
    double sum = 0.0;
    for (long k = 0; k < n; ++k) sum += elementary::exp_of(z[k] - high);
    return high + elementary::log_of(sum);
}

}  // namespace prefdyn
