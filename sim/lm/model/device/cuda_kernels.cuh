#pragma once
// The kernels of inference. T is float or Bfloat16: how numbers lie between the products. Rows are
// tokens; sums are taken in a fixed order, so that a call gives the same bits every time.

#include <cuda_fp16.h>

#include "sim/cuda/cuda_support.cuh"
#include "sim/lm/model/attention.hpp"
#include "sim/lm/model/device/attention_tasks.hpp"

namespace prefdyn::transformer::device {

/// y (rows, d) = w x / rms(x) with x (rows, d); the mean square in double precision.
template <class T>
void rms_norm(cudaStream_t stream, const float* x, const float* w, double epsilon, long rows,
              long d, T* y);

/// Queries and keys of qkv (rows, (H + 2K) h) are rotated in place, row r by the angles
/// (cosine, sine) (positions, h / 2) of position[r]; first bias ((H + 2K) h) is added to all of it
/// unless it is null.
struct Rotation {
    const float *bias, *cosine, *sine;
    const int* position;
    int heads, kv_heads, head_size;
};
template <class T>
void rotate(cudaStream_t stream, const Rotation& rotation, long rows, T* qkv);

constexpr int kTile = 32;      ///< queries of a tile
constexpr int kMaxHead = 256;  ///< largest head size

/// out (rows, H h): causal attention of one prompt after another, tiles being all their queries.
template <class T>
void attend(cudaStream_t stream, const Heads& heads, const Tile* tiles, long count, const T* qkv,
            T* out);

/// gated (rows, f) = silu(g) u with (g, u) the halves of both (rows, 2f) + bias (2f), if not null.
template <class T>
void gate(cudaStream_t stream, const T* both, const float* bias, long rows, long f, T* gated);

/// to (count) = from (count) of the type given, rounded to T; *bad = 1 if one is not finite.
template <class T>
void convert(cudaStream_t stream, const void* from, Dtype type, long count, T* to, int* bad);

__device__ inline float to_float(__half x) { return __half2float(x); }

/// N neighbours, moved at once.
template <class T, int N>
struct alignas(sizeof(T) * N) Pack {
    T v[N];
};
template <int N, class T>
__device__ inline Pack<T, N> load(const T* from) {
    return *reinterpret_cast<const Pack<T, N>*>(from);
}
template <int N, class T>
__device__ inline void store(T* to, const Pack<T, N>& values) {
    *reinterpret_cast<Pack<T, N>*>(to) = values;
}

}  // namespace prefdyn::transformer::device
