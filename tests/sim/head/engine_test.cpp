// Both engines: gradients by finite differences, the dense head as the oracle of the reduction.
#include "sim/head/engine.hpp"

#include <doctest/doctest.h>

#include "sim/head/optimizer.hpp"
#include "sim/head/trainer.hpp"
#include "tests/support/support.hpp"

using namespace prefdyn;
using test::relative_error;

namespace {

PreferenceTask head_task(Index n, Index d, Index V, double beta, std::uint64_t index) {
    PreferenceTask task = test::make_task(test::gaussian_dataset(n, d, index), beta);
    task.held_out = test::gaussian_dataset(n / 2 + 1, d, index + 1);
    task.policy.vocabulary = V;
    task.policy.yes = V - 2;
    task.policy.no = 1;
    task.policy.reference = gaussian_head(V, d, 1.5, test::seed());
    return task;
}

/// dL/dtheta by fourth-order central differences of the loss that descent() returns.
Vector numeric_gradient(const PolicyEngine& engine, const Vector& theta,
                        std::span<const Index> rows) {
    constexpr double h = 1e-3;
    Vector gradient(theta.size()), unused;
    const auto loss = [&](Index j, double step) {
        Vector moved = theta;
        moved(j) += step;
        return engine.descent(moved, rows, unused);
    };
    for (Index j = 0; j < theta.size(); ++j)
        gradient(j) =
            (8.0 * (loss(j, h) - loss(j, -h)) - (loss(j, 2 * h) - loss(j, -2 * h))) / (12.0 * h);
    return gradient;
}

void check_gradient(EngineKind kind, double factor) {
    const PreferenceTask task = head_task(11, 4, 6, 0.7, 300);
    const auto engine = make_engine(kind, task);
    const std::vector<Index> batch = {3, 0, 10, 3};
    const Vector theta = engine->initial() + test::gaussian(engine->size(), 1, 301);
    for (const std::span<const Index> rows : {std::span<const Index>(), std::span(batch)}) {
        Vector direction = Vector::Constant(engine->size(), kNan);
        engine->descent(theta, rows, direction);
        CHECK(relative_error((-factor * direction).eval(),
                             numeric_gradient(*engine, theta, rows)) <= 1e-10);
    }
}

/// The numbers of a split whose size is about 1, in a fixed order.
Vector metrics(const SplitMetrics& m) {
    Vector out(17);
    out << m.loss, m.rewards_margins, m.rewards_accuracies, m.rewards_ties, m.outputs_accuracies,
        m.outputs_ties, m.logps_chosen, m.logps_rejected, m.rewards_chosen, m.rewards_rejected,
        Eigen::Map<const Vector>(m.margin_quantiles.data(), 7);
    return out;
}

void check_same(const Record& a, const Record& b, double tolerance) {
    CAPTURE(a.step);
    CHECK(a.step == b.step);
    CHECK(a.time == b.time);
    CHECK(a.epoch == b.epoch);
    CHECK(relative_error(a.head_change, b.head_change) <= tolerance);
    CHECK(relative_error(a.head_change_spectral, b.head_change_spectral) <= tolerance);
    CHECK(relative_error(a.update_rate, b.update_rate) <= tolerance);
    CHECK(std::fabs(a.linear_remainder - b.linear_remainder) <=
          tolerance * (b.head_change + b.linear_remainder));
    CHECK(relative_error(metrics(a.train), metrics(b.train)) <= tolerance);
    CHECK(relative_error(metrics(a.held_out), metrics(b.held_out)) <= tolerance);
    CHECK(a.train.rewards_accuracies == b.train.rewards_accuracies);
    CHECK(a.train.outputs_accuracies == b.train.outputs_accuracies);
}

void compare_engines(const PreferenceTask& task, const TrainSpec& spec, double tolerance) {
    const auto dense = train(*make_engine(EngineKind::kDense, task), *task.loss, spec, 9);
    const auto reduced = train(*make_engine(EngineKind::kReduced, task), *task.loss, spec, 9);
    REQUIRE(dense.stop == StopReason::kCompleted);
    REQUIRE(dense.records.size() == reduced.records.size());
    REQUIRE(reduced.records.size() >= 2);
    for (std::size_t k = 0; k < dense.records.size(); ++k)
        check_same(reduced.records[k], dense.records[k], tolerance);
}

TrainSpec short_run(Method method) {
    TrainSpec spec;
    spec.method = method;
    spec.steps = 200;
    spec.records = 41;
    spec.eta = method == Method::kAdam ? 0.01 : 0.5;
    spec.batch = method == Method::kGradientDescent ? 0 : 7;
    return spec;
}

}  // namespace

TEST_CASE("dense engine: direction is minus the gradient") {
    check_gradient(EngineKind::kDense, 1);
}

TEST_CASE("reduced engine: direction is row Y of minus the gradient, half of -dL/dv") {
    // Delta W = (e_Y - e_N) v^T moves two rows, so dL/dv is twice the gradient of row Y.
    check_gradient(EngineKind::kReduced, 2);
}

TEST_CASE("dense = reduced over 200 steps, every record, V = 50") {
    const PreferenceTask task = head_task(40, 6, 50, 0.3, 310);
    for (const Method method : {Method::kGradientDescent, Method::kSgd, Method::kAdam}) {
        CAPTURE(method_names()[static_cast<std::size_t>(method)]);
        compare_engines(task, short_run(method), 1e-12);
    }
}

TEST_CASE("dense = reduced at the vocabulary of Llama-2") {
    TrainSpec spec = short_run(Method::kGradientDescent);
    spec.steps = spec.records = 3;
    compare_engines(head_task(20, 3, 32000, 0.3, 320), spec, 1e-12);
}

TEST_CASE("dense = reduced for the smallest head, zero reference, one row more than a block") {
    for (const Index n : {2, 31, 33, 129}) {
        PreferenceTask task = head_task(n, 3, 2, 0.3, 330);
        task.policy.yes = 0;
        task.policy.reference.resize(0, 0);
        TrainSpec spec = short_run(Method::kGradientDescent);
        spec.steps = 20;
        compare_engines(task, spec, 1e-12);
    }
}

TEST_CASE("the reduced policy is the softmax of the moved head, plain loops") {
    const PreferenceTask task = head_task(9, 4, 7, 0.3, 340);
    const auto engine = make_engine(EngineKind::kReduced, task);
    const Vector v = test::gaussian(4, 1, 341);
    RowMatrix head = task.policy.reference;
    head.row(task.policy.yes) += v.transpose();
    head.row(task.policy.no) -= v.transpose();
    Responses got;
    engine->evaluate(v, Split::kHeldOut, got);
    for (Index i = 0; i < task.held_out.samples(); ++i) {
        const Vector z = head * task.held_out.features.row(i).transpose();
        const bool yes = task.held_out.label[static_cast<std::size_t>(i)] > 0;
        const double normaliser = std::log(z.array().exp().sum());
        const double chosen = z(yes ? task.policy.yes : task.policy.no) - normaliser;
        CHECK(std::fabs(got.logp_chosen(i) - chosen) <= 1e-13);
        const double rejected = z(yes ? task.policy.no : task.policy.yes) - normaliser;
        CHECK(std::fabs(got.logp_rejected(i) - rejected) <= 1e-13);
    }
}

TEST_CASE("conservation laws of the dense head (published-codes 2.4)") {
    const PreferenceTask task = head_task(30, 5, 12, 0.4, 350);
    const Index yes = task.policy.yes, no = task.policy.no;
    const auto engine = make_engine(EngineKind::kDense, task);
    auto optimizer = make_descent(2.0);
    Vector theta = engine->initial(), direction;
    CHECK(relative_error(engine->descent(theta, {}, direction), std::log(2.0)) <= 1e-15);
    for (int step = 0; step < 100; ++step) {
        engine->descent(theta, {}, direction);
        optimizer.step(theta, direction);
    }
    const RowMatrix head = Eigen::Map<const RowMatrix>(theta.data(), 12, 5);
    const RowMatrix moved = head - task.policy.reference;
    for (Index k = 0; k < 12; ++k)
        if (k != yes && k != no) CHECK(moved.row(k).norm() == 0.0);
    CHECK(moved.norm() > 0.1);
    CHECK((moved.row(yes) + moved.row(no)).norm() <= 1e-13 * moved.norm());
    CHECK(moved.colwise().sum().norm() <= 1e-13 * moved.norm());
    const Matrix z0 = task.train.features * task.policy.reference.transpose();
    const Matrix z = task.train.features * head.transpose();
    CHECK((z.col(yes) + z.col(no) - z0.col(yes) - z0.col(no)).norm() <= 1e-12 * z0.norm());
    CHECK(((z.col(0) - z.col(5)) - (z0.col(0) - z0.col(5))).norm() == 0.0);  // log p_0 / p_5
}

TEST_CASE("norms: spectral = Frobenius for the rank-one change, sqrt(2) ||v|| in the reduction") {
    const PreferenceTask task = head_task(5, 3, 4, 0.3, 360);
    const auto reduced = make_engine(EngineKind::kReduced, task);
    const auto dense = make_engine(EngineKind::kDense, task);
    const Vector v = test::gaussian(3, 1, 361);
    CHECK(relative_error(reduced->change(v).frobenius, std::sqrt(2.0) * v.norm()) <= 1e-15);
    CHECK(relative_error(reduced->change(v).spectral, std::sqrt(2.0) * v.norm()) <= 1e-15);
    // W - W_0 with rows 3 e_1 and 4 e_2: singular values 3 and 4.
    Vector theta = dense->initial();
    theta(0) += 3.0;
    theta(4) += 4.0;
    CHECK(relative_error(dense->change(theta).frobenius, 5.0) <= 1e-14);
    CHECK(relative_error(dense->change(theta).spectral, 4.0) <= 1e-14);
    CHECK(dense->change(dense->initial()).frobenius == 0.0);
}

TEST_CASE("evaluate gives the same direction as descent") {
    const PreferenceTask task = head_task(33, 5, 6, 0.3, 370);
    for (const EngineKind kind : {EngineKind::kReduced, EngineKind::kDense}) {
        const auto engine = make_engine(kind, task);
        const Vector theta = engine->initial() + test::gaussian(engine->size(), 1, 371);
        Vector a, b = Vector::Constant(engine->size(), kNan);
        Responses out;
        engine->descent(theta, {}, a);
        engine->evaluate(theta, Split::kTrain, out, &b);
        CHECK(test::same_bits(a, b));
        CHECK(out.margin.size() == 33);
    }
}
