#include "sim/tabular/tabular_grpo.hpp"

#include <doctest/doctest.h>

#include "tests/support/support.hpp"

namespace prefdyn::test {

TEST_CASE("a round of GRPO ends at pi_ref exp(A / beta) / Z") {
    for (const double before : {0.0, 0.13, 0.5, 0.9}) {
        const GrpoWorld world = grpo_world(0.2, 0.7, 0.01, 5, seed());
        CHECK(std::fabs(world.success() - 0.2) <= 1e-15);
        const double deviation = std::sqrt(before * (1.0 - before) + 0.01);
        double right = 0.0, all = 0.0;
        for (Index a = 0; a < 5; ++a) {
            const double share =
                world.reference(0, a) * std::exp((world.right(0, a) - before) / deviation / 0.7);
            all += share;
            right += world.right(0, a) * share;
        }
        const Ball measured = grpo_round(world, before);
        CHECK(std::fabs(measured.value - right / all) <= 1e-10);
        CHECK(std::fabs(measured.value - right / all) <= measured.radius);
        CHECK(measured.radius <= 1e-9);
    }
}

TEST_CASE("GRPO refuses what is no world, all of it at once") {
    const auto refusal = [](double success, double beta, double epsilon) -> std::string {
        try {
            grpo_world(success, beta, epsilon, 4, 1);
            return "";
        } catch (const InputError& error) {
            return error.what();
        }
    };
    CHECK(refusal(0.3, 0.5, 1e-4) == "");
    CHECK(contains(refusal(1.0, 0.5, 1e-4), "right with probability 1.0"));
    const std::string both = refusal(0.3, -1.0, 0.0);
    CHECK(contains(both, "beta = -1"));
    CHECK(contains(both, "epsilon = 0"));
    CHECK_THROWS_AS(grpo_world(0.3, 0.5, 1e-4, 1, 1), InputError);
    CHECK_THROWS_AS(grpo_round(grpo_world(0.3, 0.5, 1e-4, 4, 1), 1.5), InputError);
}

}  // namespace prefdyn::test
