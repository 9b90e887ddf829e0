// Kernels of the exact reduction. A team of warps takes a group of rows at a time: the rows arrive
// in shared memory while the group before is worked on, each lane keeps the same columns
// throughout, margins are reduced over the team, and the lane adds slope times row to its own
// columns. So every row is read once a step. Teams and blocks are added up in their order: no
// atomics, and the same bits from run to run.

#include <cooperative_groups.h>
#include <cuda_pipeline.h>

#include <algorithm>

#include "sim/cuda/cuda_support.cuh"
#include "sim/head/cuda_margins.hpp"
#include "sim/head/scaled_float.hpp"

namespace prefdyn::cuda {

namespace {

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
    long theta, ring, talk;
    __host__ __device__ Layout(long columns, int threads)
        : theta((columns * 8 + 15) / 16 * 16),
          ring(long{threads} * kPacksInFlight * kStages * 16),
          talk(long{threads} / kWarp * kPacksInFlight * 2 * kStages * 8) {}
    __host__ __device__ long bytes() const { return theta + ring + talk; }
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
        talk_ = reinterpret_cast<double*>(shared + layout.theta + layout.ring);
    }

    __device__ double* theta() { return theta_; }
    __device__ double* talk() { return talk_; }
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
    double* talk_;
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
    double* const scores = talk_ + stage * 2 * warps * kRows;
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
__device__ double block_sum(double x, double* board) {
    for (int step = kWarp / 2; step >= 1; step /= 2) x += __shfl_down_sync(kAllLanes, x, step);
    if (threadIdx.x % kWarp == 0) board[threadIdx.x / kWarp] = x;
    __syncthreads();
    double total = 0.0;
    if (threadIdx.x == 0)
        for (unsigned w = 0; w < blockDim.x / kWarp; ++w) total += board[w];
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
    const double loss = block_sum(own, pass.talk());
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

/// theta_j after an update, as optimizer.cpp makes it; `step` counts from 1.
template <class Scalar>
__device__ double updated(const RunView<Scalar>& run, long j, double theta, double direction,
                          double correct1, double correct2) {
    if (!run.adam) return theta + run.eta * direction;
    constexpr double kBeta1 = 0.9, kBeta2 = 0.999, kEpsilon = 1e-8;
    double& m = run.state[run.data.columns() + j];
    double& s = run.state[2 * run.data.columns() + j];
    m = kBeta1 * m + (1.0 - kBeta1) * direction;
    s = kBeta2 * s + (1.0 - kBeta2) * direction * direction;
    return theta + run.eta * (m / correct1) / (sqrt(s / correct2) + kEpsilon);
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
        const double correct1 = run.adam ? 1.0 - pow(0.9, double(step + 1)) : 1.0;
        const double correct2 = run.adam ? 1.0 - pow(0.999, double(step + 1)) : 1.0;
        for (long j = threadIdx.x; j < columns; j += blockDim.x)
            pass.theta()[j] =
                updated(run, j, pass.theta()[j], scale * pass.sums()[j], correct1, correct2);
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
        const double correct1 = run.adam ? 1.0 - pow(0.9, double(step + 1)) : 1.0;
        const double correct2 = run.adam ? 1.0 - pow(0.999, double(step + 1)) : 1.0;
        double* const board = pass.sums();  // (warps, 32)
        for (long from = long{blockIdx.x} * kWarp; from < columns;
             from += long{gridDim.x} * kWarp) {
            const long j = from + lane;
            double total = 0.0;
            if (j < columns)
                for (unsigned b = warp; b < gridDim.x; b += warps)
                    total += __ldcg(partial + b * columns + j);
            board[warp * kWarp + lane] = total;
            __syncthreads();
            if (warp == 0 && j < columns) {
                total = board[lane];
                for (int w = 1; w < warps; ++w) total += board[w * kWarp + lane];
                __stcg(run.state + j,
                       updated(run, j, pass.theta()[j], scale * total, correct1, correct2));
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

template <class Scalar>
struct DeviceRows<Scalar>::Impl {
    long d;
    DeviceArray<Pack<Scalar>> features;
    DeviceArray<std::int8_t> label;
    RowsView<Scalar> view;

    /// Fills partial (blocks, columns + 1); returns the number of blocks.
    int sums(const double* v, const std::int32_t* rows, long batch, DeviceArray<double>& partial,
             double* margins) const;
};

template <class Scalar>
DeviceRows<Scalar>::DeviceRows(const Scalar* features, const std::int8_t* label, long n, long d,
                               double beta, const MarginPhi& phi) {
    const long packs = (d + Pack<Scalar>::kWidth - 1) / Pack<Scalar>::kWidth;
    const std::size_t width = static_cast<std::size_t>(packs) * sizeof(Pack<Scalar>);
    impl_.reset(new Impl{d,
                         DeviceArray<Pack<Scalar>>(
                             static_cast<std::size_t>(n * packs), "features (samples x dimension)",
                             "lower samples or dimension, take --engine reduced-f32, or "
                             "--device cpu"),
                         DeviceArray<std::int8_t>(static_cast<std::size_t>(n), "labels"),
                         {nullptr, nullptr, n, packs, beta, phi}});
    impl_->view.g = impl_->features.data();
    impl_->view.label = impl_->label.data();
    if (n == 0) return;
    if (width > static_cast<std::size_t>(d) * sizeof(Scalar)) impl_->features.clear();
    PREFDYN_CUDA_CHECK(cudaMemcpy2DAsync(
        impl_->features.data(), width, features, static_cast<std::size_t>(d) * sizeof(Scalar),
        static_cast<std::size_t>(d) * sizeof(Scalar), static_cast<std::size_t>(n),
        cudaMemcpyHostToDevice, stream()));
    impl_->label.upload(label, static_cast<std::size_t>(n));
    wait();  // other threads' streams may go on from here
}

template <class Scalar>
DeviceRows<Scalar>::~DeviceRows() = default;

template <class Scalar>
int DeviceRows<Scalar>::Impl::sums(const double* v, const std::int32_t* rows, long batch,
                                   DeviceArray<double>& partial, double* margins) const {
    const long columns = view.columns();
    const Shape shape = shape_for(view.packs, kLargeBlock);
    const Layout layout(columns, shape.threads);
    int blocks = 0;
    DeviceArray<double> theta(static_cast<std::size_t>(columns), "parameters");
    if (columns > d) theta.clear();
    theta.upload(v, static_cast<std::size_t>(d));
    DeviceArray<std::int32_t> chosen(rows ? static_cast<std::size_t>(batch) : 0, "minibatch rows");
    if (rows) chosen.upload(rows, static_cast<std::size_t>(batch));
    with_packs(shape.packs, [&](auto k) {
        auto* const kernel = pass_kernel<Scalar, decltype(k)::value>;
        allow_shared(kernel);
        blocks = blocks_of(kernel, shape, layout, batch);
        partial =
            DeviceArray<double>(static_cast<std::size_t>(blocks * (columns + 1)), "partial sums");
        kernel<<<blocks, shape.threads, layout.bytes(), stream()>>>(
            view, shape.team, theta.data(), chosen.data(), batch, partial.data(), margins);
    });
    PREFDYN_CUDA_LAUNCHED("pass_kernel");
    return blocks;
}

template <class Scalar>
double DeviceRows<Scalar>::pass(const double* v, const std::int32_t* rows, long batch,
                                double* direction, double* margins) const {
    const long columns = impl_->view.columns();
    DeviceArray<double> partial, m(margins ? static_cast<std::size_t>(batch) : 0, "margins");
    const int blocks = impl_->sums(v, rows, batch, partial, m.data());
    DeviceArray<double> total(static_cast<std::size_t>(columns + 1), "direction");
    constexpr int kThreads = 128;
    fold_kernel<<<blocks_for(columns + 1, kThreads), kThreads, 0, stream()>>>(
        partial.data(), blocks, columns + 1, total.data());
    PREFDYN_CUDA_LAUNCHED("fold_kernel");
    std::vector<double> host(static_cast<std::size_t>(columns + 1));
    total.download(host.data(), host.size());
    m.download(margins, m.size());
    wait();
    const double scale = impl_->view.beta / static_cast<double>(batch);
    for (long j = 0; j < impl_->d; ++j) direction[j] = scale * host[static_cast<std::size_t>(j)];
    return host.back() / static_cast<double>(batch);
}

template <class Scalar>
void DeviceRows<Scalar>::margins(const double* v, double* margins) const {
    const long n = impl_->view.n;
    if (n == 0) return;
    DeviceArray<double> partial, m(static_cast<std::size_t>(n), "margins");
    impl_->sums(v, nullptr, n, partial, m.data());
    m.download(margins, m.size());
    wait();
}

namespace {

constexpr double kLaunchSeconds = 0.2;                      // about, so that a stop is seen
constexpr std::size_t kBatchBytes = std::size_t{64} << 20;  // minibatch rows of a launch
constexpr long kSmallBytes = long{1} << 19;                 // G of a run that one block does
constexpr double kBlockRate = 5e10, kCardRate = 1e12;       // bytes / s, at least

template <class Scalar>
class Launcher {
  public:
    Launcher(std::vector<HeadRun<Scalar>*> runs, bool alone);
    void go(const std::function<bool()>& stop);

  private:
    long steps_a_launch(long begin) const;
    void upload_batches(long count);
    void launch(long begin, long end);
    void collect();
    long columns(std::size_t r) const { return runs_[r]->data->impl().view.columns(); }

    std::vector<HeadRun<Scalar>*> runs_;
    bool alone_;  ///< one run, by the whole card
    Shape shape_;
    long steps_ = 0;  ///< of the longest run
    long widest_ = 0;
    DeviceArray<double> state_, path_, partial_;
    DeviceArray<std::int64_t> stops_, first_;
    DeviceArray<std::int32_t> rows_;
    std::vector<RunView<Scalar>> view_;
    DeviceArray<RunView<Scalar>> device_view_;
};

template <class Scalar>
Launcher<Scalar>::Launcher(std::vector<HeadRun<Scalar>*> runs, bool alone)
    : runs_(std::move(runs)), alone_(alone) {
    std::size_t state = 0, path = 0;
    std::vector<std::int64_t> stops;
    for (std::size_t r = 0; r < runs_.size(); ++r) {
        const auto c = static_cast<std::size_t>(columns(r));
        widest_ = std::max(widest_, columns(r));
        steps_ = std::max<long>(steps_, runs_[r]->stops.back());
        state += 3 * c;
        path += c * runs_[r]->stops.size();
        stops.insert(stops.end(), runs_[r]->stops.begin(), runs_[r]->stops.end());
    }
    shape_ = shape_for(runs_.front()->data->impl().view.packs, alone_ ? kLargeBlock : kSmallBlock);
    state_ = DeviceArray<double>(state, "parameters and moments");
    path_ = DeviceArray<double>(path, "recorded parameters", "lower --records");
    stops_ = DeviceArray<std::int64_t>(stops.size(), "recorded steps");
    device_view_ = DeviceArray<RunView<Scalar>>(runs_.size(), "runs");
    state_.clear();
    stops_.upload(stops.data(), stops.size());
    state = path = 0;
    std::size_t stop = 0;
    for (std::size_t r = 0; r < runs_.size(); ++r) {
        const HeadRun<Scalar>& run = *runs_[r];
        view_.push_back({run.data->impl().view, nullptr, nullptr, stops_.data() + stop,
                         static_cast<long>(run.stops.size()), path_.data() + path,
                         state_.data() + state, run.eta, run.adam});
        state += 3 * static_cast<std::size_t>(columns(r));
        path += static_cast<std::size_t>(columns(r)) * run.stops.size();
        stop += run.stops.size();
    }
    wait();  // `stops` goes out of scope
}

template <class Scalar>
long Launcher<Scalar>::steps_a_launch(long begin) const {
    double bytes = 0.0;       // of G a step reads, of the largest run
    std::size_t batches = 0;  // bytes of row numbers a step needs
    for (const HeadRun<Scalar>* run : runs_) {
        const RowsView<Scalar>& g = run->data->impl().view;
        const long rows = run->batch > 0 ? run->batch : g.n;
        bytes = std::max(bytes, 16.0 * static_cast<double>(rows * g.packs));
        if (run->batch > 0) batches += 4 * static_cast<std::size_t>(run->batch);
    }
    constexpr double kStepSeconds = 4e-6;
    const double waves =
        alone_ ? 1.0 : std::max(1.0, static_cast<double>(runs_.size()) / (2.0 * multiprocessors()));
    const double step = waves * (kStepSeconds + bytes / (alone_ ? kCardRate : kBlockRate));
    double count = std::max(1.0, kLaunchSeconds / step);
    if (batches > 0)
        count = std::max(1.0, std::min(count, static_cast<double>(kBatchBytes / batches)));
    return std::min(steps_ - begin, static_cast<long>(std::min(count, 1e9)));
}

template <class Scalar>
void Launcher<Scalar>::upload_batches(long count) {
    Batches all;
    all.first.clear();
    std::vector<std::size_t> row_at(runs_.size()), first_at(runs_.size());
    for (std::size_t r = 0; r < runs_.size(); ++r) {
        if (runs_[r]->batch == 0) continue;
        Batches own;
        runs_[r]->next(std::min<long>(count, runs_[r]->stops.back() - runs_[r]->reached), own);
        row_at[r] = all.rows.size();
        first_at[r] = all.first.size();
        all.rows.insert(all.rows.end(), own.rows.begin(), own.rows.end());
        all.first.insert(all.first.end(), own.first.begin(), own.first.end());
    }
    if (all.first.empty()) return;
    rows_ = DeviceArray<std::int32_t>(all.rows.size(), "minibatch rows", "lower --batch");
    first_ = DeviceArray<std::int64_t>(all.first.size(), "minibatches", "lower --batch");
    rows_.upload(all.rows.data(), all.rows.size());
    first_.upload(all.first.data(), all.first.size());
    wait();
    for (std::size_t r = 0; r < runs_.size(); ++r) {
        if (runs_[r]->batch == 0) continue;
        view_[r].rows = rows_.data() + row_at[r];
        view_[r].first = first_.data() + first_at[r];
    }
}

template <class Scalar>
void Launcher<Scalar>::launch(long begin, long end) {
    const Layout layout(widest_, shape_.threads);
    if (!alone_) {
        device_view_.upload(view_.data(), view_.size());
        with_packs(shape_.packs, [&](auto k) {
            auto* const kernel = runs_kernel<Scalar, decltype(k)::value>;
            allow_shared(kernel);
            kernel<<<static_cast<unsigned>(runs_.size()), shape_.threads, layout.bytes(),
                     stream()>>>(device_view_.data(), shape_.team, begin, end);
        });
        PREFDYN_CUDA_LAUNCHED("runs_kernel");
        return;
    }
    RunView<Scalar> run = view_.front();
    const long batch = runs_.front()->batch > 0 ? runs_.front()->batch : run.data.n;
    int team = shape_.team;
    with_packs(shape_.packs, [&](auto k) {
        auto* const kernel = run_kernel<Scalar, decltype(k)::value>;
        allow_shared(kernel);
        const int blocks = blocks_of(kernel, shape_, layout, batch);
        if (partial_.size() == 0)
            partial_ =
                DeviceArray<double>(static_cast<std::size_t>(blocks * widest_), "partial sums");
        double* partial = partial_.data();
        void* arguments[] = {&run, &team, &begin, &end, &partial};
        PREFDYN_CUDA_CHECK(cudaLaunchCooperativeKernel(
            reinterpret_cast<const void*>(kernel), dim3(static_cast<unsigned>(blocks)),
            dim3(static_cast<unsigned>(shape_.threads)), arguments,
            static_cast<std::size_t>(layout.bytes()), stream()));
    });
    PREFDYN_CUDA_LAUNCHED("run_kernel");
}

template <class Scalar>
void Launcher<Scalar>::collect() {
    const Staging staging;
    double* const piece = staging.data<double>();
    const std::size_t capacity = Staging::kBytes / sizeof(double);
    std::size_t begin = 0, end = 0, at = 0;  // of the piece, within path_
    for (std::size_t r = 0; r < runs_.size(); ++r) {
        const long d = runs_[r]->data->impl().d;
        double* to = runs_[r]->path;
        for (std::size_t k = 0; k < runs_[r]->stops.size(); ++k, to += d) {
            if (at + static_cast<std::size_t>(columns(r)) > end) {
                begin = at;
                end = std::min(path_.size(), begin + capacity);
                PREFDYN_CUDA_CHECK(cudaMemcpyAsync(piece, path_.data() + begin,
                                                   (end - begin) * sizeof(double),
                                                   cudaMemcpyDeviceToHost, stream()));
                wait();
            }
            std::copy_n(piece + (at - begin), d, to);
            at += static_cast<std::size_t>(columns(r));
        }
    }
}

template <class Scalar>
void Launcher<Scalar>::go(const std::function<bool()>& stop) {
    long begin = 0;
    do {
        if (stop && stop()) break;
        const long count = steps_a_launch(begin);
        upload_batches(count);
        launch(begin, begin + count);
        wait();
        begin += count;
        for (HeadRun<Scalar>* run : runs_)
            run->reached = std::min<std::int64_t>(begin, run->stops.back());
    } while (begin < steps_);
    collect();
}

}  // namespace

template <class Scalar>
void run_heads(std::vector<HeadRun<Scalar>>& runs, const std::function<bool()>& stop) {
    std::vector<std::pair<long, HeadRun<Scalar>*>> small;
    for (HeadRun<Scalar>& run : runs) {
        const RowsView<Scalar>& g = run.data->impl().view;
        const long rows = run.batch > 0 ? run.batch : g.n;
        if (16 * rows * g.packs <= kSmallBytes)
            small.push_back({g.packs, &run});
        else
            Launcher<Scalar>({&run}, true).go(stop);
    }
    // Runs of one width share a launch.
    std::stable_sort(small.begin(), small.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    for (std::size_t begin = 0, end = 0; begin < small.size(); begin = end) {
        std::vector<HeadRun<Scalar>*> same;
        for (; end < small.size() && small[end].first == small[begin].first; ++end)
            same.push_back(small[end].second);
        Launcher<Scalar>(same, false).go(stop);
    }
}

template class DeviceRows<float>;
template class DeviceRows<double>;
template void run_heads(std::vector<HeadRun<float>>&, const std::function<bool()>&);
template void run_heads(std::vector<HeadRun<double>>&, const std::function<bool()>&);

}  // namespace prefdyn::cuda
