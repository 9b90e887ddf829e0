// One update of one number against the published algorithm, without a recursion.
#include "sim/base/adam.hpp"

#include <doctest/doctest.h>

#include "tests/support/support.hpp"

using namespace prefdyn;
using test::relative_error;

namespace {

/// The k-th move on a gradient that is always g: mhat = g and vhat = g^2, whatever k.
template <class Real>
void check_constant_gradient(double g, double tolerance) {
    Real mean = 0, square = 0;
    for (int k = 1; k <= 50; ++k) {
        CAPTURE(k);
        const double move = AdamUpdate(k)(0.01, g, mean, square);
        CHECK(relative_error(move, 0.01 * g / (std::fabs(g) + 1e-8)) <= tolerance);
    }
}

}  // namespace

TEST_CASE("under a constant gradient every move of Adam has the length eta") {
    for (const double g : {-3.0, 1e-4, 2e5}) {
        check_constant_gradient<double>(g, 1e-12);
        check_constant_gradient<float>(g, 1e-5);
    }
}

TEST_CASE("Adam's moments are what the decay rates make of them") {
    double mean = 1.0, square = 4.0;
    AdamUpdate(7)(0.1, 2.0, mean, square);
    CHECK(relative_error(mean, 0.9 * 1.0 + 0.1 * 2.0) <= 1e-15);
    CHECK(relative_error(square, 0.999 * 4.0 + 0.001 * 4.0) <= 1e-15);
}
