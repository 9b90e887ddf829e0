#include "experiments/studies/probabilities/probabilities.hpp"

#include <doctest/doctest.h>

#include <map>
#include <set>

#include "tests/support/support.hpp"
#include "theory/registry.hpp"

namespace prefdyn::test {

namespace {

std::vector<theory::Claim> own_claims() { return theory::select_claims("T12"); }

const StudyOutcome& quick() {
    static const StudyOutcome out =
        probabilities_study().run(own_claims(), {Profile::kQuick, seed(), 1});
    return out;
}

double softmax_at(const theory::InfluenceFacts& f, Index o, Index token) {
    return std::exp(log_policy(f.head, f.contexts)(o, token));
}

}  // namespace

TEST_CASE("every claim about probabilities holds in every setting and is never vacuous") {
    std::map<std::string, int> rows;
    for (const CaseRow& row : quick().cases) {
        CAPTURE(row.claim);
        CAPTURE(row.setting);
        CHECK(row.verdict.status == theory::Status::kHolds);
        CHECK(row.verdict.tightness.max > 0.9);
        // T12a is an equality of a fitted slope with 2.
        CHECK(row.verdict.tightness.max <= (row.claim == "T12a" ? 1.1 : 1.002));
        ++rows[row.claim];
    }
    CHECK(rows.size() == own_claims().size());
}

TEST_CASE("both outcomes of the displacement criterion occur") {
    int rises = 0, falls = 0;
    for (const ProbabilityCase& c : probability_cases(Profile::kDefault, seed()))
        if (c.claim == "T12c") (theory::chosen_rate(c.facts) > 0.0 ? rises : falls)++;
    CHECK(rises > 100);
    CHECK(falls > 10);
}

TEST_CASE("the outcome is the same bits for one thread and three") {
    const auto values = [](int threads) {
        const Threads scope(threads);
        return probabilities_study().run(own_claims(), {Profile::kQuick, seed(), 1});
    };
    const StudyOutcome one = values(1), three = values(3);
    REQUIRE(one.values.size() == three.values.size());
    CHECK(one.values == three.values);
    for (std::size_t k = 0; k < one.cases.size(); ++k)
        CHECK(one.cases[k].verdict.slack == three.cases[k].verdict.slack);
}

TEST_CASE("every declared field is filled with finite numbers, and no other") {
    std::set<std::string> declared, filled;
    for (const Field& field : probabilities_study().fields) declared.insert(field.name);
    for (const auto& field : quick().values) {
        filled.insert(field.first);
        const auto* reals = std::get_if<std::vector<double>>(&field.second);
        if (!reals) continue;
        CAPTURE(field.first);
        CHECK(
            Eigen::Map<const Vector>(reals->data(), static_cast<Index>(reals->size())).allFinite());
    }
    CHECK(declared == filled);
}

TEST_CASE("the dials are exact") {
    ContextDials dials;
    dials.name = "test";
    dials.vocabulary = 31;
    dials.rho = 0.0;
    dials.chosen = 0.3;
    dials.rejected = 1e-4;
    for (const double rho : {-1.0, -0.4, 0.0, 1.0}) {
        dials.rho = rho;
        const auto f = make_facts(dials, seed());
        const Vector plus = f.pairs.plus.row(0), minus = f.pairs.minus.row(0);
        CHECK(std::fabs(plus.dot(minus) / (plus.norm() * minus.norm()) - rho) <= 1e-14);
        CHECK(relative_error(softmax_at(f, 0, 0), 0.3) <= 1e-12);
        CHECK(relative_error(softmax_at(f, 0, 1), 1e-4) <= 1e-12);
        if (rho == 0.0) CHECK(relative_error(softmax_at(f, 1, 1), 1e-4) <= 1e-12);
        CHECK((f.head - f.reference).norm() == 0.0);
    }
    dials.same_token = true;
    dials.rho = 0.0;
    dials.rejected = 0.7;
    dials.norm_ratio = 1.0;
    CHECK(relative_error(softmax_at(make_facts(dials, seed()), 1, 0), 0.7) <= 1e-12);
    dials.same_token = false;
    CHECK(contains(input_error([&] { make_facts(dials, seed()); }), "0.7"));
}

TEST_CASE(
    "one context: the chosen token rises, the rejected falls, third tokens keep their ratios") {
    for (ContextDials dials : displacement_dials()) {
        if (dials.norm_ratio != 1.0 || dials.same_token) continue;
        CAPTURE(dials.name);
        const Displacement d = measure_displacement(dials, seed());
        CHECK(d.chosen > 0.0);
        CHECK(d.chosen_rate > 0.0);
        CHECK(d.rejected < 0.0);
        CHECK(std::fabs(d.third_plus - d.third_minus) <= 1e-12);
        CHECK(std::fabs(d.ches) <= 1e-12);
    }
}

}  // namespace prefdyn::test
