// T10: the claims on worlds solved here, each assumption's check, the study and its figures'
// fields.
#include "experiments/studies/rlhf/rlhf.hpp"

#include <doctest/doctest.h>

#include <array>

#include "sim/tabular/tabular_dpo.hpp"
#include "sim/tabular/tabular_graph.hpp"
#include "sim/tabular/tabular_rlhf.hpp"
#include "tests/support/run_support.hpp"
#include "tests/support/tabular_support.hpp"

using namespace prefdyn;
using test::contains;
using theory::Status;
using theory::TabularFacts;

namespace {

theory::Verdict verdict(const std::string& claim, const TabularFacts& facts, bool presume = false) {
    theory::Evidence e;
    e.of = theory::TabularCase(&facts);
    return test::judge_one(test::claim_named(claim), e, presume);
}

TabularSetting fine(std::size_t k = 1) {
    return tabular_settings(Profile::kQuick, test::seed())[k];
}

TabularFacts solved_sample(const TabularSetting& s, std::int64_t n, std::uint64_t i) {
    return sample_facts(s, draw(s.world, n, test::seed(), i),
                        RowMatrix::Zero(s.world.prompts(), s.world.responses()));
}

SamplePlan small_plan() {
    SamplePlan out;
    out.size = {10000, 30000, 100000, 300000, 1000000, 3000000, 10000000};
    out.replicates = 48;
    return out;
}

}  // namespace

TEST_CASE("the closed form against plain loops; zero reference, zero probability") {
    const RowMatrix r = test::gaussian(3, 4, 50);
    RowMatrix reference = log_softmax(test::gaussian(3, 4, 51)).array().exp();
    reference.row(2) << 0.5, 0.0, 0.25, 0.25;
    const RowMatrix got = theory::kl_regularised_optimum(reference, r, 0.3);
    for (Index x = 0; x < 3; ++x) {
        double z = 0.0;
        for (Index a = 0; a < 4; ++a) z += reference(x, a) * std::exp(r(x, a) / 0.3);
        for (Index a = 0; a < 4; ++a) {
            const double want = std::log(reference(x, a) * std::exp(r(x, a) / 0.3) / z);
            if (x == 2 && a == 1)
                CHECK(got(x, a) == -kInfinity);
            else
                CHECK(std::fabs(got(x, a) - want) <= 1e-13);
        }
    }
    CHECK(theory::kl_regularised_optimum(reference, 1e4 * r, 0.05).row(0).maxCoeff() <= 1e-12);
}

TEST_CASE("two ways of checking Ford's condition agree on random graphs") {
    Stream stream(test::seed(), Purpose::kTabular, 900);
    int unmet = 0;
    for (int k = 0; k < 2000; ++k) {
        const Index A = 2 + static_cast<Index>(stream() % 5);
        Comparisons data{{Matrix::Zero(A, A)}};
        for (Index a = 0; a < A; ++a)
            for (Index b = 0; b < A; ++b)
                if (a != b && stream() % 3 == 0) data.wins[0](a, b) = 1.0;
        const bool unique = existence(data).optimum == Optimum::kUnique;
        CHECK(theory::ford_unmet(data.wins).empty() == unique);
        unmet += unique ? 0 : 1;
    }
    CHECK(unmet > 200);
    CHECK(unmet < 1800);
}

TEST_CASE("population: DPO and policy gradient reach RLHF's optimum in every setting") {
    for (const TabularSetting& s : tabular_settings(Profile::kFull, test::seed())) {
        CAPTURE(s.name);
        const TabularFacts facts = population_facts(s);
        CHECK(verdict("T10a", facts).status == Status::kHolds);
        CHECK(verdict("T10d", facts).status == Status::kHolds);
        const RowMatrix want = rlhf_optimum(s, s.world.reward);
        CHECK(log_ratio_gap(facts.dpo.log_policy, want) <= 1e-9);
        CHECK(log_ratio_gap(facts.ascent, want) <= 1e-8);
    }
}

TEST_CASE("a planted error of 1e-9 in the policy is seen by T10a, T10b and T10d") {
    TabularFacts facts = population_facts(fine());
    TabularFacts sample = solved_sample(fine(), 100000, 5);
    facts.dpo.log_policy(1, 2) += 1e-9;
    facts.ascent(1, 2) += 1e-9;
    sample.dpo.log_policy(1, 2) += 1e-9;
    CHECK(verdict("T10a", facts).status == Status::kViolated);
    CHECK(verdict("T10d", facts).status == Status::kViolated);
    CHECK(verdict("T10b", sample).status == Status::kViolated);
}

TEST_CASE("samples: DPO is RLHF wherever both exist; elsewhere the claim does not apply") {
    int without = 0;
    for (std::size_t k = 0; k < 8; ++k)
        for (const std::int64_t n : {30, 300, 30000}) {
            const TabularFacts facts = solved_sample(fine(k), n, k);
            const bool exists = theory::ford_unmet(facts.wins).empty();
            CAPTURE(k);
            CAPTURE(n);
            CHECK(verdict("T10b", facts).status ==
                  (exists ? Status::kHolds : Status::kNotApplicable));
            without += exists ? 0 : 1;
        }
    CHECK(without > 0);
    CHECK(without < 16);
}

TEST_CASE("T10b needs no Bradley-Terry: in a cycle both fit the same wrong reward") {
    for (const char* name : {"preferences in a cycle", "probit preferences"}) {
        const TabularFacts facts = solved_sample(broken_setting(name, test::seed()), 1000000, 0);
        CHECK(verdict("T10b", facts).status == Status::kHolds);
    }
}

TEST_CASE("each broken assumption is named, and breaks the equality when presumed") {
    const std::pair<const char*, const char*> broken[] = {
        {"a response never compared", "response 3 is not compared"},
        {"prompts share their logits", "policy class does not contain"},
        {"one feature for all logits", "policy class does not contain"},
        {"preferences in a cycle", "not Bradley-Terry"},
        {"probit preferences", "not Bradley-Terry"},
        {"reference without full support", "probability 0"},
    };
    for (const auto& entry : broken) {
        const auto name = entry.first, reason = entry.second;
        CAPTURE(name);
        const TabularSetting s = broken_setting(name, test::seed());
        const TabularFacts facts = population_facts(s);
        for (const char* claim : {"T10a", "T10c", "T10e"}) {
            CHECK(verdict(claim, facts).status == Status::kNotApplicable);
            CHECK(contains(verdict(claim, facts).reason, reason));
        }
        CHECK(verdict("T10a", facts, true).status == Status::kViolated);
        // Not only from the closed form: from RLHF's optimum in the same class as well.
        const RowMatrix target = rlhf_optimum(s, s.world.reward);
        CHECK(divergence(s.world.weight, target, facts.dpo.log_policy) >= 1e-6);
    }
    CHECK(broken_settings(test::seed()).size() == std::size(broken));
}

TEST_CASE("a class smaller than all logits that contains the optimum is fine") {
    const TabularFacts facts = population_facts(tied_realisable(test::seed()));
    CHECK(verdict("T10a", facts).status == Status::kHolds);
    CHECK(verdict("T10d", facts).status == Status::kHolds);
}

TEST_CASE("unsolved, unconverged and absent evidence is refused with a reason") {
    TabularFacts facts = population_facts(fine());
    theory::Evidence none;
    for (const char* claim : {"T10a", "T10b", "T10c", "T10d", "T10e"})
        CHECK(test::judge_one(test::claim_named(claim), none).reason ==
              "no tabular world was solved");
    facts.dpo.gradient_norm = 1e-6;
    CHECK(contains(verdict("T10a", facts).reason, "did not converge"));
    facts.dpo.gradient_norm = kNan;
    CHECK(contains(verdict("T10a", facts).reason, "did not converge"));
    facts.ascent_residual = 1e-3;
    CHECK(contains(verdict("T10d", facts).reason, "stopped at a gradient"));
    CHECK(contains(verdict("T10c", facts).reason, "no samples"));
    CHECK(contains(verdict("T10b", facts).reason, "no reward was fitted"));
    facts.population = false;
    CHECK(contains(verdict("T10a", facts).reason, "finite sample"));
}

TEST_CASE("gap law: one prompt with two responses by hand") {
    TabularFacts f;
    f.beta = 0.5;
    f.weight = Vector::Ones(1);
    f.reference = RowMatrix::Constant(1, 2, 0.5);
    f.reward.resize(1, 2);
    f.reward << 0.7, 0.0;
    const double p = 1.0 / (1.0 + std::exp(-0.7)), q = 1.0 / (1.0 + std::exp(-0.7 / 0.5));
    f.wins = {Matrix::Zero(2, 2)};
    f.wins[0](0, 1) = p;
    f.wins[0](1, 0) = 1.0 - p;
    // Var(rhat_0 - rhat_1) = 1 / (N p (1 - p)); KL = q (1 - q) (delta / beta)^2 / 2.
    const double mean = 0.5 * q * (1.0 - q) / (p * (1.0 - p) * 0.25);
    const theory::GapLaw law = theory::gap_law(f);
    CHECK(test::relative_error(law.mean, mean) <= 1e-13);
    CHECK(test::relative_error(law.deviation, std::sqrt(2.0) * mean) <= 1e-13);
    CHECK(test::relative_error(law.worst, 0.5 / (p * (1.0 - p))) <= 1e-13);
}

TEST_CASE("the gap falls as predicted, and the checks see samples without an optimum") {
    TabularFacts facts = converging_facts(fine(), small_plan(), test::seed());
    CHECK(verdict("T10c", facts).status == Status::kHolds);
    CHECK(verdict("T10e", facts).status == Status::kHolds);
    TabularFacts slow = facts;
    for (auto& row : slow.divergence.error)
        for (double& e : row) e = std::sqrt(e);
    CHECK(verdict("T10c", slow, true).status == Status::kViolated);
    TabularFacts worse = facts;
    for (auto& row : worse.divergence.error)
        for (double& e : row) e *= 3.0;
    CHECK(verdict("T10e", worse).status == Status::kViolated);
    facts.without_optimum = 1;
    CHECK(contains(verdict("T10c", facts).reason, "1 samples have no optimum"));
}

TEST_CASE("the study: the same bits for any number of threads, every field, every control") {
    const auto run = [](int threads) {
        const test::Threads use(threads);
        return rlhf_study().run(theory::select_claims("T10"), {Profile::kQuick, test::seed(), 1});
    };
    const StudyOutcome one = run(1), three = run(3);
    REQUIRE(one.values.size() == three.values.size());
    CHECK(one.values.size() == rlhf_study().fields.size());
    for (std::size_t k = 0; k < one.values.size(); ++k) {
        CAPTURE(one.values[k].first);
        CHECK(one.values[k].first == three.values[k].first);
        const auto* a = std::get_if<std::vector<double>>(&one.values[k].second);
        const auto* b = std::get_if<std::vector<double>>(&three.values[k].second);
        if (!a) {
            CHECK(one.values[k].second == three.values[k].second);
            continue;
        }
        REQUIRE(a->size() == b->size());
        CHECK(std::memcmp(a->data(), b->data(), a->size() * sizeof(double)) == 0);
    }
    REQUIRE(one.cases.size() == three.cases.size());
    for (const CaseRow& row : one.cases)
        CHECK_MESSAGE(row.verdict.status != Status::kViolated, row.claim << " " << row.setting);
}

TEST_CASE("every control of the study is caught, for several seeds") {
    for (const std::uint64_t offset : {0u, 1u, 2u})
        for (const Control& c : rlhf_controls()) {
            CAPTURE(c.claim);
            CAPTURE(c.name);
            CHECK(c.run(test::claim_named(c.claim), test::seed() + offset).status ==
                  Status::kViolated);
        }
}

namespace {

/// Exact, by going through all sequences of n comparisons.
double enumerated_failure(const std::vector<Matrix>& wins, int n) {
    std::vector<std::array<Index, 3>> pair;
    std::vector<double> weight;
    for (std::size_t x = 0; x < wins.size(); ++x)
        for (Index a = 0; a < wins[x].rows(); ++a)
            for (Index b = 0; b < wins[x].cols(); ++b)
                if (wins[x](a, b) > 0.0) {
                    pair.push_back({static_cast<Index>(x), a, b});
                    weight.push_back(wins[x](a, b));
                }
    double out = 0.0;
    std::vector<std::size_t> at(static_cast<std::size_t>(n), 0);
    for (bool more = true; more;) {
        std::vector<Matrix> seen;
        for (const Matrix& w : wins) seen.push_back(Matrix::Zero(w.rows(), w.cols()));
        double p = 1.0;
        for (const std::size_t k : at) {
            seen[static_cast<std::size_t>(pair[k][0])](pair[k][1], pair[k][2]) += 1.0;
            p *= weight[k];
        }
        if (!theory::ford_unmet(seen).empty()) out += p;
        more = false;
        for (std::size_t& k : at) {
            if (++k < pair.size()) {
                more = true;
                break;
            }
            k = 0;
        }
    }
    return out;
}

}  // namespace

TEST_CASE("T20: reward and divergence are one number, and a wrong policy is seen") {
    const auto claim = theory::select_claims("T20").front();
    for (const TabularSetting& s : tabular_settings(Profile::kQuick, 12)) {
        CAPTURE(s.name);
        theory::TabularFacts facts = population_facts(s);
        CHECK(judge_case(claim, evidence_of(facts)).status == theory::Status::kHolds);
        facts.reward.row(0) *= 1.0 + 1e-6;
        CHECK(judge_case(claim, evidence_of(facts), true).status == theory::Status::kViolated);
    }
}

TEST_CASE("DPO in a class without the optimum: reference values, worse than its reference") {
    struct Wanted {
        double third, theta, reward;
    };
    for (const Wanted& want : {Wanted{1.0, -0.426, 1.167}, Wanted{5.0, 0.125, 0.961},
                               Wanted{20.0, 0.633, 0.863}, Wanted{100.0, 0.911, 0.846}}) {
        CAPTURE(want.third);
        const TabularSetting s = misspecified(want.third);
        const RowMatrix log_pi = population_facts(s).dpo.log_policy;
        CHECK(std::fabs(0.5 * (log_pi(0, 0) - log_pi(0, 1)) - want.theta) <= 6e-4);
        const RowMatrix pi = log_pi.array().exp();
        CHECK(std::fabs(pi(0, 0) + 2.0 * pi(0, 1) - want.reward) <= 6e-4);
        const RowMatrix best = rlhf_optimum(s, s.world.reward);
        CHECK(std::fabs(0.5 * (best(0, 0) - best(0, 1)) + 0.995) <= 6e-4);
    }
}

TEST_CASE("Ford's condition: its probability lies between the bounds, by enumeration") {
    for (const auto& [P, A, n] : {std::array{1, 2, 9}, {1, 3, 7}, {2, 2, 7}}) {
        CAPTURE(P);
        CAPTURE(A);
        std::vector<Matrix> wins;
        double total = 0.0;
        for (int x = 0; x < P; ++x) {
            wins.push_back(test::gaussian(A, A, 60 + x).cwiseAbs());
            wins.back().diagonal().setZero();
            total += wins.back().sum();
        }
        for (Matrix& w : wins) w /= total;
        for (int k = 1; k <= n; ++k) {
            CAPTURE(k);
            const double exact = enumerated_failure(wins, k);
            const theory::FordFailure got = theory::ford_failure(wins, k);
            CHECK(got.least <= exact * (1.0 + 1e-12));
            CHECK(got.most >= exact * (1.0 - 1e-12));
            // One prompt, two responses: one of the two never wins. Both at once is impossible.
            if (P == 1 && A == 2) CHECK(test::relative_error(got.most, exact) <= 1e-12);
        }
    }
}

TEST_CASE("Ford's condition: bounds are tight where failures are rare, 1 where none is compared") {
    const TabularFacts facts = population_facts(fine());
    const theory::FordFailure rare = theory::ford_failure(facts.wins, 1e4);
    CHECK(rare.most < 1e-3);
    CHECK(rare.most > 0.0);
    CHECK(rare.least > 0.2 * rare.most);
    CHECK(theory::ford_failure(facts.wins, 1e6).most < 1e-100);
    const auto broken = population_facts(broken_setting("a response never compared", test::seed()));
    CHECK(theory::ford_failure(broken.wins, 1e9).least == 1.0);
}
