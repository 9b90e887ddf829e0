#include "sim/data/covariance.hpp"

#include <Eigen/QR>
#include <cmath>

#include "sim/data/noise.hpp"

namespace prefdyn {

Vector spectrum_eigenvalues(const CovarianceSpec& spec, Index d) {
    Vector lambda = Vector::Ones(d);
    for (Index j = 0; j < d; ++j) {
        if (spec.spectrum == Spectrum::kPowerLaw)
            lambda(j) = std::pow(static_cast<double>(j + 1), -spec.power_exponent);
        if (spec.spectrum == Spectrum::kCondition && d > 1)
            lambda(j) = std::pow(spec.condition_number,
                                 -static_cast<double>(j) / static_cast<double>(d - 1));
    }
    return lambda * (spec.sigma * spec.sigma / lambda.mean());
}

Matrix random_orthogonal(Index d, Stream stream) { return random_frame(d, d, stream); }

Matrix random_frame(Index d, Index r, Stream stream) {
    Matrix gaussian(d, r);
    fill_noise(NoiseSpec{}, stream, gaussian.data(), gaussian.size());
    const Eigen::HouseholderQR<Matrix> qr(gaussian);
    Matrix q = qr.householderQ() * Matrix::Identity(d, r);
    for (Index j = 0; j < r; ++j)
        if (qr.matrixQR()(j, j) < 0.0) q.col(j) = -q.col(j);
    return q;
}

Matrix Covariance::dense() const {
    if (basis.size() == 0) return eigenvalues.asDiagonal();
    return basis * eigenvalues.asDiagonal() * basis.transpose();
}

Vector Covariance::axis(Index j) const {
    if (basis.size() == 0) return Vector::Unit(eigenvalues.size(), j);
    return basis.col(j);
}

void Covariance::color(Eigen::Ref<RowMatrix> x) const {
    x *= eigenvalues.cwiseSqrt().asDiagonal();
    if (basis.size() == 0) return;
    // Row by row: a matrix product works on groups of rows, and the last bits of a row would depend
    // on how many others there are.
    constexpr Index kParallelProducts = 2000000;  // about a millisecond of them
#pragma omp parallel for schedule(static) if (x.size() * x.cols() >= kParallelProducts)
    for (Index i = 0; i < x.rows(); ++i) x.row(i) = (basis * x.row(i).transpose()).transpose();
}

}  // namespace prefdyn
