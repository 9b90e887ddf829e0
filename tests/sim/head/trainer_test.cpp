// The trainer against exact trajectories and symmetries of the problem.
#include "sim/head/trainer.hpp"

#include <doctest/doctest.h>

#include "sim/base/cancel.hpp"
#include "sim/data/covariance.hpp"
#include "sim/data/distribution.hpp"
#include "tests/support/support.hpp"

using namespace prefdyn;
using test::relative_error;

namespace {

Trajectory run(const PreferenceTask& task, const TrainSpec& spec, std::uint64_t seed = 1) {
    return train(*make_engine(EngineKind::kReduced, task), *task.loss, spec, seed);
}

TrainSpec spec_of(Method method, double eta, Index steps, Index records = 21) {
    TrainSpec spec;
    spec.method = method;
    spec.eta = eta;
    spec.steps = steps;
    spec.records = records;
    spec.flow_tolerance = 1e-12;
    return spec;
}

/// Mutually orthogonal features of norm `size` in a random frame, random labels.
Dataset orthogonal_dataset(Index n, Index d, double size) {
    Dataset data = test::gaussian_dataset(n, d, 500);
    data.features = size * random_orthogonal(d, Stream(test::seed(), Purpose::kBasis)).topRows(n);
    return data;
}

/// The root of m + exp(m) = right, by Newton.
double exact_margin(double right) {
    double m = 0.0;
    for (int k = 0; k < 100; ++k) m -= (m + std::exp(m) - right) / (1.0 + std::exp(m));
    return m;
}

/// All that a rotation, a permutation or a relabelling must leave alone.
void check_same_run(const Trajectory& a, const Trajectory& b, double tolerance) {
    REQUIRE(a.records.size() == b.records.size());
    REQUIRE(a.stop == StopReason::kCompleted);
    for (std::size_t k = 0; k < a.records.size(); ++k) {
        const Record &x = a.records[k], &y = b.records[k];
        CAPTURE(x.time);
        CHECK(relative_error(x.head_change, y.head_change) <= tolerance);
        CHECK(relative_error(x.update_rate, y.update_rate) <= tolerance);
        CHECK(relative_error(x.train.loss, y.train.loss) <= tolerance);
        CHECK(std::fabs(x.linear_remainder - y.linear_remainder) <= tolerance * y.head_change);
        const double scale = std::fabs(y.train.margin_quantiles.front()) +
                             std::fabs(y.train.margin_quantiles.back());
        for (std::size_t q = 0; q < kQuantileLevels.size(); ++q)
            CHECK(std::fabs(x.train.margin_quantiles[q] - y.train.margin_quantiles[q]) <=
                  tolerance * scale);
        CHECK(x.train.rewards_accuracies == y.train.rewards_accuracies);
    }
}

const std::vector<TrainSpec> kDeterministic = {spec_of(Method::kGradientDescent, 0.7, 60),
                                               spec_of(Method::kFlow, 0.7, 60)};

}  // namespace

TEST_CASE("flow on orthogonal features: m + exp(m) = 1 + (2 beta^2 |g|^2 / n) t") {
    const Index n = 4, d = 6;
    const double beta = 0.3, size = 1.7;
    const PreferenceTask task = test::make_task(orthogonal_dataset(n, d, size), beta);
    const Trajectory got = run(task, spec_of(Method::kFlow, 1.0, 400));
    REQUIRE(got.stop == StopReason::kCompleted);
    REQUIRE(got.records.size() == 21);
    for (const Record& r : got.records) {
        CAPTURE(r.time);
        const double m = exact_margin(1.0 + 2.0 * beta * beta * size * size / double(n) * r.time);
        for (const double q : r.train.margin_quantiles) CHECK(relative_error(q, m) <= 1e-8);
        const double v = m * std::sqrt(double(n)) / (2.0 * beta * size);
        const double rate = beta * size / std::sqrt(double(n)) / (1.0 + std::exp(m));
        CHECK(relative_error(r.head_change, std::sqrt(2.0) * v) <= 1e-8);
        CHECK(relative_error(r.update_rate, std::sqrt(2.0) * rate) <= 1e-8);
        CHECK(relative_error(r.train.loss, std::log(1.0 + std::exp(-m))) <= 1e-8);
    }
    CHECK(got.records.back().train.rewards_margins > 2.0);  // far from the linear regime
}

TEST_CASE("the first step of gradient descent: ||W_1 - W_0||_F = (sqrt(2) / 4) eta beta D") {
    FeatureSpec features;
    features.samples = 40;
    features.dimension = 5;
    features.distinguishability = 1.3;
    features.common_norm = 2.0;
    features.moments = Moments::kSample;
    const Dataset data = FeatureDistribution(features, 1).sample(test::seed());
    const double eta = 0.2, beta = 0.15;
    const Trajectory got =
        run(test::make_task(data, beta), spec_of(Method::kGradientDescent, eta, 1, 2));
    REQUIRE(got.records.size() == 2);
    CHECK(relative_error(got.records[1].head_change, std::sqrt(2.0) / 4.0 * eta * beta * 1.3) <=
          1e-11);
    CHECK(got.records[1].linear_remainder <= 1e-15);
}

TEST_CASE("gradient descent converges to the flow at first order in eta") {
    const PreferenceTask task = test::make_task(test::gaussian_dataset(30, 4, 510), 0.5);
    const double end = run(task, spec_of(Method::kFlow, 40.0, 1, 2)).records.back().head_change;
    std::vector<double> error;
    for (const Index steps : {400, 800, 1600}) {
        const auto spec = spec_of(Method::kGradientDescent, 40.0 / double(steps), steps, 2);
        error.push_back(std::fabs(run(task, spec).records.back().head_change - end));
    }
    CHECK(error[0] <= 0.01 * end);
    CHECK(std::fabs(error[0] / error[1] - 2.0) <= 0.03);
    CHECK(std::fabs(error[1] / error[2] - 2.0) <= 0.015);
}

TEST_CASE("symmetries: rotated features, flipped (g, s), duplicated data, permuted rows") {
    const Dataset data = test::gaussian_dataset(33, 5, 520);
    Dataset rotated = data, flipped = data, twice = data, permuted = data;
    rotated.features *= random_orthogonal(5, Stream(test::seed(), Purpose::kBasis, 1));
    flipped.features *= -1.0;
    for (auto& s : flipped.label) s = static_cast<std::int8_t>(-s);
    twice.features.resize(66, 5);
    twice.features << data.features, data.features;
    twice.label.insert(twice.label.end(), data.label.begin(), data.label.end());
    for (Index i = 0; i < 33; ++i) {
        permuted.features.row(i) = data.features.row((5 * i + 3) % 33);
        permuted.label[static_cast<std::size_t>(i)] =
            data.label[static_cast<std::size_t>((5 * i + 3) % 33)];
    }
    for (const TrainSpec& spec : kDeterministic) {
        const Trajectory base = run(test::make_task(data), spec);
        const double tolerance = spec.method == Method::kFlow ? 1e-9 : 1e-11;
        check_same_run(run(test::make_task(rotated), spec), base, tolerance);
        check_same_run(run(test::make_task(flipped), spec), base, tolerance);
        check_same_run(run(test::make_task(permuted), spec), base, tolerance);
        const Trajectory doubled = run(test::make_task(twice), spec);
        for (std::size_t k = 0; k < base.records.size(); ++k) {
            CHECK(relative_error(doubled.records[k].head_change, base.records[k].head_change) <=
                  tolerance);
            CHECK(relative_error(doubled.records[k].train.loss, base.records[k].train.loss) <=
                  tolerance);
        }
    }
}

TEST_CASE("margins depend on beta and eta through beta^2 eta alone") {
    const Dataset data = test::gaussian_dataset(33, 5, 530);
    for (TrainSpec spec : kDeterministic) {
        const Trajectory base = run(test::make_task(data, 0.2), spec);
        spec.eta /= 9.0;
        const Trajectory traded = run(test::make_task(data, 0.6), spec);
        for (std::size_t k = 0; k < base.records.size(); ++k) {
            const auto &a = traded.records[k].train, &b = base.records[k].train;
            CHECK(relative_error(a.margin_quantiles[6], b.margin_quantiles[6]) <= 1e-9);
            CHECK(relative_error(a.loss, b.loss) <= 1e-11);
            CHECK(relative_error(3.0 * traded.records[k].head_change,
                                 base.records[k].head_change) <= 1e-9);
        }
    }
}

TEST_CASE("at t = 0 every reward is a tie and the loss is log 2") {
    PreferenceTask task = test::make_task(test::gaussian_dataset(33, 5, 540));
    task.held_out = test::gaussian_dataset(10, 5, 541);
    for (std::size_t k = 0; k < method_names().size(); ++k) {
        const Trajectory got = run(task, spec_of(static_cast<Method>(k), 0.1, 5, 3));
        const Record& start = got.records.at(0);
        CHECK(start.time == 0.0);
        CHECK(start.head_change == 0.0);
        CHECK(start.linear_remainder == 0.0);
        for (const SplitMetrics& m : {start.train, start.held_out}) {
            CHECK(m.rewards_accuracies == 0.0);
            CHECK(m.rewards_ties == 1.0);
            CHECK(relative_error(m.loss, std::log(2.0)) <= 1e-15);
        }
        CHECK(got.records.back().train.rewards_ties == 0.0);
    }
}

TEST_CASE("step, time and epoch count updates, eta times updates and rows over n") {
    const PreferenceTask task = test::make_task(test::gaussian_dataset(10, 3, 550));
    TrainSpec spec = spec_of(Method::kSgd, 0.25, 6, 7);
    spec.batch = 4;  // batches of 4, 4, 2
    const double epochs[] = {0.0, 0.4, 0.8, 1.0, 1.4, 1.8, 2.0};
    const Trajectory got = run(task, spec);
    REQUIRE(got.records.size() == 7);
    for (std::size_t k = 0; k < 7; ++k) {
        CHECK(got.records[k].step == double(k));
        CHECK(got.records[k].time == 0.25 * double(k));
        CHECK(relative_error(got.records[k].epoch, epochs[k]) <= 1e-15);
        CHECK(std::isnan(got.records[k].held_out.loss));
    }
    CHECK(run(task, spec_of(Method::kGradientDescent, 0.25, 0)).records.size() == 1);
}

TEST_CASE("a batch as large as the data is gradient descent") {
    const PreferenceTask task = test::make_task(test::gaussian_dataset(10, 3, 560));
    const Trajectory full = run(task, spec_of(Method::kGradientDescent, 0.3, 20));
    for (const Index batch : {0, 10, 99}) {
        TrainSpec spec = spec_of(Method::kSgd, 0.3, 20);
        spec.batch = batch;
        const Trajectory got = run(task, spec);
        for (std::size_t k = 0; k < full.records.size(); ++k)
            CHECK(got.records[k].head_change == full.records[k].head_change);
    }
}

TEST_CASE("minibatch steps follow the sampler's rows, plain loops") {
    const Dataset data = test::gaussian_dataset(10, 3, 570);
    for (std::size_t mode = 0; mode < sampling_names().size(); ++mode) {
        TrainSpec spec = spec_of(Method::kSgd, 0.5, 25, 2);
        spec.batch = 4;
        spec.sampling = static_cast<Sampling>(mode);
        BatchSampler sampler(10, 4, spec.sampling, 77);
        Vector v = Vector::Zero(3);
        for (int k = 0; k < 25; ++k) {
            Vector step = Vector::Zero(3);
            const auto rows = sampler.next();
            for (const Index i : rows) {
                const double s = data.label[static_cast<std::size_t>(i)];
                const Vector z = s * data.features.row(i).transpose();
                step += z / (1.0 + std::exp(2.0 * 0.3 * v.dot(z)));
            }
            v += 0.5 * 0.3 / double(rows.size()) * step;
        }
        const Trajectory got = run(test::make_task(data, 0.3), spec, 77);
        CHECK(relative_error(got.records.back().head_change, std::sqrt(2.0) * v.norm()) <= 1e-13);
    }
}

TEST_CASE("Adam's first step moves every coordinate by eta") {
    const PreferenceTask task = test::make_task(test::gaussian_dataset(10, 31, 580), 1.0);
    const Trajectory got = run(task, spec_of(Method::kAdam, 0.01, 1, 2));
    CHECK(relative_error(got.records[1].head_change, std::sqrt(2.0 * 31.0) * 0.01) <= 1e-5);
}

TEST_CASE("divergence is a stop reason, and what was finite before it is kept") {
    Dataset data = test::gaussian_dataset(10, 3, 590);
    data.features *= 1e10;
    for (const Method method : {Method::kGradientDescent, Method::kSgd}) {
        const Trajectory got = run(test::make_task(data), spec_of(method, 1e300, 10, 11));
        CHECK(got.stop == StopReason::kDiverged);
        REQUIRE(got.records.size() == 1);
        CHECK(got.records[0].time == 0.0);
    }
}

TEST_CASE("a request to stop ends every method as interrupted") {
    const PreferenceTask task = test::make_task(test::gaussian_dataset(10, 3, 600));
    for (std::size_t k = 0; k < method_names().size(); ++k) {
        cancel_flag = true;
        const Trajectory got = run(task, spec_of(static_cast<Method>(k), 0.1, 50));
        cancel_flag = false;
        CAPTURE(method_names()[k]);
        CHECK(got.stop == StopReason::kInterrupted);
        CHECK(got.records.size() == 1);
        CHECK(run(task, spec_of(static_cast<Method>(k), 0.1, 50)).stop == StopReason::kCompleted);
    }
}

namespace {

/// Every number of a trajectory.
Vector flatten(const Trajectory& t) {
    constexpr std::size_t width = sizeof(Record) / sizeof(double);
    static_assert(sizeof(Record) == width * sizeof(double));
    Vector out(static_cast<Index>(width * t.records.size()));
    std::memcpy(out.data(), t.records.data(), sizeof(Record) * t.records.size());
    return out;
}

void check_threads(const PreferenceTask& task, EngineKind kind, TrainSpec spec) {
    std::vector<Vector> runs;
    for (const int threads : {1, 2, 8}) {
        const test::Threads scope(threads);
        runs.push_back(flatten(train(*make_engine(kind, task), *task.loss, spec, 3)));
    }
    CHECK(test::same_bits(runs[0], runs[1]));
    CHECK(test::same_bits(runs[0], runs[2]));
    CHECK(runs[0].size() > 100);
}

}  // namespace

TEST_CASE("training has the same bits for 1, 2 and 8 threads") {
    PreferenceTask large = test::make_task(test::gaussian_dataset(4000, 64, 610));
    large.held_out = test::gaussian_dataset(1500, 64, 611);
    PreferenceTask wide = test::make_task(test::gaussian_dataset(150, 8, 612));
    wide.held_out = test::gaussian_dataset(20, 8, 613);
    wide.policy = {3000, 5, 2999, 0.1, gaussian_head(3000, 8, 1.0, 1)};
    for (std::size_t k = 0; k < method_names().size(); ++k) {
        CAPTURE(method_names()[k]);
        TrainSpec spec = spec_of(static_cast<Method>(k), 0.05, 6, 5);
        spec.batch = k == 0 ? 0 : 1500;
        spec.flow_tolerance = 1e-6;
        check_threads(large, EngineKind::kReduced, spec);
        spec.batch = k == 0 ? 0 : 40;
        check_threads(wide, EngineKind::kDense, spec);
    }
}
