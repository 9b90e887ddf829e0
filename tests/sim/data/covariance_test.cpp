#include "sim/data/covariance.hpp"

#include <doctest/doctest.h>

#include <Eigen/Eigenvalues>

#include "tests/support/support.hpp"

using namespace prefdyn;
using test::relative_error;

namespace {

std::vector<CovarianceSpec> all_spectra() {
    std::vector<CovarianceSpec> out;
    for (std::size_t k = 0; k < spectrum_names().size(); ++k)
        out.push_back({static_cast<Spectrum>(k), 1.7, 1.3, 250.0});
    return out;
}

}  // namespace

TEST_CASE("every spectrum descends and has mean sigma^2") {
    for (const CovarianceSpec& spec : all_spectra())
        for (const Index d : {1, 2, 31, 33}) {
            CAPTURE(spectrum_names()[static_cast<std::size_t>(spec.spectrum)]);
            CAPTURE(d);
            const Vector lambda = spectrum_eigenvalues(spec, d);
            REQUIRE(lambda.size() == d);
            CHECK(relative_error(lambda.mean(), 1.7 * 1.7) <= 1e-14);
            CHECK(lambda.minCoeff() > 0.0);
            for (Index j = 1; j < d; ++j) CHECK(lambda(j) <= lambda(j - 1));
        }
}

TEST_CASE("power law, condition number and isotropy are what they are called") {
    const Index d = 33;
    const Vector flat = spectrum_eigenvalues(all_spectra()[0], d);
    const Vector power = spectrum_eigenvalues(all_spectra()[1], d);
    const Vector ratio = spectrum_eigenvalues(all_spectra()[2], d);
    CHECK(relative_error(ratio(0) / ratio(d - 1), 250.0) <= 1e-13);
    for (Index j = 0; j < d; ++j) {
        CHECK(relative_error(flat(j), 1.7 * 1.7) <= 1e-15);
        CHECK(relative_error(power(j) / power(0), std::pow(double(j + 1), -1.3)) <= 1e-13);
        if (j > 0) CHECK(relative_error(ratio(j) / ratio(j - 1), ratio(1) / ratio(0)) <= 1e-13);
    }
}

TEST_CASE("random_orthogonal is orthogonal, depends on its stream and has no preferred sign") {
    double positive = 0.0;
    for (const Index d : {1, 2, 31, 64}) {
        const Matrix q = random_orthogonal(d, Stream(test::seed(), Purpose::kBasis, 0));
        CHECK((q.transpose() * q - Matrix::Identity(d, d)).cwiseAbs().maxCoeff() <= 1e-12);
        CHECK((q * q.transpose() - Matrix::Identity(d, d)).cwiseAbs().maxCoeff() <= 1e-12);
        const Matrix other = random_orthogonal(d, Stream(test::seed(), Purpose::kBasis, 1));
        if (d > 1) CHECK((q - other).norm() > 0.1);
    }
    for (std::uint64_t k = 0; k < 400; ++k)
        positive += random_orthogonal(3, Stream(test::seed(), Purpose::kBasis, k))(0, 0) > 0.0;
    CHECK(std::fabs(positive - 200.0) <= test::kSigmas * 10.0);  // Haar: binomial, s.d. 10
}

TEST_CASE("dense, trace, norm and axis tell the same matrix") {
    for (const CovarianceSpec& spec : all_spectra()) {
        const Index d = 9;
        Covariance sigma{spectrum_eigenvalues(spec, d), {}};
        for (const bool rotated : {false, true}) {
            if (rotated) sigma.basis = random_orthogonal(d, Stream(1, Purpose::kBasis));
            const Matrix dense = sigma.dense();
            const Eigen::SelfAdjointEigenSolver<Matrix> solver(dense);
            CHECK(relative_error(sigma.trace(), dense.trace()) <= 1e-14);
            CHECK(relative_error(sigma.norm(), solver.eigenvalues().maxCoeff()) <= 1e-13);
            for (Index j = 0; j < d; ++j) {
                const Vector lambda_axis = sigma.eigenvalues(j) * sigma.axis(j);
                CHECK(relative_error(dense * sigma.axis(j), lambda_axis) <= 1e-12);
            }
        }
    }
}

TEST_CASE("color turns white rows into rows with covariance Sigma") {
    // The rows of sqrt(d) I have second moment I, so the coloured ones have exactly Sigma.
    const Index d = 7;
    for (const CovarianceSpec& spec : all_spectra())
        for (const bool rotated : {false, true}) {
            Covariance sigma{spectrum_eigenvalues(spec, d), {}};
            if (rotated) sigma.basis = random_orthogonal(d, Stream(2, Purpose::kBasis));
            RowMatrix x = RowMatrix::Identity(d, d) * std::sqrt(double(d));
            sigma.color(x);
            CHECK(relative_error(x.transpose() * x / double(d), sigma.dense()) <= 1e-13);
        }
}
