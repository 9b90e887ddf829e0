#pragma once
// The scalar functions every trainer, bound and metric is made of: stable for all finite arguments,
// written once, usable on host and device. Natural logarithms throughout.

#include <cmath>
#include <limits>

#if defined(__CUDACC__)
#define PREFDYN_HD __host__ __device__
#else
#define PREFDYN_HD
#endif

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
    double value() const { return sum_ + lost_; }

  private:
    double sum_ = 0.0, lost_ = 0.0;
};

/// log(1 + exp(x)).
PREFDYN_HD inline double softplus(double x) {
    return (x > 0.0 ? x : 0.0) + std::log1p(std::exp(-std::fabs(x)));
}

/// log sigma(x) = -softplus(-x).
PREFDYN_HD inline double log_sigmoid(double x) { return -softplus(-x); }

/// sigma(x) = 1 / (1 + exp(-x)).
PREFDYN_HD inline double sigmoid(double x) {
    const double e = std::exp(-std::fabs(x));
    return (x >= 0.0 ? 1.0 : e) / (1.0 + e);
}

/// Phi(x), the standard normal distribution function.
PREFDYN_HD inline double normal_cdf(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }

/// log(exp(a) + exp(b)); -infinity stands for an empty sum.
PREFDYN_HD inline double logaddexp(double a, double b) {
    const double high = a > b ? a : b;
    const double low = a > b ? b : a;
    if (std::isinf(low) && low < 0.0) return high;
    return high + std::log1p(std::exp(low - high));
}

/// log sum_k exp(z_k) over n > 0 entries.
PREFDYN_HD inline double logsumexp(const double* z, long n) {
    double high = z[0];
    for (long k = 1; k < n; ++k) high = z[k] > high ? z[k] : high;
    if (std::isinf(high)) return high;
    double sum = 0.0;
    for (long k = 0; k < n; ++k) sum += std::exp(z[k] - high);
    return high + std::log(sum);
}

}  // namespace prefdyn
