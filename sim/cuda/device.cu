// The card: what there is, and why it cannot be used.
#include <algorithm>
#include <cstdint>

#include "sim/cuda/cuda_support.cuh"
#include "sim/cuda/device.hpp"

namespace prefdyn {

namespace {

constexpr int kOldest = 8;  // first compute capability the kernels are built for

std::string version(int v) {
    return std::to_string(v / 1000) + "." + std::to_string(v % 1000 / 10);
}

/// Why a card that is there cannot be used.
std::string fault(cudaError_t status) {
    if (status == cudaErrorMemoryAllocation)
        return "out of memory: other processes may hold it (nvidia-smi lists them)";
    if (status == cudaErrorDevicesUnavailable)
        return "another process has it for itself, or it allows none";
    return std::string(cudaGetErrorString(status)) + " (" + cudaGetErrorName(status) + ")";
}

void set_fault(GpuProbe& out, const std::string& what, cudaError_t status) {
    out.failed = true;
    out.problem = what + ": " + fault(status);
}

/// Leaves `problem` empty if there is a card whose driver is new enough.
void look_for_driver(GpuProbe& out) {
    int driver = 0, runtime = 0, count = 0;
    if (cudaDriverGetVersion(&driver) != cudaSuccess || driver == 0) {
        out.problem = "there is no NVIDIA driver on this machine";
        return;
    }
    cudaRuntimeGetVersion(&runtime);
    const cudaError_t status = cudaGetDeviceCount(&count);
    if (status == cudaErrorStubLibrary)
        out.problem = "there is only the toolkit's stub of an NVIDIA driver on this machine";
    else if (status == cudaErrorInsufficientDriver)
        out.problem = "the driver is for CUDA " + version(driver) + ", this prefdyn needs " +
                      version(runtime);
    else if (status == cudaErrorNoDevice || (status == cudaSuccess && count == 0))
        out.problem = "there is no CUDA card on this machine";
    else if (status != cudaSuccess)
        set_fault(out, "the driver cannot list its cards", status);
}

/// Leaves `problem` empty if the card is new enough.
void look_at_card(GpuProbe& out) {
    cudaDeviceProp properties{};
    if (const cudaError_t status = cudaGetDeviceProperties(&properties, 0); status != cudaSuccess)
        return set_fault(out, "the first CUDA card", status);
    out.info = {properties.name,           properties.major,
                properties.minor,          properties.multiProcessorCount,
                properties.totalGlobalMem, 0};
    if (properties.major < kOldest)
        out.problem = out.info.name + " has compute capability " +
                      std::to_string(properties.major) + "." + std::to_string(properties.minor) +
                      ", the kernels need 8.0";
}

void look_for_blas(GpuProbe& out) {
    if (cuda::blas_library()) return;
    const char* why = dlerror();
    out.failed = true;
    out.problem =
        out.info.name +
        ": cuBLAS cannot be loaded: " + (why ? std::string(why) : "no reason given") +
        " (install the CUDA toolkit's libraries, or name their folder in LD_LIBRARY_PATH)";
}

__global__ void probe_kernel(int* answer) { *answer = 1; }

/// Runs a kernel of this build: the first call that needs a context and memory on the card.
cudaError_t try_kernel() {
    int* answer = nullptr;
    cudaError_t status = cudaMalloc(&answer, sizeof(int));
    if (status != cudaSuccess) return status;
    probe_kernel<<<1, 1>>>(answer);
    status = cudaGetLastError();
    if (status == cudaSuccess) status = cudaDeviceSynchronize();
    cudaFree(answer);
    return status;
}

void look_at_kernels(GpuProbe& out) {
    const cudaError_t status = try_kernel();
    if (status == cudaErrorNoKernelImageForDevice || status == cudaErrorUnsupportedPtxVersion ||
        status == cudaErrorInvalidDeviceFunction)
        out.problem = out.info.name + ": " + cudaGetErrorString(status);
    else if (status != cudaSuccess)
        set_fault(out, out.info.name, status);
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

namespace cuda {

void* blas_library() {
    static void* const library = [] {
        const std::string name = "libcublas.so." + std::to_string(CUBLAS_VER_MAJOR);
        void* found = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
        return found ? found : dlopen("libcublas.so", RTLD_NOW | RTLD_LOCAL);
    }();
    return library;
}

}  // namespace cuda

GpuProbe probe_gpu() {
    GpuProbe out;
    for (const auto look : {look_for_driver, look_at_card, look_for_blas, look_at_kernels}) {
        look(out);
        cudaGetLastError();
        if (!out.problem.empty()) return out;
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
