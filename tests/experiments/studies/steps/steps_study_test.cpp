#include "experiments/studies/steps/steps_study.hpp"

#include <doctest/doctest.h>

#include "sim/tabular/tabular_steps.hpp"
#include "tests/support/support.hpp"
#include "theory/registry.hpp"

namespace prefdyn::test {

namespace {

using theory::Status;
using theory::StepFacts;

DpoProblem problem(double beta = 0.5) {
    const RowMatrix reference{{0.2, 0.5, 0.3}}, reward{{1.0, 0.0, -1.5}};
    DpoProblem out;
    out.data = population(make_world(Vector::Ones(1), reference, reward));
    out.log_reference = reference.array().log();
    out.beta = beta;
    return out;
}

theory::Verdict verdict(const std::string& id, const StepFacts& facts) {
    return judge_case(theory::select_claims(id).front(), theory::StepCase(&facts));
}

double kappa(const DpoProblem& p) {
    return theory::derivatives_of(p.data.wins, p.beta, 0.0).second;
}

}  // namespace

TEST_CASE("bounds on derivatives hold along random lines") {
    const DpoProblem p = problem(0.8);
    const auto bound = theory::derivatives_of(p.data.wins, p.beta, 0.0);
    double second = 0.0, third = 0.0, fourth = 0.0;
    for (int k = 0; k < 200; ++k) {
        Stream stream(seed(), Purpose::kTabular, static_cast<std::uint64_t>(k));
        RowMatrix at(1, 3), along(1, 3);
        fill_noise(NoiseSpec{}, stream, at.data(), 3);
        fill_noise(NoiseSpec{}, stream, along.data(), 3);
        along /= along.norm();
        const auto curvature = [&](double t) {
            return (along * dpo_hessian(p, at + t * along).front() * along.transpose()).value();
        };
        const double h = 1e-3;
        second = std::max(second, curvature(0.0));
        third = std::max(third, std::fabs(curvature(h) - curvature(-h)) / (2.0 * h));
        fourth = std::max(fourth,
                          std::fabs(curvature(h) - 2.0 * curvature(0.0) + curvature(-h)) / (h * h));
    }
    CHECK(second <= bound.second);
    CHECK(second >= 0.5 * bound.second);
    CHECK(third <= bound.third);
    CHECK(third >= 0.1 * bound.third);
    CHECK(fourth <= bound.fourth * (1.0 + 1e-3));
    CHECK(fourth >= 0.1 * bound.fourth);
}

TEST_CASE("one logit difference: the modified flow by another integrator") {
    // Two responses: x = theta_1 - theta_2, x' = -2 f(x) - h ... by plain Euler with tiny steps.
    const RowMatrix reference{{0.5, 0.5}};
    const DpoProblem p{{{Matrix{{0.0, 0.8}, {0.2, 0.0}}}}, reference.array().log(), 1.0};
    const double c = 0.7, T = 3.0;
    double x = 0.0;
    const int n = 200000;
    for (int k = 0; k < n; ++k) {
        const double s = 1.0 / (1.0 + std::exp(-x));
        const double g = s - 0.8, H = s * (1.0 - s);
        x -= T / n * 2.0 * g * (1.0 + 0.5 * c * 2.0 * H);
    }
    const FlowEnd end = modified_flow(p, c, T, 64);
    CHECK(std::fabs(end.theta(0, 0) - end.theta(0, 1) - x) <= 1e-4);
    CHECK(end.error <= 1e-8);
}

TEST_CASE("descent is second order from the modified flow, first order from the plain one") {
    const DpoProblem p = problem();
    const StepFacts facts = measure_steps(p, 4.0 / kappa(p), 4, 5);
    CHECK(std::fabs(theory::slope_between(facts.from_modified, 5) - 2.0) <= 0.1);
    CHECK(std::fabs(theory::slope_between(facts.from_plain, 5) - 1.0) <= 0.1);
    for (const char* id : {"T24a", "T24b", "T24c"})
        CHECK(verdict(id, facts).status == Status::kHolds);
    CHECK(contains(verdict("T24a", measure_steps(p, 16.0 / kappa(p), 4, 3)).reason, "h kappa = 4"));
    CHECK(contains(verdict("T24b", measure_steps(p, 1.0, 4, 1)).reason, "2 steps"));
}

TEST_CASE("steps refuse what is none") {
    const DpoProblem p = problem();
    CHECK_THROWS_AS(descended(p, 0.0, 4), InputError);
    CHECK_THROWS_AS(descended(p, 0.1, 0), InputError);
    CHECK_THROWS_AS(modified_flow(p, -0.1, 1.0, 4), InputError);
    CHECK_THROWS_AS(modified_flow(p, 0.1, kNan, 4), InputError);
}

}  // namespace prefdyn::test
