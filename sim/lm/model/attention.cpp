#include "sim/lm/model/attention.hpp"

#include <cmath>

namespace prefdyn::transformer {

namespace {

Index round_up(Index n) { return (n + kLanes - 1) / kLanes * kLanes; }

/// keys^T (h, m) and values (n, w) of one head, padded with zeros.
struct PaddedHead {
    std::vector<float> keys, values;
    PaddedHead(const AttentionShape& s, const float* qkv, Index n, Index head) {
        const Index h = s.head_size, m = round_up(n), w = round_up(h);
        keys.assign(static_cast<std::size_t>(h * m), 0.0f);
        values.assign(static_cast<std::size_t>(n * w), 0.0f);
        for (Index i = 0; i < n; ++i) {
            const float* key = qkv + i * s.width() + (s.heads + head) * h;
            const float* value = key + s.kv_heads * h;
            for (Index c = 0; c < h; ++c) keys[static_cast<std::size_t>(c * m + i)] = key[c];
            for (Index c = 0; c < h; ++c) values[static_cast<std::size_t>(i * w + c)] = value[c];
        }
    }
};

}  // namespace

void attend(const CpuKernels& kernels, const AttentionShape& s, const float* qkv, Index n,
            float* out) {
    const Index h = s.head_size, group = s.heads / s.kv_heads;
    const auto scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(h)));
#pragma omp parallel for schedule(static)
    for (Index kv = 0; kv < s.kv_heads; ++kv) {
        const PaddedHead padded(s, qkv, n, kv);
        std::vector<float> scores(static_cast<std::size_t>(round_up(n)));
        for (Index head = kv * group; head < (kv + 1) * group; ++head)
            kernels.attend({qkv + head * h, s.width(), padded.keys.data(), padded.values.data(),
                            out + head * h, s.heads * h, scores.data(), n, h, s.window, scale});
    }
}

}  // namespace prefdyn::transformer
