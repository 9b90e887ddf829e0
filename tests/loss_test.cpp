// Every registered loss against central differences, its own constants, and published values.
#include "sim/loss.hpp"

#include <doctest/doctest.h>

#include "tests/support.hpp"

using namespace prefdyn;
using test::relative_error;

namespace {

/// Fourth-order central difference: error O(h^4) f^(5) plus rounding eps / h.
template <class F>
double difference(F f, double x, double h) {
    return (8.0 * (f(x + h) - f(x - h)) - (f(x + 2.0 * h) - f(x - 2.0 * h))) / (12.0 * h);
}

std::vector<double> grid(double edge, int steps) {
    std::vector<double> out;
    for (int k = -steps; k <= steps; ++k) out.push_back(edge * k / steps);
    return out;
}

}  // namespace

TEST_CASE("derivative and curvature agree with central differences") {
    for (const std::string& name : loss_names()) {
        CAPTURE(name);
        const auto loss = make_loss(name);
        const auto value = [&](double m) { return loss->value(m); };
        const auto slope = [&](double m) { return loss->derivative(m); };
        for (const double m : grid(12.3, 41)) {
            CAPTURE(m);
            const double scale = 1.0 + std::fabs(loss->value(m));
            CHECK(std::fabs(loss->derivative(m) - difference(value, m, 1e-3)) <= 1e-11 * scale);
            CHECK(std::fabs(loss->curvature(m) - difference(slope, m, 1e-3)) <= 1e-11 * scale);
        }
    }
}

TEST_CASE("facts: value and slope at zero, infimum, largest curvature, convexity") {
    for (const std::string& name : loss_names()) {
        CAPTURE(name);
        const auto loss = make_loss(name);
        const LossFacts facts = loss->facts();
        CHECK(loss->name() == name);
        CHECK(relative_error(facts.value_at_zero, loss->value(0.0)) <= 1e-15);
        CHECK(relative_error(facts.slope_at_zero, loss->derivative(0.0)) <= 1e-15);
        double lowest = test::kInfinity, steepest = -test::kInfinity, flattest = test::kInfinity;
        for (const double m : grid(60.0, 6000)) {
            lowest = std::min(lowest, loss->value(m));
            steepest = std::max(steepest, loss->curvature(m));
            flattest = std::min(flattest, loss->curvature(m));
        }
        CHECK(lowest >= facts.infimum);
        CHECK(lowest - facts.infimum <= 1e-12);
        CHECK(relative_error(steepest, facts.curvature_max) <= 1e-12);
        CHECK((flattest >= 0.0) == facts.convex);
    }
}

TEST_CASE("every loss is finite at margins where the exponentials are not") {
    for (const std::string& name : loss_names())
        for (const double m : {-1e308, -800.0, -40.0, 40.0, 800.0, 1e308}) {
            const auto loss = make_loss(name);
            CHECK(std::isfinite(loss->value(m)));
            CHECK(std::isfinite(loss->derivative(m)));
            CHECK(std::isfinite(loss->curvature(m)));
        }
}

TEST_CASE("sigmoid: published value and gradient") {
    // published-codes 6.1: Dw = 0.5, Dl = -1, beta = 0.1.
    const auto loss = make_loss("sigmoid");
    const double beta = 0.1, margin = beta * (0.5 - -1.0);
    CHECK(std::fabs(loss->value(margin) - 0.620957047790) <= 1e-12);
    CHECK(std::fabs(beta * loss->derivative(margin) - -0.046257015) <= 1e-9);
    CHECK(test::relative_error(loss->value(0.0), std::log(2.0)) <= 1e-15);
    CHECK(loss->value(-800.0) == 800.0);
}

TEST_CASE("an unknown loss is refused by name") {
    CHECK(test::contains(test::input_error([] { make_loss("sigmoidal"); }), "'sigmoidal'"));
    CHECK_FALSE(loss_names().empty());
}
