// T9b: what the start of a trained embedding says of all steps.
#include "theory/embedding/embedding_growth.hpp"

#include <doctest/doctest.h>

#include <Eigen/Eigenvalues>
#include <cmath>

#include "experiments/runs/two_layer_run.hpp"
#include "sim/base/stream.hpp"
#include "tests/support/run_support.hpp"

using namespace prefdyn;
using test::relative_error;
using theory::Status;

namespace {

double largest_eigenvalue(const Matrix& m) {
    return Eigen::SelfAdjointEigenSolver<Matrix>(m).eigenvalues().maxCoeff();
}

struct Start {
    Dataset data;
    TwoLayerModel model;
    TwoLayerTraining training;
};

/// Two classes that are anything from mixed to far apart, unequal in size, with a mean in common or
/// not; any width, size of embedding and head, beta and step size.
Start any_start(std::uint64_t index) {
    Stream stream(test::seed(), Purpose::kSuite, 91000 + index);
    const auto unit = [&] { return std::ldexp(static_cast<double>(stream() >> 11), -53); };
    const auto between = [&](double low, double high) { return low + (high - low) * unit(); };
    const auto size = [&](double low, double high) { return std::pow(10.0, between(low, high)); };
    const auto n = static_cast<Index>(between(4.0, 40.0)), d = static_cast<Index>(between(1, 10)),
               h = static_cast<Index>(between(1.0, 10.0));
    Start out;
    out.data = test::gaussian_dataset(n, d, 91000 + index);
    const double plus = between(0.2, 0.8), apart = size(-1.0, 1.5), noise = size(-1.0, 0.2),
                 common = unit() < 0.5 ? size(-2.0, 0.7) : 0.0;
    for (Index i = 0; i < n; ++i) {
        auto& label = out.data.label[static_cast<std::size_t>(i)];
        label = i == 0 || (i > 1 && unit() < plus) ? 1 : -1;
        out.data.features.row(i) *= noise;
        out.data.features(i, 0) += 0.5 * apart * label;
        out.data.features(i, d - 1) += common;
    }
    out.model = gaussian_model(h, d, unit() < 0.6 ? size(-1.0, 1.0) : 0.0, Activation::kIdentity,
                               test::seed() + index);
    out.model.embedding *= size(-1.0, 1.0);
    const Vector zbar = theory::mean_statistics(out.data).zbar;
    if (out.model.head.dot(out.model.embedding * zbar) < 0.0) out.model.head = -out.model.head;
    const double beta = size(-2.0, 1.0);
    const double kappa = theory::gauss_newton_scale(out.data, out.model, beta);
    out.training = {beta, size(-3.0, 0.5) / kappa, 60, 1};
    return out;
}

TwoLayerRun run_of(const Start& s) { return run_two_layer(s.data, {s.model}, s.training); }

std::size_t told_steps(const TwoLayerRun& run) {
    return theory::growth_of_squared(run.facts.growth, run.training.beta, run.training.eta,
                                     run.facts.steps.size() - 1)
        .size();
}

theory::Verdict judge(const TwoLayerRun& run) {
    return test::judge_one(test::claim_named("T9b"), run.evidence());
}

/// In each class one row far out on the right side, two less far on the wrong one.
Start outlier() {
    Start out;
    out.data = test::gaussian_dataset(6, 2, 1);
    const Matrix rows{{10.0, 0.0}, {-1.0, 0.5}, {-1.0, 0.5}};
    out.data.label = {1, 1, 1, -1, -1, -1};
    out.data.features << rows, -rows;
    out.model = {RowMatrix::Identity(2, 2), Vector::Zero(2), Activation::kIdentity};
    const double kappa = theory::gauss_newton_scale(out.data, out.model, 0.1);
    out.training = {0.1, 0.02 / kappa, 400, 1};
    return out;
}

}  // namespace

TEST_CASE("the first rise of D^2 is exact: 2 c r p + c^2 ||a||^2 r^2") {
    int told = 0;
    for (std::uint64_t index = 0; index < 50; ++index) {
        const Start s = any_start(index);
        if (s.model.head.norm() == 0.0) continue;
        const TwoLayerRun run = run_of(s);
        const auto rises =
            theory::growth_of_squared(run.facts.growth, s.training.beta, s.training.eta, 1);
        if (rises.empty() || run.facts.growth.acute) continue;
        const double before = run.facts.steps[0].distinguishability,
                     after = run.facts.steps[1].distinguishability;
        CHECK(std::fabs(after * after - before * before - rises[0].value) <=
              1e-11 * (after * after));
        ++told;
    }
    CHECK(told > 5);
}

TEST_CASE("the start's numbers, by plain loops") {
    const Start s = any_start(3);
    const auto& x = s.data.features;
    const Index n = x.rows(), d = x.cols(), h = s.model.embedding.rows();
    double plus = 0.0, turn = 0.0, spread = 0.0, pull = 0.0, along = 0.0;
    for (const auto label : s.data.label) plus += label > 0 ? 1.0 : 0.0;
    const double minus = static_cast<double>(n) - plus;
    std::vector<double> q(static_cast<std::size_t>(d)), delta(q);
    for (Index j = 0; j < d; ++j)
        for (Index i = 0; i < n; ++i) {
            const double label = s.data.label[static_cast<std::size_t>(i)];
            q[static_cast<std::size_t>(j)] += 0.5 * label * x(i, j) / static_cast<double>(n);
            delta[static_cast<std::size_t>(j)] += label * x(i, j) / (label > 0 ? plus : minus);
        }
    for (Index j = 0; j < d; ++j)
        turn += q[static_cast<std::size_t>(j)] * delta[static_cast<std::size_t>(j)];
    for (Index k = 0; k < h; ++k) {
        double eq = 0.0, ed = 0.0;
        for (Index j = 0; j < d; ++j) {
            eq += s.model.embedding(k, j) * q[static_cast<std::size_t>(j)];
            ed += s.model.embedding(k, j) * delta[static_cast<std::size_t>(j)];
        }
        spread += eq * ed;
        pull += s.model.head(k) * ed;
        along += s.model.head(k) * eq;
    }
    const theory::EmbeddingGrowth g = theory::embedding_growth(s.data, s.model);
    const auto within = [](const Ball& got, double want) {
        return std::fabs(got.value - want) <= got.radius + 1e-15 * std::fabs(want);
    };
    CHECK(within(g.turn, turn));
    CHECK(within(g.spread, spread));
    CHECK(within(g.pull, pull));
    CHECK(within(g.along, along));
    const Matrix moment = x.transpose() * x / static_cast<double>(n);
    const Matrix moved = s.model.embedding * moment * s.model.embedding.transpose();
    const double lambda = largest_eigenvalue(moment);
    CHECK(within(g.bend_q, lambda));
    CHECK(within(g.bend_eq, std::sqrt(lambda * largest_eigenvalue(moved))));
    const Eigen::Map<const Vector> w(delta.data(), d);
    CHECK(within(g.bend_turn, std::sqrt(lambda * w.dot(moment * w))));
}

TEST_CASE("T9b is violated by no start; it says something of most, and D may fall later") {
    int holds = 0, fell = 0;
    for (std::uint64_t index = 0; index < 400; ++index) {
        CAPTURE(index);
        const TwoLayerRun run = run_of(any_start(index));
        const auto verdict = judge(run);
        CHECK_MESSAGE(verdict.status != Status::kViolated, verdict.reason);
        holds += verdict.status == Status::kHolds ? 1 : 0;
        for (std::size_t k = told_steps(run) + 1; k < run.facts.steps.size(); ++k)
            if (run.facts.steps[k].distinguishability < run.facts.steps[k - 1].distinguishability) {
                ++fell;
                break;
            }
    }
    CHECK(holds > 200);
    CHECK(fell > 10);
}

TEST_CASE("D falls once an outlier is learned: the start tells a step before") {
    const TwoLayerRun run = run_of(outlier());
    const std::size_t told = told_steps(run);
    CHECK(told > 10);
    CHECK(told < 100);
    CHECK(judge(run).status == Status::kHolds);
    CHECK(judge(run).comparisons == told);
    CHECK(run.facts.steps[400].distinguishability < 0.97 * run.facts.steps[200].distinguishability);
    CHECK_FALSE(run.facts.growth.acute);
}

TEST_CASE("rows at acute angles: D never falls, however long the steps") {
    Start s = outlier();
    s.data.features << 3.0, 1.0, 1.0, 0.1, 0.5, 2.0, -1.0, -1.0, -4.0, 0.0, -0.2, -2.0;
    s.training.eta *= 100.0;
    const TwoLayerRun run = run_of(s);
    CHECK(run.facts.growth.acute);
    CHECK(told_steps(run) == 400);
    CHECK(judge(run).status == Status::kHolds);
    CHECK(judge(run).comparisons == 400);
    s.data.features(1, 1) = -4.0;  // now a row is at an obtuse angle to another
    CHECK_FALSE(run_of(s).facts.growth.acute);
}

TEST_CASE("T9b says which condition a start does not meet") {
    Start s = outlier();
    const Vector zbar = theory::mean_statistics(s.data).zbar;
    s.model.head = -zbar;
    const auto away = judge(run_of(s));
    CHECK(away.status == Status::kNotApplicable);
    CHECK(test::contains(away.reason, "a^T E zbar_x = -"));
    s = outlier();
    TwoLayerTraining sparse = s.training;
    sparse.every = 3;
    CHECK(test::contains(judge(run_two_layer(s.data, {s.model}, sparse)).reason, "every step"));
    const TwoLayerModel other = {RowMatrix::Identity(2, 2), zbar, Activation::kIdentity};
    CHECK(test::contains(judge(run_two_layer(s.data, {s.model, other}, s.training)).reason,
                         "reference"));
}
