#pragma once
#include "sim/base/types.hpp"

namespace prefdyn {

/// Largest eigenvalue of a symmetric matrix (d, d), d > 0, of which the lower triangle is read; its
/// error is some roundings of the norm, as that of a full decomposition. NaN unless all is finite.
double largest_eigenvalue(const Matrix& symmetric);

}  // namespace prefdyn
