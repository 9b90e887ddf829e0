#pragma once
// What every CUDA file here needs: checked calls and memory that frees itself. Work goes to the
// calling thread's own stream, so that host threads do not wait for each other.

#include <cublas_v2.h>
#include <cuda_runtime.h>
#include <dlfcn.h>

#include <cstddef>
#include <mutex>
#include <string>
#include <utility>

#include "sim/base/failure.hpp"

namespace prefdyn::cuda {

inline cudaStream_t stream() { return cudaStreamPerThread; }

[[noreturn]] inline void fail(const std::string& what, const char* reason, const char* file,
                              int line) {
    throw DeviceError(std::string(file) + ":" + std::to_string(line) + ": CUDA: " + what + ": " +
                      reason);
}

inline void check(cudaError_t status, const char* what, const char* file, int line) {
    if (status != cudaSuccess) fail(what, cudaGetErrorString(status), file, line);
}

/// cuBLAS, loaded when the first card is looked at, so that a program built with it also runs where
/// there is none; null if it cannot be loaded.
void* blas_library();

template <class Function>
Function blas_function(const char* name) {
    void* const found = blas_library() ? dlsym(blas_library(), name) : nullptr;
    if (!found) throw DeviceError(std::string(name) + " is not in the cuBLAS of this machine");
    return reinterpret_cast<Function>(found);
}

#define PREFDYN_CUBLAS_NAMED(name)                                                           \
    ([] {                                                                                    \
        static const auto function = ::prefdyn::cuda::blas_function<decltype(&name)>(#name); \
        return function;                                                                     \
    }())
/// The function of cuBLAS that its header means by this name.
#define PREFDYN_CUBLAS(name) PREFDYN_CUBLAS_NAMED(name)

inline void check(cublasStatus_t status, const char* what, const char* file, int line) {
    if (status != CUBLAS_STATUS_SUCCESS)
        fail(what, PREFDYN_CUBLAS(cublasGetStatusString)(status), file, line);
}

#define PREFDYN_CUDA_CHECK(call) ::prefdyn::cuda::check(call, #call, __FILE__, __LINE__)

/// After a kernel launch: reports a launch that failed where it was made. Built with
/// PREFDYN_CUDA_SYNC it waits for the kernel, so that its own errors are reported there too.
#ifdef PREFDYN_CUDA_SYNC
#define PREFDYN_CUDA_LAUNCHED(kernel)                                                              \
    do {                                                                                           \
        ::prefdyn::cuda::check(cudaGetLastError(), kernel, __FILE__, __LINE__);                    \
        ::prefdyn::cuda::check(cudaStreamSynchronize(::prefdyn::cuda::stream()), kernel, __FILE__, \
                               __LINE__);                                                          \
    } while (false)
#else
#define PREFDYN_CUDA_LAUNCHED(kernel) \
    ::prefdyn::cuda::check(cudaGetLastError(), kernel, __FILE__, __LINE__)
#endif

/// Waits for everything this thread has asked the card to do.
inline void wait() { PREFDYN_CUDA_CHECK(cudaStreamSynchronize(stream())); }

/// `count` values on the card, not initialised. DeviceError if they do not fit: it says what they
/// are for, how much was asked for, how much is free, and which option lowers it.
template <class T>
class DeviceArray {
  public:
    DeviceArray() = default;
    DeviceArray(std::size_t count, const char* purpose, const char* hint = "--device cpu")
        : count_(count) {
        if (count == 0) return;
        const cudaError_t status = cudaMallocAsync(&data_, bytes(), stream());
        if (status == cudaSuccess) return;
        if (status != cudaErrorMemoryAllocation)
            fail(purpose, cudaGetErrorString(status), __FILE__, __LINE__);
        cudaGetLastError();
        std::size_t free = 0, total = 0;
        PREFDYN_CUDA_CHECK(cudaMemGetInfo(&free, &total));
        throw DeviceError("GPU memory: " + std::string(purpose) + " needs " + mebibytes(bytes()) +
                              ", " + mebibytes(free) + " of " + mebibytes(total) + " are free",
                          hint);
    }
    ~DeviceArray() {
        if (data_) cudaFreeAsync(data_, stream());
    }
    DeviceArray(DeviceArray&& other) noexcept
        : data_(std::exchange(other.data_, nullptr)), count_(std::exchange(other.count_, 0)) {}
    DeviceArray& operator=(DeviceArray&& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(count_, other.count_);
        return *this;
    }

    T* data() const { return data_; }
    std::size_t size() const { return count_; }
    std::size_t bytes() const { return count_ * sizeof(T); }

    void upload(const T* host, std::size_t count) {
        if (count > 0)
            PREFDYN_CUDA_CHECK(
                cudaMemcpyAsync(data_, host, count * sizeof(T), cudaMemcpyHostToDevice, stream()));
    }
    void download(T* host, std::size_t count) const {
        if (count > 0)
            PREFDYN_CUDA_CHECK(
                cudaMemcpyAsync(host, data_, count * sizeof(T), cudaMemcpyDeviceToHost, stream()));
    }
    void clear() {
        if (count_ > 0) PREFDYN_CUDA_CHECK(cudaMemsetAsync(data_, 0, bytes(), stream()));
    }

  private:
    static std::string mebibytes(std::size_t bytes) {
        return std::to_string((bytes + (std::size_t{1} << 20) - 1) >> 20) + " MiB";
    }
    T* data_ = nullptr;
    std::size_t count_ = 0;
};

/// Seconds the card takes for what `work` asks of it.
template <class Work>
double seconds_of(Work work) {
    struct Events {
        Events() {
            for (cudaEvent_t& event : at) PREFDYN_CUDA_CHECK(cudaEventCreate(&event));
        }
        ~Events() {
            for (cudaEvent_t event : at) cudaEventDestroy(event);
        }
        cudaEvent_t at[2] = {};
    } events;
    PREFDYN_CUDA_CHECK(cudaEventRecord(events.at[0], stream()));
    work();
    PREFDYN_CUDA_CHECK(cudaEventRecord(events.at[1], stream()));
    PREFDYN_CUDA_CHECK(cudaEventSynchronize(events.at[1]));
    float milliseconds = 0.0f;
    PREFDYN_CUDA_CHECK(cudaEventElapsedTime(&milliseconds, events.at[0], events.at[1]));
    return 1e-3 * static_cast<double>(milliseconds);
}

/// Host memory that the card writes at full speed: one piece for the process, borrowed by a thread
/// at a time.
class Staging {
  public:
    static constexpr std::size_t kBytes = std::size_t{32} << 20;
    Staging() : hold_(mutex()) {
        if (!memory()) PREFDYN_CUDA_CHECK(cudaMallocHost(&memory(), kBytes));
    }
    template <class T>
    T* data() const {
        return static_cast<T*>(memory());
    }

  private:
    static std::mutex& mutex() {
        static std::mutex value;
        return value;
    }
    static void*& memory() {
        static void* value = nullptr;
        return value;
    }
    std::lock_guard<std::mutex> hold_;
};

/// The stretch of `total` that ends a division into pieces of `piece`: how many there are.
inline int blocks_for(long total, long piece) {
    return static_cast<int>((total + piece - 1) / piece);
}

}  // namespace prefdyn::cuda
