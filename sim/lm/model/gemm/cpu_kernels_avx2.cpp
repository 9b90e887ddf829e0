// Compiled with -mavx2 -mfma on x86-64, see CMakeLists.txt.
#include "sim/lm/model/gemm/cpu_kernels.hpp"

#if defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>

namespace prefdyn::transformer {

namespace {

struct Avx2 {
    typedef __m256 V;
    static constexpr int kWidth = 8, kRows = 6;
    static inline void fma(const V& a, const V& b, V& c) { c = _mm256_fmadd_ps(a, b, c); }
    static inline V broadcast(float x) { return _mm256_set1_ps(x); }
};

#include "sim/lm/model/gemm/cpu_kernels_body.hpp"

constexpr CpuKernels kKernels = {"avx2", true, panel<Avx2>, gate, gate_backward, softmax, attend};

}  // namespace

const CpuKernels* avx2_kernels() { return &kKernels; }

}  // namespace prefdyn::transformer
#else
namespace prefdyn::transformer {
const CpuKernels* avx2_kernels() { return nullptr; }
}  // namespace prefdyn::transformer
#endif
