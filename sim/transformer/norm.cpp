#include "sim/transformer/norm.hpp"

#include <cmath>

namespace prefdyn::transformer {

void rms_norm(const float* x, const float* w, double epsilon, Index d, float* y) {
    constexpr Index kSums = 4;
    double sum[kSums] = {};
    for (Index i = 0; i < d; ++i) sum[i % kSums] += static_cast<double>(x[i]) * x[i];
    const double mean = ((sum[0] + sum[1]) + (sum[2] + sum[3])) / static_cast<double>(d);
    const auto scale = static_cast<float>(1.0 / std::sqrt(mean + epsilon));
    for (Index i = 0; i < d; ++i) y[i] = w[i] * (x[i] * scale);
}

}  // namespace prefdyn::transformer
