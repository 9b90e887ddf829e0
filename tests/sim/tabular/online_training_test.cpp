#include "sim/tabular/online_training.hpp"

#include <doctest/doctest.h>

#include "sim/tabular/tabular_dpo.hpp"
#include "tests/support/support.hpp"

namespace prefdyn::test {

namespace {

/// w(a, b), by plain exponentials.
double weight(PairSampler sampler, double reward_gap, double policy_gap) {
    if (sampler == PairSampler::kUniform) return 4.0;
    const double x = sampler == PairSampler::kMixReward ? reward_gap : policy_gap;
    return 2.0 + std::exp(x) + std::exp(-x);
}

/// theta - log pi_ref after gradient descent on the DPO loss of T10, whose comparisons are drawn
/// anew before every step.
RowMatrix trained_by_dpo(const OnlineDpo& p, const RowMatrix& log_reference, int steps) {
    const Index A = p.responses();
    RowMatrix theta = log_reference;
    for (int t = 0; t < steps; ++t) {
        Comparisons data{{Matrix::Zero(A, A)}};
        double total = 4.0 * static_cast<double>(A);
        for (Index a = 0; a < A; ++a)
            for (Index b = 0; b < A; ++b) {
                if (a == b) continue;
                const RowMatrix h = p.beta * (theta - log_reference);
                const double w = weight(p.sampler, p.reward(a) - p.reward(b), h(0, a) - h(0, b));
                data.wins[0](a, b) = w / (1.0 + std::exp(p.reward(b) - p.reward(a)));
                total += w;
            }
        const double step =
            p.step == 0.0 ? total / (2.0 * static_cast<double>(A) * p.beta * p.beta) : p.step;
        // A pair drawn is compared once: both orders are one comparison of weight 2 w / Z.
        theta -=
            step * 2.0 * data.total() / total * dpo_gradient({data, log_reference, p.beta}, theta);
    }
    return theta - log_reference;
}

}  // namespace

TEST_CASE("an update is a step of gradient descent on the DPO loss of the pairs that were drawn") {
    const Vector reward = Eigen::Vector4d(0.1, 0.9, 0.4, 0.0);
    const RowMatrix log_reference = log_softmax(RowMatrix{{0.3, -1.0, 0.2, 0.8}});
    for (const PairSampler sampler :
         {PairSampler::kUniform, PairSampler::kMixReward, PairSampler::kMixPolicy})
        for (const double step : {0.0, 7.0})
            for (const int steps : {1, 3}) {
                const OnlineDpo p{reward, 0.7, sampler, step};
                const RowMatrix moved = 0.7 * trained_by_dpo(p, log_reference, steps);
                Stream unused(1, Purpose::kTabular);
                const Vector h = noisy_rewards(p, steps, 0.0, unused);
                const auto errors = reward_errors(p, steps);
                double largest = 0.0;
                for (Index a = 0; a < 4; ++a)
                    for (Index b = 0; b < 4; ++b) {
                        const double apart = moved(0, a) - moved(0, b);
                        CHECK(std::fabs(h(a) - h(b) - apart) <= 1e-12);
                        largest = std::max(largest, std::fabs(reward(a) - reward(b) - apart));
                    }
                CHECK(std::fabs(errors.back().value - largest) <= 1e-12 + errors.back().radius);
                CHECK(errors.back().radius <= 1e-11);
            }
}

TEST_CASE("noise is added to every implicit reward, once an update") {
    OnlineDpo p{Vector::Zero(2), 0.5, PairSampler::kMixReward};
    double square = 0.0;
    const int runs = 4000;
    for (int k = 0; k < runs; ++k) {
        Stream stream(seed(), Purpose::kTabular, static_cast<std::uint64_t>(k));
        const Vector h = noisy_rewards(p, 1, 0.1, stream);
        square += (h(0) - h(1)) * (h(0) - h(1)) / runs;
    }
    CHECK(std::fabs(square - 0.02) <= kSigmas * 0.02 * std::sqrt(2.0 / runs));
}

TEST_CASE("online DPO refuses what is no problem, all of it at once") {
    const auto refusal = [](const OnlineDpo& p) -> std::string {
        try {
            reward_errors(p, 1);
            return "";
        } catch (const InputError& error) {
            return error.what();
        }
    };
    CHECK(refusal({Eigen::Vector2d(0.0, 1.0), 0.5}) == "");
    CHECK(contains(refusal({Vector::Zero(1), 0.5}), "1 responses, a comparison needs at least 2"));
    CHECK(contains(refusal({Eigen::Vector2d(0.0, kNan), 0.5}), "a reward is not finite"));
    const std::string both =
        refusal({Eigen::Vector2d(0.0, 1.0), -0.5, PairSampler::kUniform, -1.0});
    CHECK(contains(both, "beta = -0.5"));
    CHECK(contains(both, "step = -1"));
    Stream stream(1, Purpose::kTabular);
    CHECK_THROWS_AS(noisy_rewards({Eigen::Vector2d(0.0, 1.0), 0.5}, 1, -0.1, stream), InputError);
    CHECK_THROWS_AS(reward_errors({Eigen::Vector2d(0.0, 1.0), 0.5}, -1), InputError);
}

}  // namespace prefdyn::test
