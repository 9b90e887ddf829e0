#pragma once
#include <vector>

#include "sim/lm/model/tensor.hpp"

namespace prefdyn::transformer {

/// y = w x / sqrt(mean x^2 + epsilon), one row of d values; x and y may be the same. The mean is
/// taken in double precision.
void rms_norm(const float* x, const float* w, double epsilon, Index d, float* y);

}  // namespace prefdyn::transformer
