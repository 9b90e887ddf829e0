#pragma once
// Handles of the card that give themselves back.

#include <cstddef>
#include <utility>

#include "sim/cuda/cuda_support.cuh"
#include "sim/lm/model/device/number.hpp"
#include "sim/lm/model/precision.hpp"

namespace prefdyn::transformer::device {

/// A stream beside the thread's own, before it where both want the card.
class SideStream {
  public:
    SideStream() {
        int least = 0, greatest = 0;
        PREFDYN_CUDA_CHECK(cudaDeviceGetStreamPriorityRange(&least, &greatest));
        PREFDYN_CUDA_CHECK(cudaStreamCreateWithPriority(&stream_, cudaStreamNonBlocking, greatest));
    }
    ~SideStream() { cudaStreamDestroy(stream_); }
    SideStream(const SideStream&) = delete;
    SideStream& operator=(const SideStream&) = delete;
    cudaStream_t get() const { return stream_; }

  private:
    cudaStream_t stream_ = nullptr;
};

/// A point in a stream; before it is recorded it has passed.
class Event {
  public:
    Event() { PREFDYN_CUDA_CHECK(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming)); }
    ~Event() {
        if (event_) cudaEventDestroy(event_);
    }
    Event(Event&& other) noexcept : event_(std::exchange(other.event_, nullptr)) {}
    Event(const Event&) = delete;
    Event& operator=(const Event&) = delete;
    void record(cudaStream_t stream) { PREFDYN_CUDA_CHECK(cudaEventRecord(event_, stream)); }
    void wait() const { PREFDYN_CUDA_CHECK(cudaEventSynchronize(event_)); }
    void hold(cudaStream_t stream) const {
        PREFDYN_CUDA_CHECK(cudaStreamWaitEvent(stream, event_, 0));
    }

  private:
    cudaEvent_t event_ = nullptr;
};

/// Page-locked memory of the host, which the card reads and writes by itself.
class Pinned {
  public:
    explicit Pinned(std::size_t bytes) { PREFDYN_CUDA_CHECK(cudaMallocHost(&data_, bytes)); }
    ~Pinned() { cudaFreeHost(data_); }
    Pinned(const Pinned&) = delete;
    Pinned& operator=(const Pinned&) = delete;
    void* data() const { return data_; }

  private:
    void* data_ = nullptr;
};

/// How cuBLAS calls a type.
template <class T>
constexpr cudaDataType_t kNumber = CUDA_R_32F;
template <>
constexpr cudaDataType_t kNumber<Bfloat16> = CUDA_R_16BF;

inline cublasComputeType_t compute_type(Precision precision) {
    switch (precision) {
        case Precision::kFloat32:
            return CUBLAS_COMPUTE_32F_PEDANTIC;
        case Precision::kTf32:
            return CUBLAS_COMPUTE_32F_FAST_TF32;
        case Precision::kBfloat16:
            break;
    }
    return CUBLAS_COMPUTE_32F;
}

/// Products on the thread's stream, alike whenever they are repeated: with a workspace of its own,
/// and partial sums in single precision.
class Products {
  public:
    explicit Products(std::size_t workspace)
        : workspace_(workspace, "the workspace of cuBLAS", "--device cpu") {
        PREFDYN_CUDA_CHECK(PREFDYN_CUBLAS(cublasCreate)(&handle_));
        PREFDYN_CUDA_CHECK(PREFDYN_CUBLAS(cublasSetStream)(handle_, ::prefdyn::cuda::stream()));
        PREFDYN_CUDA_CHECK(
            PREFDYN_CUBLAS(cublasSetWorkspace)(handle_, workspace_.data(), workspace));
        PREFDYN_CUDA_CHECK(PREFDYN_CUBLAS(cublasSetMathMode)(
            handle_, static_cast<cublasMath_t>(CUBLAS_DEFAULT_MATH |
                                               CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION)));
    }
    ~Products() {
        if (handle_) PREFDYN_CUBLAS(cublasDestroy)(handle_);
    }
    Products(const Products&) = delete;
    Products& operator=(const Products&) = delete;

    /// A row-major matrix with rows of `stride` numbers, taken as it is or transposed.
    struct Factor {
        const void* data;
        long stride;
        bool transposed;
    };
    /// y (m, n) = a (m, k) b (k, n) + share y, a and b of type `in_type`, y of `out_type`. cuBLAS
    /// counts columns first, so to it this is y^T = b^T a^T.
    /// cublasGemmEx; its header overloads the name.
    static auto gemm_ex() {
        using Function = cublasStatus_t (*)(
            cublasHandle_t, cublasOperation_t, cublasOperation_t, int, int, int, const void*,
            const void*, cudaDataType_t, int, const void*, cudaDataType_t, int, const void*, void*,
            cudaDataType_t, int, cublasComputeType_t, cublasGemmAlgo_t);
        static const auto function = ::prefdyn::cuda::blas_function<Function>("cublasGemmEx");
        return function;
    }
    void multiply(const Factor& a, const Factor& b, cudaDataType_t in_type, long m, long n, long k,
                  void* y, cudaDataType_t out_type, float share,
                  cublasComputeType_t compute) const {
        if (m == 0) return;
        const float one = 1.0f;
        const auto operation = [](const Factor& f) {
            return f.transposed ? CUBLAS_OP_T : CUBLAS_OP_N;
        };
        PREFDYN_CUDA_CHECK(gemm_ex()(handle_, operation(b), operation(a), static_cast<int>(n),
                                     static_cast<int>(m), static_cast<int>(k), &one, b.data,
                                     in_type, static_cast<int>(b.stride), a.data, in_type,
                                     static_cast<int>(a.stride), &share, y, out_type,
                                     static_cast<int>(n), compute, CUBLAS_GEMM_DEFAULT));
    }

  private:
    ::prefdyn::cuda::DeviceArray<unsigned char> workspace_;
    cublasHandle_t handle_ = nullptr;
};

}  // namespace prefdyn::transformer::device
