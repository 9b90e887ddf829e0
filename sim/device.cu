// The card: what there is, and why it cannot be used.
#include <algorithm>
#include <cstdint>

#include "sim/cuda_support.cuh"
#include "sim/device.hpp"

namespace prefdyn {

namespace {

constexpr int kOldest = 8;  // first compute capability the kernels are built for

/// Empty if there is a card whose driver is new enough.
std::string driver_problem(int& count) {
    int driver = 0, runtime = 0;
    if (cudaDriverGetVersion(&driver) != cudaSuccess || driver == 0)
        return "there is no NVIDIA driver on this machine";
    cudaRuntimeGetVersion(&runtime);
    const auto version = [](int v) {
        return std::to_string(v / 1000) + "." + std::to_string(v % 1000 / 10);
    };
    const cudaError_t status = cudaGetDeviceCount(&count);
    if (status == cudaErrorInsufficientDriver)
        return "the driver is for CUDA " + version(driver) + ", this prefdyn needs " +
               version(runtime);
    if (status == cudaErrorNoDevice || (status == cudaSuccess && count == 0))
        return "there is no CUDA card on this machine";
    return status == cudaSuccess ? "" : cudaGetErrorString(status);
}

__global__ void probe_kernel(int* answer) { *answer = 1; }

/// Empty if a kernel of this build runs on the card.
std::string kernel_problem() {
    int* answer = nullptr;
    cudaError_t status = cudaMalloc(&answer, sizeof(int));
    if (status == cudaSuccess) {
        probe_kernel<<<1, 1>>>(answer);
        status = cudaGetLastError();
        if (status == cudaSuccess) status = cudaDeviceSynchronize();
        cudaFree(answer);
    }
    return status == cudaSuccess ? "" : cudaGetErrorString(status);
}

}  // namespace

double gpu_copy_bandwidth() {
    const GpuProbe probe = probe_gpu();
    if (!probe.usable) throw std::runtime_error(probe.problem);
    const std::size_t bytes = std::min(std::size_t{2} << 30, probe.info.free / 4);
    cuda::DeviceArray<unsigned char> from(bytes, "copy"), to(bytes, "copy");
    from.clear();
    const auto copy = [&] {
        PREFDYN_CUDA_CHECK(cudaMemcpyAsync(to.data(), from.data(), bytes, cudaMemcpyDeviceToDevice,
                                           cuda::stream()));
    };
    for (int warm = 0; warm < 3; ++warm) copy();
    constexpr int kCopies = 20;
    const double seconds = cuda::seconds_of([&] {
        for (int k = 0; k < kCopies; ++k) copy();
    });
    return 2.0 * kCopies * static_cast<double>(bytes) / seconds;
}

GpuProbe probe_gpu() {
    GpuProbe out;
    int count = 0;
    out.problem = driver_problem(count);
    cudaGetLastError();
    if (!out.problem.empty()) return out;
    cudaDeviceProp properties{};
    if (const cudaError_t status = cudaGetDeviceProperties(&properties, 0); status != cudaSuccess) {
        out.problem = cudaGetErrorString(status);
        return out;
    }
    out.info = {properties.name,           properties.major,
                properties.minor,          properties.multiProcessorCount,
                properties.totalGlobalMem, 0};
    if (properties.major < kOldest) {
        out.problem = out.info.name + " has compute capability " +
                      std::to_string(properties.major) + "." + std::to_string(properties.minor) +
                      ", the kernels need 8.0";
        return out;
    }
    out.problem = kernel_problem();
    cudaGetLastError();
    if (!out.problem.empty()) {
        out.problem = out.info.name + ": " + out.problem;
        return out;
    }
    std::size_t total = 0;
    cudaMemGetInfo(&out.info.free, &total);
    // Freed memory stays with the process: thousands of small runs would else pay for each array.
    cudaMemPool_t pool = nullptr;
    std::uint64_t keep = ~std::uint64_t{0};
    if (cudaDeviceGetDefaultMemPool(&pool, 0) == cudaSuccess)
        cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &keep);
    out.usable = true;
    return out;
}

}  // namespace prefdyn
