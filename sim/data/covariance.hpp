#pragma once
// Class covariances Sigma = Q diag(lambda) Q^T with a prescribed spectrum.

#include <string>
#include <vector>

#include "sim/base/stream.hpp"
#include "sim/base/types.hpp"

namespace prefdyn {

enum class Spectrum { kIsotropic, kPowerLaw, kCondition };

/// Names in the order of `Spectrum`.
inline std::vector<std::string> spectrum_names() { return {"isotropic", "power-law", "condition"}; }

struct CovarianceSpec {
    Spectrum spectrum = Spectrum::kIsotropic;
    double sigma = 1.0;           ///< root mean eigenvalue: tr Sigma = d sigma^2 for every spectrum
    double power_exponent = 1.0;  ///< lambda_j ~ j^-a for the power law
    double condition_number = 100.0;  ///< lambda_1 / lambda_d, geometric in between
};

/// Sigma = Q diag(lambda) Q^T; eigenvalues descending, of a diagonal matrix as they lie on it; an
/// empty basis stands for Q = I.
struct Covariance {
    Vector eigenvalues;  ///< (d)
    Matrix basis;        ///< Q (d, d), columns in the order of the eigenvalues, or 0 x 0

    double trace() const { return eigenvalues.sum(); }
    double norm() const { return eigenvalues.maxCoeff(); }
    Matrix dense() const;
    /// Unit eigenvector j.
    Vector axis(Index j) const;
    /// Rows x (n, d) of white noise become rows with covariance Sigma: x <- x diag(sqrt(lambda))
    /// Q^T.
    void color(Eigen::Ref<RowMatrix> x) const;
};

/// (d) descending eigenvalues with mean sigma^2.
Vector spectrum_eigenvalues(const CovarianceSpec& spec, Index d);

/// (d, d) orthogonal matrix, Haar distributed (QR of a Gaussian matrix with the sign convention).
Matrix random_orthogonal(Index d, Stream stream);

/// (d, r) with orthonormal columns, Haar distributed, r <= d.
Matrix random_frame(Index d, Index r, Stream stream);

}  // namespace prefdyn
