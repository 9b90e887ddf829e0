#include "sim/base/normal_quadrature.hpp"

#include <doctest/doctest.h>

#include "sim/base/numerics.hpp"
#include "tests/support/support.hpp"

using namespace prefdyn;

namespace {

double minus_slope(double m) { return sigmoid(-m); }
double curvature(double m) { return sigmoid(m) * sigmoid(-m); }
double value(double m) { return softplus(-m); }

/// (2k - 1)!! = E x^(2k).
double even_moment(int k) {
    double out = 1.0;
    for (int j = 1; j <= k; ++j) out *= 2.0 * j - 1.0;
    return out;
}

double moment(const NormalRule& rule, int power) {
    return normal_expectation(rule, 0.0, 1.0, [=](double x) { return std::pow(x, power); });
}

/// The integral over m itself in plain midpoint steps, far finer than any scale of the integrand.
template <class Function>
double slow_expectation(double mean, double deviation, Function f) {
    const double reach = 10.0 * deviation, step = std::min(0.02, deviation / 50.0);
    double sum = 0.0, mass = 0.0;
    for (double y = -reach + 0.5 * step; y < reach; y += step) {
        const double density = std::exp(-0.5 * (y / deviation) * (y / deviation));
        sum += density * f(mean + y);
        mass += density;
    }
    return sum / mass;
}

}  // namespace

TEST_CASE("Gauss-Hermite: exact for polynomials of degree < 2 n, off by n! at degree 2 n") {
    for (const int n : {1, 2, 3, 5, 8}) {
        const NormalRule rule = gauss_hermite(n);
        CAPTURE(n);
        CHECK(rule.node.size() == n);
        CHECK(std::fabs(rule.weight.sum() - 1.0) <= 1e-14);
        for (int k = 0; k < n; ++k) {
            CHECK(test::relative_error(moment(rule, 2 * k), even_moment(k)) <= 1e-12);
            CHECK(std::fabs(moment(rule, 2 * k + 1)) <= 1e-12 * even_moment(k + 1));
        }
        double factorial = 1.0;
        for (int j = 2; j <= n; ++j) factorial *= j;
        CHECK(test::relative_error(even_moment(n) - moment(rule, 2 * n), factorial) <= 1e-10);
    }
}

TEST_CASE("expectations of the logistic functions agree with plain integration at any deviation") {
    for (const double s : {0.01, 0.5, 1.0, 1.9999, 2.0, 2.0001, 5.0, 30.0, 200.0})
        for (const double mean : {0.0, 1.0, -3.0, 20.0}) {
            CAPTURE(s);
            CAPTURE(mean);
            const NormalRule rule = rule_for(s);
            const auto error = [&](auto f) {
                return std::fabs(normal_expectation(rule, mean, s, f) -
                                 slow_expectation(mean, s, f));
            };
            CHECK(error(minus_slope) <= 1e-11);
            CHECK(error(curvature) <= 1e-11);
            CHECK(error(value) <= 1e-11 * (1.0 + s));
        }
}

TEST_CASE("twice as many nodes change nothing") {
    for (const double s : {0.1, 1.0, 2.0, 4.0, 16.0, 64.0})
        for (const double mean : {0.0, 0.7, -5.0}) {
            const NormalRule rule = rule_for(s);
            const NormalRule finer = s <= 2.0 ? gauss_hermite(200) : trapezoid(0.3 / s);
            REQUIRE(finer.node.size() >= 2 * rule.node.size() - 1);
            const auto change = [&](auto f) {
                return std::fabs(normal_expectation(rule, mean, s, f) -
                                 normal_expectation(finer, mean, s, f));
            };
            CAPTURE(s);
            CHECK(change(minus_slope) <= 1e-11);
            CHECK(change(curvature) <= 1e-11);
            CHECK(change(value) <= 1e-11);
        }
}

TEST_CASE("symmetry: E sigma(-m) = 1/2 at mean 0, E phi(m) - E phi(-m) = -mean") {
    for (const double s : {0.0, 0.3, 2.0, 7.0, 50.0}) {
        const NormalRule rule = rule_for(s);
        CHECK(std::fabs(normal_expectation(rule, 0.0, s, minus_slope) - 0.5) <= 1e-13);
        for (const double mean : {0.4, -2.0}) {
            const double difference = normal_expectation(rule, mean, s, value) -
                                      normal_expectation(rule, -mean, s, value);
            CHECK(std::fabs(difference + mean) <= 1e-12);
        }
    }
}
