#include "sim/lm/model/norm.hpp"

#include "sim/lm/model/elementwise.hpp"

namespace prefdyn::transformer {

void rms_norm(const float* x, const float* w, double epsilon, Index d, float* y) {
    constexpr Index kSums = 4;
    double sum[kSums] = {};
    for (Index i = 0; i < d; ++i) sum[i % kSums] += static_cast<double>(x[i]) * x[i];
    const float scale = rms_scale((sum[0] + sum[1]) + (sum[2] + sum[3]), d, epsilon);
    for (Index i = 0; i < d; ++i) y[i] = normed(w[i], x[i], scale);
}

}  // namespace prefdyn::transformer
