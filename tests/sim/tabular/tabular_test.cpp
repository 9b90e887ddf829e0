// Tabular worlds: what is drawn from them, when their optimum exists, what is refused.
#include "sim/tabular/tabular.hpp"

#include <doctest/doctest.h>

#include "sim/tabular/tabular_graph.hpp"
#include "tests/support/tabular_support.hpp"

using namespace prefdyn;
using test::input_error;
using test::kSigmas;
using test::random_world;

namespace {

/// One prompt in which (a, b) of `beats` say that a beat b once.
Comparisons graph(Index A, const std::vector<std::pair<Index, Index>>& beats) {
    Comparisons out{{Matrix::Zero(A, A)}};
    for (const auto& [a, b] : beats) out.wins[0](a, b) += 1.0;
    return out;
}

Optimum optimum(Index A, const std::vector<std::pair<Index, Index>>& beats) {
    return existence(graph(A, beats)).optimum;
}

std::string refused(const std::function<void(TabularWorld&)>& spoil) {
    TabularWorld world = random_world(2, 3, 1);
    spoil(world);
    return input_error([&] { validate(world); });
}

}  // namespace

TEST_CASE("Ford's condition on graphs made by hand") {
    CHECK(optimum(2, {{0, 1}, {1, 0}}) == Optimum::kUnique);
    CHECK(optimum(3, {{0, 1}, {1, 2}, {2, 0}}) == Optimum::kUnique);  // a cycle is enough
    CHECK(optimum(2, {{0, 1}}) == Optimum::kAtInfinity);
    CHECK(optimum(3, {{0, 1}, {1, 0}, {0, 2}, {1, 2}}) == Optimum::kAtInfinity);
    CHECK(optimum(4, {{0, 1}, {1, 0}, {2, 3}, {3, 2}}) == Optimum::kNotUnique);
    CHECK(optimum(4, {{0, 1}, {1, 0}, {2, 3}, {3, 2}, {1, 2}}) == Optimum::kAtInfinity);
    CHECK(optimum(4, {{0, 1}, {1, 0}, {2, 3}}) == Optimum::kAtInfinity);  // both: no optimum wins
    CHECK(optimum(3, {{0, 1}, {1, 0}}) == Optimum::kNotUnique);
    const Existence e = existence(graph(3, {{0, 1}, {1, 0}}));
    CHECK(test::contains(e.reason, "prompt 0, responses 0 and 2"));
    CHECK(existence(graph(2, {{0, 1}, {1, 0}})).reason.empty());
}

TEST_CASE("components are named by their least response") {
    const auto root = components(graph(5, {{4, 1}, {2, 3}, {1, 0}}).wins[0]);
    CHECK(root == std::vector<Index>{0, 0, 2, 2, 0});
}

TEST_CASE("population: the plain formula, total 1") {
    TabularWorld world = random_world(3, 4, 2);
    world.pair[1] = Matrix::Zero(4, 4);
    world.pair[1](0, 2) = 0.7;  // as an ordered pair
    world.pair[1](3, 0) = 0.3;
    const Comparisons data = population(world);
    double total = 0.0;
    for (std::size_t x = 0; x < 3; ++x)
        for (Index a = 0; a < 4; ++a)
            for (Index b = 0; b < 4; ++b) {
                const double r =
                    world.reward(static_cast<Index>(x), a) - world.reward(static_cast<Index>(x), b);
                const double want = a == b ? 0.0
                                           : world.weight(static_cast<Index>(x)) *
                                                 (world.pair[x](a, b) + world.pair[x](b, a)) /
                                                 (1.0 + std::exp(-r));
                CHECK(std::fabs(data.wins[x](a, b) - want) <= 1e-16);
                total += data.wins[x](a, b);
            }
    CHECK(std::fabs(total - 1.0) <= 1e-14);
}

TEST_CASE("counts are multinomial: they sum to n and have the cells' means and variances") {
    const TabularWorld world = random_world(2, 3, 3);
    const Comparisons mean = population(world);
    const std::size_t replicates = 4000;
    const double n = 50.0;
    std::vector<Matrix> sum(2, Matrix::Zero(3, 3)), square = sum;
    for (std::size_t i = 0; i < replicates; ++i) {
        const Comparisons data = draw(world, 50, test::seed(), i);
        CHECK(data.total() == n);
        for (std::size_t x = 0; x < 2; ++x) {
            CHECK(data.wins[x].diagonal().isZero());
            sum[x] += data.wins[x];
            square[x] += data.wins[x].cwiseProduct(data.wins[x]);
        }
    }
    for (std::size_t x = 0; x < 2; ++x)
        for (Index a = 0; a < 3; ++a)
            for (Index b = 0; b < 3; ++b) {
                if (a == b) continue;
                const double p = mean.wins[x](a, b), v = n * p * (1.0 - p), R = replicates;
                const double m = sum[x](a, b) / R;
                CHECK(std::fabs(m - n * p) <= kSigmas * std::sqrt(v / R));
                // Var of a sample variance: at most (mu_4) / R, mu_4 <= v (1 + 3 v).
                CHECK(std::fabs(square[x](a, b) / R - m * m - v) <=
                      kSigmas * std::sqrt(v * (1.0 + 3.0 * v) / R));
            }
}

TEST_CASE("a draw is a function of (seed, i) alone; large n costs nothing") {
    const TabularWorld world = random_world(2, 3, 4);
    const Comparisons a = draw(world, 1000, 7, 3);
    draw(world, 10, 7, 2);
    const Comparisons b = draw(world, 1000, 7, 3), c = draw(world, 1000, 7, 4);
    CHECK(test::same_bits(a.wins[1], b.wins[1]));
    CHECK_FALSE(test::same_bits(a.wins[1], c.wins[1]));
    const std::int64_t huge = 1'000'000'000'000;
    CHECK(draw(world, huge, 7, 0).total() == static_cast<double>(huge));
}

TEST_CASE("a certain preference is always drawn, an excluded pair never") {
    TabularWorld world = random_world(1, 3, 5);
    world.preference[0](0, 1) = 1.0;
    world.preference[0](1, 0) = 0.0;
    world.pair[0].setZero();
    world.pair[0](1, 0) = 1.0;
    const Comparisons data = draw(world, 1000, test::seed(), 0);
    CHECK(data.wins[0](0, 1) == 1000.0);
    CHECK(data.wins[0].sum() == 1000.0);
}

TEST_CASE("KL and the log ratio against plain loops; zeros of the reference") {
    const TabularWorld world = random_world(3, 4, 6);
    const RowMatrix p = log_softmax(test::gaussian(3, 4, 60)),
                    q = log_softmax(test::gaussian(3, 4, 61));
    double want = 0.0, gap = 0.0;
    for (Index x = 0; x < 3; ++x)
        for (Index a = 0; a < 4; ++a) {
            want += world.weight(x) * std::exp(p(x, a)) * (p(x, a) - q(x, a));
            gap = std::max(gap, std::fabs(p(x, a) - q(x, a)));
        }
    CHECK(test::relative_error(divergence(world.weight, p, q), want) <= 1e-13);
    CHECK(log_ratio_gap(p, q) == gap);
    CHECK(divergence(world.weight, p, p) == 0.0);
    RowMatrix zero(1, 2), half(1, 2);
    zero << 0.0, -kInfinity;
    half.setConstant(std::log(0.5));
    CHECK(test::relative_error(divergence(Vector::Ones(1), zero, half), std::log(2.0)) <= 1e-14);
    CHECK(log_ratio_gap(zero, half) == kInfinity);
    CHECK(log_ratio_gap(zero, zero) == 0.0);
    half(0, 0) = kNan;
    CHECK(std::isnan(log_ratio_gap(half, zero)));
}

TEST_CASE("a world that is none is refused, with every reason") {
    using W = TabularWorld&;
    using test::contains;
    CHECK(refused([](W) {}).empty());
    CHECK(contains(refused([](W w) { w.weight(0) = -w.weight(0); }), "weight is no distribution"));
    CHECK(contains(refused([](W w) { w.reference(1, 0) += 0.1; }), "reference of prompt 1"));
    CHECK(contains(refused([](W w) { w.reference(0, 0) = kNan; }), "reference of prompt 0"));
    CHECK(contains(refused([](W w) { w.reward(1, 2) = kNan; }), "reward of prompt 1"));
    CHECK(contains(refused([](W w) { w.pair[0](0, 0) = 0.1; }), "pair of prompt 0"));
    CHECK(contains(refused([](W w) { w.preference[1](0, 1) = 1.5; }), "preference of prompt 1"));
    CHECK(contains(refused([](W w) { w.preference[1](0, 1) = kNan; }), "preference of prompt 1"));
    CHECK(contains(refused([](W w) { w.weight = Vector::Ones(3); }), "weight"));
    CHECK(contains(refused([](W w) { w.pair.pop_back(); }), "one (A, A) matrix"));
    const auto zero = [](W w) { w.reference.row(0) << 0.5, 0.5, 0.0; };
    CHECK(contains(refused(zero), "has a zero and floor = 0"));
    CHECK(refused([&](W w) { zero(w), w.floor = 1e-6; }).empty());
    const std::string both = refused([](W w) { w.weight(0) = 5.0, w.reward(0, 0) = kNan; });
    CHECK(contains(both, "weight"));
    CHECK(contains(both, "reward of prompt 0"));
}

TEST_CASE("comparisons that are none are refused") {
    const auto check = [](Comparisons data) { return input_error([&] { validate(data); }); };
    CHECK(check(graph(2, {{0, 1}})).empty());
    CHECK(test::contains(check(graph(2, {})), "there is no comparison"));
    CHECK(test::contains(check({}), "prompts >= 1"));
    for (const double bad : {-1.0, kNan, kInfinity}) {
        Comparisons data = graph(3, {{0, 1}});
        data.wins[0](2, 1) = bad;
        CHECK(test::contains(check(data), "finite and >= 0"));
    }
    Comparisons self = graph(3, {{0, 1}});
    self.wins[0](1, 1) = 1.0;
    CHECK(test::contains(check(self), "with itself"));
    CHECK_FALSE(input_error([] { draw(random_world(1, 2, 7), 0, 1, 0); }).empty());
}
