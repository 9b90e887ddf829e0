#include "sim/base/bootstrap.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "tests/support/support.hpp"

using namespace prefdyn;

TEST_CASE("a perfect order stays perfect in every resample") {
    const std::vector<double> x = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    std::vector<double> y;
    for (const double v : x) y.push_back(-std::exp(v));
    const Interval i = bootstrap_rank_correlation(x, y, Stream(1, Purpose::kBootstrap));
    CHECK(std::fabs(i.estimate + 1.0) <= 1e-12);
    CHECK(std::fabs(i.low + 1.0) <= 1e-12);
    CHECK(std::fabs(i.high + 1.0) <= 1e-12);
}

TEST_CASE("the interval of a mean covers it as often as it should") {
    constexpr int kSamples = 300, kSize = 100;
    const RowMatrix x = test::gaussian(kSamples, kSize, 41);
    int covered = 0;
    double width = 0.0;
    for (Index r = 0; r < kSamples; ++r) {
        const Interval i =
            bootstrap_mean({x.row(r).begin(), x.row(r).end()},
                           Stream(test::seed(), Purpose::kBootstrap, static_cast<unsigned>(r)));
        CHECK(std::fabs(i.estimate - x.row(r).mean()) <= 1e-12);
        covered += i.low <= 0.0 && 0.0 <= i.high ? 1 : 0;
        width += (i.high - i.low) / kSamples;
    }
    // Percentile intervals of 100 normal numbers cover in about 94 % of all cases.
    CHECK(std::fabs(covered - 0.94 * kSamples) <=
          test::kSigmas * std::sqrt(0.94 * 0.06 * kSamples));
    CHECK(std::fabs(width - 2.0 * 1.96 / 10.0) <= 0.02);
}

TEST_CASE("NaN is left out, and nothing has no interval") {
    const Interval i = bootstrap_mean({2.0, kNan, 2.0}, Stream(1, Purpose::kBootstrap));
    CHECK(i.estimate == 2.0);
    CHECK(i.low == 2.0);
    CHECK(i.high == 2.0);
    CHECK(std::isnan(bootstrap_mean({kNan}, Stream(1, Purpose::kBootstrap)).estimate));
    CHECK(std::isnan(bootstrap_mean({}, Stream(1, Purpose::kBootstrap)).low));
}
