// Causal attention, a block for 32 queries of one head: keys come 32 at a time, and the softmax is
// kept up to date (its maximum, its sum, the mix of values), so no n x n matrix is ever held.
#include <cmath>

#include "sim/lm/model/device/cuda_kernels.cuh"
#include "sim/lm/model/element.hpp"

namespace prefdyn::transformer::device {

namespace {

// Eight threads share two queries, ty and ty + 16; of 32 keys each has four, and of 32 columns of
// the values four neighbours.
constexpr int kThreads = 128, kPeers = 8, kRows = 2, kApart = 16, kKeys = 4;
constexpr int kWeightStride = kTile + 4;

/// Floats between rows of a tile in shared memory: C groups of 32 columns, free of bank conflicts.
template <int C>
constexpr int kStride = 32 * C + 4;

template <int C>
constexpr int kSharedBytes = (3 * kTile * kStride<C> + kTile * kWeightStride) *
                             static_cast<int>(sizeof(float));

/// tile (32, 32 C) = rows [first, first + 32) of x, zero beyond row n and column h.
template <class T, int C>
__device__ void fetch(const T* x, long stride, int first, int n, int h, float* tile) {
    constexpr int kQuads = 8 * C;  // of columns
    for (int i = threadIdx.x; i < kTile * kQuads; i += kThreads) {
        const int row = i / kQuads, c = i % kQuads * 4;
        const T* from = x + (first + row) * stride + c;
        Pack<float, 4> out = {{0.0f, 0.0f, 0.0f, 0.0f}};
        if (first + row < n) {
            if (h % 4 == 0 && c < h) {
                const auto values = load<4>(from);
                for (int k = 0; k < 4; ++k) out.v[k] = to_float(values.v[k]);
            } else {
                for (int k = 0; k < 4; ++k)
                    if (c + k < h) out.v[k] = to_float(from[k]);
            }
        }
        store<4>(tile + row * kStride<C> + c, out);
    }
}

/// What one thread knows of its two queries.
template <int C>
struct Running {
    float most[kRows] = {-INFINITY, -INFINITY}, total[kRows] = {};
    float mix[kRows][C][4] = {};
};

__device__ float peers_max(float x) {
    for (int lanes = kPeers / 2; lanes > 0; lanes /= 2)
        x = fmaxf(x, __shfl_xor_sync(0xffffffffu, x, lanes));
    return x;
}

__device__ float peers_sum(float x) {
    for (int lanes = kPeers / 2; lanes > 0; lanes /= 2) x += __shfl_xor_sync(0xffffffffu, x, lanes);
    return x;
}

/// s = q . k for two queries and four keys.
template <int C>
__device__ void scores_of(const float* q, const float* k, int h, int ty, int tx,
                          float (&s)[kRows][kKeys]) {
    for (int c = 0; c < h; c += 4) {
        Pack<float, 4> left[kRows];
        for (int r = 0; r < kRows; ++r) left[r] = load<4>(q + (ty + kApart * r) * kStride<C> + c);
        for (int j = 0; j < kKeys; ++j) {
            const auto right = load<4>(k + (tx + kPeers * j) * kStride<C> + c);
            for (int r = 0; r < kRows; ++r)
                for (int l = 0; l < 4; ++l) s[r][j] += left[r].v[l] * right.v[l];
        }
    }
}

/// Weights exp(s - most) of the 32 keys, after what was summed so far is scaled to the new maximum.
/// A query that has seen no key yet keeps its zeros.
template <int C>
__device__ void add_scores(const float (&s)[kRows][kKeys], Running<C>& run, float* weights, int ty,
                           int tx) {
#pragma unroll
    for (int r = 0; r < kRows; ++r) {
        float most = run.most[r];
        for (const float score : s[r]) most = fmaxf(most, score);
        most = peers_max(most);
        const SoftmaxStep step(most, run.most[r]);
        const float scale = step.rescale();
        float sum = 0.0f;
        for (int j = 0; j < kKeys; ++j) {
            const float weight = step.weight(s[r][j]);
            weights[(ty + kApart * r) * kWeightStride + tx + kPeers * j] = weight;
            sum += weight;
        }
        run.most[r] = most;
        run.total[r] = run.total[r] * scale + peers_sum(sum);
#pragma unroll
        for (int g = 0; g < C; ++g)
            for (float& value : run.mix[r][g]) value *= scale;
    }
}

/// mix += weights values.
template <int C>
__device__ void mix_in(const float* weights, const float* values, Running<C>& run, int ty, int tx) {
    for (int j = 0; j < kTile; j += 4) {
        Pack<float, 4> weight[kRows];
        for (int r = 0; r < kRows; ++r)
            weight[r] = load<4>(weights + (ty + kApart * r) * kWeightStride + j);
#pragma unroll
        for (int l = 0; l < 4; ++l)
#pragma unroll
            for (int g = 0; g < C; ++g) {
                const auto value = load<4>(values + (j + l) * kStride<C> + 32 * g + 4 * tx);
                for (int r = 0; r < kRows; ++r)
                    for (int c = 0; c < 4; ++c) run.mix[r][g][c] += weight[r].v[l] * value.v[c];
            }
    }
}

/// Heads in the numbers a kernel counts with.
struct KernelHeads {
    int heads, kv_heads, head_size, window;
};

template <class T, int C>
__global__ void __launch_bounds__(kThreads)
    attend_kernel(KernelHeads s, float scale, const Tile* tiles, const T* qkv, T* out) {
    extern __shared__ __align__(16) float shared[];
    float* q = shared;
    float* k = q + kTile * kStride<C>;
    float* v = k + kTile * kStride<C>;
    float* weights = v + kTile * kStride<C>;
    const Tile tile = tiles[blockIdx.x];
    const int head = blockIdx.y, kv = head / (s.heads / s.kv_heads), h = s.head_size;
    const int ty = threadIdx.x / kPeers, tx = threadIdx.x % kPeers;
    const long stride = static_cast<long>(s.heads + 2 * s.kv_heads) * h;
    const T* rows = qkv + tile.first * stride;
    const T* keys = rows + static_cast<long>(s.heads + kv) * h;
    const T* values = keys + static_cast<long>(s.kv_heads) * h;
    fetch<T, C>(rows + static_cast<long>(head) * h, stride, tile.begin, tile.length, h, q);
    Running<C> run;
    const int begin = s.window > 0 && tile.begin >= s.window ? tile.begin - s.window + 1 : 0;
    for (int key = begin / kTile * kTile; key <= tile.begin; key += kTile) {
        __syncthreads();  // the tile before is done with
        fetch<T, C>(keys, stride, key, tile.length, h, k);
        fetch<T, C>(values, stride, key, tile.length, h, v);
        __syncthreads();
        float score[kRows][kKeys] = {};
        scores_of<C>(q, k, h, ty, tx, score);
        for (int r = 0; r < kRows; ++r)
            for (int j = 0; j < kKeys; ++j) {
                const int i = tile.begin + ty + kApart * r, at = key + tx + kPeers * j;
                const bool seen = at <= i && (s.window == 0 || at > i - s.window);
                score[r][j] = seen ? score[r][j] * scale : -INFINITY;
            }
        add_scores<C>(score, run, weights, ty, tx);
        __syncwarp();  // the weights of a query are written and read by one warp
        mix_in<C>(weights, v, run, ty, tx);
    }
#pragma unroll
    for (int r = 0; r < kRows; ++r) {
        const int i = tile.begin + ty + kApart * r;
        if (i >= tile.length) continue;
        T* row =
            out + static_cast<long>(tile.first + i) * s.heads * h + static_cast<long>(head) * h;
#pragma unroll
        for (int g = 0; g < C; ++g)
            for (int c = 0; c < 4; ++c)
                if (const int at = 32 * g + 4 * tx + c; at < h)
                    row[at] = from_float<T>(run.mix[r][g][c] / run.total[r]);
    }
}

template <class T, int C>
void launch(cudaStream_t stream, const Heads& heads, const Tile* tiles, long count, const T* qkv,
            T* out) {
    const auto kernel = attend_kernel<T, C>;
    PREFDYN_CUDA_CHECK(
        cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kSharedBytes<C>));
    const auto scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(heads.size)));
    const dim3 grid(static_cast<unsigned>(count), static_cast<unsigned>(heads.heads));
    const KernelHeads s{static_cast<int>(heads.heads), static_cast<int>(heads.kv_heads),
                        static_cast<int>(heads.size), static_cast<int>(heads.window)};
    kernel<<<grid, kThreads, kSharedBytes<C>, stream>>>(s, scale, tiles, qkv, out);
    PREFDYN_CUDA_LAUNCHED("attend");
}

}  // namespace

template <class T>
void attend(cudaStream_t stream, const Heads& heads, const Tile* tiles, long count, const T* qkv,
            T* out) {
    if (count == 0) return;
    const Index h = heads.size;
    if (h <= 32) return launch<T, 1>(stream, heads, tiles, count, qkv, out);
    if (h <= 64) return launch<T, 2>(stream, heads, tiles, count, qkv, out);
    if (h <= 96) return launch<T, 3>(stream, heads, tiles, count, qkv, out);
    if (h <= 128) return launch<T, 4>(stream, heads, tiles, count, qkv, out);
    if (h <= kMaxHead) return launch<T, 8>(stream, heads, tiles, count, qkv, out);
    throw std::logic_error("a head too large for the card");
}

template void attend<float>(cudaStream_t, const Heads&, const Tile*, long, const float*, float*);
template void attend<Bfloat16>(cudaStream_t, const Heads&, const Tile*, long, const Bfloat16*,
                               Bfloat16*);

}  // namespace prefdyn::transformer::device
