// Populations of the user's own: moments in closed form, samples that have them, hostile files.
#include "sim/data/population.hpp"

#include <doctest/doctest.h>

#include "experiments/studies/dynamics/dynamics.hpp"
#include "sim/base/hdf5_file.hpp"
#include "sim/data/distribution.hpp"
#include "tests/support/npy_support.hpp"
#include "tests/support/population_support.hpp"
#include "theory/population.hpp"

using namespace prefdyn;
using test::arrays_of;
using test::contains;
using test::input_error;
using test::kSigmas;
using test::relative_error;
using test::three_components;
using test::write_hdf5;

namespace {

std::string refused(const PopulationArrays& arrays) {
    return input_error([&] { Population(arrays, "dir/pop.h5"); });
}

/// What a change makes of a good population.
template <class Change>
std::string refused_after(Change change) {
    PopulationArrays arrays = three_components();
    change(arrays);
    return refused(arrays);
}

/// Of rows of one label, by plain loops.
struct Measured {
    double n = 0.0;
    Vector mean;
    Matrix covariance;
};

Measured measured(const Dataset& data, int label) {
    Measured out{0.0, Vector::Zero(data.dimension()),
                 Matrix::Zero(data.dimension(), data.dimension())};
    for (Index i = 0; i < data.samples(); ++i)
        if (data.label[static_cast<std::size_t>(i)] == label) {
            out.n += 1.0;
            for (Index a = 0; a < data.dimension(); ++a) out.mean(a) += data.features(i, a);
        }
    out.mean /= out.n;
    for (Index i = 0; i < data.samples(); ++i)
        if (data.label[static_cast<std::size_t>(i)] == label)
            for (Index a = 0; a < data.dimension(); ++a)
                for (Index b = 0; b < data.dimension(); ++b)
                    out.covariance(a, b) += (data.features(i, a) - out.mean(a)) *
                                            (data.features(i, b) - out.mean(b)) / out.n;
    return out;
}

/// E (g_a - mu_a)(g_b - mu_b) of a label, from the arrays by plain loops.
Matrix slow_covariance(const PopulationArrays& a, double label) {
    const std::size_t C = a.means.shape[0], d = a.means.shape[1];
    std::vector<double> mean(d, 0.0);
    double share = 0.0;
    for (std::size_t k = 0; k < C; ++k)
        if (a.labels.values[k] == label) {
            share += a.weights.values[k];
            for (std::size_t i = 0; i < d; ++i)
                mean[i] += a.weights.values[k] * a.means.values[k * d + i];
        }
    Matrix out = Matrix::Zero(static_cast<Index>(d), static_cast<Index>(d));
    for (std::size_t k = 0; k < C; ++k)
        for (std::size_t i = 0; i < d; ++i)
            for (std::size_t j = 0; j < d; ++j)
                if (a.labels.values[k] == label)
                    out(static_cast<Index>(i), static_cast<Index>(j)) +=
                        a.weights.values[k] / share *
                        (a.covariances.values[(k * d + i) * d + j] +
                         (a.means.values[k * d + i] - mean[i] / share) *
                             (a.means.values[k * d + j] - mean[j] / share));
    return out;
}

FeatureSpec built_in(Spectrum spectrum) {
    FeatureSpec spec;
    spec.samples = 40;
    spec.dimension = 6;
    spec.distinguishability = 1.7;
    spec.common_norm = 0.8;
    spec.common_angle = 50.0;
    spec.covariance.spectrum = spectrum;
    spec.covariance_minus = CovarianceSpec{spectrum, 1.4, 2.0, 9.0};
    return spec;
}

}  // namespace

TEST_CASE("moments of a population of one's own, against plain sums") {
    const PopulationArrays arrays = three_components();
    const Population population(arrays, "three.h5");
    CHECK(population.dimension() == 3);
    const auto plus = population.class_moments(+1), minus = population.class_moments(-1);
    CHECK(relative_error(plus.share, 0.5) <= 1e-15);
    CHECK(relative_error(minus.share, 0.5) <= 1e-15);
    CHECK(relative_error(plus.covariance, slow_covariance(arrays, +1.0)) <= 1e-14);
    CHECK(relative_error(minus.covariance, slow_covariance(arrays, -1.0)) <= 1e-14);
    CHECK(relative_error(population.distinguishability(), (plus.mean - minus.mean).norm()) <=
          1e-14);
    CHECK(relative_error(population.zbar(), Vector(0.5 * plus.mean - 0.5 * minus.mean)) <= 1e-14);
    // By hand: mu_+ = (1, 0, 0), mu_- = 0.4 (0, -1, 0) + 0.6 (-1, 0, 1).
    CHECK(relative_error(minus.mean, Vector(Vector{{-0.6, -0.4, 0.6}})) <= 1e-14);
}

TEST_CASE("samples of a population have its moments, to what their number can tell") {
    const Population population(three_components(), "three.h5");
    constexpr Index n = 40000;
    const Dataset data = population.sample(n, test::seed());
    for (const int label : {+1, -1}) {
        const ClassMoments exact = population.class_moments(label);
        const Measured got = measured(data, label);
        const double variance = exact.covariance.diagonal().maxCoeff();
        // A mean is known to sqrt(variance / n_c) = 0.012, a covariance to sqrt(2) of the variance
        // by sqrt(n_c): six of them are 4 % and 6 % of what they are of.
        CHECK((got.mean - exact.mean).cwiseAbs().maxCoeff() <=
              kSigmas * std::sqrt(variance / got.n));
        CHECK((got.covariance - exact.covariance).cwiseAbs().maxCoeff() <=
              kSigmas * std::sqrt(2.0) * variance / std::sqrt(got.n));
        // Enough to see the distances between the components' means left out.
        Matrix within = Matrix::Zero(3, 3);
        for (const auto& c : population.components())
            if (c.label == label) within += c.weight / exact.share * c.covariance.dense();
        if (label < 0)
            CHECK((got.covariance - within).cwiseAbs().maxCoeff() >
                  kSigmas * std::sqrt(2.0) * variance / std::sqrt(got.n));
    }
}

TEST_CASE("a row depends on its number alone, a set of fresh ones is another") {
    const Population population(three_components(), "three.h5");
    const Dataset a = population.sample(50, 7), b = population.sample(50, 7);
    CHECK(test::same_bits(a.features, b.features));
    const test::Threads one(1);
    CHECK(test::same_bits(a.features, population.sample(50, 7).features));
    CHECK_FALSE(test::same_bits(a.features, population.sample(50, 8).features));
    CHECK_FALSE(test::same_bits(a.features, population.sample(50, 7, true).features));
    CHECK(a.label == population.sample(50, 7, true).label);
}

TEST_CASE("a built-in distribution written as a population: the same rows, the same facts") {
    for (const Spectrum spectrum : {Spectrum::kIsotropic, Spectrum::kCondition}) {
        const FeatureSpec spec = built_in(spectrum);
        const FeatureDistribution law(spec, test::seed());
        const auto& m = law.moments();
        const Population population(arrays_of({{0.5, +1, m.mean_plus, m.plus.dense()},
                                               {0.5, -1, m.mean_minus, m.minus.dense()}}),
                                    "built-in.h5");
        const Dataset mine = law.sample(3), own = population.sample(spec.samples, 3);
        CHECK(mine.label == own.label);
        if (spectrum == Spectrum::kIsotropic)
            CHECK(relative_error(own.features, mine.features) <= 1e-15);
        CHECK(relative_error(population.distinguishability(), spec.distinguishability) <= 1e-14);
        const auto want = theory::population_facts(m, mine),
                   got = theory::population_facts(population, spec.samples);
        CHECK(relative_error(got.mean_norm, want.mean_norm) <= 1e-14);
        CHECK(relative_error(got.trace, want.trace) <= 1e-14);
        CHECK(relative_error(got.norm, want.norm) <= 1e-12);
        CHECK(got.gaussian);
        for (const int label : {+1, -1})
            CHECK(relative_error(population.class_moments(label).covariance,
                                 (label > 0 ? m.plus : m.minus).dense()) <= 1e-14);
    }
}

TEST_CASE("the built-in mixture of T7 written as a population: the same flow") {
    const MixtureDistribution law(dynamics_settings(Profile::kQuick).back().mixture, test::seed());
    const theory::Mixture want = components(law);
    std::vector<test::GaussianComponent> parts;
    for (std::size_t k = 0; k < want.size(); ++k) {
        const int label = k % 2 == 0 ? +1 : -1;
        parts.push_back({want[k].weight, label, label * want[k].mean, want[k].covariance});
    }
    const theory::Mixture got = theory::components_of(Population(arrays_of(parts), "mixture.h5"));
    const auto loss = make_margin_loss({});
    const std::vector<double> times = {0.0, 20.0, 100.0};
    const auto a = theory::population_dynamics(want, *loss, 0.1, times),
               b = theory::population_dynamics(got, *loss, 0.1, times);
    for (std::size_t k = 1; k < times.size(); ++k) {
        CHECK(relative_error(b[k].v, a[k].v) <= 1e-12);
        CHECK(relative_error(b[k].loss, a[k].loss) <= 1e-12);
        CHECK(relative_error(b[k].rewards_accuracies, a[k].rewards_accuracies) <= 1e-12);
    }
}

TEST_CASE("rows go to components by share; a component without any is an error") {
    const Population population(three_components(), "three.h5");
    CHECK(population.counts(10) == std::vector<Index>{5, 2, 3});
    CHECK(population.counts(11) == std::vector<Index>{6, 2, 3});
    CHECK(population.least_samples(1) == 5);
    CHECK(population.least_samples(4) == 20);
    const std::string message = input_error([&] { population.counts(2); });
    CHECK(contains(message, "three.h5: 2 samples leave component 1 of weight 0.2 without any"));
}

TEST_CASE("a population is the same from HDF5, from .npy files, and as diagonals") {
    const test::TemporaryDirectory dir;
    const PopulationArrays arrays = three_components();
    write_hdf5(dir / "pop.h5", arrays);
    test::write_folder(dir / "pop", arrays);
    const Population a = read_population(dir / "pop.h5"), b = read_population(dir / "pop");
    CHECK(a.hash() == b.hash());
    CHECK(a.name() == "pop.h5");
    CHECK(a.known_name() == "pop.h5 @ " + a.hash());
    CHECK(test::same_bits(a.sample(20, 1).features, b.sample(20, 1).features));
    PopulationArrays other = arrays;
    other.means.values[4] = std::nextafter(other.means.values[4], 9.0);
    CHECK(Population(other, "pop.h5").hash() != a.hash());

    const Vector variances{{4.0, 0.0, 9.0}};
    const Vector mean{{1.0, 2.0, 3.0}};
    const auto dense = arrays_of(
        {{0.5, +1, mean, variances.asDiagonal()}, {0.5, -1, -mean, variances.asDiagonal()}});
    PopulationArrays diagonal = dense;
    diagonal.covariances = {{2, 3}, {4.0, 0.0, 9.0, 4.0, 0.0, 9.0}};
    const Population p(dense, "p"), q(diagonal, "q");
    CHECK(test::same_bits(p.sample(20, 1).features, q.sample(20, 1).features));
    CHECK(q.components()[0].covariance.norm() == 9.0);
    CHECK((q.sample(20, 1).features.col(1).array().abs() == 2.0).all());
}

TEST_CASE("what no population is, is refused with its place, value and hint") {
    using A = PopulationArrays;
    const std::string where = "dir/pop.h5: ";
    CHECK(refused(three_components()).empty());
    CHECK(contains(refused_after([](A& a) { a.weights.values[1] = -0.2; }),
                   where + "weights[1] = -0.2, must be positive"));
    CHECK(contains(refused_after([](A& a) { a.weights.values[1] = 0.0; }), "must be positive"));
    CHECK(contains(refused_after([](A& a) { a.weights.values[1] = 0.3; }),
                   where + "weights add up to 1.1"));
    CHECK(contains(refused_after([](A& a) { a.weights.values[0] = kNan; }),
                   where + "weights[0] = nan, must be finite"));
    CHECK(contains(refused_after([](A& a) { a.means.values[5] = kInfinity; }),
                   where + "means[1, 2] = inf, must be finite"));
    CHECK(contains(refused_after([](A& a) { a.covariances.values[9 + 3 + 2] = kNan; }),
                   where + "covariances[1, 1, 2] = nan, must be finite"));
    CHECK(contains(refused_after([](A& a) { a.covariances.values[9 + 3 + 2] += 1.0; }),
                   where + "covariances[1, 2, 1] = 0.25 differs from its mirror image 1.25"));
    CHECK(contains(refused_after([](A& a) { a.covariances.values[9 + 4] = -1.0; }),
                   where + "covariances[1]: its most negative eigenvalue is -1."));
    CHECK(contains(refused_after([](A& a) { a.labels.values[2] = 0.0; }),
                   where + "labels[2] = 0, allowed are +1 and -1"));
    CHECK(contains(refused_after([](A& a) { a.labels.values[2] = kNan; }), "labels[2] = nan"));
    CHECK(contains(refused_after([](A& a) { a.labels.values[0] = -1.0; }),
                   where + "labels: no component has label +1"));
    CHECK(contains(refused_after([](A& a) {
                       a.weights = {{2}, {0.5, 0.5}};
                   }),
                   where + "weights has shape (2), expected (3)"));
    CHECK(contains(refused_after([](A& a) {
                       a.labels = {{3, 1}, {1.0, -1.0, -1.0}};
                   }),
                   where + "labels has shape (3, 1), expected (3)"));
    CHECK(contains(refused_after([](A& a) {
                       a.means = {{9}, std::vector<double>(9)};
                   }),
                   where + "means has shape (9), expected (C, d)"));
    CHECK(contains(refused_after([](A& a) { a.means = {{0, 3}, {}}; }), "means has shape (0, 3)"));
    CHECK(contains(refused_after([](A& a) {
                       a.covariances = {{3, 9}, std::vector<double>(27)};
                   }),
                   where + "covariances has shape (3, 9), expected (3, 3)"));
    CHECK(contains(refused_after([](A& a) {
                       a.covariances = {{27}, std::vector<double>(27)};
                   }),
                   where + "covariances has shape (27), expected (3, 3, 3)"));
    PopulationArrays diagonal = three_components();
    diagonal.covariances = {{3, 3}, {1, 1, 1, 1, -1e-30, 1, 1, 1, 1}};
    CHECK(contains(refused(diagonal), where + "covariances[1]: variance 1 is -1e-30"));
}

TEST_CASE("rounding in a covariance is no reason to refuse it, and becomes 0") {
    const Vector x{{1.0, 2.0, -1.0}};
    Matrix flat = x * x.transpose();
    flat(0, 0) -= 1e-13;
    const Population population(arrays_of({{0.5, +1, x, flat}, {0.5, -1, -x, flat}}), "flat.h5");
    CHECK(population.components()[0].covariance.eigenvalues.minCoeff() >= 0.0);
    CHECK(relative_error(population.components()[0].covariance.dense(), flat) <= 1e-12);
    CHECK(population.sample(10, 1).features.allFinite());
}

TEST_CASE("files that hold no population are refused by name") {
    const test::TemporaryDirectory dir;
    const auto refusal = [](const std::string& path) {
        const std::string message = input_error([&] { read_population(path); });
        CHECK(contains(message, path));
        return message;
    };
    CHECK(contains(refusal(dir / "none.h5"), "no such file"));
    std::filesystem::create_directory(dir / "empty");
    CHECK(contains(refusal(dir / "empty"), "weights.npy: no such file"));
    test::write_bytes(dir / "text.h5", "weights");
    CHECK(contains(refusal(dir / "text.h5"), "not a readable HDF5 file"));
    test::write_bytes(dir / "means.npy", test::npy<double>("<f8", "1,", {1.0}));
    CHECK(contains(refusal(dir / "means.npy"), "one .npy file is no population"));
    h5::Writer some(dir / "some.h5");
    some.write("weights", std::vector<double>{1.0}, {1});
    some.close();
    CHECK(contains(refusal(dir / "some.h5"), "no dataset 'labels'"));
    h5::Writer words(dir / "words.h5");
    words.write("weights", std::vector<std::string>{"half"}, {1});
    words.close();
    CHECK(contains(refusal(dir / "words.h5"), "dataset 'weights' holds neither"));
}
