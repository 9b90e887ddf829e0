// The synthetic feature distributions: population moments are exact, samples have them.
#include "sim/data/distribution.hpp"

#include <doctest/doctest.h>

#include <Eigen/Eigenvalues>

#include "tests/support/support.hpp"

using namespace prefdyn;
using test::contains;
using test::input_error;
using test::kSigmas;
using test::relative_error;

namespace {

constexpr double kRadians = 3.14159265358979323846 / 180.0;

/// Every tail family with every spectrum and direction; odd ones have an own negative covariance.
std::vector<FeatureSpec> all_specs() {
    std::vector<FeatureSpec> out;
    for (std::size_t t = 0; t < tail_names().size(); ++t)
        for (std::size_t s = 0; s < spectrum_names().size(); ++s)
            for (std::size_t u = 0; u < direction_names().size(); ++u) {
                FeatureSpec spec;
                spec.samples = 50;
                spec.dimension = 7;
                spec.p_plus = 0.4;
                spec.distinguishability = 2.5;
                spec.common_norm = 1.5;
                spec.common_angle = 50.0;
                spec.noise.tails = static_cast<Tails>(t);
                spec.covariance = {static_cast<Spectrum>(s), 0.8, 1.2, 60.0};
                spec.direction = static_cast<Direction>(u);
                if (out.size() % 2 == 1)
                    spec.covariance_minus = CovarianceSpec{Spectrum::kCondition, 1.3, 1.0, 9.0};
                out.push_back(spec);
            }
    return out;
}

std::string label_of(const FeatureSpec& spec) {
    return tail_names()[static_cast<std::size_t>(spec.noise.tails)] + " / " +
           spectrum_names()[static_cast<std::size_t>(spec.covariance.spectrum)] + " / " +
           direction_names()[static_cast<std::size_t>(spec.direction)];
}

struct ClassMoments {
    Index n = 0;
    Vector mean;
    Matrix covariance;  ///< ddof = 1
};

ClassMoments measure(const Dataset& data, int sign) {
    ClassMoments out{0, Vector::Zero(data.dimension()),
                     Matrix::Zero(data.dimension(), data.dimension())};
    for (Index i = 0; i < data.samples(); ++i)
        if (data.label[static_cast<std::size_t>(i)] == sign) {
            ++out.n;
            out.mean += data.features.row(i).transpose();
        }
    out.mean /= double(out.n);
    for (Index i = 0; i < data.samples(); ++i)
        if (data.label[static_cast<std::size_t>(i)] == sign) {
            const Vector x = data.features.row(i).transpose() - out.mean;
            out.covariance += x * x.transpose();
        }
    out.covariance /= double(out.n - 1);
    return out;
}

void check_covariance(const Covariance& sigma, const CovarianceSpec& spec, Index d) {
    const Eigen::SelfAdjointEigenSolver<Matrix> solver(sigma.dense());
    CHECK(relative_error(sigma.trace(), double(d) * spec.sigma * spec.sigma) <= 1e-14);
    CHECK(relative_error(sigma.norm(), solver.eigenvalues().maxCoeff()) <= 1e-13);
}

std::string rejected(const FeatureSpec& spec) {
    return input_error([&] { FeatureDistribution(spec, 1); });
}

}  // namespace

TEST_CASE("population moments: D, common mean and angle, trace and operator norm are exact") {
    for (const FeatureSpec& spec : all_specs()) {
        CAPTURE(label_of(spec));
        const PopulationMoments m = FeatureDistribution(spec, test::seed()).moments();
        const Vector difference = m.mean_plus - m.mean_minus;
        const Vector common = 0.5 * (m.mean_plus + m.mean_minus);
        CHECK(relative_error(difference.norm(), 2.5) <= 1e-14);
        CHECK(relative_error(common.norm(), 1.5) <= 1e-14);
        CHECK(relative_error(common.dot(difference) / (1.5 * 2.5), std::cos(50.0 * kRadians)) <=
              1e-13);
        check_covariance(m.plus, spec.covariance, 7);
        check_covariance(m.minus, spec.covariance_minus.value_or(spec.covariance), 7);
        CHECK(m.finite_covariance);
        CHECK(m.gaussian == (spec.noise.tails == Tails::kGaussian));
        CHECK(m.subexponential_exponent == subexponential_exponent(spec.noise));
    }
}

TEST_CASE("the mean difference points where it is told to") {
    for (FeatureSpec spec : all_specs()) {
        CAPTURE(label_of(spec));
        const PopulationMoments m = FeatureDistribution(spec, test::seed()).moments();
        const Vector u = (m.mean_plus - m.mean_minus) / 2.5;
        const double along = u.dot(m.plus.dense() * u);
        if (spec.direction == Direction::kAxis) CHECK(relative_error(u(0), 1.0) <= 1e-14);
        if (spec.direction == Direction::kTop)
            CHECK(relative_error(along, m.plus.eigenvalues(0)) <= 1e-12);
        if (spec.direction == Direction::kBottom)
            CHECK(relative_error(along, m.plus.eigenvalues(6)) <= 1e-12);
        if (spec.direction == Direction::kRandom) CHECK(std::fabs(u(0)) < 0.999);
    }
}

TEST_CASE("moments = sample: class means, covariances and Dhat are the population's to rounding") {
    for (FeatureSpec spec : all_specs())
        for (const Index n : {20, 21, 50}) {  // 20: n_+ = 8 = d + 1, the smallest allowed
            spec.samples = n;
            spec.moments = Moments::kSample;
            CAPTURE(label_of(spec));
            CAPTURE(n);
            const FeatureDistribution law(spec, test::seed());
            const Dataset data = law.sample(test::seed() + 1);
            const ClassMoments plus = measure(data, +1), minus = measure(data, -1);
            CHECK(relative_error(plus.mean, law.moments().mean_plus) <= 1e-10);
            CHECK(relative_error(minus.mean, law.moments().mean_minus) <= 1e-10);
            CHECK(relative_error(plus.covariance, law.moments().plus.dense()) <= 1e-10);
            CHECK(relative_error(minus.covariance, law.moments().minus.dense()) <= 1e-10);
            CHECK(relative_error((plus.mean - minus.mean).norm(), 2.5) <= 1e-10);
            CHECK_FALSE(law.moments().gaussian);
        }
}

TEST_CASE("population samples have the population's means and Gaussian covariance") {
    // Within kSigmas standard errors: Var of a mean is Sigma_jj / n, of a Gaussian covariance entry
    // (Sigma_ii Sigma_jj + Sigma_ij^2) / (n - 1).
    for (FeatureSpec spec : all_specs()) {
        if (spec.direction != Direction::kRandom) continue;
        spec.samples = 20000;
        CAPTURE(label_of(spec));
        const FeatureDistribution law(spec, test::seed());
        const Dataset data = law.sample(test::seed() + 2);
        for (const int sign : {+1, -1}) {
            const ClassMoments got = measure(data, sign);
            const Matrix sigma = (sign > 0 ? law.moments().plus : law.moments().minus).dense();
            const Vector mean = sign > 0 ? law.moments().mean_plus : law.moments().mean_minus;
            for (Index i = 0; i < 7; ++i) {
                const double error = std::fabs(got.mean(i) - mean(i));
                CHECK(error <= kSigmas * std::sqrt(sigma(i, i) / double(got.n)));
                if (spec.noise.tails != Tails::kGaussian) continue;
                for (Index j = 0; j <= i; ++j) {
                    const double spread = sigma(i, i) * sigma(j, j) + sigma(i, j) * sigma(i, j);
                    CHECK(std::fabs(got.covariance(i, j) - sigma(i, j)) <=
                          kSigmas * std::sqrt(spread / double(got.n - 1)));
                }
            }
        }
    }
}

TEST_CASE("class counts are round(p n) and n - round(p n), the positive class first") {
    for (const Index n : {2, 3, 10, 31, 1000})
        for (const double p : {0.3, 0.5, 0.7}) {
            FeatureSpec spec;
            spec.samples = n;
            spec.dimension = 2;
            spec.p_plus = p;
            const auto plus = static_cast<Index>(std::llround(p * double(n)));
            if (plus < 1 || plus >= n) continue;
            const Dataset data = FeatureDistribution(spec, 1).sample(1);
            CHECK(data.count(+1) == plus);
            CHECK(data.count(-1) == n - plus);
            CHECK(data.label.front() == 1);
            CHECK(data.label[static_cast<std::size_t>(plus)] == -1);
            CHECK(data.category == data.label);
        }
}

TEST_CASE("label noise flips a share rho of the labels and nothing else") {
    FeatureSpec spec;
    spec.samples = 40000;
    spec.dimension = 2;
    const Dataset clean = FeatureDistribution(spec, 1).sample(test::seed());
    for (const double rho : {0.05, 0.3}) {
        spec.label_noise = rho;
        const FeatureDistribution law(spec, 1);
        for (const bool held_out : {false, true}) {
            const Dataset data = law.sample(test::seed(), held_out);
            double flipped = 0.0;
            for (std::size_t i = 0; i < data.label.size(); ++i)
                flipped += data.label[i] != data.category[i];
            CHECK(std::fabs(flipped / 40000.0 - rho) <=
                  kSigmas * std::sqrt(rho * (1.0 - rho) / 40000.0));
            CHECK(data.category == clean.category);
            if (!held_out) CHECK(test::same_bits(data.features, clean.features));
        }
    }
}

TEST_CASE("impossible specs are refused with everything that is wrong") {
    FeatureSpec spec;
    spec.dimension = 5;
    spec.samples = 11;  // n_- = 5 < d + 1
    spec.moments = Moments::kSample;
    CHECK(contains(rejected(spec), "dimension = 5"));
    CHECK(contains(rejected(spec), "the smaller has 5"));
    spec.label_noise = 0.25;
    CHECK(contains(rejected(spec), "dimension = 5"));
    CHECK(contains(rejected(spec), "label-noise must be 0, not 0.25"));
    spec = {};
    spec.samples = 3;
    spec.p_plus = 0.01;
    CHECK(contains(rejected(spec), "samples = 3"));
    CHECK(contains(rejected(spec), "leave one class empty"));
    spec = {};
    spec.dimension = 1;
    spec.common_norm = 1.0;
    spec.common_angle = 45.0;
    CHECK(contains(rejected(spec), "not 45"));
    spec.common_angle = 180.0;
    CHECK(rejected(spec).empty());
}

TEST_CASE("the smallest cases: two samples, one dimension") {
    FeatureSpec spec;
    spec.samples = 2;
    spec.dimension = 1;
    spec.distinguishability = 3.0;
    for (std::size_t k = 0; k < spectrum_names().size(); ++k)
        for (std::size_t u = 0; u < direction_names().size(); ++u) {
            spec.covariance.spectrum = static_cast<Spectrum>(k);
            spec.direction = static_cast<Direction>(u);
            const FeatureDistribution law(spec, test::seed());
            const Dataset data = law.sample(test::seed());
            CHECK(data.features.allFinite());
            CHECK(data.count(+1) == 1);
            CHECK(relative_error((law.moments().mean_plus - law.moments().mean_minus).norm(),
                                 3.0) <= 1e-15);
        }
    spec.samples = 4;  // two in each class: the least that has a covariance in d = 1
    spec.moments = Moments::kSample;
    const Dataset data = FeatureDistribution(spec, 1).sample(test::seed());
    CHECK(relative_error(measure(data, +1).covariance(0, 0), 1.0) <= 1e-10);
}

TEST_CASE("row i depends on (seed, held_out, i) alone, not on the number of rows") {
    for (FeatureSpec spec : all_specs()) {
        CAPTURE(label_of(spec));
        spec.p_plus = 0.5;
        spec.dimension = 33;
        spec.samples = 14;
        const Dataset small = FeatureDistribution(spec, 3).sample(test::seed());
        spec.samples = 1000;
        const Dataset large = FeatureDistribution(spec, 3).sample(test::seed());
        CHECK(test::same_bits(small.features.topRows(7).eval(), large.features.topRows(7).eval()));
    }
}

TEST_CASE("seeds and splits give different samples, the same ones the same bits") {
    FeatureSpec spec;
    spec.samples = 20;
    spec.dimension = 3;
    const FeatureDistribution law(spec, 1);
    const Dataset first = law.sample(5);
    CHECK(test::same_bits(first.features, law.sample(5).features));
    for (const Dataset& other : {law.sample(6), law.sample(5, true)})
        for (Index i = 0; i < 20; ++i)
            CHECK((first.features.row(i) - other.features.row(i)).norm() > 0.0);
}

TEST_CASE("a sample has the same bits for any number of threads") {
    for (const Moments moments : {Moments::kPopulation, Moments::kSample}) {
        FeatureSpec spec;
        spec.samples = 400;
        spec.dimension = 40;
        spec.moments = moments;
        spec.covariance.spectrum = Spectrum::kPowerLaw;
        std::vector<Dataset> samples;
        for (const int threads : {1, 2, 8}) {
            const test::Threads scope(threads);
            samples.push_back(FeatureDistribution(spec, 3).sample(test::seed()));
        }
        CHECK(test::same_bits(samples[0].features, samples[1].features));
        CHECK(test::same_bits(samples[0].features, samples[2].features));
    }
}
