#include "theory/rates.hpp"

#include <doctest/doctest.h>

#include "tests/support/run_support.hpp"

using namespace prefdyn;
using namespace prefdyn::theory;
using test::relative_error;

namespace {

const LossFacts kSigmoid = {std::log(2.0), -0.5, 0.0, 0.25, true};

struct Sample {
    DatasetStatistics statistics;
    Evidence evidence;

    Sample(Dynamics dynamics, double eta) {
        statistics.zbar_norm = 3.0;
        statistics.lambda_max = 8.0;
        evidence.of = RunCase(&statistics, nullptr);
        evidence.training = {dynamics, 0.5, eta, kSigmoid, true};
    }
};

Record at(double step, double time) {
    Record record{};
    record.step = step;
    record.time = time;
    return record;
}

}  // namespace

TEST_CASE("R(0) = (beta / sqrt 2) ||zbar|| and kappa = (beta^2 / 2) lambda_max for the DPO loss") {
    const Sample s(Dynamics::kGradientFlow, 0.1);
    CHECK(relative_error(initial_rate(s.evidence).value, 0.5 / std::sqrt(2.0) * 3.0) <= 1e-15);
    CHECK(relative_error(smoothness(s.evidence).value, 0.125 * 8.0) <= 1e-15);
    CHECK(smoothness(0.5, 0.25, 8.0) == smoothness(s.evidence).value);
}

TEST_CASE("decay: exp(-kappa t) along the flow, (1 - eta kappa)^k along gradient descent") {
    const Sample flow(Dynamics::kGradientFlow, 0.1), descent(Dynamics::kGradientDescent, 0.1);
    const auto contains = [](const Ball& ball, double want) {
        return std::fabs(ball.value - want) <= ball.radius && ball.radius <= 1e-13 * want;
    };
    CHECK(contains(decay_factor(flow.evidence, at(7, 2.0)), std::exp(-2.0)));
    CHECK(contains(decay_factor(descent.evidence, at(7, 0.7)), std::pow(0.9, 7)));
    CHECK(contains(decayed_time(flow.evidence, at(7, 2.0)), 0.5 * (1.0 - std::exp(-4.0))));
    CHECK(contains(decayed_time(descent.evidence, at(1, 0.1)), 0.5 * 0.19));
    CHECK(relative_error(decayed_time(flow.evidence, at(1, 1e-12)).value, 1e-12) <= 1e-11);
    Sample flat(Dynamics::kGradientFlow, 0.1);
    flat.statistics.lambda_max = 0.0;
    CHECK(decayed_time(flat.evidence, at(7, 2.0)).value == 2.0);
}

TEST_CASE("eta kappa = 1, and a rounding above it: one step may end the descent, no NaN") {
    for (const double eta : {1.0, 1.0 + 5e-13}) {
        const Sample s(Dynamics::kGradientDescent, eta);
        CHECK(decay_factor(s.evidence, at(1, eta)).low() <= 0.0);
        CHECK(decay_factor(s.evidence, at(1, eta)).high() <= 1e-12);
        CHECK(decayed_time(s.evidence, at(3, 3 * eta)).value == 0.5);
    }
}

TEST_CASE("kappa bounds the Hessian: the largest curvature of L along any direction") {
    // At m = 0 the Hessian of L(v) in Frobenius units is beta^2 phi''(0) 2 M: kappa is attained.
    const Dataset data = test::gaussian_dataset(20, 4, 730);
    const PreferenceTask task = test::make_task(data, 0.5);
    const auto engine = make_engine(EngineKind::kReduced, task);
    const auto statistics = dataset_statistics(data);
    Vector u = Vector::Ones(4), plus, minus;
    for (int k = 0; k < 5000; ++k)
        u = (data.features.transpose() * (data.features * u)).normalized();
    engine->descent(1e-4 * u, {}, plus);
    engine->descent(-1e-4 * u, {}, minus);
    const double curvature = (minus - plus).norm() / 2e-4;  // rates and v scale by sqrt(2) alike
    CHECK(relative_error(curvature, smoothness(0.5, 0.25, statistics.lambda_max)) <= 1e-7);
}
