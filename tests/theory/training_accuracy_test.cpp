// T6a, T6b and T6e on trained heads.
#include <doctest/doctest.h>

#include "tests/support/run_support.hpp"

using namespace prefdyn;
using namespace prefdyn::theory;
using test::claim_named;
using test::contains;
using test::judge_one;
using test::Run;
using test::run_method;

namespace {

const std::vector<std::string> kAccuracyClaims = {"T6a", "T6b", "T6e"};

Dataset problem(Index n, Index d, double shift, double offset, std::uint64_t index) {
    Dataset data = test::gaussian_dataset(n, d, index);
    data.features.array() += offset;
    for (Index i = 0; i < n; ++i)
        data.features(i, 0) += shift * data.label[static_cast<std::size_t>(i)];
    return data;
}

/// z: two prompts along the mean, two across it, their cosines 0 but for rounding.
Dataset with_orthogonal_prompts(double angle) {
    Dataset data = test::gaussian_dataset(4, 2, 0);
    const double c = std::cos(angle), s = std::sin(angle);
    const double z[4][2] = {{1.0, 0.0}, {1.0, 0.0}, {0.0, 3.0}, {0.0, -3.0}};
    for (Index i = 0; i < 4; ++i) {
        const double y = data.label[static_cast<std::size_t>(i)];
        data.features(i, 0) = y * (c * z[i][0] - s * z[i][1]);
        data.features(i, 1) = y * (s * z[i][0] + c * z[i][1]);
    }
    return data;
}

/// min over a fine grid of r, in plain loops.
double slow_comparator(const Run& run, const Dataset& data, double t) {
    const Vector w = run.statistics.zbar / run.statistics.zbar_norm;
    const double reach = std::sqrt(t * std::log(2.0));
    double best = std::log(2.0);
    for (int k = 0; k <= 4000; ++k) {
        const double r = reach * k / 4000.0;
        double sum = 0.0;
        for (Index i = 0; i < data.samples(); ++i) {
            const double z = data.label[static_cast<std::size_t>(i)] * data.features.row(i).dot(w);
            sum += std::log1p(std::exp(-2.0 * run.facts.beta * r * z));
        }
        best = std::min(best, sum / static_cast<double>(data.samples()) + r * r / t);
    }
    return best;
}

}  // namespace

TEST_CASE("T6a, T6b and T6e hold along gradient descent and the flow on every kind of problem") {
    std::uint64_t index = 5000;
    for (const auto& [n, d] : {std::pair<Index, Index>{3, 1}, {31, 40}, {200, 5}, {100, 33}})
        for (const double shift : {0.0, 1.0, 6.0})
            for (const double offset : {0.0, 3.0}) {
                const Dataset data = problem(n, d, shift, offset, index++);
                for (const double eta_kappa : {0.01, 0.3, 1.0, -0.1}) {
                    const Method method =
                        eta_kappa < 0.0 ? Method::kFlow : Method::kGradientDescent;
                    const Run run =
                        run_method(data, method, std::fabs(eta_kappa), 300, Spacing::kLogarithmic);
                    for (const std::string& id : kAccuracyClaims) {
                        CAPTURE(id);
                        CAPTURE(eta_kappa);
                        const Verdict verdict = judge_one(claim_named(id), run.evidence());
                        CHECK(verdict.status == Status::kHolds);
                        CHECK(verdict.tightness.max <= 1.0);
                    }
                }
            }
}

TEST_CASE("after one update of gradient descent T6a is an equality") {
    for (const double eta_kappa : {0.001, 0.5, 2.0}) {
        const Run run =
            run_method(problem(200, 5, 0.5, 1.0, 5100), Method::kGradientDescent, eta_kappa, 1);
        const auto comparisons = claim_named("T6a").compare(run.evidence());
        REQUIRE(comparisons.size() == 1);
        CHECK(comparisons[0].measured.value == comparisons[0].bound.value);
        CHECK(comparisons[0].bound.radius <= kEpsilon);
        CHECK(comparisons[0].bound.value > 0.5);
        CHECK(comparisons[0].bound.value < 1.0);
        Run wrong = run;
        wrong.trajectory.records[1].train.rewards_accuracies -= 1.0 / 200.0;
        CHECK(judge_one(claim_named("T6a"), wrong.evidence()).status == Status::kViolated);
    }
}

TEST_CASE("T6a speaks while bend < 1, and its share falls with t") {
    const Run run = run_method(problem(200, 5, 1.0, 0.0, 5200), Method::kFlow, 0.01, 400);
    const double kappa = smoothness(run.evidence()).value;
    const auto comparisons = claim_named("T6a").compare(run.evidence());
    const double q = 2.0 * 0.09 * 0.25 * run.statistics.projection.squaredNorm() / 200.0;
    const auto bend = [&](double t) {
        const double x = kappa * t;
        return std::min({0.5 * x, std::sqrt(q / kappa) * (std::exp(x) - 1.0 - x) / x,
                         2.0 / 3.0 * std::sqrt(0.5 * x)});
    };
    std::size_t expected = 0;
    for (const Record& r : run.trajectory.records)
        expected += r.time > 0.0 && bend(r.time) < 1.0 ? 1 : 0;
    REQUIRE(comparisons.size() == expected);
    REQUIRE(expected > 5);
    for (const Comparison& c : comparisons) {
        Index count = 0;
        for (const double cosine : run.statistics.cosine) count += cosine > bend(c.time) ? 1 : 0;
        CHECK(c.bound.value == static_cast<double>(count) / 200.0);
    }
    CHECK(comparisons.front().bound.value > comparisons.back().bound.value);
}

TEST_CASE("a prompt orthogonal to the mean may or may not be counted, and the bound says so") {
    for (int k = 0; k < 50; ++k) {
        const Run run =
            run_method(with_orthogonal_prompts(0.1 * k), Method::kGradientDescent, 0.1, 3);
        for (const Comparison& c : claim_named("T6a").compare(run.evidence()))
            CHECK(c.bound.low() <= 0.5);
        const Status status = judge_one(claim_named("T6a"), run.evidence()).status;
        CHECK((status == Status::kHolds || status == Status::kUndecided));
    }
}

TEST_CASE("where the mean cancels to rounding nothing is guaranteed") {
    Dataset data = test::gaussian_dataset(8, 3, 5300);
    for (Index i = 0; i < 4; ++i) {
        data.features.row(i + 4) = data.features.row(i);
        data.label[static_cast<std::size_t>(i)] = 1;
        data.label[static_cast<std::size_t>(i + 4)] = -1;
    }
    data.features(7, 0) *= 1.0 + 1e-15;
    const Run run = run_method(data, Method::kGradientDescent, 0.1, 3);
    for (const Comparison& c : claim_named("T6a").compare(run.evidence()))
        CHECK(c.bound.low() <= 0.0);
}

TEST_CASE("T6b: the bound is 1 - L / log 2, vacuous while that is negative, and needs no trainer") {
    for (const Method method : {Method::kSgd, Method::kAdam, Method::kGradientDescent}) {
        const Run run = run_method(problem(60, 3, 4.0, 0.0, 5400), method, 1.8, 50);
        const auto comparisons = claim_named("T6b").compare(run.evidence());
        REQUIRE(comparisons.size() + 1 == run.trajectory.records.size());
        for (std::size_t k = 0; k < comparisons.size(); ++k) {
            const double loss = run.trajectory.records[k + 1].train.loss;
            const double bound = 1.0 - loss / std::log(2.0);
            CHECK(std::fabs(comparisons[k].bound.value - bound) <= 1e-15);
        }
        CHECK(judge_one(claim_named("T6b"), run.evidence()).status == Status::kHolds);
    }
    Run vacuous = run_method(problem(60, 3, 0.0, 0.0, 5401), Method::kGradientDescent, 0.01, 5);
    for (Record& r : vacuous.trajectory.records) r.train.loss = 0.7;  // above log 2
    CHECK(judge_one(claim_named("T6b"), vacuous.evidence()).status == Status::kVacuous);
}

TEST_CASE("T6e: the comparator is the minimum over r, and bounds the loss itself") {
    for (const double eta_kappa : {1.0, -0.1}) {
        const Dataset data = problem(80, 4, 1.5, 0.0, 5500);
        const Method method = eta_kappa < 0.0 ? Method::kFlow : Method::kGradientDescent;
        const Run run = run_method(data, method, std::fabs(eta_kappa), 300, Spacing::kLogarithmic);
        const auto comparisons = claim_named("T6e").compare(run.evidence());
        REQUIRE(comparisons.size() + 1 == run.trajectory.records.size());
        for (std::size_t k = 0; k < comparisons.size(); k += 5) {
            const double best = slow_comparator(run, data, comparisons[k].time);
            CHECK(run.trajectory.records[k + 1].train.loss <= best);
            const double bound = 1.0 - best / std::log(2.0);
            CHECK(std::fabs(comparisons[k].bound.value - bound) <= 2e-6);
        }
        CHECK(comparisons.back().bound.value > 0.3);
    }
}

TEST_CASE("every assumption of the accuracy claims is looked at and named") {
    const Dataset data = problem(50, 4, 1.0, 0.0, 5600);
    const Run run = run_method(data, Method::kGradientDescent, 0.1, 20);
    const auto reason = [&](const std::string& id, auto spoil) {
        Evidence e = run.evidence();
        spoil(e.training);
        const Verdict verdict = judge_one(claim_named(id), e);
        CHECK(verdict.status == Status::kNotApplicable);
        return verdict.reason;
    };
    CHECK(contains(reason("T6a", [](auto& t) { t.from_reference = false; }), "reference"));
    CHECK(contains(reason("T6e", [](auto& t) { t.from_reference = false; }), "reference"));
    CHECK(contains(reason("T6a", [](auto& t) { t.loss.slope_at_zero = 0.0; }), "fall at 0"));
    CHECK(contains(reason("T6e", [](auto& t) { t.phi = nullptr; }), "only the constants"));
    for (const std::string id : {"T6b", "T6e"}) {
        CHECK(contains(reason(id, [](auto& t) { t.loss.convex = false; }), "not convex"));
        CHECK(contains(reason(id, [](auto& t) { t.loss.slope_at_zero = 0.1; }), "fall at 0"));
        CHECK(contains(reason(id, [](auto& t) { t.loss.infimum = -kInfinity; }),
                       "not bounded below"));
    }
    const Run large = run_method(data, Method::kGradientDescent, 1.5, 20);
    CHECK(judge_one(claim_named("T6a"), large.evidence()).status == Status::kHolds);
    CHECK(contains(judge_one(claim_named("T6e"), large.evidence()).reason, "1.5 > 1"));
}
