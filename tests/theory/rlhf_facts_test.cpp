#include <doctest/doctest.h>

#include "tests/support/support.hpp"
#include "theory/rlhf.hpp"

using namespace prefdyn;

namespace {

/// Chance that no comparison of `samples` has a winner in a set and its loser outside, of each set
/// and, for two sets, of both: by the formula, with the library's pow.
struct Plain {
    double single = 0.0, two = 0.0, largest = 0.0;
};

Plain plain_failure(const Matrix& wins, double samples) {
    const unsigned all = (1u << wins.rows()) - 1;
    const auto none = [&](unsigned set, unsigned other) {
        double weight = 0.0;
        for (int a = 0; a < wins.rows(); ++a)
            for (int b = 0; b < wins.rows(); ++b) {
                const bool by_set = (set >> a & 1) && !(set >> b & 1);
                const bool by_other = (other >> a & 1) && !(other >> b & 1);
                if (by_set || by_other) weight += wins(a, b);
            }
        return std::pow(1.0 - weight, samples);
    };
    Plain out;
    for (unsigned set = 1; set < all; ++set) {
        out.single += none(set, set);
        out.largest = std::max(out.largest, none(set, set));
        for (unsigned other = 1; other < set; ++other) out.two += none(set, other);
    }
    return out;
}

}  // namespace

TEST_CASE("Ford's condition fails as often as the formula says, prompts of 2 to 5 responses") {
    for (const Index K : {2, 3, 5}) {
        CAPTURE(K);
        Matrix wins = test::gaussian(K, K, 900 + static_cast<std::uint64_t>(K)).cwiseAbs();
        wins.diagonal().setZero();
        wins *= 0.9 / wins.sum();
        for (const double samples : {1.0, 7.0, 400.0}) {
            const Plain want = plain_failure(wins, samples);
            const theory::FordFailure got = theory::ford_failure({wins}, samples);
            CHECK(test::relative_error(got.most, std::min(want.single, 1.0)) <= 1e-11);
            CHECK(std::fabs(got.least - std::max({0.0, want.largest, want.single - want.two})) <=
                  1e-11);
        }
    }
}
