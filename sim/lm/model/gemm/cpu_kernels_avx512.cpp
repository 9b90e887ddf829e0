// Compiled with -mavx512f -mavx512vl -mavx512dq -mavx512bw -mavx2 -mfma on x86-64, see
// CMakeLists.txt.
#include "sim/lm/model/gemm/cpu_kernels.hpp"

#if defined(__AVX512F__) && defined(__AVX512VL__)
#include <immintrin.h>

namespace prefdyn::transformer {

namespace {

struct Avx512 {
    typedef __m512 V;
    static constexpr int kWidth = 16, kRows = 12;
    static inline void fma(const V& a, const V& b, V& c) { c = _mm512_fmadd_ps(a, b, c); }
    static inline V broadcast(float x) { return _mm512_set1_ps(x); }
};

#include "sim/lm/model/gemm/cpu_kernels_body.hpp"

constexpr CpuKernels kKernels = {"avx512",      true,    panel<Avx512>, gate,
                                 gate_backward, softmax, attend};

}  // namespace

const CpuKernels* avx512_kernels() { return &kKernels; }

}  // namespace prefdyn::transformer
#else
namespace prefdyn::transformer {
const CpuKernels* avx512_kernels() { return nullptr; }
}  // namespace prefdyn::transformer
#endif
