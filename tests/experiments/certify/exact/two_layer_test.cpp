#include "experiments/certify/exact/two_layer.hpp"

#include <doctest/doctest.h>

#include "experiments/studies/misalignment/misalignment.hpp"
#include "tests/support/certify_support.hpp"

using namespace prefdyn;
using namespace prefdyn::certify;
using test::held;
using test::one;

namespace {

TwoLayerSubject alignment() {
    const MisalignmentSpec spec = small_misalignment(test::seed());
    const TwoLayerTraining training = alignment_of(spec);
    return {.data = spec.data,
            .start = spec.base,
            .beta = training.beta,
            .eta = training.eta,
            .steps = 12};
}

}  // namespace

TEST_CASE("trained embeddings: T9 is proved, and its formulas are those in double") {
    const TwoLayerSubject subject = alignment();
    const TwoLayerRun run =
        run_two_layer(subject.data, {subject.start}, {subject.beta, subject.eta, subject.steps, 1});
    const theory::Evidence evidence = run.evidence();
    const Precision here(256);
    const ExactTwoLayer walk(subject);
    for (const char* claim : {"T9a", "T9bp", "T9d"}) {
        const Certificate proof = one(subject, claim);
        CHECK_MESSAGE(proof.proof == Proof::kProved, claim, ": ", sentence(proof));
        auto rough = test::claim_named(claim).compare(evidence);
        const auto exact = two_layer_claim(claim)(walk);
        if (std::string(claim) == "T9a") rough.resize(1);  // the other is a difference quotient
        REQUIRE(rough.size() == exact.size());
        for (std::size_t k = 0; k < rough.size(); ++k) held(rough[k], exact[k]);
    }
}

TEST_CASE("trained embeddings: faults are refuted") {
    TwoLayerSubject s = alignment();
    s.bound_factor = 0.9;
    for (const char* claim : {"T9a", "T9bp", "T9d"}) CHECK(one(s, claim).proof == Proof::kRefuted);
    s = alignment();
    s.told_eta = 0.5 * s.eta;
    CHECK(one(s, "T9d").proof == Proof::kRefuted);
    s = alignment();
    s.head_factor = 0.5;
    CHECK(one(s, "T9d").proof == Proof::kRefuted);
    s = alignment();
    s.told_start = s.start;
    s.told_start->head *= 2.0;
    CHECK(one(s, "T9a").proof == Proof::kRefuted);
    s = alignment();
    s.start.head = -s.start.head;  // D falls: the claim says nothing, and is not refuted
    CHECK(one(s, "T9bp").proof != Proof::kRefuted);
    s = alignment();
    s.start.activation = Activation::kTanh;
    CHECK(one(s, "T9a").reason == "the embedding is not linear");
}
