#include "experiments/studies/noisy/noisy_study.hpp"

#include <doctest/doctest.h>

#include "sim/data/von_mises_fisher.hpp"
#include "tests/support/support.hpp"
#include "theory/registry.hpp"

namespace prefdyn::test {

namespace {

using theory::NoisyFacts;
using theory::NoisyTask;
using theory::Status;

NoisyTask task(double angle, double concentration, double flipped, Index samples = 1000,
               Index dimension = 3) {
    return {samples, dimension, angle, concentration, flipped, 0.1};
}

theory::Verdict verdict(const std::string& id, const NoisyFacts& facts, bool presume = false) {
    return judge_case(theory::select_claims(id).front(), theory::NoisyCase(&facts), presume);
}

}  // namespace

TEST_CASE("bounds on the risk: values of an independent program") {
    CHECK(theory::noisy_bound(task(kPi, 100.0, 0.0), 4.0).value == doctest::Approx(0.1665972511));
    CHECK(theory::noisy_bound(task(kPi, 100.0, 0.0), 8.0).value == doctest::Approx(0.3331945023));
    CHECK(theory::noisy_bound(task(kPi, 100.0, 0.2), 4.0).value == doctest::Approx(4.938271605));
    CHECK(theory::largest_flip(task(kPi / 3.0, 1000.0, 0.0)) == doctest::Approx(-0.0238055275));
    CHECK(theory::largest_flip(task(kPi, 100.0, 0.0)) == doctest::Approx(0.406887093));
    // Past its pole the bound with the larger constant is the smaller one.
    const NoisyTask past = task(kPi, 100.0, 0.4);
    CHECK(theory::noisy_bound(past, 8.0).value < theory::noisy_bound(past, 4.0).value);
    CHECK(theory::from_pole(past, 4.0) < 0.0);
}

TEST_CASE("the exact risk is the share of fresh samples on the wrong side") {
    for (const auto& [d, gamma, cosine] :
         {std::tuple<Index, double, double>{3, 2.0, 0.6}, {3, 8.0, 0.1}, {20, 15.0, 0.5}}) {
        Vector mean = Vector::Zero(d), head = mean;
        mean(0) = 1.0;
        head(0) = cosine;
        head(1) = std::sqrt(1.0 - cosine * cosine);
        const Ball want = theory::wrong_side(d, gamma, cosine);
        CHECK(want.radius <= 1e-4);
        const Index n = 40000;
        const RowMatrix x = sample_von_mises_fisher(mean, gamma, n, seed());
        const double got = static_cast<double>(((x * head).array() <= 0.0).count()) / n;
        CHECK(std::fabs(got - want.value) <=
              kSigmas * std::sqrt(want.value * (1.0 - want.value) / n) + want.radius);
    }
    // Along the mean of three dimensions: (1 - e^-gamma) / (e^gamma - e^-gamma).
    const double gamma = 1.5;
    CHECK(std::fabs(theory::wrong_side(3, gamma, 1.0).value -
                    (1.0 - std::exp(-gamma)) / (std::exp(gamma) - std::exp(-gamma))) <= 1e-3);
}

TEST_CASE("in three dimensions the bound holds; in many it does not, though printed without one") {
    const NoisyFacts flat = train_noisy(task(kPi, 100.0, 0.05), 1000, seed());
    CHECK(verdict("T21a", flat).status == Status::kHolds);
    CHECK(verdict("T21b", flat).status == Status::kHolds);
    CHECK(std::fabs(flat.flips - 0.05) <= kSigmas * std::sqrt(0.05 * 0.95 / 1000.0));
    const NoisyFacts wide = train_noisy(task(kPi, 200.0, 0.0, 64, 20000), 400, seed());
    CHECK(contains(verdict("T21a", wide).reason, "long in 20000 dimensions"));
    CHECK(verdict("T21a", wide, true).status == Status::kViolated);
    CHECK(verdict("T21b", wide, true).status == Status::kViolated);
    CHECK(std::fabs(wide.measured - wide.risk.value) <= kSigmas * 0.5 / std::sqrt(400.0));
    CHECK(contains(verdict("T21a", train_noisy(task(kPi / 3.0, 1000.0, 0.0), 10, 1)).reason,
                   "at most -0.0238"));
    CHECK(contains(verdict("T21a", train_noisy(task(kPi, 100.0, 0.3), 10, 1)).reason,
                   "1 - sqrt(R0 gamma) eps = -"));
    CHECK(verdict("T21a", train_noisy(task(kPi, 10.0, 0.0), 10, 1)).status == Status::kVacuous);
}

TEST_CASE("noisy labels refuse what is no task, all of it at once") {
    try {
        train_noisy({1, 2, 4.0, -1.0, 0.5, 0.0}, 10, 1);
        FAIL("accepted");
    } catch (const InputError& error) {
        for (const char* part : {"samples = 1", "dimension = 2", "angle = 4", "concentration = -1",
                                 "flipped = 0.5", "beta = 0"})
            CHECK(contains(error.what(), part));
    }
}

}  // namespace prefdyn::test
