#pragma once
// Accuracy on fresh Gaussian data (theory.md T6c): Gaussian margins, so Phi of a ratio.

#include "theory/claim.hpp"

namespace prefdyn::theory {

/// Fresh samples of one class, or of one component: z = s g ~ N(mean, covariance).
struct FreshPart {
    Index samples;
    Vector mean;  ///< E z (d)
    Covariance covariance;
};

/// A head after a few updates, measured on samples it has not seen.
struct FreshAccuracy {
    std::vector<FreshPart> parts;
    bool gaussian;    ///< within each part
    double updates;   ///< made before the measurement; v is parallel to zbar after one
    double accuracy;  ///< measured share with m > 0
};

/// P(v^T z > 0) in the part: Phi( v^T E z / sqrt(v^T Sigma v) ).
double part_accuracy(const FreshPart& part, const Vector& v);

/// P(v^T z > 0 | class y) = Phi( v^T (y mu_y) / sqrt(v^T Sigma_y v) ), y = +1 or -1.
double class_accuracy(const PopulationMoments& moments, int y, const Vector& v);

/// Its mean over the classes: p_plus of class +1.
double gaussian_accuracy(const PopulationMoments& moments, double p_plus, const Vector& v);

/// What of an isotropic, balanced population without common mean T6d looks at.
struct IsotropicLimit {
    double distinguishability;  ///< D
    double sigma;
    double aspect;  ///< d / n
};

/// Phi( (D / 2 sigma) / sqrt(1 + 4 d sigma^2 / (n D^2)) ).
double limiting_accuracy(const IsotropicLimit& limit);

/// Standard deviation, to first order in n^{-1/2}, of the accuracy given zbar around the limit.
/// With a the argument of Phi above and q = 4 d sigma^2 / (n D^2): zbar has signal D/2 + N(0,
/// sigma^2/n) and orthogonal energy (sigma^2 d / n)(1 + N(0, 2/d)), and da = -(a/2) dq / (1 + q).
double accuracy_fluctuation(const IsotropicLimit& limit, Index n);

}  // namespace prefdyn::theory
