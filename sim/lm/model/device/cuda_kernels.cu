// Norm, rotation, gate and conversion: one block a row, whatever is fused into one pass.
#include "sim/lm/model/device/cuda_kernels.cuh"
#include "sim/lm/model/element.hpp"

namespace prefdyn::transformer::device {

namespace {

constexpr int kThreads = 256;

unsigned blocks(long count) { return static_cast<unsigned>(count); }

/// Sum over the block, the same bits in every thread.
__device__ double block_sum(double value) {
    __shared__ double part[kThreads / 32];
    for (int lanes = 16; lanes > 0; lanes /= 2) value += __shfl_xor_sync(0xffffffffu, value, lanes);
    if (threadIdx.x % 32 == 0) part[threadIdx.x / 32] = value;
    __syncthreads();
    double sum = 0.0;
    for (const double each : part) sum += each;
    return sum;
}

template <class T, int N>
__global__ void rms_norm_kernel(const float* x, const float* w, double epsilon, long d, T* y) {
    x += blockIdx.x * d;
    y += blockIdx.x * d;
    double squares = 0.0;
    for (long i = threadIdx.x * N; i < d; i += kThreads * N) {
        const auto values = load<N>(x + i);
        for (const float v : values.v) squares += static_cast<double>(v) * v;
    }
    const auto scale =
        static_cast<float>(inverse_rms(block_sum(squares), static_cast<double>(d), epsilon));
    for (long i = threadIdx.x * N; i < d; i += kThreads * N) {
        const auto values = load<N>(x + i), weights = load<N>(w + i);
        Pack<T, N> out;
        for (int k = 0; k < N; ++k)
            out.v[k] = from_float<T>(normed(weights.v[k], values.v[k], scale));
        store<N>(y + i, out);
    }
}

template <class T>
__global__ void rotate_kernel(Rotation r, T* qkv) {
    const int half = r.head_size / 2, rotated = (r.heads + r.kv_heads) * half;
    const int width = (r.heads + 2 * r.kv_heads) * r.head_size;
    T* row = qkv + static_cast<long>(blockIdx.x) * width;
    const long angle = static_cast<long>(r.position[blockIdx.x]) * half;
    for (int i = threadIdx.x; i < rotated; i += kThreads) {
        const int c = i % half, at = i / half * r.head_size + c;
        float a = to_float(row[at]), b = to_float(row[at + half]);
        if (r.bias) a += r.bias[at], b += r.bias[at + half];
        rotate_pair(a, b, r.cosine[angle + c], r.sine[angle + c]);
        row[at] = from_float<T>(a);
        row[at + half] = from_float<T>(b);
    }
    if (!r.bias) return;
    for (int i = 2 * rotated + threadIdx.x; i < width; i += kThreads)
        row[i] = from_float<T>(to_float(row[i]) + r.bias[i]);
}

template <class T, int N>
__global__ void gate_kernel(const T* both, const float* bias, long f, T* gated) {
    both += blockIdx.x * 2 * f;
    gated += blockIdx.x * f;
    for (long i = threadIdx.x * N; i < f; i += kThreads * N) {
        const auto g = load<N>(both + i), u = load<N>(both + f + i);
        Pack<T, N> out;
        for (int k = 0; k < N; ++k) {
            const float left = to_float(g.v[k]) + (bias ? bias[i + k] : 0.0f);
            const float right = to_float(u.v[k]) + (bias ? bias[f + i + k] : 0.0f);
            out.v[k] = from_float<T>(transformer::gate(left, right));
        }
        store<N>(gated + i, out);
    }
}

/// Every thread that meets a bad value writes the same 1.
template <class From, class T, int N>
__global__ void convert_kernel(const From* from, long count, T* to, int* bad) {
    const long step = static_cast<long>(gridDim.x) * kThreads * N;
    bool finite = true;
    for (long i = (static_cast<long>(blockIdx.x) * kThreads + threadIdx.x) * N; i < count;
         i += step) {
        const auto values = load<N>(from + i);
        Pack<T, N> out;
        for (int k = 0; k < N; ++k) {
            const float value = to_float(values.v[k]);
            finite = finite && fabsf(value) <= 3.4028235e38f;
            out.v[k] = from_float<T>(value);
        }
        store<N>(to + i, out);
    }
    if (!finite) *bad = 1;
}

template <class T, int N>
bool aligned(const T* at) {
    return reinterpret_cast<std::uintptr_t>(at) % (sizeof(T) * N) == 0;
}

template <class From, class T>
void convert_from(cudaStream_t stream, const From* from, long count, T* to, int* bad) {
    constexpr int N = 4;
    constexpr long kMost = 1024;  // blocks: the products of the layer before want the card too
    if (count % N == 0 && aligned<From, N>(from) && aligned<T, N>(to)) {
        const long wanted = (count / N + kThreads - 1) / kThreads;
        convert_kernel<From, T, N>
            <<<blocks(wanted < kMost ? wanted : kMost), kThreads, 0, stream>>>(from, count, to,
                                                                               bad);
    } else {
        const long wanted = (count + kThreads - 1) / kThreads;
        convert_kernel<From, T, 1>
            <<<blocks(wanted < kMost ? wanted : kMost), kThreads, 0, stream>>>(from, count, to,
                                                                               bad);
    }
    PREFDYN_CUDA_LAUNCHED("convert");
}

}  // namespace

template <class T>
void rms_norm(cudaStream_t stream, const float* x, const float* w, double epsilon, long rows,
              long d, T* y) {
    if (rows == 0) return;
    constexpr int N = 4;
    if (d % N == 0 && aligned<float, N>(x) && aligned<float, N>(w) && aligned<T, N>(y))
        rms_norm_kernel<T, N><<<blocks(rows), kThreads, 0, stream>>>(x, w, epsilon, d, y);
    else
        rms_norm_kernel<T, 1><<<blocks(rows), kThreads, 0, stream>>>(x, w, epsilon, d, y);
    PREFDYN_CUDA_LAUNCHED("rms_norm");
}

template <class T>
void rotate(cudaStream_t stream, const Rotation& rotation, long rows, T* qkv) {
    if (rows == 0) return;
    rotate_kernel<T><<<blocks(rows), kThreads, 0, stream>>>(rotation, qkv);
    PREFDYN_CUDA_LAUNCHED("rotate");
}

template <class T>
void gate(cudaStream_t stream, const T* both, const float* bias, long rows, long f, T* gated) {
    if (rows == 0) return;
    constexpr int N = 16 / sizeof(T);
    if (f % N == 0 && aligned<T, N>(both) && aligned<T, N>(gated))
        gate_kernel<T, N><<<blocks(rows), kThreads, 0, stream>>>(both, bias, f, gated);
    else
        gate_kernel<T, 1><<<blocks(rows), kThreads, 0, stream>>>(both, bias, f, gated);
    PREFDYN_CUDA_LAUNCHED("gate");
}

template <class T>
void convert(cudaStream_t stream, const void* from, Dtype type, long count, T* to, int* bad) {
    if (count == 0) return;
    switch (type) {
        case Dtype::kF32:
            return convert_from(stream, static_cast<const float*>(from), count, to, bad);
        case Dtype::kF16:
            return convert_from(stream, static_cast<const __half*>(from), count, to, bad);
        case Dtype::kBF16:
            return convert_from(stream, static_cast<const Bfloat16*>(from), count, to, bad);
        case Dtype::kOther:
            break;
    }
    throw std::logic_error("no type of weights");
}

#define PREFDYN_FOR(T)                                                                           \
    template void rms_norm<T>(cudaStream_t, const float*, const float*, double, long, long, T*); \
    template void rotate<T>(cudaStream_t, const Rotation&, long, T*);                            \
    template void gate<T>(cudaStream_t, const T*, const float*, long, long, T*);                 \
    template void convert<T>(cudaStream_t, const void*, Dtype, long, T*, int*);
PREFDYN_FOR(float)
PREFDYN_FOR(Bfloat16)
#undef PREFDYN_FOR

}  // namespace prefdyn::transformer::device
