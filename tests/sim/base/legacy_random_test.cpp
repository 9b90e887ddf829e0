#include "sim/base/legacy_random.hpp"

#include <doctest/doctest.h>

#include "tests/support/support.hpp"

namespace prefdyn::test {

TEST_CASE("numpy.random.seed(42); rand(3)") {
    LegacyRandom random(42);
    for (const double want : {0.3745401188473625, 0.9507143064099162, 0.7319939418114051})
        CHECK(random.uniform() == want);
}

TEST_CASE("numpy.random.seed(0); randn(2, 3), row by row") {
    LegacyRandom random(0);
    const RowMatrix got = random.gaussian(2, 3);
    RowMatrix want(2, 3);
    want << 1.764052345967664, 0.4001572083672233, 0.9787379841057392, 2.240893199201458,
        1.8675579901499675, -0.977277879876411;
    CHECK((got - want).cwiseAbs().maxCoeff() <= 4.0 * kEpsilon);
    LegacyRandom again(0);
    for (Index k = 0; k < 6; ++k) CHECK(again.gaussian() == got.data()[k]);
}

}  // namespace prefdyn::test
