#include "sim/head/optimizer.hpp"

#include <doctest/doctest.h>

#include "tests/support/support.hpp"

using namespace prefdyn;
using test::relative_error;

TEST_CASE("descent adds eta times the direction") {
    Vector theta = test::gaussian(5, 1, 400);
    const Vector start = theta, direction = test::gaussian(5, 1, 401);
    make_descent(0.25).step(theta, direction);
    for (Index j = 0; j < 5; ++j) CHECK(theta(j) == start(j) + 0.25 * direction(j));
}

TEST_CASE("Adam's first step has size eta in every coordinate, whatever the gradient's") {
    for (const double size : {1e-3, 1.0, 1e6}) {
        Vector theta = Vector::Zero(31);
        const Vector direction = size * test::gaussian(31, 1, 402);
        make_adam(0.01).step(theta, direction);
        for (Index j = 0; j < 31; ++j) {
            const double g = direction(j);
            CHECK(relative_error(theta(j), 0.01 * g / (std::fabs(g) + 1e-8)) <= 1e-13);
        }
    }
}

TEST_CASE("a coordinate without gradient does not move under Adam") {
    Vector theta = Vector::Constant(2, 3.0), direction = Vector::Unit(2, 0);
    auto adam = make_adam(0.1);
    for (int k = 0; k < 10; ++k) adam.step(theta, direction);
    CHECK(theta(0) > 3.9);
    CHECK(theta(1) == 3.0);
}

TEST_CASE("Adam equals the algorithm of Kingma & Ba written with plain sums over 300 steps") {
    // m_t = (1 - b1) sum_k b1^(t-k) g_k and v_t likewise, no recursion; bias-corrected.
    const Index steps = 300;
    const RowMatrix g = test::gaussian(steps, 4, 403);
    Vector theta = Vector::Zero(4), want = Vector::Zero(4);
    auto adam = make_adam(0.02);
    for (Index t = 0; t < steps; ++t) {
        adam.step(theta, g.row(t).transpose());
        for (Index j = 0; j < 4; ++j) {
            double m = 0.0, v = 0.0;
            for (Index k = 0; k <= t; ++k) {
                m += 0.1 * std::pow(0.9, double(t - k)) * g(k, j);
                v += 0.001 * std::pow(0.999, double(t - k)) * g(k, j) * g(k, j);
            }
            const double m_hat = m / (1.0 - std::pow(0.9, double(t + 1)));
            const double v_hat = v / (1.0 - std::pow(0.999, double(t + 1)));
            want(j) += 0.02 * m_hat / (std::sqrt(v_hat) + 1e-8);
        }
    }
    CHECK(relative_error(theta, want) <= 1e-12);
}
