// DPO in the tabular class against plain loops, differences, closed forms and its symmetries.
#include "sim/tabular/tabular_dpo.hpp"

#include <doctest/doctest.h>

#include <Eigen/Cholesky>

#include "sim/base/newton.hpp"
#include "tests/support/tabular_support.hpp"

using namespace prefdyn;
using test::contains;
using test::input_error;
using test::random_world;
using test::relative_error;

namespace {

DpoProblem problem_of(const TabularWorld& world, double beta, std::int64_t n = 0,
                      std::uint64_t i = 0) {
    return {n == 0 ? population(world) : draw(world, n, test::seed(), i), log_reference(world),
            beta};
}

double plain_loss(const DpoProblem& p, const RowMatrix& theta) {
    double sum = 0.0, n = 0.0;
    for (Index x = 0; x < theta.rows(); ++x)
        for (Index a = 0; a < theta.cols(); ++a)
            for (Index b = 0; b < theta.cols(); ++b) {
                double za = 0.0, zb = 0.0;  // through the full log softmax of both policies
                for (Index k = 0; k < theta.cols(); ++k) {
                    za += std::exp(theta(x, k));
                    zb += std::exp(p.log_reference(x, k));
                }
                const double ra = theta(x, a) - std::log(za) - p.log_reference(x, a) + std::log(zb);
                const double rb = theta(x, b) - std::log(za) - p.log_reference(x, b) + std::log(zb);
                const double w = p.data.wins[static_cast<std::size_t>(x)](a, b);
                sum -= w * std::log(1.0 / (1.0 + std::exp(-p.beta * (ra - rb))));
                n += w;
            }
    return sum / n;
}

}  // namespace

TEST_CASE("loss against plain loops; gradient and Hessian against differences") {
    for (const Index A : {2, 3, 8})
        for (const double beta : {0.05, 0.5, 2.0}) {
            const DpoProblem p = problem_of(random_world(3, A, 10), beta, 500);
            const RowMatrix theta = test::gaussian(3, A, 11);
            CHECK(relative_error(dpo_loss(p, theta), plain_loss(p, theta)) <= 1e-13);
            const RowMatrix gradient = dpo_gradient(p, theta);
            const auto hessian = dpo_hessian(p, theta);
            const double h = 1e-5;
            for (Index x = 0; x < 3; ++x)
                for (Index a = 0; a < A; ++a) {
                    RowMatrix up = theta, down = theta;
                    up(x, a) += h;
                    down(x, a) -= h;
                    const double slope = (plain_loss(p, up) - plain_loss(p, down)) / (2.0 * h);
                    CHECK(std::fabs(gradient(x, a) - slope) <= 1e-9 * beta);
                    const RowMatrix second =
                        (dpo_gradient(p, up) - dpo_gradient(p, down)) / (2.0 * h);
                    for (Index y = 0; y < 3; ++y)
                        for (Index b = 0; b < A; ++b) {
                            const double want =
                                x == y ? hessian[static_cast<std::size_t>(x)](a, b) : 0.0;
                            CHECK(std::fabs(second(y, b) - want) <= 1e-9 * beta);
                        }
                }
        }
}

TEST_CASE(
    "two responses: the log odds are those of the reference plus logit of the counts / beta") {
    for (const double beta : {0.05, 0.5, 2.0})
        for (const auto& [won, lost] : {std::pair{3.0, 1.0}, {1.0, 1.0}, {7.0, 500.0}}) {
            RowMatrix reference(1, 2);
            reference << std::log(0.2), std::log(0.8);
            Comparisons data{{Matrix::Zero(2, 2)}};
            data.wins[0](0, 1) = won;
            data.wins[0](1, 0) = lost;
            const DpoSolution s = solve_dpo({data, reference, beta});
            const double odds = s.log_policy(0, 0) - s.log_policy(0, 1);
            CHECK(s.converged);
            CHECK(s.gradient_norm <= 1e-15);
            CHECK(std::fabs(odds - std::log(0.25) - std::log(won / lost) / beta) <= 1e-11 / beta);
            CHECK(std::fabs(std::exp(s.log_policy(0, 0)) + std::exp(s.log_policy(0, 1)) - 1.0) <=
                  1e-14);
        }
}

TEST_CASE("Newton ends at gradient norm 1e-12 or below and reports the true curvature") {
    for (const Index A : {2, 3, 8})
        for (const double scale : {0.1, 1.0, 3.0}) {
            const DpoProblem p = problem_of(random_world(3, A, 12, scale), 0.3);
            const DpoSolution s = solve_dpo(p);
            CHECK(s.converged);
            CHECK(s.gradient_norm <= 1e-14);
            CHECK(dpo_gradient(p, s.log_policy).norm() <= 1e-13);
            double least = kInfinity;  // by inverse iteration outside the constant vector
            for (const Matrix& h : dpo_hessian(p, s.log_policy)) {
                const Matrix shifted = h + Matrix::Constant(A, A, h.trace());
                const Eigen::LLT<Matrix> inverse(shifted);
                Vector v = Vector::LinSpaced(A, -1.0, 1.3).array().cube() + 0.1;
                for (int k = 0; k < 50000; ++k) v = inverse.solve(v).normalized();
                least = std::min(least, v.dot(shifted * v));
            }
            CHECK(relative_error(s.curvature, least) <= 1e-6);
        }
}

TEST_CASE("gradient descent converges to the same policy") {
    for (const Index A : {2, 3, 8})
        for (const double beta : {0.05, 2.0}) {
            const DpoProblem p = problem_of(random_world(2, A, 13), beta, 2000);
            REQUIRE(existence(p.data).optimum == Optimum::kUnique);
            const DpoSolution slow = descend_dpo(p, 1e-13 * beta, 100000);
            CHECK(slow.converged);
            CHECK(slow.iterations > 10);
            CHECK(log_ratio_gap(slow.log_policy, solve_dpo(p).log_policy) <= 1e-9 / beta);
        }
}

TEST_CASE("a constant per prompt in the logits or the reference changes nothing") {
    DpoProblem p = problem_of(random_world(2, 4, 14), 0.4, 3000);
    const RowMatrix theta = test::gaussian(2, 4, 15);
    RowMatrix moved = theta;
    moved.row(0).array() += 5.0;
    moved.row(1).array() -= 3.0;
    CHECK(relative_error(dpo_loss(p, moved), dpo_loss(p, theta)) <= 1e-14);
    CHECK(relative_error(dpo_gradient(p, moved), dpo_gradient(p, theta)) <= 1e-13);
    const RowMatrix before = solve_dpo(p).log_policy;
    p.log_reference.row(1).array() += 2.0;
    CHECK(log_ratio_gap(solve_dpo(p).log_policy, before) <= 1e-12);
}

TEST_CASE("permuted responses, scaled counts and traded beta give the same policy") {
    const DpoProblem p = problem_of(random_world(2, 4, 16), 0.4, 3000);
    const RowMatrix want = solve_dpo(p).log_policy;
    DpoProblem q = p;
    for (Matrix& m : q.data.wins) m = m.reverse().eval();
    q.log_reference = test::reversed(p.log_reference);
    CHECK(log_ratio_gap(test::reversed(solve_dpo(q).log_policy), want) <= 1e-11);
    DpoProblem doubled = p;
    for (Matrix& m : doubled.data.wins) m *= 2.0;
    CHECK(log_ratio_gap(solve_dpo(doubled).log_policy, want) <= 1e-11);
    DpoProblem half = p;  // log(pi / pi_ref) is proportional to 1 / beta
    half.beta = 0.2;
    const RowMatrix twice = log_softmax(2.0 * (want - p.log_reference) + p.log_reference);
    CHECK(log_ratio_gap(solve_dpo(half).log_policy, twice) <= 1e-11);
}

TEST_CASE("a response that never loses: no optimum, and the solver says which") {
    DpoProblem p = problem_of(random_world(2, 3, 17), 0.4);
    p.data.wins[1].col(2).setZero();
    const DpoSolution s = solve_dpo(p);
    CHECK(s.existence.optimum == Optimum::kAtInfinity);
    CHECK(contains(s.existence.reason, "prompt 1, responses 2 and 0"));
    CHECK_FALSE(s.converged);
    CHECK(std::isnan(s.log_policy(0, 0)));
    // Descent sees the logit grow without end.
    const DpoSolution early = descend_dpo(p, 0.0, 2000), late = descend_dpo(p, 0.0, 40000);
    CHECK(late.log_policy(1, 0) < early.log_policy(1, 0) - 0.5);
}

TEST_CASE("a response never compared: training from the reference decides, Newton agrees") {
    TabularWorld world = random_world(1, 4, 18);
    RowMatrix mu = RowMatrix::Ones(1, 4);
    mu(0, 2) = 0.0;
    world.pair = pairs_from(mu);
    const DpoProblem p = problem_of(world, 0.4);
    const DpoSolution s = solve_dpo(p);
    CHECK(s.existence.optimum == Optimum::kNotUnique);
    CHECK(s.converged);
    CHECK(log_ratio_gap(descend_dpo(p, 1e-14, 100000).log_policy, s.log_policy) <= 1e-10);
}

TEST_CASE("a class: its optimum has no gradient along the class, full and spanning bases agree") {
    const TabularWorld world = random_world(2, 3, 19);
    DpoProblem p = problem_of(world, 0.4);
    const RowMatrix all = solve_dpo(p).log_policy;
    p.basis = Matrix::Identity(6, 6);
    CHECK(log_ratio_gap(solve_dpo(p).log_policy, all) <= 1e-11);
    p.basis = test::gaussian(6, 2, 20);
    const DpoSolution s = solve_dpo(p);
    const RowMatrix gradient = dpo_gradient(p, s.log_policy);
    CHECK(gradient.norm() >= 1e-3);
    CHECK((p.basis.transpose() * Eigen::Map<const Vector>(gradient.data(), 6)).norm() <= 1e-14);
}

TEST_CASE("Newton on a quartic valley with a kernel: stays in the range, line search is needed") {
    const auto f = [](const Vector& x) {
        const double s = x(0) + x(1), e = std::sqrt(1.0 + s * s);  // full steps diverge from s = 2
        Expansion out;
        out.value = e;
        out.gradient.setConstant(2, s / e);
        out.hessian.setConstant(2, 2, 1.0 / (e * e * e));
        return out;
    };
    const NewtonResult r = newton(f, Vector{{3.0, -1.0}}, 1e-12);
    CHECK(r.converged);
    CHECK(std::fabs(r.x(0) + r.x(1)) <= 1e-12);
    CHECK(std::fabs(r.x(0) - r.x(1) - 4.0) <= 1e-12);
    CHECK(relative_error(r.curvature, 2.0) <= 1e-9);
}

TEST_CASE("bad problems are refused") {
    const DpoProblem good = problem_of(random_world(2, 3, 21), 0.4);
    const auto refused = [&](auto spoil) {
        DpoProblem p = good;
        spoil(p);
        return input_error([&] { solve_dpo(p); });
    };
    using P = DpoProblem&;
    CHECK(refused([](P) {}).empty());
    for (const double beta : {0.0, -1.0, kNan, kInfinity})
        CHECK(contains(refused([&](P p) { p.beta = beta; }), "beta"));
    CHECK(contains(refused([](P p) { p.log_reference(0, 0) = -kInfinity; }), "log pi_ref"));
    CHECK(contains(refused([](P p) { p.log_reference.resize(1, 3); }), "log pi_ref"));
    CHECK(contains(refused([](P p) { p.basis = Matrix::Ones(5, 1); }), "basis"));
    CHECK(contains(refused([](P p) { p.data.wins[0](0, 1) = -1.0; }), "wins"));
    CHECK(contains(refused([](P p) {
                       for (Matrix& m : p.data.wins) m.setZero();
                   }),
                   "no comparison"));
}
