#include "experiments/studies/probabilities/squeezing_panels.hpp"

#include <doctest/doctest.h>

#include "tests/support/support.hpp"

namespace prefdyn::test {

namespace {

/// As printed with the published panels; a tolerance is half a unit of the last printed digit.
struct Golden {
    Index token;
    double before, before_unit, after, after_unit;
    Index peak;
    double peak_before, peak_before_unit, peak_after, peak_after_unit;
    Index up;
    double entropy_before, entropy_after;
};

const std::vector<Golden> kGolden = {
    {21, 0.0720134, 1e-7, 0.946523, 1e-6, 7, 0.249712, 1e-6, 0.00720, 1e-5, 1, 2.452547, 0.358139},
    {42, 0.023297, 1e-6, 0.00106235, 1e-8, 25, 0.0277728, 1e-7, 0.0290567, 1e-7, 49, 3.898471,
     3.880645},
    {11, 0.0292655, 1e-7, 4.6222e-06, 1e-10, 8, 0.7627, 1e-4, 0.987093, 1e-6, 1, 0.717313,
     0.071525},
    {42, 4.03385e-10, 1e-15, 2.22871e-12, 1e-17, 8, 0.7627, 1e-4, 0.762697, 1e-6, 1, 0.717313,
     0.717363},
    {42, 4.03385e-10, 1e-15, 5.46737e-14, 1e-19, 8, 0.7627, 1e-4, 0.986272, 1e-6, 1, 0.717313,
     0.078163},
};

bool prints_as(double got, double want, double unit) {
    return std::fabs(got - want) <= 0.5000001 * unit;
}

/// - sum pi log pi, in nats.
double entropy(const Vector& pi) {
    double sum = 0.0;
    for (Index v = 0; v < pi.size(); ++v)
        if (!(pi(v) <= 0.0)) sum -= pi(v) * std::log(pi(v));
    return sum;
}

Index argmax(const Vector& pi) {
    Index at = 0;
    pi.maxCoeff(&at);
    return at;
}

}  // namespace

TEST_CASE("the published panels, to every printed digit") {
    const auto panels = squeezing_panels();
    REQUIRE(panels.size() == kGolden.size());
    for (std::size_t k = 0; k < panels.size(); ++k) {
        const SqueezingPanel& p = panels[k];
        const Golden& g = kGolden[k];
        CAPTURE(p.name);
        CHECK(prints_as(p.before(g.token), g.before, g.before_unit));
        CHECK(prints_as(p.after(g.token), g.after, g.after_unit));
        CHECK(argmax(p.before) == g.peak);
        CHECK(prints_as(p.before(g.peak), g.peak_before, g.peak_before_unit));
        CHECK(prints_as(p.after(g.peak), g.peak_after, g.peak_after_unit));
        CHECK((p.after.array() > p.before.array()).count() == g.up);
        CHECK(prints_as(entropy(p.before), g.entropy_before, 1e-6));
        CHECK(prints_as(entropy(p.after), g.entropy_after, 1e-6));
    }
}

TEST_CASE("panel D as committed: only the logits of 25 and 42 move") {
    const SqueezingPanel p = squeezing_panels()[3];
    const Vector shift = (p.after.array().log() - p.before.array().log()).matrix();
    const double common = shift(8);
    for (Index v = 0; v < 50; ++v) {
        const double want = v == 25 ? 5.198462 : v == 42 ? -5.198462 : 0.0;
        CHECK(std::fabs(shift(v) - common - want) <= 0.51e-6);
    }
}

}  // namespace prefdyn::test
