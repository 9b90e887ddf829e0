#include "sim/head/metrics.hpp"

#include <doctest/doctest.h>

#include "tests/support/support.hpp"

using namespace prefdyn;
using test::relative_error;

namespace {

Responses responses(std::initializer_list<double> margins) {
    Responses out;
    out.margin = Eigen::Map<const Vector>(margins.begin(), static_cast<Index>(margins.size()));
    out.logp_chosen = out.logp_rejected = Vector::Constant(out.margin.size(), -1.0);
    return out;
}

}  // namespace

TEST_CASE("means, strict accuracies and ties") {
    Responses r = responses({-1.0, 0.0, 2.0, 3.0});
    r.logp_chosen << -1.0, -2.0, -3.0, -0.5;
    r.logp_rejected << -1.0, -1.0, -4.0, -1.0;
    const SplitMetrics got = summarise(r, *make_loss("sigmoid"));
    const double loss = std::log(1.0 + std::exp(1.0)) + std::log(2.0) +
                        std::log(1.0 + std::exp(-2.0)) + std::log(1.0 + std::exp(-3.0));
    CHECK(relative_error(got.loss, loss / 4.0) <= 1e-15);
    CHECK(got.rewards_margins == 1.0);
    CHECK(got.rewards_accuracies == 0.5);
    CHECK(got.rewards_ties == 0.25);
    CHECK(got.outputs_accuracies == 0.5);
    CHECK(got.outputs_ties == 0.25);
    CHECK(got.logps_chosen == -6.5 / 4.0);
    CHECK(got.logps_rejected == -7.0 / 4.0);
}

TEST_CASE("mean rewards and losses of pairs and of matched margins") {
    Responses r = responses({3.0, -1.0});
    r.reward_chosen = Vector(2);
    r.reward_rejected = Vector(2);
    r.reward_chosen << 2.0, 0.5;
    r.reward_rejected << -1.0, 1.5;
    const SplitMetrics pair = summarise(r, *make_loss("sppo_hard"));  // beta = 0.1
    CHECK(pair.rewards_chosen == 1.25);
    CHECK(pair.rewards_rejected == 0.25);
    CHECK(relative_error(pair.loss, (2.25 + 0.25 + 0.0 + 4.0) / 0.01 / 2.0) <= 1e-13);
    r.matched = Vector(2);
    r.matched << 0.0, 1.5;
    CHECK(relative_error(summarise(r, *make_loss("hinge")).loss, 0.5) <= 1e-15);
    const auto rows = summarise_behaviours(r, *make_loss("hinge"), {0, 1});
    CHECK(rows[0].loss == 1.0);
    CHECK(rows[1].loss == 0.0);
    CHECK(std::isnan(summarise(responses({1.0}), *make_loss("sigmoid")).rewards_chosen));
}

TEST_CASE("quantiles interpolate linearly (type 7)") {
    // numpy.quantile([0, 10, 20, 40], levels): positions 3 * level.
    const SplitMetrics got = summarise(responses({40.0, 0.0, 20.0, 10.0}), *make_loss("sigmoid"));
    const double want[] = {0.0, 1.5, 7.5, 15.0, 25.0, 37.0, 40.0};
    for (std::size_t q = 0; q < kQuantileLevels.size(); ++q) {
        CAPTURE(kQuantileLevels[q]);
        CHECK(relative_error(got.margin_quantiles[q], want[q]) <= 1e-14);
    }
    for (const double q : summarise(responses({7.0}), *make_loss("sigmoid")).margin_quantiles)
        CHECK(q == 7.0);
}

TEST_CASE("nothing to measure and margins that are not finite give NaN, never a number") {
    const auto loss = make_loss("sigmoid");
    for (const SplitMetrics& m :
         {no_metrics(), summarise(responses({}), *loss), summarise(responses({1.0, kNan}), *loss),
          summarise(responses({kInfinity, 1.0}), *loss)}) {
        for (const double x : {m.loss, m.rewards_margins, m.rewards_accuracies, m.rewards_ties,
                               m.outputs_accuracies, m.outputs_ties, m.logps_chosen,
                               m.logps_rejected, m.margin_quantiles[0], m.margin_quantiles[6]})
            CHECK(std::isnan(x));
    }
}

TEST_CASE("metrics of a behaviour are those of its rows alone") {
    const auto loss = make_loss("sigmoid");
    Responses all = responses({1.0, -2.0, 0.0, 3.0, -0.5});
    const auto got = summarise_behaviours(all, *loss, {0, 1, 1, 0, 1});
    REQUIRE(got.size() == 2);
    const SplitMetrics first = summarise(responses({1.0, 3.0}), *loss);
    const SplitMetrics second = summarise(responses({-2.0, 0.0, -0.5}), *loss);
    for (const auto& [mine, want] : {std::pair{got[0], first}, std::pair{got[1], second}}) {
        CHECK(relative_error(mine.loss, want.loss) <= 1e-15);
        CHECK(relative_error(mine.rewards_margins, want.rewards_margins) <= 1e-15);
        CHECK(mine.rewards_accuracies == want.rewards_accuracies);
        CHECK(mine.outputs_accuracies == want.outputs_accuracies);
    }
    CHECK(summarise_behaviours(all, *loss, {}).empty());
}
