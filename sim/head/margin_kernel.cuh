#pragma once
// Kernels of the exact reduction and how they are cut. A team of warps takes a group of rows at a
// time: the rows arrive in shared memory while the group before is worked on, each lane keeps the
// same columns throughout, margins are reduced over the team, and the lane adds slope times row to
// its own columns. So every row is read once a step. Teams and blocks are added up in their order:
// no atomics, and the same bits from run to run.

#include <cooperative_groups.h>
#include <cuda_pipeline.h>

#include <algorithm>

#include "sim/base/adam.hpp"
#include "sim/cuda/cuda_support.cuh"
#include "sim/head/scaled_float.hpp"
#include "sim/loss/margin_phi.hpp"

namespace prefdyn::cuda {

namespace {

constexpr long kLargestDimension = 8192;  // features that the kernels take
constexpr int kWarp = 32;
constexpr int kMaxThreads = 512;
// Several blocks share a multiprocessor, so that one adds while another waits for its margins.
constexpr int kLargeBlock = 256, kSmallBlock = 128;
constexpr int kPacksInFlight = 8;  // 16-byte packs a thread asks for at a time
constexpr int kStages = 2;
constexpr unsigned kAllLanes = 0xffffffffu;

template <class Scalar>
struct alignas(16) Pack {
    static constexpr int kWidth = 16 / sizeof(Scalar);
    Scalar x[kWidth];
};

/// G as kernels see it: rows padded with zeros to whole packs.
template <class Scalar>
struct RowsView {
    const Pack<Scalar>* g;  ///< (n, packs)
    const std::int8_t* label;
    long n, packs;
    double beta;
    MarginPhi phi;

    __host__ __device__ long columns() const { return packs * Pack<Scalar>::kWidth; }
};

/// How a block is cut: `team` warps share a row, and each lane has `packs` packs of it.
struct Shape {
    int team, packs, threads;
    int warps() const { return threads / kWarp; }
};

/// The smallest team whose lanes have few enough columns to sum in registers.
Shape shape_for(long packs, int least_threads) {
    for (int team = 1; team <= kMaxThreads / kWarp; team *= 2)
        for (int k = 1; k <= kPacksInFlight; k *= 2) {
            const bool last_resort = team == kMaxThreads / kWarp;
            if (long{kWarp} * team * k >= packs && (k <= 4 || last_resort))
                return {team, k, std::max(least_threads, kWarp * team)};
        }
    throw std::logic_error("dimension beyond kLargestDimension");
}

/// Shared memory of a block: theta, the ring of incoming rows (reused for the sums of the teams),
/// and what the warps tell each other.
struct Layout {
    long theta, ring, scratch;
    __host__ __device__ Layout(long columns, int threads)
        : theta((columns * 8 + 15) / 16 * 16),
          ring(long{threads} * kPacksInFlight * kStages * 16),
          scratch(long{threads} / kWarp * kPacksInFlight * 2 * kStages * 8) {}
    __host__ __device__ long bytes() const { return theta + ring + scratch; }
};

template <class Scalar, int K>
class BlockPass {
  public:
    static constexpr int kWidth = Pack<Scalar>::kWidth;
    static constexpr int kRows = kPacksInFlight / K;  ///< rows of a group

    __device__ BlockPass(const RowsView<Scalar>& data, int team, unsigned char* shared)
        : data_(data), team_(team) {
        const Layout layout(data.columns(), static_cast<int>(blockDim.x));
        theta_ = reinterpret_cast<double*>(shared);
        ring_ = reinterpret_cast<Pack<Scalar>*>(shared + layout.theta);
        scratch_ = reinterpret_cast<double*>(shared + layout.theta + layout.ring);
    }

    __device__ double* theta() { return theta_; }
    __device__ double* scratch() { return scratch_; }
    __device__ double* sums() { return reinterpret_cast<double*>(ring_); }
    __device__ int teams() const { return static_cast<int>(blockDim.x) / kWarp / team_; }

    /// Leaves sum over this block's rows of (-phi') s g in sums()[0 .. columns). Returns this
    /// thread's share of sum phi if asked for.
    template <bool kLoss>
    __device__ double run(const std::int32_t* rows, long batch, long block, long blocks,
                          double* margins);

  private:
    __device__ int lane() const { return static_cast<int>(threadIdx.x) % kWarp; }
    __device__ int warp() const { return static_cast<int>(threadIdx.x) / kWarp; }
    __device__ long pack(int k) const {
        return (long{k} * team_ + warp() % team_) * kWarp + lane();
    }
    __device__ Pack<Scalar>& slot(int stage, int r, int k) const {
        return ring_[((stage * kRows + r) * K + k) * static_cast<int>(blockDim.x) +
                     static_cast<int>(threadIdx.x)];
    }
    __device__ void fetch(const std::int32_t* rows, long batch, long group, int stage);
    __device__ double score(int stage) const;
    template <class Weigh>
    __device__ double weight_of(double own, int stage, Weigh weigh) const;
    __device__ void add(double (&sum)[K * kWidth], int stage, double weight) const;
    __device__ void fold_teams(const double (&sum)[K * kWidth]);

    const RowsView<Scalar>& data_;
    int team_;
    double* theta_;
    Pack<Scalar>* ring_;
    double* scratch_;
    double label_;  ///< of row lane % kRows of the group fetched last, 0 behind the end
};

/// Asks for a group of rows; rows behind the end are read again and get weight 0.
template <class Scalar, int K>
__device__ void BlockPass<Scalar, K>::fetch(const std::int32_t* rows, long batch, long group,
                                            int stage) {
    const long mine = min(group * kRows + lane() % kRows, batch - 1);
    const long row = rows ? rows[mine] : mine;
    label_ = group * kRows + lane() % kRows < batch ? data_.label[row] : 0.0;
#pragma unroll
    for (int r = 0; r < kRows; ++r) {
        const long i = __shfl_sync(kAllLanes, row, r);
#pragma unroll
        for (int k = 0; k < K; ++k)
            if (pack(k) < data_.packs)
                __pipeline_memcpy_async(&slot(stage, r, k), data_.g + i * data_.packs + pack(k),
                                        sizeof(Pack<Scalar>));
    }
}

/// theta . g of row lane % kRows of the group, over the columns of this warp.
template <class Scalar, int K>
__device__ double BlockPass<Scalar, K>::score(int stage) const {
    double dot[kRows] = {};
#pragma unroll
    for (int k = 0; k < K; ++k) {
        if (pack(k) >= data_.packs) continue;
        const double* t = theta_ + pack(k) * kWidth;
#pragma unroll
        for (int r = 0; r < kRows; ++r) {
            const Pack<Scalar> g = slot(stage, r, k);
#pragma unroll
            for (int v = 0; v < kWidth; ++v)
                dot[r] = fma(static_cast<double>(g.x[v]), t[v], dot[r]);
        }
    }
    // Each exchange halves the rows a lane is responsible for, then the lanes left add up.
#pragma unroll
    for (int half = kRows / 2; half >= 1; half /= 2)
#pragma unroll
        for (int r = 0; r < half; ++r) {
            const bool upper = lane() & half;
            const double given = upper ? dot[r] : dot[r + half];
            dot[r] = (upper ? dot[r + half] : dot[r]) + __shfl_xor_sync(kAllLanes, given, half);
        }
#pragma unroll
    for (int step = kRows; step < kWarp; step *= 2)
        dot[0] += __shfl_xor_sync(kAllLanes, dot[0], step);
    return dot[0];
}

/// Takes a score over one warp's columns to the slope's weight of row lane % kRows. The first warp
/// of a team adds up the team's scores in order and works out the weights for all of it.
template <class Scalar, int K>
template <class Weigh>
__device__ double BlockPass<Scalar, K>::weight_of(double own, int stage, Weigh weigh) const {
    if (team_ == 1) return weigh(own);
    const int warps = static_cast<int>(blockDim.x) / kWarp;
    double* const scores = scratch_ + stage * 2 * warps * kRows;
    double* const weights = scores + warps * kRows;
    if (lane() < kRows) scores[warp() * kRows + lane()] = own;
    __syncthreads();
    const int leader = warp() - warp() % team_;
    if (warp() == leader) {
        double total = 0.0;
        for (int w = 0; w < team_; ++w) total += scores[(leader + w) * kRows + lane() % kRows];
        const double weight = weigh(total);
        if (lane() < kRows) weights[leader * kRows + lane()] = weight;
    }
    __syncthreads();
    return weights[leader * kRows + lane() % kRows];
}

template <class Scalar, int K>
__device__ void BlockPass<Scalar, K>::add(double (&sum)[K * kWidth], int stage,
                                          double weight) const {
#pragma unroll
    for (int r = 0; r < kRows; ++r) {
        // The conversion unit is what limits `score`; here integer units do its work.
        const double w = __shfl_sync(kAllLanes, weight, r) * kScaledDown<Scalar>;
#pragma unroll
        for (int k = 0; k < K; ++k) {
            if (pack(k) >= data_.packs) continue;
            const Pack<Scalar> g = slot(stage, r, k);
#pragma unroll
            for (int v = 0; v < kWidth; ++v)
                sum[k * kWidth + v] = fma(w, scaled_down(g.x[v]), sum[k * kWidth + v]);
        }
    }
}

/// The teams' sums in their order; the ring is free by now.
template <class Scalar, int K>
__device__ void BlockPass<Scalar, K>::fold_teams(const double (&sum)[K * kWidth]) {
    const long columns = data_.columns();
    double* const all = sums();
#pragma unroll
    for (int k = 0; k < K; ++k)
        if (pack(k) < data_.packs)
#pragma unroll
            for (int v = 0; v < kWidth; ++v)
                all[(warp() / team_) * columns + pack(k) * kWidth + v] = sum[k * kWidth + v];
    __syncthreads();
    for (long j = threadIdx.x; j < columns; j += blockDim.x) {
        double total = all[j];
        for (int t = 1; t < teams(); ++t) total += all[t * columns + j];
        all[j] = total;
    }
    __syncthreads();
}

template <class Scalar, int K>
template <bool kLoss>
__device__ double BlockPass<Scalar, K>::run(const std::int32_t* rows, long batch, long block,
                                            long blocks, double* margins) {
    const long groups = (batch + kRows - 1) / kRows, stride = blocks * teams();
    const long rounds = (groups + stride - 1) / stride;  // the same for every team: they meet
    const long first = block * teams() + warp() / team_;
    double sum[K * kWidth] = {};
    double loss = 0.0;
    __syncthreads();  // theta is there, the ring is free
    fetch(rows, batch, min(first, groups), 0);
    __pipeline_commit();
    for (long round = 0; round < rounds; ++round) {
        const int stage = static_cast<int>(round % kStages);
        const long group = first + round * stride;
        const double s = label_;
        if (round + 1 < rounds) fetch(rows, batch, min(group + stride, groups), 1 - stage);
        __pipeline_commit();
        __pipeline_wait_prior(1);
        const double weight = weight_of(score(stage), stage, [&](double total) {
            const double m = 2.0 * data_.beta * s * total;
            if (s == 0.0) return 0.0;
            if (lane() < kRows) {
                if (kLoss) loss += data_.phi.value(m);
                if (margins) margins[group * kRows + lane()] = m;
            }
            return -data_.phi.derivative(m) * s;
        });
        add(sum, stage, weight);
    }
    __pipeline_wait_prior(0);
    __syncthreads();
    fold_teams(sum);
    return loss;
}

/// Sum over the block's threads, in a fixed order; valid in thread 0.
__device__ double block_sum(double x, double* scratch) {
    for (int step = kWarp / 2; step >= 1; step /= 2) x += __shfl_down_sync(kAllLanes, x, step);
    if (threadIdx.x % kWarp == 0) scratch[threadIdx.x / kWarp] = x;
    __syncthreads();
    double total = 0.0;
    if (threadIdx.x == 0)
        for (unsigned w = 0; w < blockDim.x / kWarp; ++w) total += scratch[w];
    return total;
}

/// partial (blocks, columns + 1): a block's sums, its loss last.
template <class Scalar, int K>
__global__ void __launch_bounds__(kMaxThreads, 1)
    pass_kernel(RowsView<Scalar> data, int team, const double* v, const std::int32_t* rows,
                long batch, double* partial, double* margins) {
    extern __shared__ __align__(16) unsigned char shared[];
    BlockPass<Scalar, K> pass(data, team, shared);
    const long columns = data.columns();
    for (long j = threadIdx.x; j < columns; j += blockDim.x) pass.theta()[j] = v[j];
    const double own = pass.template run<true>(rows, batch, blockIdx.x, gridDim.x, margins);
    double* const mine = partial + blockIdx.x * (columns + 1);
    for (long j = threadIdx.x; j < columns; j += blockDim.x) mine[j] = pass.sums()[j];
    const double loss = block_sum(own, pass.scratch());
    if (threadIdx.x == 0) mine[columns] = loss;
}

/// out (columns) = scale * the blocks' partial sums (blocks, columns), added in order.
__global__ void fold_kernel(const double* partial, int blocks, long columns, double* out) {
    const long j = blockIdx.x * long{blockDim.x} + threadIdx.x;
    if (j >= columns) return;
    double total = 0.0;
    for (int b = 0; b < blocks; ++b) total += partial[b * columns + j];
    out[j] = total;
}

/// A run as kernels see it.
template <class Scalar>
struct RunView {
    RowsView<Scalar> data;
    const std::int32_t* rows;  ///< of all updates of a launch; null: every update sees all rows
    const std::int64_t*
        first;  ///< update k of the launch has rows[first[k]] ... rows[first[k + 1] - 1]
    const std::int64_t* stops;
    long stop_count;
    double* path;   ///< (stops, columns)
    double* state;  ///< theta, first moment, second moment (3, columns)
    double eta;
    bool adam;
};

/// theta_j after an update, as optimizer.cpp makes it.
template <class Scalar>
__device__ double updated(const RunView<Scalar>& run, long j, double theta, double direction,
                          const AdamUpdate& adam) {
    if (!run.adam) return theta + run.eta * direction;
    const long columns = run.data.columns();
    return theta + adam(run.eta, direction, run.state[columns + j], run.state[2 * columns + j]);
}

/// Rows of update k of a launch.
template <class Scalar>
__device__ long batch_of(const RunView<Scalar>& run, long k, const std::int32_t*& rows) {
    rows = run.rows ? run.rows + run.first[k] : nullptr;
    return run.rows ? run.first[k + 1] - run.first[k] : run.data.n;
}

/// Keeps theta if `step` is one of the stops; `next` is the first stop not passed.
template <class Scalar>
__device__ void keep(const RunView<Scalar>& run, long step, long& next, const double* theta) {
    while (next < run.stop_count && run.stops[next] < step) ++next;
    if (next == run.stop_count || run.stops[next] != step) return;
    const long columns = run.data.columns();
    for (long j = threadIdx.x; j < columns; j += blockDim.x)
        run.path[next * columns + j] = theta[j];
}

/// Updates [begin, end) of many small runs, a block each.
template <class Scalar, int K>
__global__ void __launch_bounds__(kMaxThreads, 1)
    runs_kernel(const RunView<Scalar>* runs, int team, long begin, long end) {
    extern __shared__ __align__(16) unsigned char shared[];
    const RunView<Scalar>& run = runs[blockIdx.x];
    BlockPass<Scalar, K> pass(run.data, team, shared);
    const long columns = run.data.columns(), last = min(end, long(run.stops[run.stop_count - 1]));
    for (long j = threadIdx.x; j < columns; j += blockDim.x) pass.theta()[j] = run.state[j];
    __syncthreads();
    long next = 0;
    for (long step = begin; step <= last; ++step) {
        keep(run, step, next, pass.theta());
        if (step == last) break;
        const std::int32_t* rows;
        const long batch = batch_of(run, step - begin, rows);
        pass.template run<false>(rows, batch, 0, 1, nullptr);
        const double scale = run.data.beta / static_cast<double>(batch);
        const AdamUpdate adam = run.adam ? AdamUpdate(double(step + 1)) : AdamUpdate();
        for (long j = threadIdx.x; j < columns; j += blockDim.x)
            pass.theta()[j] = updated(run, j, pass.theta()[j], scale * pass.sums()[j], adam);
        __syncthreads();
    }
    for (long j = threadIdx.x; j < columns; j += blockDim.x) run.state[j] = pass.theta()[j];
}

/// Updates [begin, end) of one large run by the whole card; partial (blocks, columns).
template <class Scalar, int K>
__global__ void __launch_bounds__(kMaxThreads, 1)
    run_kernel(RunView<Scalar> run, int team, long begin, long end, double* partial) {
    extern __shared__ __align__(16) unsigned char shared[];
    const auto grid = cooperative_groups::this_grid();
    BlockPass<Scalar, K> pass(run.data, team, shared);
    const long columns = run.data.columns();
    const int lane = threadIdx.x % kWarp, warp = threadIdx.x / kWarp, warps = blockDim.x / kWarp;
    long next = 0;
    for (long step = begin; step <= end; ++step) {
        // Other blocks wrote theta and will write partial sums: nothing of them from the L1 cache.
        for (long j = threadIdx.x; j < columns; j += blockDim.x)
            pass.theta()[j] = __ldcg(run.state + j);
        __syncthreads();
        if (blockIdx.x == 0) keep(run, step, next, pass.theta());
        if (step == end) break;
        const std::int32_t* rows;
        const long batch = batch_of(run, step - begin, rows);
        pass.template run<false>(rows, batch, blockIdx.x, gridDim.x, nullptr);
        for (long j = threadIdx.x; j < columns; j += blockDim.x)
            __stcg(partial + blockIdx.x * columns + j, pass.sums()[j]);
        grid.sync();
        const double scale = run.data.beta / static_cast<double>(batch);
        const AdamUpdate adam = run.adam ? AdamUpdate(double(step + 1)) : AdamUpdate();
        double* const scratch = pass.sums();  // (warps, 32)
        for (long from = long{blockIdx.x} * kWarp; from < columns;
             from += long{gridDim.x} * kWarp) {
            const long j = from + lane;
            double total = 0.0;
            if (j < columns)
                for (unsigned b = warp; b < gridDim.x; b += warps)
                    total += __ldcg(partial + b * columns + j);
            scratch[warp * kWarp + lane] = total;
            __syncthreads();
            if (warp == 0 && j < columns) {
                total = scratch[lane];
                for (int w = 1; w < warps; ++w) total += scratch[w * kWarp + lane];
                __stcg(run.state + j, updated(run, j, pass.theta()[j], scale * total, adam));
            }
            __syncthreads();
        }
        grid.sync();
    }
}

/// Calls work(std::integral_constant<int, K>) with the K of the shape.
template <class Work>
void with_packs(int packs, Work work) {
    if (packs == 1) return work(std::integral_constant<int, 1>());
    if (packs == 2) return work(std::integral_constant<int, 2>());
    if (packs == 4) return work(std::integral_constant<int, 4>());
    work(std::integral_constant<int, 8>());
}

/// All the shared memory a block may have; the same for every call, since threads share a kernel.
template <class Kernel>
void allow_shared(Kernel* kernel) {
    int device = 0, most = 0;
    PREFDYN_CUDA_CHECK(cudaGetDevice(&device));
    PREFDYN_CUDA_CHECK(
        cudaDeviceGetAttribute(&most, cudaDevAttrMaxSharedMemoryPerBlockOptin, device));
    PREFDYN_CUDA_CHECK(
        cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, most));
}

int multiprocessors() {
    static const int count = [] {
        int device = 0, value = 0;
        PREFDYN_CUDA_CHECK(cudaGetDevice(&device));
        PREFDYN_CUDA_CHECK(cudaDeviceGetAttribute(&value, cudaDevAttrMultiProcessorCount, device));
        return value;
    }();
    return count;
}

/// Blocks that have a group of rows each, at most as many as the card holds at a time.
template <class Kernel>
int blocks_of(Kernel* kernel, const Shape& shape, const Layout& layout, long batch) {
    int resident = 0;
    PREFDYN_CUDA_CHECK(cudaOccupancyMaxActiveBlocksPerMultiprocessor(
        &resident, kernel, shape.threads, static_cast<std::size_t>(layout.bytes())));
    const long rows = long{kPacksInFlight / shape.packs} * (shape.warps() / shape.team);
    return static_cast<int>(
        std::min<long>(long{resident} * multiprocessors(), (batch + rows - 1) / rows));
}

}  // namespace

}  // namespace prefdyn::cuda
