// RLHF in the tabular class: reward fit and policy gradient against plain loops and closed forms.
#include "sim/tabular/tabular_rlhf.hpp"

#include <doctest/doctest.h>

#include "tests/support/tabular_support.hpp"

using namespace prefdyn;
using test::contains;
using test::input_error;
using test::random_world;

namespace {

RlhfProblem problem_of(const TabularWorld& world, double beta) {
    return {world.weight, log_reference(world), world.reward, beta};
}

double plain_objective(const RlhfProblem& p, const RowMatrix& theta) {
    double sum = 0.0;
    for (Index x = 0; x < theta.rows(); ++x) {
        double z = 0.0;
        for (Index a = 0; a < theta.cols(); ++a) z += std::exp(theta(x, a));
        for (Index a = 0; a < theta.cols(); ++a) {
            const double pi = std::exp(theta(x, a)) / z;
            sum += p.weight(x) * pi *
                   (p.reward(x, a) - p.beta * (std::log(pi) - p.log_reference(x, a)));
        }
    }
    return sum;
}

/// pi_ref exp(r / beta) / Z by plain loops.
RowMatrix closed_form(const RlhfProblem& p) {
    RowMatrix out(p.reward.rows(), p.reward.cols());
    for (Index x = 0; x < out.rows(); ++x) {
        double z = 0.0;
        for (Index a = 0; a < out.cols(); ++a) {
            out(x, a) = p.log_reference(x, a) + p.reward(x, a) / p.beta;
            z += std::exp(out(x, a));
        }
        for (Index a = 0; a < out.cols(); ++a) out(x, a) -= std::log(z);
    }
    return out;
}

/// Zermelo's iteration for the Bradley-Terry likelihood: strengths g_a = wins / sum n_ab / (g_a +
/// g_b).
Vector zermelo(const Matrix& wins) {
    Vector g = Vector::Ones(wins.rows());
    for (int k = 0; k < 20000; ++k)
        for (Index a = 0; a < g.size(); ++a) {
            double won = 0.0, expected = 0.0;
            for (Index b = 0; b < g.size(); ++b) {
                if (a == b) continue;
                won += wins(a, b);
                expected += (wins(a, b) + wins(b, a)) / (g(a) + g(b));
            }
            g(a) = won / expected;
        }
    return g.array().log() - std::log(g(0));
}

}  // namespace

TEST_CASE("two responses: the reward difference is the logit of the counts") {
    Comparisons data{{Matrix::Zero(2, 2)}};
    data.wins[0] << 0.0, 30.0, 7.0, 0.0;
    const RewardFit fit = fit_reward(data, RowMatrix::Zero(1, 2));
    CHECK(fit.converged);
    CHECK(std::fabs(fit.reward(0, 1) - std::log(7.0 / 30.0)) <= 1e-13);
    CHECK(fit.reward(0, 0) == 0.0);
}

TEST_CASE("the reward fit against Zermelo's iteration, on samples") {
    for (const Index A : {3, 8}) {
        const Comparisons data = draw(random_world(2, A, 30), 3000, test::seed(), 30);
        REQUIRE(existence(data).optimum == Optimum::kUnique);
        const RewardFit fit = fit_reward(data, RowMatrix::Zero(2, A));
        CHECK(fit.gradient_norm <= 1e-14);
        for (Index x = 0; x < 2; ++x) {
            const Vector want = zermelo(data.wins[static_cast<std::size_t>(x)]);
            CHECK((fit.reward.row(x).transpose() - want).cwiseAbs().maxCoeff() <= 1e-11);
        }
    }
}

TEST_CASE("the population's reward is the true one, whichever pairs are compared") {
    for (const double scale : {0.1, 1.0, 3.0}) {
        TabularWorld world = random_world(3, 5, 31, scale);
        world.pair = pairs_from(world.reference);
        const RewardFit fit = fit_reward(population(world), RowMatrix::Zero(3, 5));
        const RowMatrix want = world.reward.colwise() - world.reward.col(0);
        CHECK((fit.reward - want).cwiseAbs().maxCoeff() <= 1e-9);
    }
}

TEST_CASE("anchors keep their start: one a component") {
    TabularWorld world = random_world(1, 4, 32);
    RowMatrix mu = RowMatrix::Ones(1, 4), start(1, 4);
    mu(0, 2) = 0.0;
    start << 1.0, 2.0, 3.0, 4.0;
    world.pair = pairs_from(mu);
    const RewardFit fit = fit_reward(population(world), start);
    CHECK(fit.existence.optimum == Optimum::kNotUnique);
    CHECK(fit.reward(0, 0) == 1.0);
    CHECK(fit.reward(0, 2) == 3.0);
    CHECK(std::fabs(fit.reward(0, 3) - 1.0 - world.reward(0, 3) + world.reward(0, 0)) <= 1e-12);
}

TEST_CASE("a response that never loses has no fitted reward") {
    Comparisons data = population(random_world(1, 3, 33));
    data.wins[0].col(1).setZero();
    const RewardFit fit = fit_reward(data, RowMatrix::Zero(1, 3));
    CHECK(fit.existence.optimum == Optimum::kAtInfinity);
    CHECK(std::isnan(fit.reward(0, 0)));
}

TEST_CASE("J against plain loops, its gradient against differences") {
    for (const Index A : {2, 3, 8}) {
        const RlhfProblem p = problem_of(random_world(3, A, 34), 0.3);
        const RowMatrix theta = test::gaussian(3, A, 35), gradient = policy_gradient(p, theta);
        const double want = plain_objective(p, theta);
        CHECK(std::fabs(regularised_reward(p, theta) - want) <= 1e-13 * (1.0 + std::fabs(want)));
        for (Index x = 0; x < 3; ++x)
            for (Index a = 0; a < A; ++a) {
                RowMatrix up = theta, down = theta;
                up(x, a) += 1e-5;
                down(x, a) -= 1e-5;
                const double slope = (plain_objective(p, up) - plain_objective(p, down)) / 2e-5;
                CHECK(std::fabs(gradient(x, a) - slope) <= 1e-9);
            }
    }
}

TEST_CASE("policy gradient ends at pi_ref exp(r / beta) / Z, natural within 1e-8 for every beta") {
    for (const Index A : {2, 3, 8})
        for (const double beta : {0.05, 0.5, 2.0}) {
            const RlhfProblem p = problem_of(random_world(3, A, 36), beta);
            const Ascent natural = ascend(p);
            CHECK(natural.converged);
            CHECK(natural.iterations > 10);
            CHECK(log_ratio_gap(natural.log_policy, closed_form(p)) <= 1e-8);
        }
}

TEST_CASE("the plain gradient reaches it too, where it is well conditioned") {
    for (const Index A : {2, 3}) {
        const RlhfProblem p = problem_of(random_world(2, A, 37, 0.5), 1.0);
        const Ascent plain = ascend(p, {Geometry::kPlain, 2.0, 1e-12, 100000});
        CHECK(plain.converged);
        CHECK(log_ratio_gap(plain.log_policy, closed_form(p)) <= 1e-8);
    }
}

TEST_CASE("natural policy gradient contracts the log ratio by 1 - step per iteration, exactly") {
    const RlhfProblem p = problem_of(random_world(2, 3, 38), 0.5);
    AscentSpec spec;
    spec.limit = 5;
    const RowMatrix want =
        log_softmax(p.log_reference + (1.0 - std::pow(0.5, 5.0)) * p.reward / p.beta);
    CHECK(log_ratio_gap(ascend(p, spec).log_policy, want) <= 1e-13);
}

TEST_CASE("within a class: stationary along it, spanning bases give the closed form") {
    RlhfProblem p = problem_of(random_world(2, 3, 39), 0.5);
    p.basis = Matrix::Identity(6, 6);
    CHECK(log_ratio_gap(ascend(p).log_policy, closed_form(p)) <= 1e-8);
    p.basis = test::gaussian(6, 2, 40);
    const Ascent s = ascend(p);
    const RowMatrix gradient = policy_gradient(p, s.log_policy);
    CHECK(s.converged);
    CHECK(log_ratio_gap(s.log_policy, closed_form(p)) >= 1e-3);
    CHECK((p.basis.transpose() * Eigen::Map<const Vector>(gradient.data(), 6)).norm() <= 1e-12);
}

TEST_CASE(
    "within any of 50 classes it converges: constants in the features, optimum in it or not") {
    for (std::uint64_t k = 100; k < 150; ++k) {
        CAPTURE(k);
        RlhfProblem p = problem_of(random_world(2, 3, k), 0.5);
        p.basis.resize(6, 3);
        p.basis << Matrix::Identity(3, 3), Matrix::Identity(3, 3);
        const auto solved = [&] {
            const Ascent s = ascend(p);
            return s.converged && s.residual <= 1e-11 * p.reward.cwiseAbs().maxCoeff();
        };
        CHECK(solved());
        p.reward.row(1) = p.reward.row(0);
        CHECK(solved());
        p.basis = test::gaussian(6, 1 + static_cast<Index>(k % 4), k);
        CHECK(solved());
    }
}

TEST_CASE("a constant per prompt in the reward changes nothing; permuted responses permute") {
    RlhfProblem p = problem_of(random_world(2, 4, 41), 0.5);
    const RowMatrix want = ascend(p).log_policy;
    RlhfProblem q = p;
    q.reward.row(0).array() += 3.0;
    CHECK(log_ratio_gap(ascend(q).log_policy, want) <= 1e-11);
    q = p;
    q.reward = test::reversed(p.reward);
    q.log_reference = test::reversed(p.log_reference);
    CHECK(log_ratio_gap(test::reversed(ascend(q).log_policy), want) <= 1e-11);
}

TEST_CASE("bad problems are refused") {
    const RlhfProblem good = problem_of(random_world(2, 3, 42), 0.4);
    const auto refused = [&](auto spoil) {
        RlhfProblem p = good;
        spoil(p);
        return input_error([&] { ascend(p); });
    };
    using P = RlhfProblem&;
    CHECK(refused([](P) {}).empty());
    for (const double beta : {0.0, -1.0, kNan})
        CHECK(contains(refused([&](P p) { p.beta = beta; }), "beta"));
    CHECK(contains(refused([](P p) { p.reward(0, 1) = kNan; }), "reward"));
    CHECK(contains(refused([](P p) { p.weight(0) = -0.1; }), "weights"));
    CHECK(contains(refused([](P p) { p.log_reference(0, 1) = kNan; }), "log pi_ref"));
    const Comparisons data = population(random_world(2, 3, 42));
    CHECK_FALSE(input_error([&] { fit_reward(data, RowMatrix::Zero(1, 3)); }).empty());
    CHECK_FALSE(input_error([&] { fit_reward(data, RowMatrix::Constant(2, 3, kNan)); }).empty());
}
