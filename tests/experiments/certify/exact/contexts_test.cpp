#include "experiments/certify/exact/contexts.hpp"

#include <doctest/doctest.h>

#include "experiments/certify/subject.hpp"
#include "experiments/studies/probabilities/context_cases.hpp"
#include "tests/support/certify_support.hpp"

using namespace prefdyn;
using namespace prefdyn::certify;
using test::held;
using test::one;

namespace {

theory::InfluenceFacts facts(Objective objective, double rho) {
    ContextDials dials;
    dials.vocabulary = 6;
    dials.rho = rho;
    dials.objective = objective;
    dials.reference_shift = rho == 1.0 ? 0.5 : 0.0;
    theory::InfluenceFacts out = make_facts(dials, test::seed());
    measure_single(out, honest_trainer(out), {4.0, 0.5, 0.01});
    measure_path(out, honest_trainer(out), 0.7, 3);
    return out;
}

struct Case {
    const char* claim;
    Objective objective;
    double rho;
};

const std::vector<Case>& cases() {
    static const std::vector<Case> all = {
        {"T12b", Objective::kDpo, 1.0},          {"T12c", Objective::kDpo, 0.4},
        {"T12c", Objective::kDpo, 1.0},          {"T12d", Objective::kUnlikelihood, 1.0},
        {"T12d", Objective::kUnlikelihood, 0.3}, {"T12e", Objective::kPushPull, -0.5},
        {"T12e", Objective::kSft, 0.4},          {"T12e", Objective::kDpo, 0.4},
    };
    return all;
}

}  // namespace

TEST_CASE("probabilities: T12 is proved, and its formulas are those in double") {
    for (const Case& c : cases()) {
        const ContextSubject subject{.told = facts(c.objective, c.rho)};
        const Certificate proof = one(subject, c.claim);
        CHECK_MESSAGE(proof.proof == Proof::kProved, c.claim, ": ", sentence(proof));
        theory::Evidence evidence;
        evidence.of = theory::InfluenceCase(&subject.told);
        evidence.training.beta = subject.told.beta;
        const auto rough = test::claim_named(c.claim).compare(evidence);
        const Precision here(256);
        const auto exact = context_claim(c.claim)(ExactContexts(subject.told, subject.told, 1.0));
        REQUIRE(rough.size() == exact.size());
        for (std::size_t k = 0; k < rough.size(); ++k) held(rough[k], exact[k]);
    }
}

TEST_CASE("probabilities: a wrong step size is refuted") {
    for (const Case& c : cases()) {
        if (std::string(c.claim) == "T12c") continue;  // the step's size is not in its signs alone
        ContextSubject subject{.told = facts(c.objective, c.rho), .eta_factor = 2.0};
        if (std::string(c.claim) == "T12d") subject.eta_factor = 0.5;
        CHECK_MESSAGE(one(subject, c.claim).proof == Proof::kRefuted, c.claim);
    }
    const Certificate two = one(ContextSubject{.told = facts(Objective::kDpo, 0.4),
                                               .bound_factor = 0.5,
                                               .only = theory::Relation::kAtMost},
                                "T12e");
    CHECK(two.proof == Proof::kRefuted);
    CHECK(one(ContextSubject{.told = facts(Objective::kDpo, 1.0)}, "T3a").proof ==
          Proof::kNotCovered);
}
