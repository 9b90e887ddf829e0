#pragma once
// Causal attention of one prompt with grouped keys and values.

#include "sim/lm/model/gemm/cpu_kernels.hpp"
#include "sim/lm/model/tensor.hpp"

namespace prefdyn::transformer {

/// Rows of qkv hold H query heads, K key heads and K value heads of size h; head i of the queries
/// uses head i / (H / K) of the keys and values.
struct AttentionShape {
    Index heads, kv_heads, head_size, window;
    Index width() const { return (heads + 2 * kv_heads) * head_size; }
};

/// out (n, H h) for a prompt of n tokens with queries and keys already rotated; qkv (n, width()).
void attend(const CpuKernels& kernels, const AttentionShape& shape, const float* qkv, Index n,
            float* out);

}  // namespace prefdyn::transformer
