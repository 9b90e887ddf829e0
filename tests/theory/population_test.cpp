#include "theory/population.hpp"

#include <doctest/doctest.h>

#include <Eigen/Eigenvalues>

#include "tests/support/run_support.hpp"
#include "theory/noise_floor.hpp"

using namespace prefdyn;
using namespace prefdyn::theory;
using test::relative_error;

namespace {

FeatureSpec uneven_spec() {
    FeatureSpec spec;
    spec.samples = 400;
    spec.dimension = 6;
    spec.p_plus = 0.3;
    spec.distinguishability = 2.0;
    spec.common_norm = 1.1;
    spec.common_angle = 70.0;
    spec.covariance = {Spectrum::kPowerLaw, 1.0, 1.5, 10.0};
    spec.covariance_minus = CovarianceSpec{Spectrum::kCondition, 1.6, 1.0, 30.0};
    return spec;
}

double largest_eigenvalue(const Matrix& a) {
    return Eigen::SelfAdjointEigenSolver<Matrix>(a).eigenvalues().maxCoeff();
}

}  // namespace

TEST_CASE("deviations: golden numbers") {
    PopulationFacts facts;
    facts.trace = 4.0;
    facts.norm = 1.0;
    // sqrt(4 / 100) + sqrt(2 log(e^2) / 100) and sqrt(4 / (100 * 0.04)).
    CHECK(relative_error(gaussian_deviation(facts, 100, std::exp(-2.0)), 0.4) <= 1e-15);
    CHECK(relative_error(markov_deviation(facts, 100, 0.04), 1.0) <= 1e-15);
    CHECK(relative_error(gaussian_deviation(facts, 400, 0.05),
                         0.1 + std::sqrt(2.0 * std::log(20.0) / 400.0)) <= 1e-15);
}

TEST_CASE("S = p_+ Sigma_+ + p_- Sigma_-: trace, norm and mean with own covariances") {
    const FeatureDistribution law(uneven_spec(), test::seed());
    const PopulationMoments& m = law.moments();
    const PopulationFacts got = population_facts(m, law.sample(1));
    const Matrix pooled = 0.3 * m.plus.dense() + 0.7 * m.minus.dense();
    CHECK(relative_error(got.trace, pooled.trace()) <= 1e-13);
    CHECK(relative_error(got.norm, largest_eigenvalue(pooled)) <= 1e-13);
    CHECK(relative_error(got.mean_norm, (0.3 * m.mean_plus - 0.7 * m.mean_minus).norm()) <= 1e-13);
    CHECK(got.gaussian);
    CHECK(got.finite_covariance);
    CHECK(got.independent);
    CHECK(got.subexponential_exponent == 2.0);
}

TEST_CASE("a common covariance is not touched by the weights") {
    FeatureSpec spec = uneven_spec();
    spec.covariance_minus.reset();
    const FeatureDistribution law(spec, test::seed());
    const PopulationFacts got = population_facts(law.moments(), law.sample(1));
    CHECK(relative_error(got.norm, largest_eigenvalue(law.moments().plus.dense())) <= 1e-13);
    CHECK(relative_error(got.trace, 6.0) <= 1e-13);
}

TEST_CASE("label noise: E zbar given labels and classes, S by true class") {
    FeatureSpec spec = uneven_spec();
    spec.label_noise = 0.2;
    const FeatureDistribution law(spec, test::seed());
    const Dataset data = law.sample(test::seed());
    const PopulationMoments& m = law.moments();
    Vector mean = Vector::Zero(6);
    Matrix pooled = Matrix::Zero(6, 6);
    for (std::size_t i = 0; i < data.label.size(); ++i) {
        mean += data.label[i] * (data.category[i] > 0 ? m.mean_plus : m.mean_minus) / 400.0;
        pooled += (data.category[i] > 0 ? m.plus : m.minus).dense() / 400.0;
    }
    CHECK(data.label != data.category);
    CHECK(relative_error(expected_zbar_norm(m, data), mean.norm()) <= 1e-12);
    const PopulationFacts got = population_facts(m, data);
    CHECK(relative_error(got.mean_norm, mean.norm()) <= 1e-12);
    CHECK(relative_error(got.trace, pooled.trace()) <= 1e-12);
    CHECK(relative_error(got.norm, largest_eigenvalue(pooled)) <= 1e-12);
}

TEST_CASE("label noise rho shrinks the expected zbar by 1 - 2 rho") {
    FeatureSpec spec;
    spec.samples = 100000;
    spec.dimension = 1;
    spec.label_noise = 0.2;
    const FeatureDistribution law(spec, 1);
    const double got = expected_zbar_norm(law.moments(), law.sample(test::seed()));
    // D/2 times the mean of kept minus flipped labels, s.d. 2 sqrt(rho (1 - rho) / n).
    CHECK(std::fabs(got - 0.5 * 0.6) <= test::kSigmas * 0.5 * 2.0 * std::sqrt(0.16 / 100000.0));
}

TEST_CASE("facts follow the noise family") {
    FeatureSpec spec = uneven_spec();
    spec.noise = {Tails::kStudentT, 1.0, 1.5};
    const FeatureDistribution heavy(spec, 1);
    const PopulationFacts got = population_facts(heavy.moments(), heavy.sample(1));
    CHECK_FALSE(got.gaussian);
    CHECK_FALSE(got.finite_covariance);
    CHECK(got.subexponential_exponent == 0.0);
    CHECK(got.bernstein_length == kInfinity);
}

TEST_CASE("T5b's deviation solves its equation and is below what is printed") {
    FeatureSpec spec = uneven_spec();
    spec.noise = {Tails::kGeneralizedNormal, 1.0, 5.0};
    const FeatureDistribution law(spec, 1);
    const PopulationMoments& m = law.moments();
    const PopulationFacts facts = population_facts(m, law.sample(1));
    CHECK(relative_error(facts.bernstein_length,
                         std::sqrt(0.5 * std::max(m.plus.trace(), m.minus.trace()))) <= 1e-13);
    for (const double n : {1.0, 10.0, 1e6})
        for (const double delta : {0.9, 0.05, 1e-9}) {
            const double r = subexponential_deviation(facts, static_cast<Index>(n), delta);
            const double l = std::log(2.0 / delta);
            CHECK(relative_error(n * r * r / (2.0 * (facts.trace + r * facts.bernstein_length)),
                                 l) <= 1e-12);
            CHECK(r <= 2.0 * l * (facts.bernstein_length / n + std::sqrt(facts.trace / n)));
        }
}

namespace {

struct Replicates {
    std::vector<MeanStatistics> means;
    std::vector<PopulationFacts> facts;

    std::vector<Evidence> evidence(double delta) const {
        std::vector<Evidence> out(means.size());
        for (std::size_t r = 0; r < means.size(); ++r) {
            out[r].of = ReplicateCase(&means[r]);
            out[r].population = facts[r];
            out[r].delta = delta;
        }
        return out;
    }
};

Replicates draw(const FeatureSpec& spec, int count) {
    const FeatureDistribution law(spec, test::seed());
    Replicates out;
    for (int r = 0; r < count; ++r) {
        const Dataset data =
            law.sample(derive_seed(test::seed(), Purpose::kReplicate, std::uint64_t(r)));
        out.means.push_back(mean_statistics(data));
        out.facts.push_back(population_facts(law.moments(), data));
    }
    return out;
}

}  // namespace

TEST_CASE("T5g and T5m cover at their level, with own covariances and label noise") {
    FeatureSpec spec = uneven_spec();
    spec.samples = 30;
    spec.label_noise = 0.1;
    const Replicates drawn = draw(spec, 2000);
    for (const std::string id : {"T5g", "T5m"}) {
        const Verdict verdict = judge(test::claim_named(id), drawn.evidence(0.05));
        CAPTURE(id);
        CHECK(verdict.status == Status::kHolds);
        CHECK(verdict.cases == 2000);
        CHECK(verdict.failures <= 200);
    }
}

TEST_CASE("T5g is sharp enough to see a wrong population mean and a wrong n") {
    FeatureSpec spec = uneven_spec();
    spec.samples = 1000;
    Replicates drawn = draw(spec, 200);
    const Claim claim = test::claim_named("T5g");
    CHECK(judge(claim, drawn.evidence(0.05)).status == Status::kHolds);
    for (auto& facts : drawn.facts) facts.mean_norm *= 0.5;
    const Verdict wrong = judge(claim, drawn.evidence(0.05));
    CHECK(wrong.status == Status::kViolated);
    CHECK(wrong.p_value < kSignificance);
}

TEST_CASE("T5n: E ||zbar||^2 = ||mean||^2 + tr S / n, and sees a scale that is off") {
    FeatureSpec spec = uneven_spec();
    spec.samples = 10;
    const Replicates drawn = draw(spec, 5000);
    NoiseFloor floor = noise_floor(drawn.means, drawn.facts, true);
    double sum = 0.0, squares = 0.0;
    for (std::size_t r = 0; r < 5000; ++r) {
        const double x =
            drawn.means[r].zbar.squaredNorm() - drawn.facts[r].mean_norm * drawn.facts[r].mean_norm;
        sum += x / 5000.0;
        squares += x * x / 5000.0;
    }
    CHECK(test::relative_error(floor.excess, sum) <= 1e-12);
    CHECK(test::relative_error(floor.standard_error, std::sqrt((squares - sum * sum) / 4999.0)) <=
          1e-9);
    CHECK(test::relative_error(floor.predicted, drawn.facts[0].trace / 10.0) <= 1e-15);
    const Claim claim = test::claim_named("T5n");
    Evidence e;
    e.of = FloorCase(&floor);
    CHECK(judge(claim, std::span(&e, 1)).status == Status::kHolds);
    floor.predicted *= 1.3;
    CHECK(judge(claim, std::span(&e, 1)).status == Status::kViolated);
    floor.samples = 999;
    CHECK(test::contains(judge(claim, std::span(&e, 1)).reason, "too few"));
    floor = noise_floor(drawn.means, drawn.facts, false);
    CHECK(test::contains(judge(claim, std::span(&e, 1)).reason, "fourth moment"));
    e.of = {};
    CHECK(test::contains(judge(claim, std::span(&e, 1)).reason, "no samples"));
}

TEST_CASE("T5a fits a constant; given one it is tested") {
    FeatureSpec spec = uneven_spec();
    spec.samples = 30;
    const Replicates drawn = draw(spec, 1000);
    auto cases = drawn.evidence(0.05);
    const Claim claim = test::claim_named("T5a");
    const Verdict fit = judge(claim, cases);
    CHECK(fit.status == Status::kFitted);
    CHECK(std::isfinite(fit.fitted));
    for (Evidence& e : cases) e.constant = fit.fitted;
    const Verdict at_fit = judge(claim, cases);
    CHECK(at_fit.status == Status::kHolds);
    CHECK(at_fit.failures == 50);  // exactly the share delta that the fit leaves out
    for (Evidence& e : cases) e.constant = fit.fitted - 1.0;
    CHECK(judge(claim, cases).status == Status::kViolated);
}
