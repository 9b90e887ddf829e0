#pragma once
#include <cublas_v2.h>

#include "sim/cuda/cuda_support.cuh"

namespace prefdyn::cuda {

/// The calling thread's cuBLAS, on its own stream and with a workspace of its own, so that results
/// do not depend on what other threads do.
inline cublasHandle_t blas() {
    constexpr std::size_t kBytes = std::size_t{32} << 20;
    struct Handle {
        Handle() {
            PREFDYN_CUDA_CHECK(PREFDYN_CUBLAS(cublasCreate)(&handle));
            PREFDYN_CUDA_CHECK(PREFDYN_CUBLAS(cublasSetStream)(handle, stream()));
            PREFDYN_CUDA_CHECK(cudaMalloc(&workspace, kBytes));
            PREFDYN_CUDA_CHECK(PREFDYN_CUBLAS(cublasSetWorkspace)(handle, workspace, kBytes));
        }
        ~Handle() {
            PREFDYN_CUBLAS(cublasDestroy)(handle);
            cudaFree(workspace);
        }
        cublasHandle_t handle = nullptr;
        void* workspace = nullptr;
    };
    static thread_local Handle own;
    return own.handle;
}

/// C (m, n) = A (m, k) B (n, k)^T, all row-major.
inline void times_transposed(const double* a, const double* b, double* c, long m, long n, long k) {
    const double one = 1.0, zero = 0.0;
    PREFDYN_CUDA_CHECK(PREFDYN_CUBLAS(cublasDgemm)(
        blas(), CUBLAS_OP_T, CUBLAS_OP_N, static_cast<int>(n), static_cast<int>(m),
        static_cast<int>(k), &one, b, static_cast<int>(k), a, static_cast<int>(k), &zero, c,
        static_cast<int>(n)));
}

/// C (m, n) += A (k, m)^T B (k, n), all row-major.
inline void add_transposed_times(const double* a, const double* b, double* c, long m, long n,
                                 long k) {
    const double one = 1.0;
    PREFDYN_CUDA_CHECK(PREFDYN_CUBLAS(cublasDgemm)(
        blas(), CUBLAS_OP_N, CUBLAS_OP_T, static_cast<int>(n), static_cast<int>(m),
        static_cast<int>(k), &one, b, static_cast<int>(n), a, static_cast<int>(m), &one, c,
        static_cast<int>(n)));
}

/// y (m) = A (m, n) x, A row-major.
inline void times_vector(const double* a, const double* x, double* y, long m, long n) {
    const double one = 1.0, zero = 0.0;
    PREFDYN_CUDA_CHECK(PREFDYN_CUBLAS(cublasDgemv)(blas(), CUBLAS_OP_T, static_cast<int>(n),
                                                   static_cast<int>(m), &one, a,
                                                   static_cast<int>(n), x, 1, &zero, y, 1));
}

/// y (n) = A (m, n)^T x, A row-major.
inline void transposed_times_vector(const double* a, const double* x, double* y, long m, long n) {
    const double one = 1.0, zero = 0.0;
    PREFDYN_CUDA_CHECK(PREFDYN_CUBLAS(cublasDgemv)(blas(), CUBLAS_OP_N, static_cast<int>(n),
                                                   static_cast<int>(m), &one, a,
                                                   static_cast<int>(n), x, 1, &zero, y, 1));
}

}  // namespace prefdyn::cuda
