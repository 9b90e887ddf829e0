#include "experiments/certify/exact/real.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

using namespace prefdyn::certify;

TEST_CASE("a ball holds what its operands' balls make") {
    const Precision here(128);
    const Real third = Real(1.0) / Real(3.0);
    CHECK(!third.is_exact());
    CHECK((third * Real(3.0)).contains(1.0));
    CHECK((third * Real(3.0) - Real(1.0)).narrower_than(1.0) > 120);
    CHECK(!(third * Real(3.0)).contains(1.0 + 1e-15));
    CHECK(exp(log(Real(5.0))).contains(5.0));
    CHECK(expm1(log1p(Real(1e-30))).contains(1e-30));
    CHECK(sqrt(Real(2.0)).value() == std::sqrt(2.0));
    CHECK(Real(0.1).fraction() == "3602879701896397/36028797018963968");
    CHECK(Real::hull(1.0, 2.0).contains(1.5));
    CHECK(!Real::hull(1.0, 2.0).contains(2.5));
    const Real wide = Real(1.0).widened(0.25);
    CHECK(wide.low() <= 0.75);
    CHECK(wide.low() > 0.75 - 1e-8);
    CHECK(max(Real(1.0), Real::hull(0.0, 3.0)).low() <= 1.0);
    CHECK(max(Real(1.0), Real::hull(0.0, 3.0)).low() > 1.0 - 1e-8);
    CHECK(power(Real(0.5), 10).value() == std::ldexp(1.0, -10));
    const std::vector<Real> x = {1.0, 2.0, 3.0}, y = {4.0, 5.0, 6.0};
    CHECK(dot(x.data(), 1, y.data(), 1, 3).value() == 32.0);
    CHECK(dot(x.data(), 2, y.data(), 1, 2).value() == 19.0);
    {
        const Precision more(512);
        CHECK((Real(1.0) / Real(3.0)).narrower_than(1.0) > 500);
    }
    CHECK(Precision::bits() == 128);
    CHECK((Real(1.0) / Real(0.0)).is_finite() == false);
}
