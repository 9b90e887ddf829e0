#include "theory/convergence.hpp"

#include <doctest/doctest.h>

#include "tests/support/run_support.hpp"

using namespace prefdyn;
using namespace prefdyn::theory;
using test::contains;

namespace {

/// error = scale_r * size^slope_r.
Convergence power_laws(const std::vector<double>& slopes) {
    Convergence out;
    out.size = {100.0, 400.0, 1600.0};
    for (std::size_t r = 0; r < slopes.size(); ++r) {
        out.error.emplace_back();
        for (const double n : out.size)
            out.error.back().push_back(static_cast<double>(r + 1) * std::pow(n, slopes[r]));
    }
    out.slope = -0.5;
    out.slope_resolution = 0.1;
    out.tolerance = 1.0;
    return out;
}

Verdict judged(const Convergence& c, bool presume = false) {
    Evidence e;
    e.of = ConvergenceCase(&c);
    return test::judge_one(test::claim_named("T7"), e, presume);
}

}  // namespace

TEST_CASE("a power law gives back its slope, whatever the constants") {
    const PowerLaw law = fit_power_law(power_laws({-0.5, -0.5, -0.5, -0.5}));
    CHECK(std::fabs(law.slope + 0.5) <= 1e-14);
    CHECK(law.half_width <= 1e-12);
}

TEST_CASE("two replicates: Student's t with one degree of freedom is Cauchy's law") {
    // Slopes -0.4 and -0.6: standard error 0.1; the quantile at 5e-6 is 1 / tan(pi 5e-6).
    const PowerLaw law = fit_power_law(power_laws({-0.4, -0.6}));
    CHECK(std::fabs(law.slope + 0.5) <= 1e-14);
    const double quantile = 1.0 / std::tan(std::acos(-1.0) * 0.5 * kSlopeLevel);
    CHECK(test::relative_error(law.half_width, 0.1 * quantile) <= 1e-8);
}

TEST_CASE("least squares in logarithms, against the normal equations in plain loops") {
    Convergence c = power_laws({-0.5, -0.5, -0.5});
    c.size = {10.0, 50.0, 300.0, 9000.0};
    c.error = {{0.9, 0.31, 0.2, 0.01}, {0.5, 0.4, 0.11, 0.03}, {0.7, 0.2, 0.3, 0.02}};
    double total = 0.0;
    for (const auto& row : c.error) {
        double n = 0, x = 0, y = 0, xx = 0, xy = 0;
        for (std::size_t k = 0; k < row.size(); ++k) {
            const double u = std::log(c.size[k]), w = std::log(row[k]);
            n += 1, x += u, y += w, xx += u * u, xy += u * w;
        }
        total += (n * xy - x * y) / (n * xx - x * x);
    }
    CHECK(test::relative_error(fit_power_law(c).slope, total / 3.0) <= 1e-12);
    CHECK(test::relative_error(rms_error(c, 2), std::sqrt((0.04 + 0.0121 + 0.09) / 3.0)) <= 1e-14);
}

TEST_CASE("the claim holds on the predicted slope and fails on any other") {
    CHECK(judged(power_laws({-0.5001, -0.4999, -0.5001, -0.4999})).status == Status::kHolds);
    for (const double slope : {0.0, -0.25, -1.0}) {
        const double low = slope - 0.0001, high = slope + 0.0001;
        Convergence c = power_laws({low, high, low, high});
        c.tolerance = 100.0;  // the slope alone decides
        CHECK(judged(c).status == Status::kViolated);
    }
}

TEST_CASE("a large error at the largest size fails, small ones at other sizes do not help") {
    Convergence c = power_laws({-0.5001, -0.4999, -0.5001, -0.4999});
    c.tolerance = 0.9 * rms_error(c, 2);
    CHECK(judged(c).status == Status::kViolated);
    c.tolerance = 1.1 * rms_error(c, 2);
    CHECK(judged(c).status == Status::kHolds);
    CHECK(test::relative_error(judged(c).tightness.max, 1.0 / 1.1) <= 1e-9);
}

TEST_CASE("an unresolved slope decides nothing, a NaN fails") {
    Convergence c = power_laws({-0.3, -0.7, -0.5, -0.4});
    CHECK(judged(c).status == Status::kNotApplicable);
    CHECK(contains(judged(c).reason, "0.1 is needed"));
    c.error[1][2] = kNan;
    CHECK(judged(c).status == Status::kViolated);
    CHECK(contains(test::judge_one(test::claim_named("T7"), Evidence{}).reason, "no convergence"));
}
