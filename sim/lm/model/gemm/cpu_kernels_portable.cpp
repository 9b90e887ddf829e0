// Four floats a vector. A fused multiply-add only where every machine of the target has it.
#include "sim/lm/model/gemm/cpu_kernels.hpp"

namespace prefdyn::transformer {

namespace {

struct Four {
    typedef float V __attribute__((vector_size(16)));
    static constexpr int kWidth = 4, kRows = 2;
#ifdef __FP_FAST_FMAF
    static constexpr bool kFused = true;
    static inline void fma(const V& a, const V& b, V& c) {
        for (int l = 0; l < kWidth; ++l) c[l] = __builtin_fmaf(a[l], b[l], c[l]);
    }
#else
    static constexpr bool kFused = false;
    static inline void fma(const V& a, const V& b, V& c) { c += a * b; }
#endif
    static inline V broadcast(float x) { return V{x, x, x, x}; }
};

#include "sim/lm/model/gemm/cpu_kernels_body.hpp"

constexpr CpuKernels kKernels = {"portable",    Four::kFused, panel<Four>, gate,
                                 gate_backward, softmax,      attend};

}  // namespace

const CpuKernels* portable_kernels() { return &kKernels; }

}  // namespace prefdyn::transformer
