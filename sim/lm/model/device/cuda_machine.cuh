#pragma once
// The card as a Machine (see device_layer.hpp): elements are shared out to a grid of threads, a
// group is a block of them.

#include "sim/lm/model/device/cuda_resources.cuh"
#include "sim/lm/model/device/device_layer.hpp"

namespace prefdyn::transformer::device {

#ifdef __CUDA_ARCH__
#define PREFDYN_ON_CARD(card, host) card
#else
#define PREFDYN_ON_CARD(card, host) host
#endif

/// A block of threads; on the host a member alone, which nothing asks for.
class Block {
  public:
    static constexpr int kThreads = 256;

    PREFDYN_HD int rank() const { return PREFDYN_ON_CARD(static_cast<int>(threadIdx.x), 0); }
    PREFDYN_HD int size() const { return PREFDYN_ON_CARD(kThreads, 1); }
    PREFDYN_HD void sync() const { PREFDYN_ON_CARD(__syncthreads(), static_cast<void>(0)); }
    PREFDYN_HD float* scratch() const {
#ifdef __CUDA_ARCH__
        extern __shared__ float floats[];
        return floats;
#else
        return nullptr;
#endif
    }
    /// The same bits for every member, and whenever it is repeated.
    PREFDYN_HD double sum(double value) const {
#ifdef __CUDA_ARCH__
        __shared__ double part[kThreads / 32];
        for (int lanes = 16; lanes > 0; lanes /= 2)
            value += __shfl_xor_sync(0xffffffffu, value, lanes);
        __syncthreads();  // an earlier sum has been read
        if (threadIdx.x % 32 == 0) part[threadIdx.x / 32] = value;
        __syncthreads();
        value = 0.0;
        for (const double each : part) value += each;
#endif
        return value;
    }
};

template <class Task>
__global__ void __launch_bounds__(Block::kThreads) each_kernel(long count, Task task) {
    const long step = static_cast<long>(gridDim.x) * Block::kThreads;
    for (long i = static_cast<long>(blockIdx.x) * Block::kThreads + threadIdx.x; i < count;
         i += step)
        task(i);
}

template <class Task>
__global__ void __launch_bounds__(Block::kThreads) group_kernel(Task task) {
    Block block;
    task(block, static_cast<long>(blockIdx.x));
}

class CudaMachine {
  public:
    static constexpr std::size_t kWorkspace = std::size_t{32} << 20;
    explicit CudaMachine(Precision precision, std::size_t workspace = kWorkspace)
        : compute_(compute_type(precision)), products_(workspace) {}
    ~CudaMachine() { cudaStreamSynchronize(cuda::stream()); }

    template <class X>
    using Array = cuda::DeviceArray<X>;
    template <class X>
    Array<X> array(std::size_t count, const char* purpose) const {
        return {count, purpose,
                "fewer --tokens, --recompute, --method lora or --precision bfloat16 lower it"};
    }
    void copy(const float* from, long count, float* to) const {
        PREFDYN_CUDA_CHECK(cudaMemcpyAsync(to, from,
                                           static_cast<std::size_t>(count) * sizeof(float),
                                           cudaMemcpyDeviceToDevice, cuda::stream()));
    }

    template <class Task>
    void each(long count, const Task& task) const {
        if (count == 0) return;
        const long blocks = (count + Block::kThreads - 1) / Block::kThreads;
        each_kernel<<<static_cast<unsigned>(std::min(blocks, kMostBlocks)), Block::kThreads, 0,
                      cuda::stream()>>>(count, task);
        PREFDYN_CUDA_LAUNCHED("a kernel of training");
    }
    template <class Task>
    void groups(long count, long scratch, const Task& task) const {
        if (count == 0) return;
        const auto bytes = static_cast<int>(scratch * static_cast<long>(sizeof(float)));
        const auto kernel = group_kernel<Task>;
        PREFDYN_CUDA_CHECK(
            cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes));
        kernel<<<static_cast<unsigned>(count), Block::kThreads, static_cast<std::size_t>(bytes),
                 cuda::stream()>>>(task);
        PREFDYN_CUDA_LAUNCHED("a kernel of training");
    }
    int members() const { return Block::kThreads; }

    template <class T, class Y>
    void multiply(Times times, long m, long n, long k, const T* a, const T* b, float share,
                  Y* y) const {
        const bool left = times == Times::kGradient, right = times == Times::kForward;
        products_.multiply({a, left ? m : k, left}, {b, right ? k : n, right}, kNumber<T>, m, n, k,
                           y, kNumber<Y>, share, compute_);
    }
    void wait() const { cuda::wait(); }

  private:
    static constexpr long kMostBlocks = 1 << 16;
    cublasComputeType_t compute_;
    Products products_;
};

}  // namespace prefdyn::transformer::device
