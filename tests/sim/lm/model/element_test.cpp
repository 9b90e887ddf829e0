// The elementwise formulas that processor and card share, against long double.
#include "sim/lm/model/element.hpp"

#include <doctest/doctest.h>

#include "sim/lm/model/elementwise.hpp"
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
        CHECK(std::fabs(double(gate(g, 1.5f) - want)) <= kTolerance * double(std::fabs(want)));
    }
    CHECK(std::fabs(gate(-1e30f, 1.0f)) <= 1e-7f);
    CHECK(std::isnan(gate(std::numeric_limits<float>::quiet_NaN(), 1.0f)));
}

TEST_CASE("a pair rotates by its angle") {
    for (const double angle : {0.0, 0.3, 1.5, 3.0, -2.0}) {
        float a = 0.75f, b = -1.25f;
        rotate_pair(a, b, static_cast<float>(std::cos(angle)), static_cast<float>(std::sin(angle)));
        CHECK(std::fabs(a - (0.75 * std::cos(angle) + 1.25 * std::sin(angle))) <= kTolerance);
        CHECK(std::fabs(b - (0.75 * std::sin(angle) - 1.25 * std::cos(angle))) <= kTolerance);
    }
}

TEST_CASE("a softmax that sees its scores one by one") {
    float top = -INFINITY, total = 0.0f;
    double want = 0.0;
    for (const float score : {-INFINITY, -3.0f, 2.0f, 1.0f, 80.0f, 79.0f}) {
        const SoftmaxStep step(std::max(top, score), top);
        total = total * step.rescale() + step.weight(score);
        top = std::max(top, score);
        want += std::exp(double(score));
        if (score == -INFINITY) CHECK(total == 0.0f);
    }
    CHECK(test::relative_error(double(top) + std::log(double(total)), std::log(want)) <= 1e-6);
}

TEST_CASE("the scale of a norm, and the norm made of it, in place as well") {
    for (const long d : {1L, 7L, 31L, 1000L}) {
        RowsF x(2, d), y;
        Column<float> w(d);
        for (long i = 0; i < d; ++i) {
            x(0, i) = static_cast<float>(i % 5 - 2);
            x(1, i) = 2.0f * x(0, i);
            w(i) = static_cast<float>(1 + i % 3);
        }
        norm_forward(x, {w.data(), nullptr, d}, {NormKind::kRms, 1e-5}, y);
        for (Index t = 0; t < 2; ++t) {
            double squares = 0.0;
            for (long i = 0; i < d; ++i) squares += double(x(t, i)) * x(t, i);
            const double rms = std::sqrt(squares / double(d) + 1e-5);
            CHECK(test::relative_error(inverse_rms(squares, double(d), 1e-5), 1.0 / rms) <=
                  kTolerance);
            for (long i = 0; i < d; ++i)
                CHECK(std::fabs(y(t, i) - w(i) * x(t, i) / rms) <= kTolerance * 3.0);
        }
        norm_forward(x, {w.data(), nullptr, d}, {NormKind::kRms, 1e-5}, x);
        CHECK(x == y);
    }
    CHECK(std::isnan(inverse_rms(std::nan(""), 3.0, 1e-5)));
}
