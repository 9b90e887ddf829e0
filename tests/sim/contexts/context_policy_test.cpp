#include "sim/contexts/context_policy.hpp"

#include <doctest/doctest.h>

#include "sim/head/dense_engine.hpp"
#include "tests/support/support.hpp"

namespace prefdyn::test {

namespace {

constexpr double kBeta = 0.3;

std::vector<Objective> objectives() {
    std::vector<Objective> out;
    for (std::size_t k = 0; k < objective_names().size(); ++k)
        out.push_back(static_cast<Objective>(k));
    return out;
}

ContextPairs random_pairs(Index n, Index d, Index V) {
    ContextPairs out{gaussian(n, d, 1), gaussian(n, d, 2), {}, {}};
    for (Index i = 0; i < n; ++i) {
        out.chosen.push_back((3 * i) % V);
        out.rejected.push_back((5 * i + 1) % V);
    }
    return out;
}

/// pi(. | g) by plain loops.
std::vector<double> plain_softmax(const RowMatrix& W, const RowMatrix& contexts, Index row) {
    std::vector<double> pi(static_cast<std::size_t>(W.rows()));
    double sum = 0.0;
    for (Index v = 0; v < W.rows(); ++v) {
        double z = 0.0;
        for (Index j = 0; j < W.cols(); ++j) z += W(v, j) * contexts(row, j);
        sum += pi[static_cast<std::size_t>(v)] = std::exp(z);
    }
    for (double& p : pi) p /= sum;
    return pi;
}

struct PlainStep {
    double loss = 0.0;
    RowMatrix direction;
};

/// The loss and its descent direction from the formulas of context_pairs.hpp, W (V, d).
PlainStep plain_descent(const ContextPairs& p, const RowMatrix& W, const RowMatrix& W0,
                        Objective objective) {
    PlainStep out{0.0, RowMatrix::Zero(W.rows(), W.cols())};
    const double n = static_cast<double>(p.samples());
    for (Index i = 0; i < p.samples(); ++i) {
        const auto k = static_cast<std::size_t>(i);
        const auto yes = static_cast<std::size_t>(p.chosen[k]);
        const auto no = static_cast<std::size_t>(p.rejected[k]);
        const auto plus = plain_softmax(W, p.plus, i), minus = plain_softmax(W, p.minus, i);
        const double m = kBeta * (std::log(plus[yes] / plain_softmax(W0, p.plus, i)[yes]) -
                                  std::log(minus[no] / plain_softmax(W0, p.minus, i)[no]));
        double up = 1.0, down = 1.0;
        switch (objective) {
            case Objective::kSft:
                out.loss -= std::log(plus[yes]) / n;
                down = 0.0;
                break;
            case Objective::kUnlikelihood:
                out.loss += std::log(minus[no]) / n;
                up = 0.0;
                break;
            case Objective::kPushPull:
                out.loss += std::log(minus[no] / plus[yes]) / n;
                break;
            case Objective::kDpo:
                out.loss += std::log(1.0 + std::exp(-m)) / n;
                up = down = kBeta / (1.0 + std::exp(m));
                break;
        }
        for (Index v = 0; v < W.rows(); ++v)
            for (Index j = 0; j < W.cols(); ++j) {
                const auto u = static_cast<std::size_t>(v);
                out.direction(v, j) += (up * ((u == yes) - plus[u]) * p.plus(i, j) -
                                        down * ((u == no) - minus[u]) * p.minus(i, j)) /
                                       n;
            }
    }
    return out;
}

}  // namespace

TEST_CASE("descent equals its plain-loop twin for every objective and awkward size") {
    for (const auto& [n, d, V] :
         {std::tuple<Index, Index, Index>{1, 1, 2}, {3, 5, 31}, {31, 3, 7}}) {
        const ContextPairs pairs = random_pairs(n, d, V);
        const RowMatrix W = gaussian(V, d, 3), W0 = gaussian(V, d, 4);
        for (const Objective objective : objectives()) {
            CAPTURE(static_cast<int>(objective));
            const PlainStep want = plain_descent(pairs, W, W0, objective);
            RowMatrix got = RowMatrix::Constant(V, d, kNan);
            const double loss = ContextTrainer(pairs, W0, objective, kBeta).descent(W, got);
            CHECK(relative_error(loss, want.loss) <= 1e-13);
            CHECK(relative_error(got, want.direction) <= 1e-13);
        }
    }
}

TEST_CASE("descent is minus the finite-difference gradient of the loss") {
    const Index n = 4, d = 3, V = 6;
    const ContextPairs pairs = random_pairs(n, d, V);
    const RowMatrix W = gaussian(V, d, 5), W0 = gaussian(V, d, 6);
    for (const Objective objective : objectives()) {
        const ContextTrainer trainer(pairs, W0, objective, kBeta);
        RowMatrix direction, unused, numeric(V, d);
        trainer.descent(W, direction);
        for (Index k = 0; k < W.size(); ++k) {
            RowMatrix up = W, down = W;
            up.data()[k] += 1e-5;
            down.data()[k] -= 1e-5;
            numeric.data()[k] =
                (trainer.descent(down, unused) - trainer.descent(up, unused)) / 2e-5;
        }
        CHECK(relative_error(direction, numeric) <= 1e-8);
    }
}

TEST_CASE("one context, DPO: the same steps as the dense engine") {
    PreferenceTask task = make_task(gaussian_dataset(7, 5, 11), kBeta);
    task.policy.vocabulary = 9;
    task.policy.yes = 2;
    task.policy.no = 6;
    task.policy.reference = gaussian_head(9, 5, 1.5, seed());
    const DenseEngine engine(task);
    ContextPairs pairs{task.train.features, task.train.features, {}, {}};
    for (const auto label : task.train.label) {
        pairs.chosen.push_back(label > 0 ? 2 : 6);
        pairs.rejected.push_back(label > 0 ? 6 : 2);
    }
    const ContextTrainer trainer(pairs, task.policy.reference, Objective::kDpo, kBeta);
    Vector theta = engine.initial(), direction;
    RowMatrix head = task.policy.reference, step;
    for (int k = 0; k < 50; ++k) {
        const double loss = engine.descent(theta, {}, direction);
        CHECK(relative_error(trainer.descent(head, step), loss) <= 1e-12);
        theta += 2.0 * direction;
        head = trainer.train(std::move(head), 2.0);
    }
    const RowMatrix want = Eigen::Map<const RowMatrix>(theta.data(), 9, 5);
    CHECK(relative_error(head, want) <= 1e-12);
    CHECK((head - task.policy.reference).norm() > 0.1);
}

TEST_CASE("steps compose, and every descent direction sums to zero over tokens") {
    const ContextPairs pairs = random_pairs(5, 4, 8);
    const RowMatrix W = gaussian(8, 4, 7);
    for (const Objective objective : objectives()) {
        const ContextTrainer trainer(pairs, W, objective, kBeta);
        CHECK(same_bits(trainer.train(W, 0.1, 5), trainer.train(trainer.train(W, 0.1, 2), 0.1, 3)));
        RowMatrix direction;
        trainer.descent(W, direction);
        CHECK(direction.colwise().sum().norm() <= 1e-14 * direction.norm());
        CHECK(direction.norm() > 0.0);
    }
}

TEST_CASE("a rotation of the contexts rotates the head: no probability changes") {
    const ContextPairs pairs = random_pairs(3, 2, 5);
    RowMatrix turn(2, 2);
    turn << 0.6, -0.8, 0.8, 0.6;
    ContextPairs turned = pairs;
    turned.plus *= turn;
    turned.minus *= turn;
    const RowMatrix W = gaussian(5, 2, 8);
    const RowMatrix plain = ContextTrainer(pairs, W, Objective::kDpo, kBeta).train(W, 1.0, 10);
    const RowMatrix other =
        ContextTrainer(turned, W * turn, Objective::kDpo, kBeta).train(W * turn, 1.0, 10);
    CHECK(relative_error(log_policy(other, turned.plus), log_policy(plain, pairs.plus)) <= 1e-13);
}

TEST_CASE("log_policy is finite and normalised for huge logits") {
    RowMatrix W(3, 1), one(1, 1);
    W << 800.0, 0.0, -800.0;
    one << 1.0;
    const RowMatrix got = log_policy(W, one);
    CHECK(got(0, 0) == 0.0);
    CHECK(got(0, 1) == -800.0);
    CHECK(got(0, 2) == -1600.0);
}

TEST_CASE("bad pairs are refused by name") {
    const ContextPairs good = random_pairs(2, 3, 4);
    const RowMatrix W = gaussian(4, 3, 9);
    const auto refusal = [&](auto damage, double beta = kBeta) {
        ContextPairs pairs = good;
        damage(pairs);
        return input_error([&] { ContextTrainer(pairs, W, Objective::kDpo, beta); });
    };
    CHECK(refusal([](auto&) {}).empty());
    CHECK(contains(refusal([](auto& p) { p.chosen[1] = 4; }), "chosen token 4"));
    CHECK(contains(refusal([](auto& p) { p.rejected[0] = -1; }), "rejected token -1"));
    CHECK(contains(refusal([](auto& p) { p.chosen.pop_back(); }), "1 chosen"));
    CHECK(contains(refusal([](auto& p) { p.minus.resize(2, 2); }), "(2, 2)"));
    CHECK(contains(refusal([](auto& p) { p.plus(0, 0) = kNan; }), "not finite"));
    CHECK(contains(refusal([](auto& p) { p = ContextPairs(); }), "no examples"));
    CHECK(contains(refusal([](auto&) {}, 0.0), "beta"));
    CHECK(contains(
        input_error([&] { ContextTrainer(good, gaussian(4, 2, 1), Objective::kDpo, kBeta); }),
        "reference head"));
}

}  // namespace prefdyn::test
