// Mixtures of behaviours: prescribed Gram matrices, exact moments, counts, bad input.
#include "sim/data/mixture.hpp"

#include <doctest/doctest.h>

#include <numeric>

#include "tests/support/support.hpp"

using namespace prefdyn;
using test::contains;
using test::input_error;
using test::relative_error;

namespace {

MixtureSpec mixture(const Vector& norms, double degrees, Index d, Index n) {
    MixtureSpec spec;
    spec.gram = equiangular_gram(norms, degrees);
    spec.behaviours.assign(static_cast<std::size_t>(norms.size()), BehaviourSpec{});
    for (BehaviourSpec& b : spec.behaviours) b.weight = 1.0 / double(norms.size());
    spec.dimension = d;
    spec.samples = n;
    return spec;
}

/// Three behaviours, nothing alike.
MixtureSpec uneven() {
    MixtureSpec spec = mixture(Eigen::Vector3d(1.0, 2.0, 0.5), 70.0, 6, 200);
    const double share[] = {0.5, 0.3, 0.2};
    for (std::size_t k = 0; k < 3; ++k) spec.behaviours[k].weight = share[k];
    spec.behaviours[0].covariance = {Spectrum::kPowerLaw, 0.7, 1.0, 1.0};
    spec.behaviours[1].covariance = {Spectrum::kIsotropic, 1.3, 1.0, 1.0};
    spec.behaviours[1].noise = {Tails::kUniform, 1.0, 5.0};
    spec.behaviours[2].covariance = {Spectrum::kCondition, 0.4, 1.0, 9.0};
    spec.common_norm = 1.5;
    return spec;
}

struct ClassMoments {
    Vector mean;
    Matrix covariance;
};

ClassMoments measure(const Dataset& data, int behaviour, int sign) {
    std::vector<Index> rows;
    for (std::size_t i = 0; i < data.label.size(); ++i)
        if (data.behaviour[i] == behaviour && data.label[i] == sign)
            rows.push_back(static_cast<Index>(i));
    const Index d = data.dimension();
    ClassMoments out{Vector::Zero(d), Matrix::Zero(d, d)};
    for (const Index i : rows) out.mean += data.features.row(i).transpose() / double(rows.size());
    for (const Index i : rows) {
        const Vector x = data.features.row(i).transpose() - out.mean;
        out.covariance += x * x.transpose() / double(rows.size() - 1);
    }
    return out;
}

std::string rejected(const MixtureSpec& spec) {
    return input_error([&] { MixtureDistribution(spec, 1); });
}

}  // namespace

TEST_CASE("mean differences have the prescribed norms and angles, in both placements") {
    for (const Placement placement : {Placement::kAxis, Placement::kRandom})
        for (const Index K : {1, 2, 4, 16, 128})
            for (const double degrees : {0.0, 40.0, 90.0}) {
                CAPTURE(K);
                CAPTURE(degrees);
                const Vector norms = Vector::LinSpaced(K, 1.0, 3.0);
                MixtureSpec spec = mixture(norms, degrees, 130, 4 * K);
                spec.placement = placement;
                const MixtureDistribution law(spec, test::seed());
                const Matrix& b = law.difference();
                double worst = 0.0;
                for (Index j = 0; j < K; ++j)
                    for (Index k = 0; k < K; ++k) {
                        const double cosine = j == k ? 1.0 : std::cos(degrees * M_PI / 180.0);
                        const double want = norms(j) * norms(k) * cosine;
                        worst = std::max(worst, std::fabs(b.row(j).dot(b.row(k)) - want));
                    }
                CHECK(worst <= 1e-11);
            }
}

TEST_CASE("population moments: +-delta/2 around a common mean orthogonal to every difference") {
    const MixtureDistribution law(uneven(), test::seed());
    REQUIRE(law.moments().size() == 3);
    const Vector common = 0.5 * (law.moments()[0].mean_plus + law.moments()[0].mean_minus);
    CHECK(relative_error(common.norm(), 1.5) <= 1e-14);
    for (std::size_t k = 0; k < 3; ++k) {
        const PopulationMoments& m = law.moments()[k];
        const Vector delta = law.difference().row(Index(k)).transpose();
        CHECK(relative_error((m.mean_plus - m.mean_minus).eval(), delta) <= 1e-14);
        CHECK(relative_error((0.5 * (m.mean_plus + m.mean_minus)).eval(), common) <= 1e-14);
        CHECK(std::fabs(common.dot(delta)) <= 1e-14);
        const double sigma = uneven().behaviours[k].covariance.sigma;
        CHECK(relative_error(m.plus.trace(), 6.0 * sigma * sigma) <= 1e-14);
        CHECK(relative_error(m.minus.dense(), m.plus.dense()) == 0.0);
        CHECK(m.gaussian == (k != 1));
    }
    CHECK((law.moments()[0].plus.basis - law.moments()[2].plus.basis).norm() > 0.1);
}

TEST_CASE("moments = sample: each behaviour's means and covariances are exact in the sample") {
    MixtureSpec spec = uneven();
    spec.moments = Moments::kSample;
    const MixtureDistribution law(spec, test::seed());
    const Dataset data = law.sample(test::seed());
    for (int k = 0; k < 3; ++k)
        for (const int sign : {+1, -1}) {
            const ClassMoments got = measure(data, k, sign);
            const PopulationMoments& want = law.moments()[static_cast<std::size_t>(k)];
            CHECK(relative_error(got.mean, sign > 0 ? want.mean_plus : want.mean_minus) <= 1e-10);
            CHECK(relative_error(got.covariance, want.plus.dense()) <= 1e-10);
            CHECK_FALSE(want.gaussian);
        }
}

TEST_CASE("a behaviour may have its own class shares and a covariance for each class") {
    MixtureSpec spec = uneven();
    spec.moments = Moments::kSample;
    spec.behaviours[2].p_plus = 0.4;
    spec.behaviours[2].covariance_minus = CovarianceSpec{Spectrum::kPowerLaw, 0.5, 1.0, 1.0};
    const MixtureDistribution law(spec, test::seed());
    const Dataset data = law.sample(test::seed());
    const PopulationMoments& m = law.moments()[2];
    CHECK(relative_error(m.minus.trace(), 6.0 * 0.25) <= 1e-14);
    CHECK((m.plus.basis - m.minus.basis).norm() > 0.1);
    const ClassMoments plus = measure(data, 2, +1), minus = measure(data, 2, -1);
    CHECK(relative_error(plus.covariance, m.plus.dense()) <= 1e-10);
    CHECK(relative_error(minus.covariance, m.minus.dense()) <= 1e-10);
    Index positive = 0;
    for (std::size_t i = 0; i < data.label.size(); ++i)
        if (data.behaviour[i] == 2 && data.label[i] > 0) ++positive;
    CHECK(positive == std::llround(0.4 * static_cast<double>(law.counts()[2])));
}

TEST_CASE("population samples have each behaviour's means within the sampling error") {
    MixtureSpec spec = uneven();
    spec.samples = 30000;
    const MixtureDistribution law(spec, test::seed());
    const Dataset data = law.sample(test::seed());
    for (int k = 0; k < 3; ++k)
        for (const int sign : {+1, -1}) {
            const ClassMoments got = measure(data, k, sign);
            const PopulationMoments& m = law.moments()[static_cast<std::size_t>(k)];
            const Vector mean = sign > 0 ? m.mean_plus : m.mean_minus;
            const double rows = 0.5 * double(law.counts()[static_cast<std::size_t>(k)]);
            for (Index j = 0; j < 6; ++j)
                CHECK(std::fabs(got.mean(j) - mean(j)) <=
                      test::kSigmas * std::sqrt(m.plus.dense()(j, j) / rows));
        }
}

TEST_CASE("rows come behaviour by behaviour, positive class first, shares by largest remainder") {
    const MixtureDistribution law(uneven(), 1);
    const Dataset data = law.sample(2);
    CHECK(law.counts() == std::vector<Index>{100, 60, 40});
    std::size_t row = 0;
    for (int k = 0; k < 3; ++k)
        for (const int sign : {+1, -1})
            for (Index i = 0; i < law.counts()[static_cast<std::size_t>(k)] / 2; ++i, ++row) {
                CHECK(data.behaviour[row] == k);
                CHECK(int{data.label[row]} == sign);
            }
    CHECK(row == data.label.size());
    CHECK(largest_remainder({0.5, 0.3, 0.2}, 10) == std::vector<Index>{5, 3, 2});
    CHECK(largest_remainder({1. / 3, 1. / 3, 1. / 3}, 10) == std::vector<Index>{4, 3, 3});
    CHECK(largest_remainder({0.45, 0.35, 0.2}, 7) == std::vector<Index>{3, 3, 1});
    CHECK(largest_remainder({0.1, 0.2, 0.7}, 1000) == std::vector<Index>{100, 200, 700});
    for (const Index n : {1, 31, 33, 1000, 64000}) {
        const auto counts = largest_remainder(std::vector<double>(128, 1.0 / 128.0), n);
        CHECK(std::accumulate(counts.begin(), counts.end(), Index{0}) == n);
        CHECK(counts.front() - counts.back() <= 1);
    }
}

TEST_CASE("row i depends on (seed, held_out, i) alone, and on no number of threads") {
    MixtureSpec spec = uneven();
    spec.dimension = 600;
    std::vector<Dataset> samples;
    for (const int threads : {1, 2, 8}) {
        const test::Threads scope(threads);
        samples.push_back(MixtureDistribution(spec, 3).sample(test::seed()));
    }
    CHECK(test::same_bits(samples[0].features, samples[1].features));
    CHECK(test::same_bits(samples[0].features, samples[2].features));
    const Dataset held_out = MixtureDistribution(spec, 3).sample(test::seed(), true);
    CHECK((samples[0].features - held_out.features).rowwise().norm().minCoeff() > 0.0);
    // A mixture of one behaviour is the plain distribution with the same noise.
    MixtureSpec one = mixture(Vector::Constant(1, 2.0), 0.0, 5, 40);
    one.placement = Placement::kAxis;
    FeatureSpec plain;
    plain.samples = 40;
    plain.dimension = 5;
    plain.distinguishability = 2.0;
    CHECK(test::same_bits(MixtureDistribution(one, 1).sample(9).features,
                          FeatureDistribution(plain, 1).sample(9).features));
}

TEST_CASE("impossible mixtures are refused by name and value") {
    const Vector norms = Eigen::Vector3d(1.0, 1.0, 1.0);
    CHECK(rejected(mixture(norms, 120.0, 6, 60)).empty());  // cos = -1 / (K - 1): rank 2
    CHECK(gram_factor(equiangular_gram(norms, 120.0)).cols() == 2);
    // Smallest eigenvalue 1 + 2 cos(150 degrees) = 1 - sqrt(3).
    const std::string message = rejected(mixture(norms, 150.0, 6, 60));
    CHECK(contains(message, "most negative eigenvalue is -0.7320508"));
    MixtureSpec spec = mixture(norms, 60.0, 6, 60);
    spec.gram(0, 2) += 0.25;
    CHECK(contains(rejected(spec), "entry [0, 2] = 0.75"));
    spec.gram(0, 2) = kNan;
    CHECK(contains(rejected(spec), "entry [0, 2] = nan"));
    spec = mixture(norms, 60.0, 6, 60);
    spec.behaviours.pop_back();
    CHECK(contains(rejected(spec), "2 behaviours and a Gram matrix of 3 x 3"));
    CHECK(contains(rejected(MixtureSpec{}), "0 behaviours"));
    spec = mixture(norms, 60.0, 6, 60);
    spec.behaviours[1].weight = 0.5;
    CHECK(contains(rejected(spec), "add up to 1.16666"));
    spec.behaviours[1].weight = -0.25;
    CHECK(contains(rejected(spec), "behaviour 1: weight = -0.25"));
    spec.behaviours[1].weight = kNan;
    CHECK(contains(rejected(spec), "weight = nan"));
    spec = mixture(norms, 60.0, 3, 60);
    CHECK(rejected(spec).empty());
    spec.common_norm = 1.0;
    CHECK(contains(rejected(spec), "dimension = 3 is too small"));
    CHECK(contains(rejected(mixture(norms, 60.0, 2, 60)), "span 3"));
    CHECK(contains(rejected(mixture(norms, 60.0, 6, 5)), "leave 0 in its smaller class"));
    spec = mixture(norms, 60.0, 6, 36);
    spec.moments = Moments::kSample;
    CHECK(contains(rejected(spec), "leave 6 in its smaller class, at least 7"));
}
