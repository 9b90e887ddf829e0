// Statistics of behaviours against plain loops; T8a to T8d hold, and can be seen to fail.
#include "theory/behaviours.hpp"

#include <doctest/doctest.h>

#include "experiments/runs/mixture_run.hpp"
#include "sim/data/mixture.hpp"
#include "sim/head/slopes.hpp"
#include "tests/support/run_support.hpp"
#include "theory/formula/claim_file.hpp"

using namespace prefdyn;
using namespace prefdyn::theory;
using test::claim_named;
using test::contains;
using test::judge_one;
using test::relative_error;

namespace {

const std::vector<std::string> kClaims = {"T8a", "T8b", "T8c", "T8d"};

/// K behaviours of unequal size, each with its own offset of the labelled direction.
Dataset behaviours(Index n, Index d, int K, std::uint64_t index) {
    Dataset data = test::gaussian_dataset(n, d, index);
    const RowMatrix offset = test::gaussian(K, d, index + 1);
    for (Index i = 0; i < n; ++i) {
        const int k = i < K ? int(i) : int((i * i) % K);
        data.behaviour.push_back(k);
        data.features.row(i) += data.label[static_cast<std::size_t>(i)] * offset.row(k);
    }
    return data;
}

/// Two behaviours of n / 2 rows each.
Dataset two_equal(Index n, Index d, std::uint64_t index) {
    Dataset data = behaviours(n, d, 2, index);
    for (std::size_t i = 0; i < data.behaviour.size(); ++i) data.behaviour[i] = int(i % 2);
    return data;
}

MixtureRun early(Dataset data, Method method = Method::kGradientDescent) {
    MixtureTraining training;
    training.method = method;
    training.eta_kappa = 0.02;
    return train_mixture(std::move(data), training, 1);
}

Status status(const std::string& id, const MixtureRun& run) {
    return judge_one(claim_named(id), run.evidence()).status;
}

}  // namespace

TEST_CASE("behaviour statistics equal their plain twin") {
    std::uint64_t index = 1400;
    for (const Index n : {7, 31, 33, 1000})
        for (const Index d : {1, 31, 33})
            for (const int K : {1, 2, 5}) {
                const Dataset data = behaviours(n, d, K, index += 2);
                const BehaviourStatistics got = behaviour_statistics(data);
                REQUIRE(got.behaviours() == K);
                std::vector<double> bbar(std::size_t(d), 0.0);
                for (Index j = 0; j < d; ++j)
                    for (Index i = 0; i < n; ++i)
                        bbar[std::size_t(j)] +=
                            data.label[std::size_t(i)] * data.features(i, j) / double(n);
                double length = 0.0;
                for (const double x : bbar) length += x * x;
                length = std::sqrt(length);
                for (int k = 0; k < K; ++k) {
                    double rows = 0.0, square = 0.0, dot = 0.0;
                    double count[2] = {0.0, 0.0};
                    for (Index i = 0; i < n; ++i)
                        if (data.behaviour[std::size_t(i)] == k) {
                            rows += 1.0;
                            count[data.label[std::size_t(i)] > 0] += 1.0;
                        }
                    for (Index j = 0; j < d; ++j) {
                        double z = 0.0, mean[2] = {0.0, 0.0};
                        for (Index i = 0; i < n; ++i) {
                            if (data.behaviour[std::size_t(i)] != k) continue;
                            const int s = data.label[std::size_t(i)];
                            z += s * data.features(i, j) / rows;
                            mean[s > 0] += data.features(i, j);
                            square += data.features(i, j) * data.features(i, j) / rows;
                        }
                        dot += z * bbar[std::size_t(j)];
                        CHECK(std::fabs(got.mean(k, j) - z) <= 1e-13 * (1 + std::fabs(z)));
                        const double difference = mean[1] / count[1] - mean[0] / count[0];
                        if (count[0] > 0 && count[1] > 0)
                            CHECK(std::fabs(got.difference(k, j) - difference) <=
                                  1e-13 * (1 + std::fabs(difference)));
                        else
                            CHECK(std::isnan(got.difference(k, j)));
                    }
                    CHECK(relative_error(got.weight(k), rows / double(n)) <= 1e-15);
                    CHECK(relative_error(got.mean_square(k), square) <= 1e-13);
                    CHECK(std::fabs(got.priority(k) - dot / length) <= 1e-12 * (1 + length));
                }
                CHECK(relative_error(got.mixture, mean_statistics(data).zbar) <= 1e-12);
            }
}

TEST_CASE("the authors' normalised gap: closed form, antisymmetry, scale, guards") {
    for (std::uint64_t index = 1500; index < 1520; ++index) {
        const Vector a = test::gaussian(5, 1, index), b = 3.0 * test::gaussian(5, 1, index + 100);
        // (||a||^2 - ||b||^2) / (||a + b|| max(||a||, ||b||))
        const double want =
            (a.squaredNorm() - b.squaredNorm()) / ((a + b).norm() * std::max(a.norm(), b.norm()));
        CHECK(relative_error(normalised_gap(a, b), want) <= 1e-12);
        CHECK(relative_error(normalised_gap(b, a), -want) <= 1e-12);
        CHECK(relative_error(normalised_gap(7.0 * a, 7.0 * b), want) <= 1e-12);
    }
    const Vector a = test::gaussian(5, 1, 1530);
    CHECK(normalised_gap(a, a) == 0.0);
    CHECK(std::isnan(normalised_gap(a, -a)));
    CHECK(std::isnan(normalised_gap(Vector::Zero(3), Vector::Zero(3))));
    CHECK(std::isnan(normalised_gap(a, Vector::Constant(5, kNan))));
}

TEST_CASE("the two conventions: b_k is half the class-mean difference where classes balance") {
    MixtureSpec spec;
    spec.gram = equiangular_gram(Eigen::Vector2d(3.0, 1.0), 150.0);
    spec.behaviours.assign(2, BehaviourSpec{});
    for (BehaviourSpec& b : spec.behaviours) b.weight = 0.5;
    spec.samples = 80;
    spec.dimension = 5;
    spec.common_norm = 4.0;
    spec.moments = Moments::kSample;
    const MixtureDistribution law(spec, test::seed());
    const BehaviourStatistics s = behaviour_statistics(law.sample(1));
    CHECK(relative_error(s.difference, law.difference()) <= 1e-12);
    CHECK(relative_error((2.0 * s.mean).eval(), law.difference()) <= 1e-12);
    // bbar^T b_2 = (b_1 . b_2 + |b_2|^2) / 2, in differences / 4.
    const double cosine = std::cos(150.0 * M_PI / 180.0);
    CHECK(relative_error(s.alignment(1), (3.0 * cosine + 1.0) / 8.0) <= 1e-11);
    CHECK(s.priority(1) < 0.0);
    // t* from the norms alone: P_1 - P_2 = (9 - 1) / 4 / (2 |bbar|).
    const double distance = 0.5 * std::sqrt(9.0 + 1.0 - 6.0 * cosine);
    const double bbar = 0.25 * std::sqrt(9.0 + 1.0 + 6.0 * cosine);
    CHECK(relative_error(lead_time(s, 0, 1, 0.5), 2.0 * (1.0 / bbar) / (0.5 * distance)) <= 1e-11);
}

TEST_CASE("T8a to T8d hold on random mixtures, gradient descent and flow") {
    std::uint64_t index = 1600;
    for (int repeat = 0; repeat < 25; ++repeat)
        for (const Method method : {Method::kGradientDescent, Method::kFlow}) {
            const Index n = 40 + 7 * repeat, d = 2 + repeat % 6;
            const MixtureRun many = early(behaviours(n, d, 2 + repeat % 4, index += 2), method);
            for (const std::string id : {"T8a", "T8b", "T8d"}) {
                CAPTURE(id);
                const Verdict v = judge_one(claim_named(id), many.evidence());
                CHECK(v.status == Status::kHolds);
                CHECK(v.tightness.max > (id == "T8b" ? 0.0 : 0.999));
                CHECK(v.tightness.max <= 1.0 + 1e-6);
            }
            const MixtureRun two = early(two_equal(2 * n, d, index += 2), method);
            for (const std::string& id : kClaims) CHECK(status(id, two) == Status::kHolds);
        }
}

TEST_CASE("T8e sees the first step of gradient descent, exact in eta") {
    const Dataset data = behaviours(60, 4, 3, 1700);
    MixtureTraining training;
    training.eta_kappa = 1.9;  // far from infinitesimal
    training.steps = 3;
    const MixtureRun run = train_mixture(data, training, 1);
    CHECK(claim_named("T8e").compare(run.evidence()).size() == 3);
    CHECK(status("T8e", run) == Status::kHolds);
    MixtureRun broken = run;
    broken.trajectory.records[1].behaviours[2].rewards_margins *= 1.001;
    CHECK(status("T8e", broken) == Status::kViolated);
}

TEST_CASE("what behaviours sum to is what the whole set has, by steps and along the flow") {
    const auto claims = parse_claims(
                            "[X1]\nexperiment = priority\nclaim = sum(q * M) == margin\n"
                            "[X2]\nexperiment = priority\nclaim = sum(q * A) == accuracy\n"
                            "[X3]\nexperiment = priority\nclaim = sum(q * L) == loss\n"
                            "[X4]\nexperiment = priority\nclaim = sum(q * alignment) == zbar^2\n",
                            "sums")
                            .claims;
    for (const Method method : {Method::kGradientDescent, Method::kFlow}) {
        const MixtureRun run = early(behaviours(60, 4, 3, 1750), method);
        for (const Claim& claim : claims) {
            CAPTURE(claim.id);
            const Verdict v = judge_closely(claim, run.evidence());
            CHECK_MESSAGE(v.status == Status::kHolds, v.reason);
            CHECK(v.within_tenth);
            MixtureRun broken = run;
            for (Record& r : broken.trajectory.records) r.behaviours[1].rewards_margins += 1e-9;
            for (Record& r : broken.trajectory.records) r.behaviours[1].rewards_accuracies += 1e-9;
            for (Record& r : broken.trajectory.records) r.behaviours[1].loss += 1e-9;
            broken.behaviours.mixture *= 1.0 + 1e-9;
            CHECK(judge_closely(claim, broken.evidence()).status == Status::kViolated);
        }
    }
}

TEST_CASE("T8 asks for what it needs") {
    MixtureRun run = early(two_equal(40, 3, 1710));
    for (const std::string& id : kClaims) CHECK(status(id, run) == Status::kHolds);
    Evidence bare = run.evidence();
    bare.of = RunCase(&run.statistics, &run.trajectory);
    for (const std::string& id : kClaims)
        CHECK(contains(judge_one(claim_named(id), bare).reason, "name no behaviours"));
    MixtureRun unmeasured = run;
    unmeasured.behaviours.margin_slope.resize(0);
    CHECK(status("T8b", unmeasured) == Status::kHolds);
    for (const std::string id : {"T8a", "T8c", "T8d"})
        CHECK(contains(judge_one(claim_named(id), unmeasured.evidence()).reason, "no initial"));
    MixtureRun fast = run;
    fast.facts.eta *= 200.0;
    CHECK(contains(judge_one(claim_named("T8b"), fast.evidence()).reason, "eta * kappa"));
    const MixtureRun uneven = early(behaviours(41, 3, 2, 1720));
    CHECK(contains(judge_one(claim_named("T8c"), uneven.evidence()).reason, "weights differ"));
    const MixtureRun three = early(behaviours(41, 3, 3, 1730));
    CHECK(contains(judge_one(claim_named("T8c"), three.evidence()).reason, "3 behaviours"));
    MixtureRun opposed = run;
    opposed.behaviours.mixture.setZero();
    CHECK(contains(judge_one(claim_named("T8c"), opposed.evidence()).reason, "bbar vanishes"));
}

TEST_CASE("NaN in a slope or a margin is a violation, not a pass") {
    const MixtureRun run = early(two_equal(40, 3, 1740));
    MixtureRun broken = run;
    broken.behaviours.margin_slope(1) = broken.behaviours.loss_slope(0) = kNan;
    broken.trajectory.records[5].behaviours[1].rewards_margins = kNan;
    for (const std::string& id : kClaims) CHECK(status(id, broken) == Status::kViolated);
}

namespace {

/// 3 log(1 + exp(-(m + 1))): convex, phi'(0) = -3 sigma(-1), sup phi'' = 3 / 4.
class ShiftedLoss final : public MarginLoss {
  public:
    std::string_view name() const override { return "shifted"; }
    double value(double m) const override { return 3.0 * std::log1p(std::exp(-m - 1.0)); }
    double derivative(double m) const override { return -3.0 / (1.0 + std::exp(m + 1.0)); }
    double curvature(double m) const override {
        const double p = 1.0 / (1.0 + std::exp(m + 1.0));
        return 3.0 * p * (1.0 - p);
    }
    LossFacts facts() const override { return {value(0.0), derivative(0.0), 0.0, 0.75, true}; }
};

}  // namespace

TEST_CASE("T8 scales with phi'(0) for other losses (T11)") {
    PreferenceTask task = test::make_task(two_equal(60, 4, 1750), 0.4);
    task.loss = std::make_shared<ShiftedLoss>();
    MixtureRun run;
    run.statistics = dataset_statistics(task.train);
    run.behaviours = behaviour_statistics(task.train);
    const auto engine = make_engine(EngineKind::kReduced, task);
    const BehaviourSlopes slopes = initial_slopes(*engine);
    run.behaviours.margin_slope = slopes.margin;
    run.behaviours.loss_slope = slopes.loss;
    TrainSpec spec;
    spec.eta = 0.02 / smoothness(0.4, 0.75, run.statistics.lambda_max);
    run.facts = {Dynamics::kGradientDescent, 0.4, spec.eta, task.loss->facts(), true};
    run.trajectory = train(*engine, *task.loss, spec, 1);
    for (const std::string& id : kClaims) CHECK(status(id, run) == Status::kHolds);
    run.facts.loss = make_loss("sigmoid")->facts();
    for (const std::string id : {"T8a", "T8c", "T8d"}) CHECK(status(id, run) == Status::kViolated);
}
