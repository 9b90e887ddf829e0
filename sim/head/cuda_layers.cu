#include <vector>

#include "sim/cuda/cuda_blas.cuh"
#include "sim/head/cuda_layers.hpp"

namespace prefdyn::cuda {

namespace {

constexpr int kThreads = 256;
constexpr const char* kHint = "lower samples, dimension or vocabulary, or take --device cpu";

std::size_t size(long rows, long columns) { return static_cast<std::size_t>(rows * columns); }

__global__ void gather_kernel(const double* x, const std::int64_t* rows, long count, long d,
                              double* out) {
    const long k = blockIdx.x * long{blockDim.x} + threadIdx.x;
    if (k < count * d) out[k] = x[rows[k / d] * d + k % d];
}

/// Largest, then sum, of a row held by a block; the order is fixed.
template <class Combine>
__device__ double block_reduce(double x, double* board, Combine combine) {
    board[threadIdx.x] = x;
    __syncthreads();
    for (unsigned half = blockDim.x / 2; half >= 1; half /= 2) {
        if (threadIdx.x < half)
            board[threadIdx.x] = combine(board[threadIdx.x], board[threadIdx.x + half]);
        __syncthreads();
    }
    const double all = board[0];
    __syncthreads();
    return all;
}

/// z (count, V) becomes log softmax, a block a row.
__global__ void log_softmax_kernel(double* z, long vocabulary, const std::int32_t* chosen,
                                   const std::int32_t* rejected, double* logp_chosen,
                                   double* logp_rejected) {
    __shared__ double board[kThreads];
    double* const row = z + blockIdx.x * vocabulary;
    double high = row[0];
    for (long k = threadIdx.x; k < vocabulary; k += kThreads) high = fmax(high, row[k]);
    high = block_reduce(high, board, [](double a, double b) { return fmax(a, b); });
    double sum = 0.0;
    for (long k = threadIdx.x; k < vocabulary; k += kThreads) sum += exp(row[k] - high);
    sum = block_reduce(sum, board, [](double a, double b) { return a + b; });
    const double normaliser = high + log(sum);
    for (long k = threadIdx.x; k < vocabulary; k += kThreads) row[k] -= normaliser;
    __syncthreads();
    if (threadIdx.x == 0) {
        logp_chosen[blockIdx.x] = row[chosen[blockIdx.x]];
        logp_rejected[blockIdx.x] = row[rejected[blockIdx.x]];
    }
}

__global__ void logit_gradient_kernel(double* log_pi, long count, long vocabulary,
                                      const std::int32_t* chosen, const std::int32_t* rejected,
                                      const double* weight, const double* excess) {
    const long at = blockIdx.x * long{blockDim.x} + threadIdx.x;
    if (at >= count * vocabulary) return;
    const long b = at / vocabulary, k = at % vocabulary;
    const double pi = exp(log_pi[at]);
    const double up = (k == chosen[b] ? 1.0 : 0.0) - pi, down = (k == rejected[b] ? 1.0 : 0.0) - pi;
    log_pi[at] = weight[b] * (up - down) + excess[b] * down;
}

/// z becomes act(z), slope act'(z).
__global__ void activate_kernel(Activation kind, double* z, double* slope, long count) {
    const long k = blockIdx.x * long{blockDim.x} + threadIdx.x;
    if (k >= count) return;
    slope[k] = activation_slope(kind, z[k]);
    z[k] = activate(kind, z[k]);
}

__global__ void weigh_slopes_kernel(double* slope, const double* weight, const double* head,
                                    long count, long hidden) {
    const long k = blockIdx.x * long{blockDim.x} + threadIdx.x;
    if (k < count * hidden) slope[k] = slope[k] * weight[k / hidden] * head[k % hidden];
}

}  // namespace

struct DeviceFeatures::Impl {
    long n, d;
    DeviceArray<double> x;

    /// Rows one under the other; `kept` holds them if they are not so already.
    const double* rows(const std::int64_t* rows, long count, DeviceArray<double>& kept) const {
        bool in_place = true;
        for (long b = 1; b < count; ++b) in_place = in_place && rows[b] == rows[0] + b;
        if (in_place) return x.data() + (count > 0 ? rows[0] * d : 0);
        DeviceArray<std::int64_t> numbers(static_cast<std::size_t>(count), "minibatch rows", kHint);
        numbers.upload(rows, static_cast<std::size_t>(count));
        kept = DeviceArray<double>(size(count, d), "minibatch features", kHint);
        gather_kernel<<<blocks_for(count * d, kThreads), kThreads, 0, stream()>>>(
            x.data(), numbers.data(), count, d, kept.data());
        PREFDYN_CUDA_LAUNCHED("gather_kernel");
        return kept.data();
    }
};

DeviceFeatures::DeviceFeatures(const double* x, long n, long d)
    : impl_(new Impl{n, d,
                     DeviceArray<double>(size(n, d), "features (samples x dimension)", kHint)}) {
    impl_->x.upload(x, size(n, d));
    wait();
}
DeviceFeatures::~DeviceFeatures() = default;

struct SoftmaxPass::Impl {
    long vocabulary, dimension, count = 0;
    DeviceArray<double> head = {}, sum = {}, log_pi = {}, gathered = {};
    DeviceArray<std::int32_t> chosen = {}, rejected = {};
    const double* x = nullptr;  ///< of the last forward
};

SoftmaxPass::SoftmaxPass(const double* head, long vocabulary, long dimension)
    : impl_(new Impl{vocabulary, dimension}) {
    impl_->head = DeviceArray<double>(size(vocabulary, dimension),
                                      "the head (vocabulary x dimension)", kHint);
    impl_->head.upload(head, size(vocabulary, dimension));
}
SoftmaxPass::~SoftmaxPass() = default;

void SoftmaxPass::forward(const DeviceFeatures& x, const std::int64_t* rows, long count,
                          const std::int32_t* chosen, const std::int32_t* rejected,
                          double* logp_chosen, double* logp_rejected) {
    Impl& s = *impl_;
    s.count = count;
    s.x = x.impl().rows(rows, count, s.gathered);
    s.log_pi = DeviceArray<double>(size(count, s.vocabulary), "logits (rows x vocabulary)", kHint);
    for (const auto& [device, host] :
         {std::pair{&s.chosen, chosen}, std::pair{&s.rejected, rejected}}) {
        *device = DeviceArray<std::int32_t>(static_cast<std::size_t>(count), "tokens", kHint);
        device->upload(host, static_cast<std::size_t>(count));
    }
    times_transposed(s.x, s.head.data(), s.log_pi.data(), count, s.vocabulary, s.dimension);
    DeviceArray<double> logps(size(2, count), "log-probabilities", kHint);
    log_softmax_kernel<<<static_cast<unsigned>(count), kThreads, 0, stream()>>>(
        s.log_pi.data(), s.vocabulary, s.chosen.data(), s.rejected.data(), logps.data(),
        logps.data() + count);
    PREFDYN_CUDA_LAUNCHED("log_softmax_kernel");
    std::vector<double> host(size(2, count));
    logps.download(host.data(), host.size());
    wait();
    std::copy(host.begin(), host.begin() + count, logp_chosen);
    std::copy(host.begin() + count, host.end(), logp_rejected);
}

void SoftmaxPass::backward(const double* weight, const double* excess) {
    Impl& s = *impl_;
    if (s.sum.size() == 0) {
        s.sum = DeviceArray<double>(s.head.size(), "gradient of the head", kHint);
        s.sum.clear();
    }
    const auto count = static_cast<std::size_t>(s.count);
    DeviceArray<double> w(count, "weights", kHint), e(count, "weights", kHint);
    w.upload(weight, count);
    e.upload(excess, count);
    logit_gradient_kernel<<<blocks_for(s.count * s.vocabulary, kThreads), kThreads, 0, stream()>>>(
        s.log_pi.data(), s.count, s.vocabulary, s.chosen.data(), s.rejected.data(), w.data(),
        e.data());
    PREFDYN_CUDA_LAUNCHED("logit_gradient_kernel");
    add_transposed_times(s.log_pi.data(), s.x, s.sum.data(), s.vocabulary, s.dimension, s.count);
}

void SoftmaxPass::sum(double* out) const {
    impl_->sum.download(out, impl_->sum.size());
    wait();
}

struct EmbeddingPass::Impl {
    long count, hidden, dimension;
    Activation activation;
    DeviceArray<double> embedding = {}, head = {}, g = {}, slope = {}, score = {}, gathered = {};
    const double* x = nullptr;
};

EmbeddingPass::EmbeddingPass(const DeviceFeatures& x, const std::int64_t* rows, long count,
                             const double* embedding, const double* head, long hidden,
                             Activation activation)
    : impl_(new Impl{count, hidden, x.impl().d, activation}) {
    Impl& s = *impl_;
    s.x = x.impl().rows(rows, count, s.gathered);
    s.embedding = DeviceArray<double>(size(hidden, s.dimension), "the embedding", kHint);
    s.head = DeviceArray<double>(static_cast<std::size_t>(hidden), "the head", kHint);
    s.g = DeviceArray<double>(size(count, hidden), "hidden units (rows x hidden)", kHint);
    s.slope = DeviceArray<double>(size(count, hidden), "hidden units (rows x hidden)", kHint);
    s.score = DeviceArray<double>(static_cast<std::size_t>(count), "scores", kHint);
    s.embedding.upload(embedding, s.embedding.size());
    s.head.upload(head, s.head.size());
    times_transposed(s.x, s.embedding.data(), s.g.data(), count, hidden, s.dimension);
    activate_kernel<<<blocks_for(count * hidden, kThreads), kThreads, 0, stream()>>>(
        activation, s.g.data(), s.slope.data(), count * hidden);
    PREFDYN_CUDA_LAUNCHED("activate_kernel");
    times_vector(s.g.data(), s.head.data(), s.score.data(), count, hidden);
}
EmbeddingPass::~EmbeddingPass() = default;

void EmbeddingPass::scores(double* out) const {
    impl_->score.download(out, impl_->score.size());
    wait();
}

void EmbeddingPass::backward(const double* weight, double* embedding, double* head) {
    Impl& s = *impl_;
    const auto count = static_cast<std::size_t>(s.count);
    DeviceArray<double> w(count, "weights", kHint), h(s.head.size(), "gradient of the head", kHint);
    w.upload(weight, count);
    transposed_times_vector(s.g.data(), w.data(), h.data(), s.count, s.hidden);
    h.download(head, h.size());
    DeviceArray<double> e(embedding ? s.embedding.size() : 0, "gradient of the embedding", kHint);
    if (embedding) {
        weigh_slopes_kernel<<<blocks_for(s.count * s.hidden, kThreads), kThreads, 0, stream()>>>(
            s.slope.data(), w.data(), s.head.data(), s.count, s.hidden);
        PREFDYN_CUDA_LAUNCHED("weigh_slopes_kernel");
        e.clear();
        add_transposed_times(s.slope.data(), s.x, e.data(), s.hidden, s.dimension, s.count);
        e.download(embedding, e.size());
    }
    wait();
}

}  // namespace prefdyn::cuda
