// The largest eigenvalue alone against full decompositions and spectra that are known.
#include "sim/base/largest_eigenvalue.hpp"

#include <doctest/doctest.h>

#include <Eigen/Eigenvalues>
#include <limits>

#include "sim/data/covariance.hpp"
#include "tests/support/support.hpp"

using namespace prefdyn;

namespace {

/// Q diag(lambda) Q^T in a random basis.
Matrix with_spectrum(const Vector& lambda, std::uint64_t seed) {
    const Matrix q = random_orthogonal(lambda.size(), Stream(seed, Purpose::kBasis));
    return q * lambda.asDiagonal() * q.transpose();
}

/// Roundings of the norm between it and the full solver.
double roundings_off(const Matrix& m) {
    const Eigen::SelfAdjointEigenSolver<Matrix> full(m, Eigen::EigenvaluesOnly);
    const double norm = full.eigenvalues().cwiseAbs().maxCoeff();
    const double error = std::fabs(largest_eigenvalue(m) - full.eigenvalues().maxCoeff());
    return error / (norm * std::numeric_limits<double>::epsilon());
}

}  // namespace

TEST_CASE("the largest eigenvalue is that of a full decomposition to rounding") {
    for (const Index d : {2, 3, 4, 31, 33, 64, 200})
        for (std::uint64_t seed = 0; seed < 20; ++seed) {
            CAPTURE(d);
            CAPTURE(seed);
            const RowMatrix x = test::gaussian(2 * d, d, 740 + seed);
            const double allowed = 10.0 + static_cast<double>(d);
            CHECK(roundings_off(x.transpose() * x) <= allowed);  // positive
            CHECK(roundings_off(x.topRows(d) + x.topRows(d).transpose()) <=
                  allowed);  // of any sign
            CHECK(roundings_off(-(x.transpose() * x)) <= allowed);
        }
}

TEST_CASE("largest eigenvalues that are known: zero, one by one, diagonal, rank one, repeated") {
    CHECK(largest_eigenvalue(Matrix::Zero(5, 5)) == 0.0);
    CHECK(largest_eigenvalue(Matrix::Constant(1, 1, -2.5)) == -2.5);
    CHECK(largest_eigenvalue(Vector::LinSpaced(31, -1.0, 3.0).asDiagonal()) == 3.0);
    CHECK(largest_eigenvalue(Matrix::Identity(33, 33)) == 1.0);
    for (const Index d : {1, 2, 31, 64}) {
        CAPTURE(d);
        const Vector u = test::gaussian(d, 1, 750).col(0);
        CHECK(test::relative_error(largest_eigenvalue(u * u.transpose()), u.squaredNorm()) <=
              1e-14);
        Vector lambda = Vector::LinSpaced(d, 7.0, 0.0);
        lambda.head((d + 1) / 2).setConstant(7.0);  // half of them at the top
        CHECK(test::relative_error(largest_eigenvalue(with_spectrum(lambda, 751)), 7.0) <= 1e-13);
        lambda.setConstant(-1.0);
        lambda(0) = -1e-3;  // far below the norm
        CHECK(std::fabs(largest_eigenvalue(with_spectrum(lambda, 752)) + 1e-3) <= 1e-13);
    }
}

TEST_CASE("the eigenvalue keeps its digits at both ends of the range; what is not finite is NaN") {
    const RowMatrix x = test::gaussian(40, 33, 760);
    const Matrix m = x.transpose() * x;
    const double largest = largest_eigenvalue(m);
    for (const double scale : {0x1p-1000, 0x1p1000})
        CHECK(largest_eigenvalue(scale * m) == scale * largest);
    for (const double bad :
         {std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()}) {
        Matrix broken = m;
        broken(5, 5) = bad;
        CHECK(std::isnan(largest_eigenvalue(broken)));
    }
}

TEST_CASE("the upper triangle is not read") {
    const RowMatrix x = test::gaussian(40, 33, 770);
    const Matrix m = x.transpose() * x;
    const Matrix lower = m.triangularView<Eigen::Lower>();
    CHECK(largest_eigenvalue(lower) == largest_eigenvalue(m));
}
