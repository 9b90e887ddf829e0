#include "sim/base/numerics.hpp"

#include <doctest/doctest.h>

#include <boost/math/distributions/normal.hpp>

#include "sim/head/scaled_float.hpp"
#include "tests/support/support.hpp"

using namespace prefdyn;

namespace {

const std::vector<double> kPoints = {0.0,  -0.0,  1e-300, 1e-9, -1e-9, 0.5,   -0.5,  1.0,   -1.0,
                                     10.0, -10.0, 36.0,   40.0, -40.0, 700.0, 800.0, -800.0};

/// Within a few roundings of double, underflow included.
bool agrees(double got, long double want) {
    const double rounded = static_cast<double>(want);
    return std::fabs(got - rounded) <=
           4.0 * kEpsilon * std::fabs(rounded) + std::numeric_limits<double>::denorm_min();
}

long double exact_softplus(long double x) {
    return x > 0.0L ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x));
}

}  // namespace

TEST_CASE("softplus, sigmoid and log_sigmoid agree with long double") {
    for (const double x : kPoints) {
        CAPTURE(x);
        CHECK(agrees(softplus(x), exact_softplus(x)));
        CHECK(agrees(log_sigmoid(x), -exact_softplus(-x)));
        CHECK(agrees(sigmoid(x), 1.0L / (1.0L + std::exp(-static_cast<long double>(x)))));
    }
    CHECK(softplus(800.0) == 800.0);
    CHECK(softplus(-800.0) == 0.0);
    CHECK(sigmoid(0.0) == 0.5);
    CHECK(log_sigmoid(-800.0) == -800.0);
}

TEST_CASE("logaddexp agrees with long double for every pair") {
    for (const double a : kPoints)
        for (const double b : kPoints) {
            CAPTURE(a);
            CAPTURE(b);
            const long double want = b + exact_softplus(static_cast<long double>(a) - b);
            CHECK(std::fabs(logaddexp(a, b) - static_cast<double>(want)) <=
                  4.0 * kEpsilon * (1.0 + std::fabs(static_cast<double>(want))));
            CHECK(logaddexp(a, b) == logaddexp(b, a));
        }
}

TEST_CASE("the empty sum is neutral in logaddexp and logsumexp") {
    CHECK(logaddexp(-kInfinity, 3.0) == 3.0);
    CHECK(logaddexp(3.0, -kInfinity) == 3.0);
    CHECK(logaddexp(-kInfinity, -kInfinity) == -kInfinity);
    const std::vector<double> z = {-kInfinity, 2.0, -kInfinity};
    CHECK(logsumexp(z.data(), 3) == 2.0);
    CHECK(logsumexp(z.data(), 1) == -kInfinity);
}

TEST_CASE("logsumexp agrees with long double and ignores a common shift") {
    const std::vector<double> z = {0.25, -3.0, 1.5, 1.5, -40.0};
    for (const double shift : {0.0, 40.0, -40.0, 800.0, -800.0}) {
        std::vector<double> shifted;
        long double sum = 0.0L;
        for (const double x : z) {
            shifted.push_back(x + shift);
            sum += std::exp(static_cast<long double>(x));
        }
        const double want = static_cast<double>(std::log(sum) + shift);
        CHECK(test::relative_error(logsumexp(shifted.data(), 5), want) <= 4.0 * kEpsilon);
    }
}

TEST_CASE("identities between the scalar functions") {
    for (const double x : kPoints) {
        CAPTURE(x);
        const double both[] = {x, 0.0};
        CHECK(std::fabs(softplus(x) - softplus(-x) - x) <= 4.0 * kEpsilon * (1.0 + std::fabs(x)));
        CHECK(std::fabs(sigmoid(x) + sigmoid(-x) - 1.0) <= kEpsilon);
        CHECK(agrees(logaddexp(x, 0.0), exact_softplus(x)));
        CHECK(std::fabs(logsumexp(both, 2) - softplus(x)) <= 4.0 * kEpsilon * (1.0 + softplus(x)));
    }
}

TEST_CASE("a compensated sum loses nothing, and is infinite where a term is") {
    CompensatedSum small;
    for (const double x : {1.0, 1e100, 1.0, -1e100}) small += x;
    CHECK(small.value() == 2.0);
    CompensatedSum large;
    for (const double x : {1.0, kInfinity, 3.0}) large += x;
    CHECK(large.value() == kInfinity);
    large += -kInfinity;
    CHECK(std::isnan(large.value()));
}

TEST_CASE("NaN goes through every scalar function") {
    const double row[] = {0.0, kNan};
    CHECK(std::isnan(softplus(kNan)));
    CHECK(std::isnan(sigmoid(kNan)));
    CHECK(std::isnan(log_sigmoid(kNan)));
    CHECK(std::isnan(logaddexp(kNan, 0.0)));
    CHECK(std::isnan(logaddexp(-kInfinity, kNan)));
    CHECK(std::isnan(logsumexp(row, 2)));
}

TEST_CASE("a float moved into a double is the float, scaled exactly") {
    for (const float x : {0.0f, 1.0f, -1.5f, 3.4028235e38f, -1.17549435e-38f, 1e-45f, 7.7e-41f,
                          0.1f, -123456.789f}) {
        CAPTURE(x);
        CHECK(scaled_down(x) * kScaledDown<float> == static_cast<double>(x));
        CHECK(std::signbit(scaled_down(-x)) != std::signbit(scaled_down(x)));
    }
    CHECK(scaled_down(0.1) * kScaledDown<double> == 0.1);
}

TEST_CASE("normal_cdf is Phi, in both tails") {
    const boost::math::normal_distribution<double> law;
    for (const double x : {-30.0, -5.0, -1.0, 0.0, 0.3, 2.0, 8.0})
        CHECK(test::relative_error(normal_cdf(x), cdf(law, x)) <= 1e-13);
    CHECK(std::isnan(normal_cdf(kNan)));
}
