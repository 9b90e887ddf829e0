#include "theory/fresh_accuracy.hpp"

#include <doctest/doctest.h>

#include "experiments/runs/watched_flow.hpp"
#include "experiments/studies/accuracy/accuracy.hpp"
#include "experiments/studies/dynamics/dynamics.hpp"
#include "tests/support/run_support.hpp"

using namespace prefdyn;
using namespace prefdyn::theory;
using test::claim_named;
using test::contains;
using test::judge_one;
using test::relative_error;

namespace {

PopulationMoments skewed_moments() {
    FeatureSpec spec;
    spec.dimension = 6;
    spec.distinguishability = 1.5;
    spec.common_norm = 1.0;
    spec.covariance.spectrum = Spectrum::kCondition;
    spec.covariance_minus = CovarianceSpec{};
    spec.covariance_minus->spectrum = Spectrum::kPowerLaw;
    return FeatureDistribution(spec, test::seed()).moments();
}

double phi_of(double x) { return 0.5 * (1.0 + std::erf(x / std::sqrt(2.0))); }

double slow_class_accuracy(const Vector& mean, const Covariance& sigma, int y, const Vector& v) {
    const Matrix dense = sigma.dense();
    double signal = 0.0, variance = 0.0;
    for (Index a = 0; a < v.size(); ++a) {
        signal += y * v(a) * mean(a);
        for (Index b = 0; b < v.size(); ++b) variance += v(a) * dense(a, b) * v(b);
    }
    return phi_of(signal / std::sqrt(variance));
}

RunConfig small_config() {
    RunConfig c;
    c.features.samples = 100;
    c.features.dimension = 6;
    c.features.p_plus = 0.8;
    c.training.steps = 1;
    c.training.records = 2;
    c.held_out = 5000;
    c.seed = test::seed();
    return c;
}

bool same_values(const StudyOutcome& a, const StudyOutcome& b) {
    if (a.values.size() != b.values.size() || a.cases.size() != b.cases.size()) return false;
    for (std::size_t k = 0; k < a.values.size(); ++k)
        if (a.values[k] != b.values[k]) return false;
    return true;
}

}  // namespace

TEST_CASE("accuracy on a Gaussian class, against plain sums over the dense covariance") {
    const PopulationMoments m = skewed_moments();
    for (std::uint64_t k = 0; k < 5; ++k) {
        const Vector v = test::gaussian(6, 1, 7000 + k).col(0);
        const double plus = slow_class_accuracy(m.mean_plus, m.plus, +1, v);
        const double minus = slow_class_accuracy(m.mean_minus, m.minus, -1, v);
        CHECK(relative_error(class_accuracy(m, +1, v), plus) <= 1e-12);
        CHECK(relative_error(class_accuracy(m, -1, v), minus) <= 1e-12);
        CHECK(relative_error(gaussian_accuracy(m, 0.3, v), 0.3 * plus + 0.7 * minus) <= 1e-12);
        CHECK(relative_error(gaussian_accuracy(m, 0.3, 7.0 * v), gaussian_accuracy(m, 0.3, v)) <=
              1e-14);
        CHECK(relative_error(class_accuracy(m, +1, -v), 1.0 - plus) <= 1e-12);
    }
}

TEST_CASE("limits: no noise gives Phi(D / 2 sigma), much noise a coin") {
    CHECK(relative_error(limiting_accuracy({2.0, 1.0, 0.0}), phi_of(1.0)) <= 1e-14);
    CHECK(relative_error(limiting_accuracy({2.0, 0.5, 0.0}), phi_of(2.0)) <= 1e-14);
    CHECK(relative_error(limiting_accuracy({2.0, 1.0, 3.0}), phi_of(0.5)) <= 1e-14);
    CHECK(limiting_accuracy({2.0, 1.0, 1e12}) - 0.5 <= 1e-6);
    CHECK(relative_error(limiting_accuracy({6.0, 3.0, 0.7}), limiting_accuracy({2.0, 1.0, 0.7})) <=
          1e-14);
}

TEST_CASE("the predicted fluctuation is the one of sampled means") {
    // At D = 1 the signal's fluctuation dominates, at D = 8 that of the orthogonal energy.
    for (const double distance : {1.0, 8.0}) {
        const LimitDesign design{{distance, 1.0, 0.5}, {200}, 1, 2000};
        const auto accuracies = limit_accuracies(design, {}, test::seed());
        double sum = 0.0, squares = 0.0;
        for (const double a : accuracies[0]) sum += a;
        for (const double a : accuracies[0]) squares += (a - sum / 2000.0) * (a - sum / 2000.0);
        const double measured = std::sqrt(squares / 1999.0);
        // A standard deviation over 2000 draws is known to 1 / sqrt(4000); 2 % for order 1/n.
        const double error = relative_error(measured, accuracy_fluctuation(design.limit, 200));
        CAPTURE(distance);
        CHECK(error <= test::kSigmas / std::sqrt(4000.0) + 0.02);
        // Four times the samples halve it.
        CHECK(relative_error(accuracy_fluctuation(design.limit, 800),
                             0.5 * accuracy_fluctuation(design.limit, 200)) <= 1e-14);
    }
}

TEST_CASE("T6c holds after one update, and says why it does not apply elsewhere") {
    const FreshRun run = run_fresh(small_config());
    REQUIRE(run.fresh.parts.size() == 2);
    CHECK(run.fresh.parts[0].samples == 4000);
    CHECK(run.fresh.parts[1].samples == 1000);
    const Claim claim = claim_named("T6c");
    CHECK(judge_one(claim, run.evidence()).status == Status::kHolds);
    const auto comparison = claim.compare(run.evidence()).front();
    const RunConfig config = small_config();
    const auto moments = FeatureDistribution(feature_spec(config), config.seed).moments();
    CHECK(relative_error(comparison.bound.value,
                         gaussian_accuracy(moments, 0.8, run.run.statistics.zbar)) <= 1e-13);
    // 6 sqrt(p (1 - p) / n) for one class alone bounds the stratified one.
    CHECK(comparison.measured.radius <=
          6.0 * std::sqrt(comparison.bound.value * (1.0 - comparison.bound.value) / 5000.0) +
              6.0 / 5000.0);
    FreshRun other = run;
    other.fresh.updates = 2.0;
    CHECK(contains(judge_one(claim, other.evidence()).reason, "parallel"));
    other = run;
    other.fresh.gaussian = false;
    CHECK(contains(judge_one(claim, other.evidence()).reason, "not Gaussian"));
    other = run;
    other.fresh.accuracy = kNan;
    CHECK(judge_one(claim, other.evidence()).status == Status::kViolated);
    CHECK(contains(judge_one(claim, Evidence{}).reason, "nothing was measured"));
}

TEST_CASE("the accuracy study: same bits for any number of threads, every case holds") {
    const Study study = accuracy_study();
    const auto own = claims_of(study, claims());
    const VerifyPlan plan{Profile::kQuick, test::seed(), 100};
    const auto at = [&](int threads) {
        const test::Threads use(threads);
        return study.run(own, plan);
    };
    const StudyOutcome one = at(1), three = at(3);
    CHECK(same_values(one, three));
    for (const CaseRow& row : one.cases) {
        CAPTURE(row.setting);
        CHECK(row.verdict.status == Status::kHolds);
    }
}

TEST_CASE("the dynamics study: same bits for any number of threads, every case holds") {
    const Study study = dynamics_study();
    const auto own = claims_of(study, claims());
    const VerifyPlan plan{Profile::kQuick, test::seed(), 100};
    const auto at = [&](int threads) {
        const test::Threads use(threads);
        return study.run(own, plan);
    };
    const StudyOutcome one = at(1), three = at(3);
    CHECK(same_values(one, three));
    CHECK(one.cases.size() == dynamics_settings(plan.profile).size());
    for (const CaseRow& row : one.cases) {
        CAPTURE(row.setting);
        CAPTURE(row.verdict.reason);
        CHECK(row.verdict.status == Status::kHolds);
        CHECK(row.verdict.cases == 2);
    }
}

TEST_CASE("a mixture has the shares, labels and means of its components") {
    MixtureSpec spec = dynamics_settings(Profile::kQuick).back().mixture;
    spec.samples = 20000;
    const MixtureDistribution population(spec, test::seed());
    const Dataset data = population.sample(test::seed());
    CHECK(data.samples() == 20000);
    CHECK(std::count(data.behaviour.begin(), data.behaviour.end(), 0) == 12000);
    CHECK(data.count(+1) == 12000 * 7 / 10 + 8000 * 4 / 10);
    Vector mean = Vector::Zero(8);
    double trace = 0.0, weight = 0.0;
    for (const auto& c : components(population)) {
        mean += c.weight * c.mean;
        trace += c.weight * c.covariance.trace();
        weight += c.weight;
    }
    CHECK(std::fabs(weight - 1.0) <= 1e-14);
    const double off = (mean_statistics(data).zbar - mean).norm();
    CHECK(off <= test::kSigmas * std::sqrt(trace / 20000.0));
    CHECK(off > 0.0);
}

TEST_CASE("the watched flow records v: ||Delta W||_F = sqrt(2) ||v||") {
    const std::shared_ptr<const MarginLoss> loss = make_margin_loss({});
    const Dataset data = test::gaussian_dataset(40, 3, 7100);
    const Trajectory run = watched_flow(data, loss, 0.5, 20.0, 5, Device::kCpu);
    REQUIRE(run.records.size() == 5);
    CHECK(run.records.back().time == 20.0);
    for (const Record& r : run.records) {
        REQUIRE(r.observed.size() == 3);
        const double norm = Eigen::Map<const Vector>(r.observed.data(), 3).norm();
        CHECK(relative_error(r.head_change, std::sqrt(2.0) * norm) <= 1e-14);
    }
    // Its tolerance is loose, but not against the sampling errors it is used to measure.
    const PreferenceTask task = test::make_task(data, 0.5);
    TrainSpec fine;
    fine.method = Method::kFlow;
    fine.steps = 1;
    fine.eta = 20.0;
    fine.records = 5;
    fine.flow_tolerance = 1e-12;
    const auto exact = train(*make_engine(EngineKind::kReduced, task), *loss, fine, 0);
    for (std::size_t k = 1; k < 5; ++k)
        CHECK(relative_error(run.records[k].head_change, exact.records[k].head_change) <= 1e-4);
}
