#include "experiments/verify/verify.hpp"

#include <doctest/doctest.h>

#include <map>
#include <set>
#include <sstream>

#include "experiments/verify/controls.hpp"
#include "experiments/verify/studies.hpp"
#include "experiments/verify/verdict_table.hpp"
#include "sim/base/rank_correlation.hpp"
#include "tests/support/support.hpp"
#include "theory/registry.hpp"

namespace prefdyn::test {

TEST_CASE("the quick suite holds and every negative control is caught, whatever the seed") {
    for (const std::uint64_t offset : {0u, 1u, 2u}) {
        if (kSanitized && offset > 0) continue;
        VerifyPlan plan{Profile::kQuick, seed() + offset, 1000};
        const Verification v = verify_synthetic(theory::claims(), plan);
        std::ostringstream table;
        print_verdicts(table, v);
        CHECK_MESSAGE(v.as_expected(), table.str());
        for (const auto& control : v.controls)
            CHECK_MESSAGE(control.caught(), control.claim << " " << control.name);
        CHECK(!contains(table.str(), "violated:"));
    }
}

TEST_CASE("a claim that applies nowhere in the synthetic suite is a failure") {
    Verification v;
    v.claims = theory::select_claims("T7");
    v.cases.push_back({"dynamics", "T7", "unresolved", kNan, theory::Verdict{}});
    CHECK(v.as_expected());
    v.every_claim_applies = true;
    CHECK(!v.as_expected());
    std::ostringstream table;
    print_verdicts(table, v);
    CHECK(contains(table.str(), "never applied: T7"));
    v.cases[0].verdict.status = theory::Status::kHolds;
    CHECK(v.as_expected());
}

TEST_CASE("every claim has a negative control and every control a claim") {
    std::set<std::string> controlled, known;
    for (const auto& control : controls(theory::claims())) controlled.insert(control.claim);
    for (const auto& claim : theory::claims()) known.insert(claim.id);
    CHECK(controlled == known);
}

TEST_CASE("a claim is judged on runs, or by exactly one study") {
    std::map<std::string, int> judged;
    for (const auto& study : studies())
        for (const auto& id : study.claims) ++judged[id];
    for (const auto& claim : theory::claims()) {
        CAPTURE(claim.id);
        CHECK(judged[claim.id] == (claim.scope == theory::Scope::kRun ? 0 : 1));
    }
    CHECK(judged.size() == theory::claims().size());
}

TEST_CASE("controls run on the given features where their fault can show, else on synthetic ones") {
    Dataset plain = gaussian_dataset(60, 5, 1);
    plain.name = "plain";
    Dataset orthogonal = plain;  // class means along two axes: a flipped class moves as fast
    orthogonal.name = "orthogonal";
    orthogonal.features.setZero();
    for (Index i = 0; i < 60; ++i) orthogonal.features(i, i % 3 == 1 ? 0 : 1) = 1.0;
    Dataset still = plain;  // every row with both labels: zbar = 0
    still.name = "still";
    for (Index i = 0; i < 60; ++i) {
        still.features.row(i) = plain.features.row(i / 2);
        still.label[static_cast<std::size_t>(i)] = i % 2 == 0 ? 1 : -1;
    }
    const std::vector<Dataset> behaviours = {plain, orthogonal, still};
    const auto results =
        run_controls(theory::select_claims("T1,T2a,T2b,T3,T4"), seed(), behaviours, 1.0);
    std::map<std::string, std::set<std::string>> data;
    for (const auto& r : results) {
        CHECK_MESSAGE(r.caught(), r.claim << " " << r.name << " on " << r.data);
        data[r.name].insert(r.data);
    }
    using Names = std::set<std::string>;
    for (const std::string name : {"bound x 0.9", "eta doubled", "eta halved", "beta off by 10 %"})
        CHECK_MESSAGE((data[name] == Names{"plain", "orthogonal"}), name);
    CHECK(data["class flipped"] == Names{"plain"});
    for (const std::string name : {"eta = 3 / kappa", "kappa understated"})
        CHECK_MESSAGE((data[name] == Names{""}), name);
    const auto none =
        run_controls(theory::select_claims("T1"), seed(), std::span(behaviours).subspan(2), 1.0);
    CHECK(none.size() == 5);
    for (const auto& r : none) CHECK((r.synthetic() && r.caught()));
}

TEST_CASE("the table says which control ran on which features") {
    Verification v;
    v.claims = theory::select_claims("T1,T2a");
    theory::Verdict caught;
    caught.status = theory::Status::kViolated;
    v.controls = {{"T1", "class flipped", "fault", "kind", caught},
                  {"T1", "class flipped", "fault", "cruel", {}},
                  {"T2a", "eta = 3 / kappa", "fault", "", caught}};
    v.fixed_steps = {20};  // a verification of given features
    std::ostringstream out;
    print_verdicts(out, v);
    CHECK(contains(out.str(), "controls caught on the given features: 1 of 2\n"));
    CHECK(contains(out.str(), "controls caught on synthetic features: 1 of 1\n"));
    CHECK(contains(out.str(), "not caught: T1, control 'class flipped': fault on cruel"));
}

TEST_CASE("a violated claim and a missed control are both unexpected") {
    Verification v;
    v.claims = theory::select_claims("T2b");
    v.controls.push_back({"T2b", "planted", "fault", "", {}});
    CHECK(!v.as_expected());
    v.controls[0].verdict.status = theory::Status::kViolated;
    CHECK(v.as_expected());
    CaseRow row;
    row.claim = "T2b";
    row.verdict.status = theory::Status::kViolated;
    v.cases.push_back(row);
    CHECK(!v.as_expected());
}

TEST_CASE("rank correlation: monotone, reversed, ties, independent of scale") {
    CHECK(rank_correlation({1, 2, 3, 4}, {10, 20, 50, 900}) == doctest::Approx(1.0));
    CHECK(rank_correlation({1, 2, 3, 4}, {4, 3, 2, 1}) == doctest::Approx(-1.0));
    // Ranks 0, 1.5, 1.5, 3 against 0, 1, 2, 3: covariance 4.5, norms sqrt(4.5) and sqrt(5).
    CHECK(rank_correlation({1, 2, 2, 5}, {1, 2, 3, 4}) == doctest::Approx(4.5 / std::sqrt(22.5)));
    CHECK(std::isnan(rank_correlation({1, 2}, {1, 2})));
    CHECK(std::isnan(rank_correlation({1, 2, 3, 4}, {1, 2, NAN, 4})));
    CHECK(std::isnan(rank_correlation({NAN, 2, 3, 4}, {1, 2, 3, 4})));
    // Of the 3! and 4! orders, two are as far from 0 as a monotone one; with r = 0.5 also the two
    // beside either end.
    CHECK(rank_correlation_p({1, 2, 3}, {3, 2, 1}) == doctest::Approx(2.0 / 6.0));
    CHECK(rank_correlation_p({1, 2, 3, 4}, {1, 2, 3, 4}) == doctest::Approx(2.0 / 24.0));
    CHECK(rank_correlation_p({1, 2, 3}, {1, 3, 2}) == doctest::Approx(1.0));
    CHECK(std::isnan(rank_correlation_p({1, 2}, {1, 2})));
    CHECK(std::isnan(rank_correlation_p({1, 1, 1}, {1, 2, 3})));
    CHECK(
        std::isnan(rank_correlation_p(std::vector<double>(10, 1.0), std::vector<double>(10, 1.0))));
}

TEST_CASE("the suite covers every trainer, spectrum, tail and engine") {
    std::set<int> methods, spectra, tails, engines;
    for (const auto& run : synthetic_suite(Profile::kQuick, seed())) {
        methods.insert(static_cast<int>(run.config.training.method));
        spectra.insert(static_cast<int>(run.config.features.covariance.spectrum));
        tails.insert(static_cast<int>(run.config.features.noise.tails));
        engines.insert(static_cast<int>(run.config.engine));
    }
    CHECK(methods.size() == method_names().size());
    CHECK(spectra.size() == spectrum_names().size());
    CHECK(tails.size() == tail_names().size());
    CHECK(engines.size() == engine_names().size());
}

}  // namespace prefdyn::test
