// The errors stated at records hold what the same training gives with fifty digits.
#include "sim/head/error_model.hpp"

#include <doctest/doctest.h>

#include <boost/multiprecision/cpp_bin_float.hpp>

#include "sim/base/ball.hpp"
#include "sim/head/trainer.hpp"
#include "tests/support/run_support.hpp"

using namespace prefdyn;

namespace {

using Exact = boost::multiprecision::cpp_bin_float_50;

Exact softplus_of(const Exact& x) { return x > 0 ? x + log1p(exp(-x)) : Exact(log1p(exp(x))); }
Exact sigmoid_of(const Exact& x) { return 1 / (1 + exp(-x)); }

/// phi and phi' of sim/loss/margin_phi.hpp, written again.
struct ExactLoss {
    std::function<Exact(const Exact&)> value, slope;
};

std::map<std::string, ExactLoss> exact_losses(const LossSpec& spec) {
    const Exact beta = spec.beta, eps = spec.label_smoothing;
    const Exact tilt = eps / (1 - 2 * eps), target = log((1 - eps) / eps);
    return {
        {"sigmoid",
         {[](const Exact& m) { return softplus_of(-m); },
          [](const Exact& m) -> Exact { return -sigmoid_of(-m); }}},
        {"ipo",
         {[=](const Exact& m) -> Exact { return (m - 0.5) * (m - 0.5) / (beta * beta); },
          [=](const Exact& m) -> Exact { return 2 * (m - 0.5) / (beta * beta); }}},
        {"cdpo",
         {[=](const Exact& m) -> Exact {
              return (1 - eps) * softplus_of(-m) + eps * softplus_of(m);
          },
          [=](const Exact& m) -> Exact {
              return eps * sigmoid_of(m) - (1 - eps) * sigmoid_of(-m);
          }}},
        {"robust",
         {[=](const Exact& m) -> Exact { return softplus_of(-m) - tilt * m; },
          [=](const Exact& m) -> Exact { return -sigmoid_of(-m) - tilt; }}},
        {"exo_pair",
         {[=](const Exact& m) -> Exact {
              return sigmoid_of(m) * (-softplus_of(-m) - log(1 - eps)) +
                     sigmoid_of(-m) * (-softplus_of(m) - log(eps));
          },
          [=](const Exact& m) -> Exact { return sigmoid_of(m) * sigmoid_of(-m) * (m - target); }}},
    };
}

LossSpec spec_of(const std::string& name, double beta) {
    LossSpec spec = typical_loss(name, beta);
    if (name == "exo_pair") spec.label_smoothing = 0.1;
    return spec;
}

struct ExactRecord {
    Exact head_change, update_rate, linear_remainder, loss;
    std::vector<Exact> margin;
};

using ExactVector = std::vector<Exact>;

Exact norm_of(const ExactVector& v) {
    Exact sum = 0;
    for (const Exact& x : v) sum += x * x;
    return sqrt(2 * sum);
}

/// Gradient descent of the exact reduction, every operation with fifty digits.
std::vector<ExactRecord> exact_descent(const Dataset& data, const ExactLoss& phi, double beta,
                                       double eta, Index steps) {
    const auto n = static_cast<std::size_t>(data.samples());
    const auto d = static_cast<std::size_t>(data.dimension());
    const auto at = [&](std::size_t i, std::size_t j) {
        return Exact(data.features(static_cast<Index>(i), static_cast<Index>(j)));
    };
    ExactVector v(d, Exact(0)), first;
    std::vector<ExactRecord> out;
    for (Index k = 0; k <= steps; ++k) {
        ExactRecord record;
        ExactVector direction(d, Exact(0));
        record.loss = 0;
        for (std::size_t i = 0; i < n; ++i) {
            Exact score = 0;
            for (std::size_t j = 0; j < d; ++j) score += at(i, j) * v[j];
            const Exact s = data.label[i], m = 2 * Exact(beta) * s * score;
            record.margin.push_back(m);
            record.loss += phi.value(m) / static_cast<double>(n);
            const Exact weight = -phi.slope(m) * s * Exact(beta) / static_cast<double>(n);
            for (std::size_t j = 0; j < d; ++j) direction[j] += weight * at(i, j);
        }
        if (k == 0) first = direction;
        ExactVector rest = v;
        for (std::size_t j = 0; j < d; ++j)
            rest[j] -= Exact(eta) * static_cast<double>(k) * first[j];
        record.head_change = norm_of(v);
        record.update_rate = norm_of(direction);
        record.linear_remainder = norm_of(rest);
        out.push_back(record);
        for (std::size_t j = 0; j < d; ++j) v[j] += Exact(eta) * direction[j];
    }
    return out;
}

double apart(double measured, const Exact& exact) {
    return static_cast<double>(abs(Exact(measured) - exact));
}

}  // namespace

TEST_CASE("gradient descent: every recorded number is within its stated error of the exact one") {
    constexpr double kBeta = 0.4;
    constexpr Index kSteps = 60;
    for (const auto& [n, d, offset] : {std::tuple{24, 5, 0.0}, {40, 3, 2.0}, {7, 11, 0.5}}) {
        Dataset data = test::gaussian_dataset(n, d, 4100 + n);
        data.features.array() += offset;
        for (const std::string name : {"sigmoid", "ipo", "cdpo", "robust", "exo_pair"}) {
            CAPTURE(name);
            const LossSpec spec = spec_of(name, kBeta);
            PreferenceTask task = test::make_task(data, kBeta);
            task.loss = make_loss(spec);
            const auto statistics = theory::dataset_statistics(data);
            const double kappa =
                theory::smoothness(kBeta, task.loss->facts().curvature_max, statistics.lambda_max);
            TrainSpec train_spec;
            train_spec.eta = 0.7 / kappa;
            train_spec.steps = kSteps;
            train_spec.records = kSteps + 1;
            const auto run = train(*make_engine(EngineKind::kReduced, task), *task.loss, train_spec,
                                   test::seed());
            const auto exact =
                exact_descent(data, exact_losses(spec).at(name), kBeta, train_spec.eta, kSteps);
            REQUIRE(run.records.size() == exact.size());
            for (std::size_t k = 0; k < exact.size(); ++k) {
                const Record& r = run.records[k];
                const MeasuredErrors& e = r.error;
                const double moved = kappa * e.drift;
                const double slope = r.update_rate + e.update_rate + moved;
                CHECK(apart(r.head_change, exact[k].head_change) <= e.head_change + e.drift);
                CHECK(apart(r.update_rate, exact[k].update_rate) <= e.update_rate + moved);
                CHECK(apart(r.linear_remainder, exact[k].linear_remainder) <=
                      e.linear_remainder + e.drift);
                CHECK(apart(r.train.loss, exact[k].loss) <= e.loss + slope * e.drift);
                const double rate = run.records[0].update_rate, time = r.time + 1.0 / kappa;
                CHECK(e.drift <= 1e-9 * rate * time);
                CHECK(e.update_rate <= 1e-9 * rate);
                CHECK(e.loss <= 1e-9 * std::fabs(run.records[0].train.loss));
                for (const Exact& m : exact[k].margin) CHECK(abs(m) < 1e6);
            }
        }
    }
}

TEST_CASE("the flow: a looser tolerance widens the error, and it holds what a tight one gives") {
    Dataset data = test::gaussian_dataset(30, 4, 4200);
    data.features.array() += 0.5;
    const PreferenceTask task = test::make_task(data, 0.5);
    const double kappa = theory::smoothness(0.5, 0.25, theory::dataset_statistics(data).lambda_max);
    const auto flow = [&](double tolerance) {
        TrainSpec spec;
        spec.method = Method::kFlow;
        spec.steps = 40;
        spec.eta = 2.0 / kappa;
        spec.flow_tolerance = tolerance;
        return train(*make_engine(EngineKind::kReduced, task), *task.loss, spec, 1).records;
    };
    const auto tight = flow(1e-13);
    double before = 0.0;
    for (const double tolerance : {1e-10, 1e-6, 1e-3, 1e-2}) {
        CAPTURE(tolerance);
        const auto loose = flow(tolerance);
        REQUIRE(loose.size() == tight.size());
        for (std::size_t k = 0; k < tight.size(); ++k) {
            const double drift = loose[k].error.drift + tight[k].error.drift;
            CHECK(std::fabs(loose[k].head_change - tight[k].head_change) <= drift + 1e-13);
            CHECK(std::fabs(loose[k].update_rate - tight[k].update_rate) <= kappa * drift + 1e-13);
        }
        CHECK(loose.back().error.drift > before);
        before = loose.back().error.drift;
    }
}

TEST_CASE("phi and phi' round no more often than stated") {
    constexpr double kBeta = 0.7;
    for (const std::string name : {"sigmoid", "ipo", "cdpo", "robust", "exo_pair"}) {
        CAPTURE(name);
        const LossSpec spec = spec_of(name, kBeta);
        const auto loss = make_margin_loss(spec);
        const ExactLoss exact = exact_losses(spec).at(name);
        const LossFacts facts = loss->facts();
        for (int k = -4000; k <= 4000; ++k) {
            const double m = 0.01 * k + 1e-4 * std::sin(k), slope = loss->derivative(m);
            const double value_terms =
                std::fabs(loss->value(m)) + std::fabs(slope * m) + std::fabs(facts.value_at_zero);
            const double slope_terms = std::fabs(slope) + facts.curvature_max * std::fabs(m) +
                                       std::fabs(facts.slope_at_zero);
            CHECK(apart(loss->value(m), exact.value(m)) <=
                  kLossRoundings * kUnitRoundoff * value_terms);
            CHECK(apart(slope, exact.slope(m)) <= kLossRoundings * kUnitRoundoff * slope_terms);
        }
    }
}

TEST_CASE("no slope is above slope_max") {
    for (const std::string& name : loss_names()) {
        const auto loss = make_loss(typical_loss(name, 0.3));
        if (!loss->margin()) continue;
        CAPTURE(name);
        for (int k = -20000; k <= 20000; ++k)
            CHECK(std::fabs(loss->margin()->derivative(0.003 * k)) <= loss->facts().slope_max);
    }
}

TEST_CASE("the dense head's errors hold the difference to the reduction") {
    const Dataset data = test::gaussian_dataset(20, 4, 4300);
    PreferenceTask task = test::make_task(data, 0.5);
    task.policy.vocabulary = 12;
    task.policy.reference = gaussian_head(12, 4, 1.0, 5);
    const double kappa = theory::smoothness(0.5, 0.25, theory::dataset_statistics(data).lambda_max);
    TrainSpec spec;
    spec.eta = 1.0 / kappa;
    spec.steps = 50;
    const auto dense = train(*make_engine(EngineKind::kDense, task), *task.loss, spec, 1).records;
    const auto reduced =
        train(*make_engine(EngineKind::kReduced, task), *task.loss, spec, 1).records;
    for (std::size_t k = 0; k < dense.size(); ++k) {
        const MeasuredErrors &a = dense[k].error, &b = reduced[k].error;
        const double drift = a.drift + b.drift;
        CHECK(std::fabs(dense[k].head_change - reduced[k].head_change) <=
              a.head_change + b.head_change + drift);
        CHECK(std::fabs(dense[k].update_rate - reduced[k].update_rate) <=
              a.update_rate + b.update_rate + kappa * drift);
        CHECK(std::fabs(dense[k].train.loss - reduced[k].train.loss) <=
              a.loss + b.loss + dense[k].update_rate * drift + kappa * drift * drift);
        CHECK(drift <= 1e-8 * dense[0].update_rate * (dense[k].time + 1.0));
    }
}
