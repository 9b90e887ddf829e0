// The judge itself, on made-up claims: what passes, what fails, and what it reports.
#include "theory/claim.hpp"

#include <doctest/doctest.h>

#include "tests/support/run_support.hpp"

using namespace prefdyn;
using namespace prefdyn::theory;
using test::judge_one;
using test::relative_error;

namespace {

Claim made_up(std::vector<Comparison> comparisons, ClaimKind kind = ClaimKind::kRigorous) {
    return {"X",  "made up",   "", "",
            kind, Scope::kRun, {}, [=](const Evidence&) { return comparisons; }};
}

Verdict verdict_on(const Ball& measured, const Ball& bound, Relation relation, Worth worth = {}) {
    return judge_one(made_up({{0.0, 0.0, measured, bound, relation, worth}}), Evidence{});
}

Status status_on(const Ball& measured, const Ball& bound, Relation relation, Worth worth = {}) {
    return verdict_on(measured, bound, relation, worth).status;
}

bool holds(const Ball& measured, const Ball& bound, Relation relation) {
    return status_on(measured, bound, relation) == Status::kHolds;
}

/// One comparison per case, measured at most 0, with `failures` of `cases` at 1.
Verdict coverage(std::size_t failures, std::size_t cases, double delta) {
    std::vector<Evidence> evidence(cases);
    for (std::size_t i = 0; i < cases; ++i) {
        evidence[i].delta = delta;
        evidence[i].constant = i < failures ? 1.0 : -1.0;
    }
    Claim claim = made_up({}, ClaimKind::kProbabilistic);
    claim.compare = [](const Evidence& e) -> std::vector<Comparison> {
        return {{0.0, 0.0, *e.constant, 0.0, Relation::kAtMost}};
    };
    return judge(claim, evidence);
}

/// P(X >= k), X ~ Bin(n, p): the terms from the ratio recursion in long double.
double binomial_tail(std::size_t k, std::size_t n, double p) {
    long double term = std::pow(1.0L - p, static_cast<long double>(n)), tail = 0.0L;
    for (std::size_t j = 0; j <= n; ++j) {
        if (j >= k) tail += term;
        term *= static_cast<long double>(n - j) / static_cast<long double>(j + 1) * p / (1.0L - p);
    }
    return static_cast<double>(tail);
}

/// A fit over cases that need the constants `needed`.
Verdict fit(const std::vector<double>& needed, double delta) {
    std::vector<DatasetStatistics> carriers(needed.size());
    std::vector<Evidence> cases(needed.size());
    for (std::size_t i = 0; i < needed.size(); ++i) {
        carriers[i].zbar_norm = needed[i];
        cases[i].of = ReplicateCase(&carriers[i]);
        cases[i].delta = delta;
    }
    Claim claim = made_up({}, ClaimKind::kFit);
    claim.compare = [](const Evidence& e) -> std::vector<Comparison> {
        return {{0.0, 0.0, e.means().zbar_norm, kNan, Relation::kAtMost}};
    };
    return judge(claim, cases);
}

const Relation kRelations[] = {Relation::kAtMost, Relation::kAtLeast, Relation::kEqual};

}  // namespace

TEST_CASE("at most, at least and equal mean what they say, to the last bit") {
    const double below = std::nextafter(2.0, 0.0), above = std::nextafter(2.0, 3.0);
    for (const Relation relation : kRelations) CHECK(holds(2.0, 2.0, relation));
    CHECK(holds(below, 2.0, Relation::kAtMost));
    CHECK_FALSE(holds(above, 2.0, Relation::kAtMost));
    CHECK(holds(above, 2.0, Relation::kAtLeast));
    CHECK_FALSE(holds(below, 2.0, Relation::kAtLeast));
    CHECK_FALSE(holds(below, 2.0, Relation::kEqual));
    CHECK_FALSE(holds(above, 2.0, Relation::kEqual));
    CHECK(holds(-3.0, -2.0, Relation::kAtMost));
    CHECK_FALSE(holds(-3.0, -2.0, Relation::kAtLeast));
}

TEST_CASE("intervals are compared: clear of both errors, or undecided") {
    for (const double bound : {4.0, -4.0}) {
        CHECK(status_on(bound - 0.4, {bound, 0.3}, Relation::kAtMost) == Status::kHolds);
        CHECK(status_on(bound + 0.4, {bound, 0.3}, Relation::kAtMost) == Status::kViolated);
        CHECK(status_on({bound + 0.4, 0.2}, {bound, 0.3}, Relation::kAtMost) == Status::kUndecided);
        CHECK(status_on({bound - 0.4, 0.2}, {bound, 0.3}, Relation::kAtMost) == Status::kUndecided);
        CHECK(status_on({bound - 0.4, 0.2}, {bound, 0.3}, Relation::kAtLeast) ==
              Status::kUndecided);
        CHECK(status_on({bound - 0.6, 0.2}, {bound, 0.3}, Relation::kAtLeast) == Status::kViolated);
        CHECK(status_on({bound + 0.6, 0.2}, {bound, 0.3}, Relation::kEqual) == Status::kViolated);
        CHECK(status_on({bound + 0.4, 0.2}, {bound, 0.3}, Relation::kEqual) == Status::kUndecided);
    }
}

TEST_CASE("errors up to the resolution are resolved: equal within them holds") {
    const Ball near = {1.0 + 5e-7, 6e-7};
    for (const Relation relation : kRelations) {
        CHECK(status_on(near, 1.0, relation) == Status::kHolds);
        CHECK(status_on(near, 1.0, relation, {.resolution = 1e-7}) == Status::kUndecided);
        CHECK(status_on(near, 1.0, relation, {.scale = 0.1}) == Status::kUndecided);
    }
    CHECK(status_on({1.0, kInfinity}, 2.0, Relation::kAtMost) == Status::kUndecided);
    for (const Relation relation : kRelations) {
        const Verdict overflown = verdict_on(1.0, {kInfinity, kInfinity}, relation);
        CHECK(overflown.status != Status::kHolds);
        CHECK((overflown.slack < 0.0) == (overflown.status == Status::kViolated));
    }
}

TEST_CASE("a bound that is no better than the trivial one says nothing") {
    CHECK(status_on(0.5, 0.0, Relation::kAtLeast, {.trivial = 0.0}) == Status::kVacuous);
    CHECK(status_on(0.5, -0.1, Relation::kAtLeast, {.trivial = 0.0}) == Status::kVacuous);
    CHECK(status_on(0.5, 0.1, Relation::kAtLeast, {.trivial = 0.0}) == Status::kHolds);
    CHECK(status_on(0.5, 2.0, Relation::kAtMost, {.trivial = 2.0}) == Status::kVacuous);
    CHECK(status_on(0.5, 1.9, Relation::kAtMost, {.trivial = 2.0}) == Status::kHolds);
    CHECK(status_on(3.0, 2.0, Relation::kAtMost, {.trivial = 2.0}) == Status::kViolated);
    CHECK(status_on(1.0, kInfinity, Relation::kAtMost) == Status::kVacuous);
    CHECK(status_on(1.0, -kInfinity, Relation::kAtLeast) == Status::kVacuous);
    CHECK(status_on({1e-17, 1e-16}, {0.0, 1e-16}, Relation::kEqual) == Status::kVacuous);
}

TEST_CASE("vacuous comparisons count, but neither for slack nor for tightness") {
    const Verdict v = judge_one(made_up({{0, 0.0, 1.0, 4.0, Relation::kAtMost},
                                         {1, 0.5, 0.1, 8.0, Relation::kAtMost, {.trivial = 5.0}}}),
                                Evidence{});
    CHECK(v.status == Status::kHolds);
    CHECK(v.comparisons == 2);
    CHECK(v.vacuous == 1);
    CHECK(v.tightness.min == 0.25);
    CHECK(v.slack == 0.75);
    const Verdict nothing = verdict_on(0.5, 0.0, Relation::kAtLeast, {.trivial = 0.0});
    CHECK(std::isnan(nothing.slack));
    CHECK(nothing.reason != "");
}

TEST_CASE("a violated comparison outweighs an undecided one, and that one any that holds") {
    const Comparison held = {0, 0.0, 1.0, 4.0, Relation::kAtMost};
    const Comparison open = {7, 3.5, {3.9, 1.0}, 4.0, Relation::kAtMost};
    const Comparison bad = {8, 4.0, 5.0, 4.0, Relation::kAtMost};
    const Verdict undecided = judge_one(made_up({held, open, held}), Evidence{});
    CHECK(undecided.status == Status::kUndecided);
    CHECK(test::contains(undecided.reason, "step 7"));
    CHECK(undecided.slack >= 0.0);
    CHECK(judge_one(made_up({open, bad, held}), Evidence{}).status == Status::kViolated);
}

TEST_CASE("the slack is negative if and only if the claim is violated") {
    Stream stream(test::seed(), Purpose::kSearch);
    const auto unit = [&] { return std::ldexp(static_cast<double>(stream() >> 11), -53); };
    for (int k = 0; k < 20000; ++k) {
        const Ball measured = {4.0 * unit() - 2.0, unit() < 0.3 ? 0.0 : unit()};
        const Ball bound = {unit() < 0.1 ? 0.0 : 4.0 * unit() - 2.0, unit() < 0.3 ? 0.0 : unit()};
        const Verdict v = verdict_on(measured, bound, kRelations[k % 3], {.trivial = unit()});
        CHECK((v.slack < 0.0) == (v.status == Status::kViolated));
    }
}

TEST_CASE("NaN never passes and is the worst slack there is") {
    for (const Relation relation : kRelations)
        for (const auto& [measured, bound] :
             {std::pair{kNan, 1.0}, {1.0, kNan}, {kNan, kNan}, {kNan, kInfinity}}) {
            const Verdict verdict = verdict_on({measured, 1.0}, {bound, 1.0}, relation);
            CHECK(verdict.status == Status::kViolated);
            CHECK(verdict.slack < 0.0);
        }
}

TEST_CASE("infinities never pass, and violate where the inequality is false") {
    CHECK(status_on(1.0, kInfinity, Relation::kAtLeast) == Status::kViolated);
    CHECK(status_on(1.0, kInfinity, Relation::kEqual) == Status::kViolated);
    CHECK(status_on(kInfinity, 1.0, Relation::kAtMost) == Status::kViolated);
    CHECK(status_on(kInfinity, 1.0, Relation::kEqual) == Status::kViolated);
    CHECK(status_on(1.0, -kInfinity, Relation::kAtMost) == Status::kViolated);
}

TEST_CASE("power: the share of failures from which a claim is called violated, in units of delta") {
    const Verdict v = coverage(0, 2000, 0.01);
    const auto critical = static_cast<std::size_t>(std::lround(v.power * 0.01 * 2000.0));
    CHECK(coverage(critical, 2000, 0.01).status == Status::kViolated);
    CHECK(coverage(critical - 1, 2000, 0.01).status == Status::kHolds);
    CHECK(coverage(critical, 2000, 0.01).slack < 0.0);
    CHECK(coverage(critical - 1, 2000, 0.01).slack == 0.0);
    CHECK(v.power == doctest::Approx(2.25).epsilon(0.05));
}

TEST_CASE("the witness is the comparison with the smallest relative slack") {
    const Claim claim = made_up({{0, 0.0, 1.0, 4.0, Relation::kAtMost},
                                 {1, 0.5, 3.0, 4.0, Relation::kAtMost},
                                 {2, 1.0, 50.0, 100.0, Relation::kAtMost},
                                 {3, 1.5, 9.0, 8.0, Relation::kAtLeast}});
    std::vector<Evidence> cases(3);
    const Verdict verdict = judge(claim, cases);
    CHECK(verdict.status == Status::kHolds);
    CHECK(verdict.witness_step == 3.0);
    CHECK(verdict.witness_time == 1.5);
    CHECK(verdict.slack == 0.125);
    CHECK(verdict.witness_case == 0);
    CHECK(verdict.cases == 3);
}

TEST_CASE("a violated comparison and a NaN are found wherever they are") {
    for (const double bad : {9.0, kNan}) {
        Claim claim = made_up({});
        claim.compare = [bad](const Evidence& e) -> std::vector<Comparison> {
            const double second = e.constant ? bad : 1.0;
            return {{0, 0.0, 1.0, 4.0, Relation::kAtMost},
                    {5, 2.5, second, 4.0, Relation::kAtMost},
                    {6, 3.0, 3.9, 4.0, Relation::kAtMost}};
        };
        std::vector<Evidence> cases(4);
        cases[2].constant = 1.0;
        const Verdict verdict = judge(claim, cases);
        CHECK(verdict.status == Status::kViolated);
        CHECK(verdict.witness_case == 2);
        CHECK(verdict.witness_step == 5.0);
        CHECK(verdict.witness_time == 2.5);
        CHECK(verdict.slack < 0.0);
        CHECK(verdict.failures == 1);
        CHECK(test::contains(verdict.reason, "1 of 4"));
    }
}

TEST_CASE("tightness: 1 is tight and 0 vacuous, for both directions") {
    const Verdict verdict = judge_one(made_up({{0, 0.0, 1.0, 4.0, Relation::kAtMost},
                                               {1, 0.0, 2.0, 1.0, Relation::kAtLeast},
                                               {2, 0.0, 3.0, 3.0, Relation::kEqual}}),
                                      Evidence{});
    CHECK(verdict.tightness.min == 0.25);
    CHECK(verdict.tightness.median == 0.5);
    CHECK(verdict.tightness.max == 1.0);
}

TEST_CASE("no evidence and nothing to compare are not passes") {
    const Verdict none = judge(made_up({}), {});
    CHECK(none.status == Status::kNotApplicable);
    CHECK(none.reason == "no evidence");
    const Verdict empty = judge_one(made_up({}), Evidence{});
    CHECK(empty.status == Status::kNotApplicable);
    CHECK(empty.reason.starts_with("nothing to compare"));
}

TEST_CASE("an unmet assumption of any case wins, unless assumptions are presumed") {
    Claim claim = made_up({{0, 0.0, 2.0, 1.0, Relation::kAtMost}});
    claim.assumptions = {{"beta is small", [](const Evidence& e) -> std::string {
                              return e.training.beta < 1.0 ? "" : "beta is too large";
                          }}};
    std::vector<Evidence> cases(3);
    CHECK(judge(claim, cases).status == Status::kViolated);
    cases[2].training.beta = 2.0;
    CHECK(judge(claim, cases).status == Status::kNotApplicable);
    CHECK(judge(claim, cases).reason == "beta is too large");
    CHECK(judge(claim, cases, true).status == Status::kViolated);
}

TEST_CASE("the p value is the exact binomial tail") {
    for (const std::size_t cases : {1u, 20u, 1000u})
        for (const double delta : {0.01, 0.05, 0.5})
            for (const std::size_t failures :
                 {std::size_t{0}, std::size_t{1}, cases / 20, cases / 4, cases}) {
                CAPTURE(cases);
                CAPTURE(delta);
                CAPTURE(failures);
                const double want = binomial_tail(failures, cases, delta);
                const Verdict verdict = coverage(failures, cases, delta);
                CHECK(std::fabs(verdict.p_value - want) <= 1e-11 * want + 1e-300);
                CHECK(verdict.failures == failures);
                CHECK((verdict.status == Status::kViolated) == (want < kSignificance));
            }
}

TEST_CASE("a probabilistic claim survives its share of failures and falls above it") {
    CHECK(coverage(50, 1000, 0.05).status == Status::kHolds);
    CHECK(coverage(80, 1000, 0.05).status == Status::kHolds);  // 4.4 sigma: p = 3e-5
    CHECK(coverage(100, 1000, 0.05).status == Status::kViolated);
    CHECK(coverage(1, 1, 0.05).status == Status::kHolds);
    CHECK(coverage(0, 1000, 0.05).p_value == 1.0);
}

TEST_CASE("a rigorous claim falls with one failure in a thousand") {
    std::vector<Evidence> cases(1000);
    cases[500].constant = 1.0;
    Claim claim = made_up({});
    claim.compare = [](const Evidence& e) -> std::vector<Comparison> {
        return {{0.0, 0.0, e.constant.value_or(-1.0), 0.0, Relation::kAtMost}};
    };
    CHECK(judge(claim, cases).status == Status::kViolated);
}

TEST_CASE("a fit reports the smallest constant that covers a share 1 - delta") {
    std::vector<double> needed;
    for (int k = 0; k < 20; ++k) needed.push_back((7 * k) % 20);  // 0 .. 19, shuffled
    CHECK(fit(needed, 0.1).status == Status::kFitted);
    CHECK(fit(needed, 0.1).fitted == 17.0);   // 18 of 20 need at most 17
    CHECK(fit(needed, 0.12).fitted == 17.0);  // 2.4 may fail: 2
    CHECK(fit(needed, 0.01).fitted == 19.0);
    CHECK(fit({5.0}, 0.5).fitted == 5.0);
}

TEST_CASE("a case without a number is covered by no constant") {
    CHECK(fit({1.0, kNan, 3.0, 2.0}, 0.25).fitted == 3.0);
    CHECK(fit({kNan, 1.0, 3.0, 2.0}, 0.01).fitted == kInfinity);
    CHECK(fit({3.0, 1.0, kNan, kNan}, 0.25).fitted == kInfinity);
}

TEST_CASE("strengthened bounds are stronger in each direction") {
    const Claim claim = strengthened(made_up({{0, 0.0, 1.0, 4.0, Relation::kAtMost},
                                              {0, 0.0, 1.0, 4.0, Relation::kAtLeast},
                                              {0, 0.0, 1.0, 4.0, Relation::kEqual}}),
                                     0.5);
    const auto got = claim.compare(Evidence{});
    CHECK(got[0].bound.value == 2.0);
    CHECK(got[1].bound.value == 8.0);
    CHECK(got[2].bound.value == 2.0);
}

TEST_CASE("evidence has the parts of its kind, and says so where it is asked for another") {
    DatasetStatistics statistics;
    Trajectory trajectory;
    Evidence e;
    CHECK(e.find<Trajectory>() == nullptr);
    CHECK_THROWS_AS(e.statistics(), std::logic_error);
    e.of = RunCase(&statistics, &trajectory);
    CHECK(&e.statistics() == &statistics);
    CHECK(&e.means() == &statistics);  // the first moments of the same
    CHECK(&e.trajectory() == &trajectory);
    e.of = ReplicateCase(&statistics);
    CHECK(&e.means() == &statistics);
    CHECK_THROWS_AS(e.statistics(), std::logic_error);
    CHECK_THROWS_AS(e.trajectory(), std::logic_error);
}

TEST_CASE("every status has a name of its own") {
    CHECK(std::string(status_name(Status::kHolds)) == "holds");
    CHECK(std::string(status_name(Status::kViolated)) == "violated");
    CHECK(std::string(status_name(Status::kNotApplicable)) == "not_applicable");
    CHECK(std::string(status_name(Status::kFitted)) == "fitted");
}
