// The elementwise formulas that processor and card share, against long double.
#include "sim/lm/model/elementwise.hpp"

#include <doctest/doctest.h>

#include "sim/lm/model/norm.hpp"
#include "tests/support/support.hpp"

using namespace prefdyn;
using namespace prefdyn::transformer;

namespace {

constexpr double kTolerance = 4e-7;

}  // namespace

TEST_CASE("silu(g) u, far arguments included") {
    for (const float g : {0.0f, -0.0f, 1e-30f, 0.5f, -0.5f, 3.0f, -3.0f, 30.0f, -30.0f, 1e30f}) {
        const long double x = g, want = x / (1.0L + std::exp(-x)) * 1.5L;
        CAPTURE(g);
        CHECK(std::fabs(double(gated_by(g, 1.5f) - want)) <= kTolerance * double(std::fabs(want)));
    }
    CHECK(std::fabs(gated_by(-1e30f, 1.0f)) <= 1e-7f);
    CHECK(std::isnan(gated_by(std::numeric_limits<float>::quiet_NaN(), 1.0f)));
}

TEST_CASE("a pair rotates by its angle") {
    for (const double angle : {0.0, 0.3, 1.5, 3.0, -2.0}) {
        float a = 0.75f, b = -1.25f;
        rotate_pair(a, b, static_cast<float>(std::cos(angle)), static_cast<float>(std::sin(angle)));
        CHECK(std::fabs(a - (0.75 * std::cos(angle) + 1.25 * std::sin(angle))) <= kTolerance);
        CHECK(std::fabs(b - (0.75 * std::sin(angle) - 1.25 * std::cos(angle))) <= kTolerance);
    }
}

TEST_CASE("the scale of a norm, and the norm made of it") {
    for (const long d : {1L, 7L, 31L, 1000L}) {
        std::vector<float> x, w, y(static_cast<std::size_t>(d), std::nanf(""));
        double squares = 0.0;
        for (long i = 0; i < d; ++i) {
            x.push_back(static_cast<float>(i % 5 - 2));
            w.push_back(static_cast<float>(1 + i % 3));
            squares += double(x.back()) * x.back();
        }
        const double rms = std::sqrt(squares / double(d) + 1e-5);
        CHECK(test::relative_error(double(rms_scale(squares, d, 1e-5)), 1.0 / rms) <= kTolerance);
        rms_norm(x.data(), w.data(), 1e-5, d, y.data());
        for (std::size_t i = 0; i < x.size(); ++i)
            CHECK(std::fabs(y[i] - w[i] * x[i] / rms) <= kTolerance * 3.0);
    }
    CHECK(std::isnan(rms_scale(std::nan(""), 3, 1e-5)));
}
