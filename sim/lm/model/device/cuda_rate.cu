// What the card can do: one large product over and over.
#include <cstdint>

#include "sim/lm/model/device/cuda_kernels.cuh"
#include "sim/lm/model/device/cuda_resources.cuh"

namespace prefdyn::transformer::device {

namespace {

using ::prefdyn::cuda::DeviceArray;

/// Uniform in [-1, 1), in 2^16 steps. On zeros a card draws less power and is faster.
template <class T>
__global__ void fill_kernel(long count, std::uint32_t seed, T* to) {
    const long i = static_cast<long>(blockIdx.x) * blockDim.x + threadIdx.x;
    if (i >= count) return;
    std::uint32_t bits = static_cast<std::uint32_t>(i) * 2654435761u + seed;
    bits = (bits ^ (bits >> 16)) * 2246822519u;
    bits = (bits ^ (bits >> 13)) * 3266489917u;
    to[i] = from_float<T>(static_cast<float>(bits >> 16) / 32768.0f - 1.0f);
}

template <class T>
DeviceArray<T> filled(long count, std::uint32_t seed) {
    DeviceArray<T> out(static_cast<std::size_t>(count), "a factor", "a smaller card's bench");
    fill_kernel<T>
        <<<static_cast<unsigned>((count + 255) / 256), 256, 0, ::prefdyn::cuda::stream()>>>(
            count, seed, out.data());
    PREFDYN_CUDA_LAUNCHED("fill");
    return out;
}

/// The mean over about half a second, as long as clocks need to settle.
template <class T>
double rate_of(cudaDataType_t type, cublasComputeType_t compute, long n) {
    const Products products(std::size_t{32} << 20);
    const DeviceArray<T> a = filled<T>(n * n, 1), b = filled<T>(n * n, 2), c = filled<T>(n * n, 3);
    const auto product = [&](int times) {
        for (int k = 0; k < times; ++k)
            products.multiply(a.data(), b.data(), type, n, n, n, c.data(), type, 0.0f, compute);
    };
    product(2);
    const double one = ::prefdyn::cuda::seconds_of([&] { product(2); }) / 2.0;
    const int times = one > 0.1 ? 5 : static_cast<int>(0.5 / one) + 1;
    const double seconds = ::prefdyn::cuda::seconds_of([&] { product(times); }) / times;
    const auto extent = static_cast<double>(n);
    return 2.0 * extent * extent * extent / seconds;
}

}  // namespace

double matrix_rate(Precision precision, long n) {
    switch (precision) {
        case Precision::kFloat32:
            return rate_of<float>(CUDA_R_32F, CUBLAS_COMPUTE_32F_PEDANTIC, n);
        case Precision::kTf32:
            return rate_of<float>(CUDA_R_32F, CUBLAS_COMPUTE_32F_FAST_TF32, n);
        case Precision::kBfloat16:
            break;
    }
    return rate_of<Bfloat16>(CUDA_R_16BF, CUBLAS_COMPUTE_32F, n);
}

}  // namespace prefdyn::transformer::device
