#pragma once
// The inner loops, compiled once for each set of vector instructions. Includes nothing but sizes:
// what such a file instantiates from a library would run on machines without the instructions.

#include <cstddef>

namespace prefdyn::transformer {

using Size = std::ptrdiff_t;

constexpr Size kPanel = 16;             ///< output columns a packed panel holds
constexpr Size kLanes = 8;              ///< keys and head columns are padded to multiples of this
constexpr Size kBlockK = 256;           ///< terms of one partial sum of a matrix product
constexpr Size kStride = kBlockK + 16;  ///< floats between rows of A; no power of two

/// One head of one prompt of n tokens. q (n, h) and out (n, h) with their row strides; keys^T
/// (h, m) and values (n, w), m and w being n and h rounded up to kLanes; scores holds m values.
/// Token i attends to the last `window` of the tokens 0..i, to all if window = 0.
struct HeadTask {
    const float* q;
    Size q_stride;
    const float *keys, *values;
    float* out;
    Size out_stride;
    float* scores;
    Size n, h, window;
    float scale;
};

struct CpuKernels {
    const char* name;
    bool fused;  ///< multiplies and adds with one rounding in matrix products
    /// C (rows, cols) = or += A (rows, k) B for one panel B (k, 16), k <= kBlockK, cols <= 16.
    /// Every element is one sum in the order of k, whatever rows and cols are. Meanwhile the panel
    /// (k, 16) at `next`, of which nothing is read, is fetched into the cache.
    void (*panel)(const float* a, Size rows, const float* b, Size k, float* c, Size c_stride,
                  Size cols, bool add, const float* next);
    /// g = silu(g) u, n values.
    void (*gate)(float* g, const float* u, Size n);
    /// dg = da u sigma(g) (1 + g sigma(-g)), du = da silu(g), n values.
    void (*gate_backward)(const float* g, const float* u, const float* da, float* dg, float* du,
                          Size n);
    /// x = softmax(scale x), n > 0 values.
    void (*softmax)(float* x, Size n, float scale);
    void (*attend)(const HeadTask& task);
};

const CpuKernels* portable_kernels();
const CpuKernels* avx2_kernels();    ///< null where the compiler does not know it
const CpuKernels* avx512_kernels();  ///< null where the compiler does not know it

}  // namespace prefdyn::transformer
