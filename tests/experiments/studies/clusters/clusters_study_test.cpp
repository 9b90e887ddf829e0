#include "experiments/studies/clusters/clusters_study.hpp"

#include <doctest/doctest.h>

#include "tests/support/support.hpp"
#include "theory/registry.hpp"

namespace prefdyn::test {

namespace {

using theory::Claim;
using theory::ClusterFacts;
using theory::Status;

ClusterSpec spec_of(Index K, Index Q, double offset, double spread, Index d) {
    return {.samples = Q,
            .dimension = d,
            .offset = offset,
            .spread = spread / std::sqrt(static_cast<double>(Q)),
            .pairs = own_pairs(K)};
}

const Claim& named(const std::string& id) {
    static const auto all = theory::claims();
    return *std::ranges::find(all, id, &Claim::id);
}

theory::Verdict verdict(const std::string& id, const ClusterFacts& facts) {
    return judge_case(named(id), theory::ClusterCase(&facts));
}

/// Margins at tau_1 in units of beta^2 t / K.
std::pair<double, double> margins(const ClusterFacts& f) {
    const Vector& m = f.margin.back();
    const double unit = f.beta * f.beta * f.time.back() / static_cast<double>(f.spec.clusters());
    return {m.minCoeff() / unit, m.maxCoeff() / unit};
}

/// The two lines of T14c at tau_1 in the same units, the widest of all samples.
std::pair<double, double> tangents(const ClusterFacts& f) {
    double low = kInfinity, high = -kInfinity;
    for (Index j = 0; j < f.length.size(); ++j) {
        const Index k = f.pair_of(j);
        const double reach = f.beta * f.kappa(k) * f.time.back() * f.length(j) * f.start_rate(k);
        low = std::min(low, f.slope(j) - reach);
        high = std::max(high, f.slope(j) + reach);
    }
    const double unit = f.beta * f.beta / static_cast<double>(f.spec.clusters());
    return {low / unit, high / unit};
}

}  // namespace

TEST_CASE("margins at tau_1: reference values of an independent program") {
    // Within the noise of one sample, v = 0.005.
    const ClusterFacts one = train_clusters(spec_of(1, 40, 0.25, 1.0 / 32.0, 20), 2, 3);
    const auto [low, high] = margins(one);
    CHECK(std::fabs(low - 0.938) <= 5e-3);
    CHECK(std::fabs(high - 0.957) <= 5e-3);
    CHECK(std::fabs(tangents(one).first - 0.934) <= 5e-3);
    CHECK(std::fabs(tangents(one).second - 1.067) <= 8e-3);
    const ClusterFacts eight = train_clusters(spec_of(8, 100, 0.5, 0.25, 500), 2, 3);
    const auto [wide_low, wide_high] = margins(eight);
    CHECK(std::fabs(tangents(eight).first - 0.842) <= 3e-2);
    CHECK(std::fabs(tangents(eight).second - 1.161) <= 3e-2);
    CHECK(std::fabs(wide_low - 0.859) <= 3e-2);
    CHECK(std::fabs(wide_high - 1.032) <= 3e-2);
}

TEST_CASE("the verdict on Theorem 4.2 has three parts") {
    const ClusterFacts met = train_clusters(spec_of(4, 60, 0.25, 1.0 / 32.0, 32), 3, 5);
    CHECK(verdict("T14bp", met).status == Status::kHolds);
    CHECK(verdict("T14b", met).status == Status::kVacuous);
    ClusterFacts large = met;
    large.spec.samples = 200000;
    large.spec.spread = 1e-5;
    CHECK(verdict("T14b", large).status == Status::kHolds);
    CHECK(verdict("T14c", met).status == Status::kHolds);
    CHECK(verdict("T14a", met).status == Status::kHolds);
    CHECK(verdict("T14d", met).status == Status::kVacuous);
    ClusterSpec shared = met.spec;
    shared.pairs = one_pair(4);
    shared.offset = 0.5;
    const ClusterFacts yes_no = train_clusters(shared, 3, 5);
    CHECK(contains(verdict("T14bp", yes_no).reason, "a token occurs 4 times, 1 / (4 l_b^2) = 1"));
    CHECK(judge_case(named("T14bp"), theory::ClusterCase(&yes_no), true).status == Status::kHolds);
    CHECK(contains(verdict("T14c", yes_no).reason, "share tokens"));
    CHECK(verdict("T14a", yes_no).status == Status::kHolds);
    const auto unmet = [](const ClusterSpec& spec) {
        return verdict("T14bp", train_clusters(spec, 1, 5)).reason;
    };
    CHECK(contains(unmet(spec_of(2, 4, 0.25, 1.0 / 32.0, 21)), "d = 21 > 5 Q = 20"));
    CHECK(contains(unmet(spec_of(2, 4, 0.25, 1.0 / 16.0, 8)), "v sqrt(Q) = 0.0625 > 1/32"));
    CHECK(contains(unmet(spec_of(2, 4, 0.2, 1.0 / 32.0, 8)), "l_b = 0.2"));
    CHECK(contains(verdict("T14d", train_clusters(spec_of(2, 39, 0.25, 0.03, 8), 1, 5)).reason,
                   "Q = 39"));
}

TEST_CASE("the theorem's probability begins to promise at 143600 samples a side") {
    CHECK(theory::path_failure(spec_of(1, 143000, 0.25, 0.03, 2)) > 1.0);
    CHECK(theory::path_failure(spec_of(1, 144000, 0.25, 0.03, 2)) < 1.0);
    CHECK(theory::path_failure(spec_of(100, 178000, 0.25, 0.03, 101)) > 1.0);
    CHECK(theory::path_failure(spec_of(100, 179000, 0.25, 0.03, 101)) < 1.0);
    CHECK(theory::risk_bound(spec_of(1, 763, 0.25, 0.03, 2)) > 0.05);
    CHECK(theory::risk_bound(spec_of(1, 764, 0.25, 0.03, 2)) <= 0.05);
}

TEST_CASE("the exact risk is the share of fresh samples with a margin below zero") {
    const ClusterSpec spec{
        .samples = 6, .dimension = 20, .offset = 0.4, .spread = 0.5, .pairs = chained_pairs(3)};
    RowMatrix a =
        0.1 * sample_clusters({.samples = 1, .dimension = 20, .pairs = own_pairs(3)}, 2).topRows(3);
    for (Index k = 0; k < 3; ++k) a(k, k) += 0.3;
    ClusterSpec fresh = spec;
    fresh.samples = 40000;
    const RowMatrix z = sample_clusters(fresh, 99);
    double wrong = 0.0;
    for (Index j = 0; j < z.rows(); ++j)
        wrong += a.row(j / (2 * fresh.samples)).dot(z.row(j)) <= 0.0 ? 1.0 : 0.0;
    const double n = static_cast<double>(z.rows()), want = theory::cluster_risk(spec, a);
    CHECK(want > 0.01);
    CHECK(std::fabs(wrong / n - want) <= 6.0 * std::sqrt(want * (1.0 - want) / n));
}

TEST_CASE("with pairs of their own clusters learn alone; one pair for all limits them") {
    StudyOutcome out =
        clusters_study().run(theory::select_claims("T14"), {Profile::kQuick, 4, 100, 0.01});
    const auto field = [&](const std::string& name) {
        for (const auto& [field, values] : out.values)
            if (field == name) return std::get<std::vector<double>>(values);
        throw std::runtime_error(name);
    };
    const auto risk = field("clusters_scaling_risk");  // [own, chain, one][1, 2, 4, 8, 16][Q]
    const std::size_t Q = 7, K = 5;
    REQUIRE(risk.size() == 3 * K * Q);
    const auto at = [&](std::size_t pairs, std::size_t k, std::size_t q) {
        return risk[(pairs * K + k) * Q + q];
    };
    // 16 clusters need no more samples a side than one.
    CHECK(at(0, 4, Q - 1) <= 2.0 * at(0, 0, Q - 1));
    CHECK(at(2, 4, Q - 1) >= 100.0 * at(0, 4, Q - 1));
    const auto needed = field("clusters_scaling_needed");  // [own, chain, one][K]
    for (std::size_t k = 0; k < K; ++k) CHECK(needed[k] == 4.0);
    CHECK(std::isnan(needed[2 * K + 4]));
    // With one pair the head is the sum of the centres: P(m <= 0) = Phi(-1 / (v sqrt K)).
    CHECK(std::fabs(at(2, 4, Q - 1) - 0.5 * std::erfc(1.0 / std::sqrt(2.0))) <= 0.03);
    for (const CaseRow& row : out.cases)
        CHECK_MESSAGE(row.verdict.status != Status::kViolated, row.claim << " " << row.setting);
}

TEST_CASE("negative controls of T14 are caught") {
    for (const Control& control : clusters_study().controls)
        CHECK_MESSAGE(control.run(named(control.claim), 17).status == Status::kViolated,
                      control.claim << " " << control.name);
}

}  // namespace prefdyn::test
