#include "experiments/studies/samplers/samplers_study.hpp"

#include <doctest/doctest.h>

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
