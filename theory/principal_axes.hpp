#pragma once
#include "sim/data/dataset.hpp"

namespace prefdyn::theory {

/// The features of one dataset seen along the axes in which they vary most.
struct PrincipalAxes {
    Matrix projection;  ///< (n, count): (g_i - mean) along each axis
    Vector share;       ///< (count) of the total variance; 0 where the features do not vary
};

/// The `count` leading axes, at most min(n, d); class +1 lies on the positive side of each.
PrincipalAxes principal_axes(const Dataset& data, Index count);

}  // namespace prefdyn::theory
