#include "theory/population_dynamics.hpp"

#include <doctest/doctest.h>

#include <Eigen/Cholesky>

#include "sim/base/numerics.hpp"
#include "tests/support/support.hpp"
#include "theory/fresh_accuracy.hpp"

using namespace prefdyn;
using namespace prefdyn::theory;
using test::relative_error;

namespace {

const std::unique_ptr<MarginLoss> kLoss = make_margin_loss({});

Matrix spd(Index d, std::uint64_t index) {
    const Matrix a = test::gaussian(d, d, index);
    return a * a.transpose() / static_cast<double>(d) + 0.1 * Matrix::Identity(d, d);
}

/// Three components with nothing in common.
Mixture mixture(Index d, std::uint64_t index) {
    Mixture out;
    const double weights[] = {0.5, 0.2, 0.3};
    for (std::uint64_t c = 0; c < 3; ++c)
        out.push_back({weights[c], test::gaussian(d, 1, index + c).col(0), spd(d, index + 10 + c)});
    return out;
}

/// m + exp(m) = 1 + rate t.
double orthogonal_margin(double rate, double t) {
    double m = 0.0;
    for (int k = 0; k < 100; ++k) m -= (m + std::exp(m) - 1.0 - rate * t) / (1.0 + std::exp(m));
    return m;
}

/// beta E[sigma(-2 beta v^T z) z] on a grid over the plane, z = nu + L x: no Stein, no margin law.
Vector slow_velocity(const Mixture& mixture, double beta, const Vector& v) {
    Vector out = Vector::Zero(2);
    for (const auto& c : mixture) {
        const Matrix root = c.covariance.llt().matrixL();
        double mass = 0.0;
        Vector sum = Vector::Zero(2);
        for (int a = -80; a <= 80; ++a)
            for (int b = -80; b <= 80; ++b) {
                const double x = 0.1 * a, y = 0.1 * b, w = std::exp(-0.5 * (x * x + y * y));
                const double z0 = c.mean(0) + root(0, 0) * x;
                const double z1 = c.mean(1) + root(1, 0) * x + root(1, 1) * y;
                const double push = 1.0 / (1.0 + std::exp(2.0 * beta * (v(0) * z0 + v(1) * z1)));
                sum(0) += w * push * z0;
                sum(1) += w * push * z1;
                mass += w;
            }
        out += beta * c.weight * sum / mass;
    }
    return out;
}

}  // namespace

TEST_CASE("point masses on orthogonal axes: m + exp(m) = 1 + 2 beta^2 q |nu|^2 t for each") {
    const double beta = 0.4;
    const std::vector<double> q = {0.5, 0.3, 0.2}, length = {1.0, 2.5, 0.3};
    const std::vector<double> times = {0.0, 0.1, 1.0, 10.0, 300.0};
    Mixture points;
    for (std::size_t c = 0; c < 3; ++c)
        points.push_back(
            {q[c], length[c] * Vector::Unit(4, static_cast<Index>(c)), Matrix::Zero(4, 4)});
    const auto states = population_dynamics(points, *kLoss, beta, times, 1e-12);
    REQUIRE(states.size() == times.size());
    for (std::size_t k = 0; k < times.size(); ++k) {
        double loss = 0.0, margin = 0.0, squares = 0.0;
        for (std::size_t c = 0; c < 3; ++c) {
            const double rate = 2.0 * beta * beta * q[c] * length[c] * length[c];
            const double m = orthogonal_margin(rate, times[k]);
            loss += q[c] * std::log1p(std::exp(-m));
            margin += q[c] * m;
            squares += m * m / (4.0 * beta * beta * length[c] * length[c]);
        }
        CAPTURE(times[k]);
        CHECK(states[k].time == times[k]);
        CHECK(relative_error(states[k].loss, loss) <= 1e-10);
        CHECK(relative_error(states[k].rewards_margins, margin) <= 1e-10);
        CHECK(relative_error(states[k].head_change, std::sqrt(2.0 * squares)) <= 1e-10);
        CHECK(states[k].rewards_accuracies == (k == 0 ? 0.0 : 1.0));
    }
}

TEST_CASE("the velocity is the plain two-dimensional integral: Stein's lemma, nothing assumed") {
    const Mixture m = mixture(2, 9000);
    for (const double size : {0.0, 0.5, 3.0, 8.0}) {
        const Vector v = size * Vector(Vector::Map(std::vector<double>{0.8, -0.6}.data(), 2));
        const Vector got = population_velocity(m, *kLoss, 0.7, v);
        CHECK(relative_error(got, slow_velocity(m, 0.7, v)) <= 1e-9);
    }
}

TEST_CASE("the velocity is minus half the gradient of the population loss in v") {
    const Mixture m = mixture(3, 9100);
    const double beta = 0.6, h = 1e-5;
    const Vector v = 1.3 * test::gaussian(3, 1, 9150).col(0);
    const Vector velocity = population_velocity(m, *kLoss, beta, v);
    for (Index j = 0; j < 3; ++j) {
        const Vector step = h * Vector::Unit(3, j);
        const double slope = (population_state(m, *kLoss, beta, 0.0, v + step).loss -
                              population_state(m, *kLoss, beta, 0.0, v - step).loss) /
                             (2.0 * h);
        CHECK(std::fabs(velocity(j) + 0.5 * slope) <= 1e-8);
    }
}

TEST_CASE("at the reference: velocity (beta / 2) E z, loss log 2, no margin") {
    const Mixture m = mixture(5, 9200);
    Vector mean = Vector::Zero(5);
    for (const auto& c : m) mean += c.weight * c.mean;
    CHECK(relative_error(population_velocity(m, *kLoss, 0.3, Vector::Zero(5)), 0.15 * mean) <=
          1e-13);
    const auto start = population_state(m, *kLoss, 0.3, 0.0, Vector::Zero(5));
    CHECK(relative_error(start.loss, std::log(2.0)) <= 1e-13);
    CHECK(start.rewards_margins == 0.0);
    CHECK(start.head_change == 0.0);
}

TEST_CASE("rotating the features rotates v; splitting a component changes nothing") {
    const Mixture m = mixture(4, 9300);
    const Matrix q = random_orthogonal(4, Stream(test::seed(), Purpose::kBasis, 77));
    Mixture rotated = m, split = m;
    for (auto& c : rotated) {
        c.mean = q * c.mean;
        c.covariance = q * c.covariance * q.transpose();
    }
    split.push_back(split[0]);
    split[0].weight = 0.1;
    split.back().weight = m[0].weight - 0.1;
    const std::vector<double> times = {0.0, 2.0, 50.0};
    const auto a = population_dynamics(m, *kLoss, 0.3, times);
    const auto b = population_dynamics(rotated, *kLoss, 0.3, times);
    const auto c = population_dynamics(split, *kLoss, 0.3, times);
    for (std::size_t k = 1; k < times.size(); ++k) {
        CHECK(relative_error(b[k].v, q * a[k].v) <= 1e-8);
        CHECK(relative_error(b[k].loss, a[k].loss) <= 1e-9);
        CHECK(relative_error(c[k].v, a[k].v) <= 1e-8);
        CHECK(relative_error(c[k].rewards_accuracies, a[k].rewards_accuracies) <= 1e-9);
    }
}

TEST_CASE("beta and time trade: v(t; beta) = v(beta^2 t; 1) / beta") {
    const Mixture m = mixture(3, 9400);
    const auto one = population_dynamics(m, *kLoss, 1.0, {0.0, 0.5, 4.0});
    const auto small = population_dynamics(m, *kLoss, 0.1, {0.0, 50.0, 400.0});
    for (std::size_t k = 1; k < 3; ++k) {
        CHECK(relative_error(0.1 * small[k].v, one[k].v) <= 1e-8);
        CHECK(relative_error(small[k].loss, one[k].loss) <= 1e-9);
        CHECK(relative_error(small[k].rewards_margins, one[k].rewards_margins) <= 1e-8);
    }
}

TEST_CASE("class components: signs, weights, second moment; the accuracy is T6c's") {
    FeatureSpec spec;
    spec.dimension = 5;
    spec.distinguishability = 1.5;
    spec.common_norm = 2.0;
    spec.covariance.spectrum = Spectrum::kPowerLaw;
    spec.covariance_minus = CovarianceSpec{};
    const FeatureDistribution law(spec, test::seed());
    const Mixture m = class_components(law.moments(), 0.4, 0.7);
    REQUIRE(m.size() == 2);
    CHECK(std::fabs(m[0].weight - 0.28) <= 1e-15);
    CHECK(std::fabs(m[1].weight - 0.12) <= 1e-15);
    CHECK(m[1].mean == -law.moments().mean_minus);
    CHECK(relative_error(m[0].covariance, law.moments().plus.dense()) <= 1e-15);
    Vector v = test::gaussian(5, 1, 9500).col(0);
    const Mixture whole = class_components(law.moments(), 1.0, 0.7);
    CHECK(relative_error(population_state(whole, *kLoss, 0.2, 0.0, v).rewards_accuracies,
                         gaussian_accuracy(law.moments(), 0.7, v)) <= 1e-12);
    // Power iteration on M in plain loops.
    for (int k = 0; k < 500; ++k) {
        Vector next = Vector::Zero(5);
        for (const auto& c : whole) next += c.weight * (c.covariance * v + c.mean * c.mean.dot(v));
        v = next / v.norm();
    }
    CHECK(relative_error(second_moment_norm(whole), v.norm()) <= 1e-9);
}
