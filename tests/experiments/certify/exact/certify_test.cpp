// Certificates, on cases with known answers, on planted faults, and against the claims in double.
#include <doctest/doctest.h>

#include <cmath>

#include "experiments/certify/exact/claims.hpp"
#include "experiments/certify/exact/real.hpp"
#include "experiments/certify/subject.hpp"
#include "tests/support/certify_support.hpp"

using namespace prefdyn;
using namespace prefdyn::certify;
using test::one;

namespace {

RunConfig small() {
    RunConfig c;
    c.features.samples = 30;
    c.features.dimension = 4;
    c.features.distinguishability = 1.0;
    c.training.steps = 60;
    c.training.records = 12;
    c.training.spacing = Spacing::kLogarithmic;
    c.eta_kappa = 0.3;
    return c;
}

std::size_t loss_index(const std::string& name) {
    const auto& names = loss_names();
    return static_cast<std::size_t>(std::find(names.begin(), names.end(), name) - names.begin());
}

/// ipo in one dimension: L is a parabola of curvature kappa, R_k = (1 - eta kappa)^k R(0).
RunConfig parabola() {
    RunConfig c = small();
    c.features.dimension = 1;
    c.loss = loss_index("ipo");
    return c;
}

Subject subject(const RunConfig& config) {
    return subject_of(run_synthetic(config), training_rows(config));
}

const std::vector<std::string>& run_claims() {
    static const std::vector<std::string> all = {"T1",  "T2a", "T2b", "T3a", "T3b", "T3c",
                                                 "T4a", "T4b", "T6a", "T6b", "T6e"};
    return all;
}

}  // namespace

TEST_CASE("a parabola's rate and loss attain their bounds") {
    const Subject s = subject(parabola());
    for (const std::string claim : {"T3a", "T4a"}) {
        const Certificate c = one(s, claim);
        CHECK_MESSAGE(c.proof == Proof::kProved, sentence(c));
        CHECK(c.equal == c.comparisons);
        CHECK(c.equal_bits >= c.bits / 2);
        Subject stronger = s;
        stronger.fault.bound_factor = 1.0 - 0x1p-50;
        CHECK(one(stronger, claim).proof == Proof::kRefuted);
    }
}

TEST_CASE("every claim about runs is proved on a run it holds of") {
    const Subject s = subject(small());
    for (const std::string& claim : run_claims()) {
        const Certificate c = one(s, claim);
        CHECK_MESSAGE(c.proof == Proof::kProved, claim, ": ", sentence(c));
        CHECK(c.comparisons > 0);
    }
}

TEST_CASE("a planted fault is refuted") {
    const auto refuted = [](const std::string& claim, const Subject& s) {
        const Certificate c = one(s, claim);
        CHECK_MESSAGE(c.proof == Proof::kRefuted, claim, ": ", sentence(c));
        return c;
    };
    RunConfig early = small();
    early.eta_kappa = 0.005;
    const Subject plain = subject(early);
    Subject s = plain;
    s.fault.bound_factor = 0.9;
    for (const char* claim : {"T1", "T2a", "T2b", "T3a", "T3b", "T4a", "T4b"}) refuted(claim, s);
    s = plain;
    s.fault.told_beta = s.beta / 1.1;
    refuted("T1", s);
    s = plain;
    s.fault.told_eta = s.training.eta / 2.0;
    for (const char* claim : {"T2b", "T3c", "T4b"}) refuted(claim, s);
    s = plain;
    s.fault.told_eta = s.training.eta * 2.0;
    for (const char* claim : {"T3b", "T4a"}) refuted(claim, s);
    const Certificate c = refuted("T3b", s);
    CHECK(c.features.size() == 30);
    CHECK(c.features[0].find('/') != std::string::npos);
    s.presume = true;
    CHECK(one(s, "T3b").features.empty());
    s = plain;
    s.fault.exchanged = {2, 8};
    refuted("T2a", s);
    s = plain;
    s.fault.told_data = s.data;
    s.fault.told_data->features.row(0) *= 2.0;
    refuted("T1", s);
    s = subject(parabola());
    s.fault.lambda_factor = 0.3;
    refuted("T3b", s);
}

TEST_CASE("too few bits leave a comparison undecided") {
    // Both sides are equal: nothing parts them, and one precision alone does not make them equal.
    const Subject s = subject(parabola());
    const Certificate few = one(s, "T4a", {.start = 64, .most = 64});
    CHECK_MESSAGE(few.proof == Proof::kUndecided, sentence(few));
    CHECK(few.bits == 64);
    CHECK(few.reason.find("not told apart") != std::string::npos);
    const Certificate more = one(s, "T4a", {.start = 64, .most = 128});
    CHECK(more.proof == Proof::kProved);
    CHECK(more.equal == more.comparisons);
}

TEST_CASE("what cannot be certified says why") {
    RunConfig flow = small();
    flow.training.method = Method::kFlow;
    CHECK(one(subject(flow), "T3b").reason == "the flow has no exact trajectory");
    RunConfig discopop = small();
    discopop.loss = loss_index("discopop");
    discopop.training.eta = 0.1;
    CHECK(one(subject(discopop), "T1").reason == "sup phi'' of discopop has no closed form");
    CHECK(one(subject(small()), "T5g").reason.find("probability") != std::string::npos);
    CHECK(one(subject(small()), "T7").reason.find("prediction") != std::string::npos);
    RunConfig large = small();
    large.eta_kappa = 1.5;
    const RunResult run = run_synthetic(large);
    const auto all = certify::certify(run, training_rows(large),
                                      {test::claim_named("T3b"), test::claim_named("T2a")});
    CHECK(all[0].reason.find("> 1") != std::string::npos);
    CHECK(all[1].proof == Proof::kProved);
}

namespace {

/// A claim's comparisons in double and in exact numbers, side by side: each Ball holds the middle
/// of the exact one, and the exact one is much narrower.
void compare_with_double(const RunConfig& config, const std::string& id, std::size_t& seen) {
    const RunResult run = run_synthetic(config);
    const theory::Evidence evidence = run.evidence();
    const theory::Claim claim = test::claim_named(id);
    for (const auto& assumption : claim.assumptions)
        if (!assumption.unmet(evidence).empty()) return;
    const Subject s = subject_of(run, training_rows(config));
    const Precision here(256);
    const Told told(s);
    const Walk w =
        walk(s, Rows(s.data), ExactPhi(s.loss), largest_eigenvalue(Rows(s.data)), told.eta);
    const auto exact = exact_comparisons(claim, told, w);
    const auto rough = claim.compare(evidence);
    REQUIRE(exact.size() == rough.size());
    for (std::size_t k = 0; k < rough.size(); ++k) {
        CHECK(static_cast<double>(exact[k].step) == rough[k].step);
        CHECK(exact[k].relation == rough[k].relation);
        const auto held = [&](const Ball& ball, const Real& number) {
            const double value = (number / Real(exact[k].divisor)).value();
            CHECK_MESSAGE(std::fabs(value - ball.value) <= ball.radius, id, " step ", rough[k].step,
                          ": ", ball.value, " +- ", ball.radius, " against ", value);
        };
        held(rough[k].measured, exact[k].measured);
        held(rough[k].bound, exact[k].bound);
        ++seen;
    }
}

}  // namespace

TEST_CASE("the claims in double hold the exact numbers") {
    for (const std::string& id : run_claims()) {
        std::size_t seen = 0;
        for (const std::string loss : {"sigmoid", "ipo", "cdpo", "robust"})
            for (const double eta_kappa : {0.01, 0.9, 1.9}) {
                RunConfig c = small();
                c.loss = loss_index(loss);
                if (loss == "cdpo" || loss == "robust") c.label_smoothing = 0.1;
                c.eta_kappa = eta_kappa;
                c.features.p_plus = eta_kappa < 0.5 ? 0.5 : 0.3;
                compare_with_double(c, id, seen);
            }
        CHECK_MESSAGE(seen > 15, id);
    }
}

TEST_CASE("SGD and Adam take the trainer's batches") {
    for (const Method method : {Method::kSgd, Method::kAdam})
        for (const Sampling sampling : {Sampling::kEpoch, Sampling::kReplacement}) {
            RunConfig c = small();
            c.training.method = method;
            c.training.sampling = sampling;
            c.training.batch = 7;
            if (method == Method::kAdam) c.training.eta = 1e-2;
            const RunResult run = run_synthetic(c);
            const Subject s = subject_of(run, training_rows(c));
            const Precision here(512);
            const Told told(s);
            const Walk w =
                walk(s, Rows(s.data), ExactPhi(s.loss), largest_eigenvalue(Rows(s.data)), told.eta);
            REQUIRE(w.points.size() == run.trajectory.records.size());
            for (std::size_t k = 0; k < w.points.size(); ++k) {
                const Record& r = run.trajectory.records[k];
                CHECK(w.points[k].loss.value() == doctest::Approx(r.train.loss).epsilon(1e-12));
                CHECK(w.points[k].head_change.value() ==
                      doctest::Approx(r.head_change).epsilon(1e-10));
                CHECK(w.points[k].loss.narrower_than(1.0) > 50);
            }
            CHECK(one(s, "T6b").proof == Proof::kProved);
        }
}

TEST_CASE("behaviours: T8 is proved, and refuted where its bound is made stronger") {
    RunConfig first = small(), second = small();
    second.seed = 2;
    second.features.distinguishability = 3.0;
    const Dataset data = mixture_of(training_rows(first), training_rows(second));
    MixtureTraining training;
    training.steps = 40;
    training.records = 10;
    const MixtureRun run = train_mixture(data, training, 1);
    const Subject s = subject_of(run, training, data, 1);
    for (const char* claim : {"T8a", "T8b", "T8c", "T8d"}) {
        const Certificate c = one(s, claim);
        CHECK_MESSAGE(c.proof == Proof::kProved, claim, ": ", sentence(c));
        Subject stronger = s;
        stronger.fault.bound_factor = claim == std::string("T8b") ? 0.5 : 0.9;
        CHECK_MESSAGE(one(stronger, claim).proof == Proof::kRefuted, claim);
        const Precision here(256);
        const Told told(s);
        const Walk w =
            walk(s, Rows(s.data), ExactPhi(s.loss), largest_eigenvalue(Rows(s.data)), told.eta);
        const auto exact = exact_comparisons(test::claim_named(claim), told, w);
        const auto rough = test::claim_named(claim).compare(run.evidence());
        REQUIRE(exact.size() == rough.size());
        for (std::size_t k = 0; k < rough.size(); ++k) {
            CHECK(std::fabs(exact[k].measured.value() - rough[k].measured.value) <=
                  rough[k].measured.radius);
            CHECK(std::fabs(exact[k].bound.value() - rough[k].bound.value) <=
                  rough[k].bound.radius);
        }
    }
}
