// `verify --population`: which claims are judged on a population of the user's own, and which not.
#include <doctest/doctest.h>

#include "experiments/runs/kept_populations.hpp"
#include "experiments/studies/coverage/coverage.hpp"
#include "experiments/studies/dynamics/dynamics.hpp"
#include "experiments/verify/verify.hpp"
#include "tests/support/population_support.hpp"
#include "tests/support/run_support.hpp"
#include "theory/registry.hpp"

using namespace prefdyn;
using test::contains;
using theory::Status;

namespace {

Verification verified(const PopulationArrays& arrays, const std::string& claims) {
    const test::TemporaryDirectory dir;
    test::write_hdf5(dir / "own.h5", arrays);
    VerifyPlan plan;
    plan.profile = Profile::kQuick;
    plan.seed = test::seed();
    plan.replicates = 2000;
    plan.population = population_of(dir / "own.h5");
    return verify_synthetic(theory::select_claims(claims), plan);
}

Status status_of(const Verification& v, const std::string& id) {
    for (std::size_t c = 0; c < v.claims.size(); ++c)
        if (v.claims[c].id == id) return v.summaries()[c].status;
    throw std::runtime_error("no claim " + id);
}

std::string reason_of(const Verification& v, const std::string& id) {
    for (const CaseRow& row : v.cases)
        if (row.claim == id) return row.verdict.reason;
    return {};
}

PopulationArrays two_round_classes(double D, Index d) {
    const Vector half = 0.5 * D * Vector::Unit(d, 0);
    const Matrix one = Matrix::Identity(d, d);
    return test::arrays_of({{0.5, +1, half, one}, {0.5, -1, -half, one}});
}

std::shared_ptr<const Population> population(const PopulationArrays& arrays) {
    return std::make_shared<const Population>(arrays, "own.h5");
}

}  // namespace

TEST_CASE("claims on a population of one's own: what applies holds, the rest says why not") {
    const Verification v = verified(test::three_components(), "T1,T5,T6c,T6d,T7,T8a,T10a,T14");
    CHECK(v.as_expected());
    for (const std::string id : {"T1", "T5g", "T5m", "T5p", "T5n", "T6c", "T7"}) {
        CAPTURE(id);
        CHECK(status_of(v, id) == Status::kHolds);
    }
    for (const std::string id : {"T6d", "T8a", "T10a", "T14a", "T14c"}) {
        CAPTURE(id);
        CHECK(status_of(v, id) == Status::kNotApplicable);
    }
    CHECK(contains(reason_of(v, "T6d"), "two isotropic classes"));
    CHECK(contains(reason_of(v, "T14a"), "2 K Gaussians"));
    CHECK(contains(reason_of(v, "T10a"), "verify without --population"));
    for (const RunResult& run : v.runs) CHECK(run.suite == "population");
}

TEST_CASE("T6d speaks of two round classes") {
    const Verification v = verified(two_round_classes(2.0, 8), "T6d");
    CHECK(status_of(v, "T6d") == Status::kHolds);
    PopulationArrays common = two_round_classes(2.0, 8);
    for (double& x : common.means.values) x += 0.1;
    CHECK(status_of(verified(common, "T6d"), "T6d") == Status::kNotApplicable);
    PopulationArrays unequal = two_round_classes(2.0, 8);
    unequal.weights.values = {0.6, 0.4};
    CHECK(status_of(verified(unequal, "T6d"), "T6d") == Status::kNotApplicable);
}

TEST_CASE("T14 speaks of a population that is clusters, however they are turned") {
    const double spread = 0.03 / 10.0;  // v sqrt(Q) < 1/32 at Q = 100
    const Verification v = verified(test::cluster_population(2, 12, 0.3, spread), "T14");
    for (const std::string id : {"T14a", "T14bp", "T14c"}) {
        CAPTURE(id);
        CHECK(status_of(v, id) == Status::kHolds);
    }
    // Two sides of one centre exchanged: as many components, no clusters.
    PopulationArrays crossed = test::cluster_population(2, 12, 0.3, spread);
    std::swap(crossed.labels.values[2], crossed.labels.values[3]);
    std::swap(crossed.labels.values[0], crossed.labels.values[1]);
    CHECK(status_of(verified(crossed, "T14a"), "T14a") == Status::kHolds);
    PopulationArrays longer = test::cluster_population(2, 12, 0.3, spread);
    for (std::size_t k = 0; k < 12; ++k) longer.means.values[k] *= 1.01;
    CHECK(status_of(verified(longer, "T14a"), "T14a") == Status::kNotApplicable);
    PopulationArrays wider = test::cluster_population(2, 12, 0.3, spread);
    wider.covariances.values[0] *= 1.5;
    CHECK(status_of(verified(wider, "T14a"), "T14a") == Status::kNotApplicable);
}

TEST_CASE("a population without a mean has no dynamics to compare") {
    const Verification v = verified(two_round_classes(0.0, 4), "T7");
    CHECK(status_of(v, "T7") == Status::kNotApplicable);
    CHECK(contains(reason_of(v, "T7"), "E z = 0"));
    PopulationArrays points = two_round_classes(2.0, 4);
    for (double& x : points.covariances.values) x = 0.0;
    CHECK(contains(reason_of(verified(points, "T7"), "T7"), "no noise"));
    PopulationArrays thirds = two_round_classes(2.0, 4);
    thirds.weights.values = {1.0 / 3.0, 2.0 / 3.0};
    for (double& x : thirds.covariances.values) x *= 1e-4;
    CHECK(status_of(verified(thirds, "T7"), "T7") == Status::kHolds);
    for (double& x : thirds.covariances.values) x *= 1e-4;
    CHECK(contains(reason_of(verified(thirds, "T7"), "T7"), "so small beside E z"));
    std::vector<test::GaussianComponent> uneven;
    for (const double prime : {2.0, 3.0, 5.0, 7.0, 11.0, 13.0}) {
        const int label = prime < 6.0 ? +1 : -1;
        const double weight = std::sqrt(prime) / 15.48023;
        const Vector mean =
            label * (test::gaussian(4, 1, Index(prime)).col(0) + Vector(Vector::Constant(4, 2.0)));
        uneven.push_back({weight, label, mean, 2.5e-4 * Matrix::Identity(4, 4)});
    }
    uneven[0].weight = 1.0;
    for (std::size_t k = 1; k < 6; ++k) uneven[0].weight -= uneven[k].weight;
    const auto rough = verified(test::arrays_of(uneven), "T7");
    CHECK(contains(reason_of(rough, "T7"), "no whole shares"));
    const Verification faint = verified(two_round_classes(1e-6, 4), "T7");
    CHECK(contains(reason_of(faint, "T7"), "numbers a sample would be needed"));
}

TEST_CASE("T5 is violated where the file says less spread than the features have") {
    const auto told = population(test::three_components());
    PopulationArrays wide = test::three_components();
    for (double& x : wide.covariances.values) x *= 16.0;
    DatasetLaw law = law_of(told, 20);
    law.sample = law_of(population(wide), 20).sample;
    const Replicates drawn = draw_replicates(law, 1000, test::seed());
    CHECK(theory::judge(test::claim_named("T5g"), drawn.evidence(0.1)).status == Status::kViolated);
    const Replicates right = draw_replicates(law_of(told, 20), 1000, test::seed());
    CHECK(theory::judge(test::claim_named("T5g"), right.evidence(0.1)).status == Status::kHolds);
}

TEST_CASE("T7 is violated where the file says another covariance than the features have") {
    PopulationArrays other = test::three_components();
    for (double& x : other.covariances.values) x *= 3.0;
    DynamicsSubject subject = subject_of(population(test::three_components()));
    const DynamicsDesign design{{100, 1000, 10000}, 200, 6, Device::kCpu, kOwnDynamicsEnd};
    const auto judged = [&](const theory::Mixture& told) {
        const auto outcome =
            compare_dynamics(subject, {told, make_margin_loss({})}, design, test::seed());
        theory::Evidence evidence;
        evidence.of = theory::ConvergenceCase(&outcome.vector);
        return test::judge_one(test::claim_named("T7"), evidence, true).status;
    };
    CHECK(judged(subject.mixture) == Status::kHolds);
    CHECK(judged(subject_of(population(other)).mixture) == Status::kViolated);
}
