#include "sim/noise.hpp"

#include <algorithm>
#include <boost/random/bernoulli_distribution.hpp>
#include <boost/random/gamma_distribution.hpp>
#include <boost/random/normal_distribution.hpp>
#include <boost/random/student_t_distribution.hpp>
#include <boost/random/uniform_real_distribution.hpp>
#include <cmath>
#include <limits>

namespace prefdyn {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// s with Var = s^2 Gamma(3/a) / Gamma(1/a) = 1.
double generalized_normal_scale(double a) {
    return std::exp(0.5 * (std::lgamma(1.0 / a) - std::lgamma(3.0 / a)));
}

double student_scale(double nu) { return nu > 2.0 ? std::sqrt((nu - 2.0) / nu) : 1.0; }

void fill_generalized_normal(double a, Stream& stream, double* x, long n) {
    boost::random::gamma_distribution<double> gamma(1.0 / a, 1.0);
    boost::random::bernoulli_distribution<double> positive(0.5);
    const double scale = generalized_normal_scale(a);
    for (long j = 0; j < n; ++j) {
        const double magnitude = scale * std::pow(gamma(stream), 1.0 / a);
        x[j] = positive(stream) ? magnitude : -magnitude;
    }
}

}  // namespace

const std::vector<std::string>& tail_names() {
    static const std::vector<std::string> names = {"gaussian", "generalized-normal", "uniform",
                                                   "student-t"};
    return names;
}

double variance(const NoiseSpec& noise) {
    const bool infinite = noise.tails == Tails::kStudentT && noise.degrees_of_freedom <= 2.0;
    return infinite ? kInfinity : 1.0;
}

double fourth_moment(const NoiseSpec& noise) {
    const double a = noise.tail_exponent, nu = noise.degrees_of_freedom;
    switch (noise.tails) {
        case Tails::kGaussian:
            return 3.0;
        case Tails::kGeneralizedNormal:
            return std::exp(std::lgamma(5.0 / a) + std::lgamma(1.0 / a) -
                            2.0 * std::lgamma(3.0 / a));
        case Tails::kUniform:
            return 9.0 / 5.0;
        case Tails::kStudentT:
            return nu > 4.0 ? 3.0 + 6.0 / (nu - 4.0) : kInfinity;
    }
    return kInfinity;
}

double subexponential_exponent(const NoiseSpec& noise) {
    switch (noise.tails) {
        case Tails::kGaussian:
        case Tails::kUniform:
            return 2.0;
        case Tails::kGeneralizedNormal:
            return std::min(noise.tail_exponent, 2.0);
        case Tails::kStudentT:
            return 0.0;
    }
    return 0.0;
}

void fill_noise(const NoiseSpec& noise, Stream& stream, double* x, long n) {
    switch (noise.tails) {
        case Tails::kGaussian: {
            boost::random::normal_distribution<double> normal;
            for (long j = 0; j < n; ++j) x[j] = normal(stream);
            return;
        }
        case Tails::kGeneralizedNormal:
            return fill_generalized_normal(noise.tail_exponent, stream, x, n);
        case Tails::kUniform: {
            const double edge = std::sqrt(3.0);
            boost::random::uniform_real_distribution<double> uniform(-edge, edge);
            for (long j = 0; j < n; ++j) x[j] = uniform(stream);
            return;
        }
        case Tails::kStudentT: {
            boost::random::student_t_distribution<double> student(noise.degrees_of_freedom);
            const double scale = student_scale(noise.degrees_of_freedom);
            for (long j = 0; j < n; ++j) x[j] = scale * student(stream);
            return;
        }
    }
}

}  // namespace prefdyn
