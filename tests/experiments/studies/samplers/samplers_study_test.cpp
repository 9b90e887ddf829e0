#include "experiments/studies/samplers/samplers_study.hpp"

#include <doctest/doctest.h>

#include "sim/tabular/online_training.hpp"
#include "tests/support/support.hpp"
#include "theory/registry.hpp"

namespace prefdyn::test {

namespace {

using theory::SamplerFacts;
using theory::Status;

theory::Verdict verdict(const std::string& id, const SamplerFacts& facts, bool presume = false) {
    return judge_case(theory::select_claims(id).front(), theory::SamplerCase(&facts), presume);
}

OnlineDpo two(PairSampler sampler, double range = 1.0) {
    return {Eigen::Vector2d(range, 0.0), 0.5, sampler};
}

}  // namespace

TEST_CASE("two responses: errors of an independent program") {
    // delta' = delta - 4 (sigma(1) - sigma(1 - delta)) and its mixed variants, by another program.
    const auto at = [](PairSampler sampler, std::size_t t) {
        return train_samplers(two(sampler), 8).error[t].value;
    };
    CHECK(std::fabs(at(PairSampler::kUniform, 1) - 0.07577) <= 1e-5);
    CHECK(std::fabs(at(PairSampler::kUniform, 8) - 1.413e-6) <= 1e-9);
    CHECK(std::fabs(at(PairSampler::kMixReward, 1) - 0.1752) <= 1e-4);
    CHECK(std::fabs(at(PairSampler::kMixReward, 3) - 1.209e-5) <= 1e-8);
    CHECK(std::fabs(at(PairSampler::kMixPolicy, 2) - 1.255e-3) <= 1e-6);
}

TEST_CASE("the published rates: reached where the linear term is cancelled, and only there") {
    CHECK(theory::sampler_bound(PairSampler::kUniform, 2).value == doctest::Approx(0.345744));
    CHECK(theory::sampler_bound(PairSampler::kMixReward, 3).value == doctest::Approx(0.0078125));
    CHECK(theory::sampler_bound(PairSampler::kMixPolicy, 2).value == doctest::Approx(0.228099131));
    const std::pair<const char*, PairSampler> all[] = {{"T18a", PairSampler::kUniform},
                                                       {"T18c", PairSampler::kMixReward},
                                                       {"T18d", PairSampler::kMixPolicy}};
    for (const auto& [id, sampler] : all) {
        CHECK(verdict(id, train_samplers(two(sampler), 16)).status == Status::kHolds);
        OnlineDpo of_code{Vector::LinSpaced(20, 0.0, 1.0), 3.0, sampler, 10.0};
        const SamplerFacts longer = train_samplers(of_code, 16);
        CHECK(contains(verdict(id, longer).reason, "the step is 10"));
        CHECK(verdict(id, longer, true).status == Status::kViolated);
        of_code.step = 0.0;
        CHECK(verdict(id, train_samplers(of_code, 16)).status == Status::kHolds);
        CHECK(contains(verdict(id, train_samplers(two(sampler, 1.5), 16)).reason,
                       "rewards are 1.5 apart"));
    }
    CHECK(contains(verdict("T18c", train_samplers(two(PairSampler::kMixPolicy), 4)).reason,
                   "drawn by Mix-P"));
}

TEST_CASE("uniform pairs are linear, however many updates") {
    const SamplerFacts facts = train_samplers(two(PairSampler::kUniform), 12);
    const theory::Verdict lower = verdict("T18b", facts);
    CHECK(lower.status == Status::kHolds);
    CHECK(lower.tightness.max == doctest::Approx(1.0));  // the first update is an equality
    CHECK(theory::left_by_uniform(1.0, 1).value == doctest::Approx(0.0757656));
    OnlineDpo three = two(PairSampler::kUniform);
    three.reward = Eigen::Vector3d(0.0, 0.5, 1.0);
    CHECK(contains(verdict("T18b", train_samplers(three, 4)).reason, "rewards 0, 0.5, 1"));
    CHECK(contains(verdict("T18b", train_samplers({Vector::Zero(3), 0.5}, 4)).reason, "equal"));
}

TEST_CASE("no step makes uniform pairs quadratic; the mixed sampler's step does") {
    // Three responses, rewards 0, 0, 1: weights 1/4, w = sigma'(1) twice; eigenvalues 3 w and w +
    // 1/2.
    OnlineDpo three{Eigen::Vector3d(0.0, 0.0, 1.0), 0.5, PairSampler::kUniform};
    const theory::RewardCurvature curvature = theory::reward_curvature(three.reward);
    const double w = 0.19661193324148185;
    CHECK(std::fabs(curvature.value(0)) <= 1e-15);
    CHECK(curvature.value(1) == doctest::Approx(3.0 * w));
    CHECK(curvature.value(2) == doctest::Approx(w + 0.5));
    CHECK(theory::best_linear_rate(curvature) ==
          doctest::Approx((0.5 - 2.0 * w) / (0.5 + 4.0 * w)));
    const SamplerFacts facts = nudge_samplers(three, 1e-4);
    const theory::Verdict held = verdict("T18f", facts);
    CHECK(held.status == Status::kHolds);
    CHECK(held.tightness.max >= 0.99);
    CHECK(contains(verdict("T18a", facts).reason, "near the optimum"));
    CHECK(contains(verdict("T18f", train_samplers(three, 3)).reason, "there are none"));
    three.sampler = PairSampler::kMixReward;
    CHECK(verdict("T18f", nudge_samplers(three, 1e-4), true).status == Status::kViolated);
    // At its own step Mix-R leaves the second order alone.
    three.step = 0.0;
    const auto after = updated_rewards(three, three.reward - 1e-4 * curvature.vector.col(1));
    for (Index a = 0; a < 3; ++a)
        for (Index b = 0; b < a; ++b) {
            const double left = (three.reward(a) - after[static_cast<std::size_t>(a)].value) -
                                (three.reward(b) - after[static_cast<std::size_t>(b)].value);
            CHECK(std::fabs(left) <= 2e-8);
        }
}

TEST_CASE("noise leaves sqrt 2 sigma, and no quadratic rate helps") {
    const SamplerFacts noisy = train_noisily(two(PairSampler::kMixReward), 12, 0.01, 4000, seed());
    CHECK(verdict("T18e", noisy).status == Status::kHolds);
    CHECK(std::fabs(noisy.square - 2e-4) <= kSigmas * noisy.square_error + 1e-6);
    CHECK(contains(verdict("T18a", noisy).reason, "drawn by Mix-R"));
    CHECK(contains(verdict("T18c", noisy).reason, "gradients have noise 0.01"));
    // Too few runs to tell: neither side is judged.
    CHECK(verdict("T18e", train_noisily(two(PairSampler::kMixReward), 12, 0.01, 50, 3)).status ==
          Status::kUndecided);
}

}  // namespace prefdyn::test
