// Both engines under every loss of the registry: gradients, agreement, rewards, refusals.
#include <doctest/doctest.h>

#include <algorithm>

#include "sim/head/trainer.hpp"
#include "tests/support/support.hpp"

using namespace prefdyn;
using test::relative_error;

namespace {

PreferenceTask loss_task(const std::string& loss, Index n, Index d, Index V, double beta) {
    PreferenceTask task = test::make_task(test::gaussian_dataset(n, d, 700), beta);
    task.held_out = test::gaussian_dataset(n / 2 + 1, d, 701);
    task.policy.vocabulary = V;
    task.policy.yes = V - 2;
    task.policy.no = 1;
    task.policy.reference = gaussian_head(V, d, 1.5, test::seed());
    task.loss = make_loss(typical_loss(loss, beta));
    return task;
}

bool reducible(const std::string& loss) {
    return make_loss(typical_loss(loss, 0.1))->margin() != nullptr;
}

Vector numeric_gradient(const PolicyEngine& engine, const Vector& theta,
                        std::span<const Index> rows) {
    constexpr double h = 1e-4;  // discopop varies on the scale 0.05
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

void check_gradient(const std::string& loss, EngineKind kind, double factor) {
    CAPTURE(loss);
    const PreferenceTask task = loss_task(loss, 11, 4, 6, 0.7);
    const auto engine = make_engine(kind, task);
    const std::vector<Index> batch = {3, 0, 10, 3, 5};
    const Vector theta = engine->initial() + 0.5 * test::gaussian(engine->size(), 1, 711);
    for (const std::span<const Index> rows : {std::span<const Index>(), std::span(batch)}) {
        Vector direction = Vector::Constant(engine->size(), kNan);
        engine->descent(theta, rows, direction);
        CHECK(relative_error((-factor * direction).eval(),
                             numeric_gradient(*engine, theta, rows)) <= 2e-8);
    }
}

/// The loss of the training set from its definition, plain loops, nothing shared.
double plain_loss(const PreferenceTask& task, const RowMatrix& head) {
    const auto difference = [&](const RowMatrix& w, Index i) {
        const double gap =
            (w.row(task.policy.yes) - w.row(task.policy.no)).dot(task.train.features.row(i));
        return task.train.label[static_cast<std::size_t>(i)] > 0 ? gap : -gap;
    };
    const auto logp = [&](const RowMatrix& w, Index i, bool chosen) {
        const Vector z = w * task.train.features.row(i).transpose();
        const bool yes = (task.train.label[static_cast<std::size_t>(i)] > 0) == chosen;
        return z(yes ? task.policy.yes : task.policy.no) - std::log(z.array().exp().sum());
    };
    const Index n = task.train.samples();
    const double beta = task.policy.beta;
    double total = 0.0;
    if (task.loss->facts().form == LossForm::kSorted) {
        std::vector<double> x, y;
        for (Index i = 0; i < n; ++i) {
            x.push_back(difference(head, i));
            y.push_back(difference(task.policy.reference, i));
        }
        std::sort(x.begin(), x.end());
        std::sort(y.begin(), y.end());
        for (std::size_t k = 0; k < x.size(); ++k) {
            const double q = beta * (x[k] - y[k]);
            total += 0.9 * std::log(1.0 + std::exp(-q)) + 0.1 * std::log(1.0 + std::exp(q));
        }
        return total / double(n);
    }
    for (Index i = 0; i < n; ++i)
        total +=
            task.loss->value(beta * (logp(head, i, true) - logp(task.policy.reference, i, true)),
                             beta * (logp(head, i, false) - logp(task.policy.reference, i, false)));
    return total / double(n);
}

TrainSpec short_run(Method method, double eta) {
    TrainSpec spec;
    spec.method = method;
    spec.steps = 60;
    spec.records = 13;
    spec.eta = eta;
    spec.batch = method == Method::kGradientDescent ? 0 : 9;
    return spec;
}

}  // namespace

TEST_CASE("dense engine: direction is minus the gradient, every loss") {
    for (const auto& loss : loss_names()) check_gradient(loss, EngineKind::kDense, 1.0);
}

TEST_CASE("reduced engine: direction is half of minus dL/dv, every loss of (matched) margins") {
    for (const auto& loss : loss_names())
        if (reducible(loss)) check_gradient(loss, EngineKind::kReduced, 2.0);
}

TEST_CASE("dense engine: the loss is its definition in plain loops, over blocks of prompts") {
    for (const auto& loss : loss_names()) {
        CAPTURE(loss);
        const PreferenceTask task = loss_task(loss, 131, 4, 6, 0.7);
        const auto engine = make_engine(EngineKind::kDense, task);
        const Vector theta = engine->initial() + 0.5 * test::gaussian(engine->size(), 1, 712);
        Vector direction;
        const RowMatrix head = Eigen::Map<const RowMatrix>(theta.data(), 6, 4);
        CHECK(relative_error(engine->descent(theta, {}, direction), plain_loss(task, head)) <=
              1e-13);
    }
}

TEST_CASE("reduced = dense along a run for every loss of (matched) margins") {
    for (const auto& loss : loss_names()) {
        if (!reducible(loss)) continue;
        CAPTURE(loss);
        const PreferenceTask task = loss_task(loss, 40, 5, 12, 0.3);
        const double slope = std::fabs(task.loss->facts().slope_at_zero);
        for (const Method method : {Method::kGradientDescent, Method::kSgd}) {
            const TrainSpec spec = short_run(method, 0.2 / slope);
            const auto dense = train(*make_engine(EngineKind::kDense, task), *task.loss, spec, 9);
            const auto reduced =
                train(*make_engine(EngineKind::kReduced, task), *task.loss, spec, 9);
            REQUIRE(dense.records.size() == reduced.records.size());
            REQUIRE(reduced.records.size() >= 10);
            for (std::size_t k = 0; k < dense.records.size(); ++k) {
                const Record &a = reduced.records[k], &b = dense.records[k];
                CHECK(relative_error(a.head_change, b.head_change) <= 1e-11);
                CHECK(std::fabs(a.update_rate - b.update_rate) <=
                      1e-11 * dense.records[0].update_rate);
                CHECK(relative_error(a.train.loss, b.train.loss) <= 1e-11);
                CHECK(relative_error(a.held_out.loss, b.held_out.loss) <= 1e-11);
                CHECK(std::fabs(a.train.rewards_chosen - b.train.rewards_chosen) <= 1e-11);
                CHECK(std::fabs(a.held_out.rewards_rejected - b.held_out.rewards_rejected) <=
                      1e-11);
            }
        }
    }
}

TEST_CASE("evaluate gives the direction and the loss of descent, every loss and engine") {
    for (const auto& loss : loss_names())
        for (const EngineKind kind : {EngineKind::kReduced, EngineKind::kDense}) {
            if (kind == EngineKind::kReduced && !reducible(loss)) continue;
            CAPTURE(loss);
            const PreferenceTask task = loss_task(loss, 33, 5, 6, 0.3);
            const auto engine = make_engine(kind, task);
            const Vector theta = engine->initial() + test::gaussian(engine->size(), 1, 720);
            Vector a, b = Vector::Constant(engine->size(), kNan);
            Responses out;
            engine->descent(theta, {}, a);
            engine->evaluate(theta, Split::kTrain, out, &b);
            CHECK(test::same_bits(a, b));
            CHECK((out.matched.size() == 33) == (loss == "aot"));
        }
}

TEST_CASE("rewards: beta times the log-ratio to the reference, their difference the margin") {
    const PreferenceTask task = loss_task("sigmoid", 33, 5, 6, 0.3);
    for (const EngineKind kind : {EngineKind::kReduced, EngineKind::kDense}) {
        const auto engine = make_engine(kind, task);
        const Vector theta = engine->initial() + test::gaussian(engine->size(), 1, 730);
        for (const Split split : {Split::kTrain, Split::kHeldOut}) {
            Responses start, now;
            engine->evaluate(engine->initial(), split, start);
            engine->evaluate(theta, split, now);
            CHECK((start.reward_chosen.array() == 0.0).all());
            CHECK((start.reward_rejected.array() == 0.0).all());
            CHECK((now.reward_chosen - 0.3 * (now.logp_chosen - start.logp_chosen)).norm() <=
                  1e-13);
            CHECK((now.reward_rejected - 0.3 * (now.logp_rejected - start.logp_rejected)).norm() <=
                  1e-13);
            CHECK((now.reward_chosen - now.reward_rejected - now.margin).norm() <= 1e-13);
            CHECK(now.reward_chosen.norm() > 0.1);
        }
    }
}

TEST_CASE("with equal reference preferences aot is cdpo") {
    PreferenceTask sorted = loss_task("aot", 30, 4, 5, 0.3),
                   plain = loss_task("cdpo", 30, 4, 5, 0.3);
    for (PreferenceTask* task : {&sorted, &plain}) task->policy.reference.resize(0, 0);
    const auto a = make_engine(EngineKind::kReduced, sorted),
               b = make_engine(EngineKind::kReduced, plain);
    const Vector v = test::gaussian(4, 1, 740);
    Vector x, y;
    CHECK(relative_error(a->descent(v, {}, x), b->descent(v, {}, y)) <= 1e-15);
    CHECK(relative_error(x, y) <= 1e-14);
}

TEST_CASE("every row of the head moves under a pair loss, none but two under the others") {
    for (const auto& loss : loss_names()) {
        CAPTURE(loss);
        const PreferenceTask task = loss_task(loss, 30, 4, 7, 0.3);
        const auto engine = make_engine(EngineKind::kDense, task);
        const Vector theta = engine->initial() + 0.5 * test::gaussian(engine->size(), 1, 750);
        Vector direction;
        engine->descent(theta, {}, direction);
        const RowMatrix update = Eigen::Map<const RowMatrix>(direction.data(), 7, 4);
        for (Index k = 0; k < 7; ++k)
            if (k != task.policy.yes && k != task.policy.no)
                CHECK((update.row(k).norm() > 0.0) == !reducible(loss));
        // W + 1 c^T is the same policy, so no update goes along it.
        CHECK(update.colwise().sum().norm() <= 1e-14 * update.norm());
    }
}

TEST_CASE("the reduced engine refuses what it cannot reduce, and says what can train it") {
    for (const auto& loss : loss_names()) {
        CAPTURE(loss);
        const PreferenceTask task = loss_task(loss, 10, 3, 4, 0.3);
        const std::string message =
            test::input_error([&] { make_engine(EngineKind::kReduced, task); });
        CHECK(message.empty() == reducible(loss));
        if (!message.empty()) CHECK(test::contains(message, loss));
    }
    try {
        make_engine(EngineKind::kReduced, loss_task("apo_down", 10, 3, 4, 0.3));
    } catch (const InputError& error) {
        CHECK(test::contains(error.hint(), "--engine dense"));
    }
}

TEST_CASE("the same bits for 1, 2 and 8 threads, pair losses and aot") {
    for (const std::string loss : {"sppo_hard", "nca_pair", "aot"})
        for (const EngineKind kind : {EngineKind::kReduced, EngineKind::kDense}) {
            if (kind == EngineKind::kReduced && !reducible(loss)) continue;
            const PreferenceTask task = loss_task(loss, 300, 6, 40, 0.3);
            const auto engine = make_engine(kind, task);
            const Vector theta = engine->initial() + test::gaussian(engine->size(), 1, 760);
            std::vector<Vector> directions(3);
            for (std::size_t k = 0; k < 3; ++k) {
                const test::Threads scope(k == 0 ? 1 : k == 1 ? 2 : 8);
                engine->descent(theta, {}, directions[k]);
            }
            CHECK(test::same_bits(directions[0], directions[1]));
            CHECK(test::same_bits(directions[0], directions[2]));
        }
}
