#include "experiments/certify/exact/rows.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "sim/data/distribution.hpp"
#include "tests/support/support.hpp"
#include "theory/statistics.hpp"

using namespace prefdyn;
using namespace prefdyn::certify;

TEST_CASE("the largest eigenvalue is enclosed") {
    for (const long bits : {64L, 128L, 512L}) {
        const Precision here(bits);
        Dataset data;  // M = diag(9, 4, 1) / 3
        data.features = RowMatrix::Zero(3, 3);
        data.features.diagonal() << 3.0, 2.0, 1.0;
        data.label = {1, -1, 1};
        const Real diagonal = largest_eigenvalue(Rows(data));
        CHECK((diagonal - Real(3.0)).contains_zero());
        CHECK(diagonal.narrower_than(3.0) >= bits - 8);
        data.features << 1.0, 1.0, 0.0, 1.0, -1.0, 0.0, 0.0, 0.0, 0.5;  // twice 2, and 1/4
        const Real twice = largest_eigenvalue(Rows(data)) * Real(3.0);
        CHECK((twice - Real(2.0)).contains_zero());
        CHECK(twice.narrower_than(2.0) >= bits / 2 - 8);
    }
    FeatureSpec spec;
    spec.samples = 30;
    spec.dimension = 4;
    const Dataset data = FeatureDistribution(spec, test::seed()).sample(test::seed());
    const Precision here(256);
    const Real value = largest_eigenvalue(Rows(data));
    CHECK(value.narrower_than(value) >= 240);
    CHECK(std::fabs(value.value() / theory::gram_norm(data.features, 30.0) - 1.0) < 1e-13);
}
