// The matrix products of the dense head and of the trained embedding by cuBLAS, in double
// precision.
#include "sim/cuda/cuda_blas.cuh"
#include "sim/head/layer_device.hpp"

namespace prefdyn {

namespace cuda {

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
__device__ double block_reduce(double x, double* scratch, Combine combine) {
    scratch[threadIdx.x] = x;
    __syncthreads();
    for (unsigned half = blockDim.x / 2; half >= 1; half /= 2) {
        if (threadIdx.x < half)
            scratch[threadIdx.x] = combine(scratch[threadIdx.x], scratch[threadIdx.x + half]);
        __syncthreads();
    }
    const double all = scratch[0];
    __syncthreads();
    return all;
}

/// z (count, V) becomes log softmax, a block a row.
__global__ void log_softmax_kernel(double* z, long vocabulary, const std::int32_t* chosen,
                                   const std::int32_t* rejected, double* logp_chosen,
                                   double* logp_rejected) {
    __shared__ double scratch[kThreads];
    double* const row = z + blockIdx.x * vocabulary;
    double high = row[0];
    for (long k = threadIdx.x; k < vocabulary; k += kThreads) high = fmax(high, row[k]);
    high = block_reduce(high, scratch, [](double a, double b) { return fmax(a, b); });
    double sum = 0.0;
    for (long k = threadIdx.x; k < vocabulary; k += kThreads) sum += exp(row[k] - high);
    sum = block_reduce(sum, scratch, [](double a, double b) { return a + b; });
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

/// An array on the card that holds the `count` values of `host`.
template <class T>
DeviceArray<T> on_card(const T* host, std::size_t count, const char* purpose) {
    DeviceArray<T> out(count, purpose, kHint);
    out.upload(host, count);
    return out;
}

/// x (n, d) of one split.
class Features {
  public:
    explicit Features(const RowMatrix& x)
        : d_(x.cols()),
          x_(on_card(x.data(), size(x.rows(), d_), "features (samples x dimension)")) {
        wait();  // other threads' streams may go on from here
    }

    /// Rows one under the other; `kept` holds them if they are not so already.
    const double* rows(std::span<const Index> rows, DeviceArray<double>& kept) const {
        const auto count = static_cast<Index>(rows.size());
        bool in_place = true;
        for (std::size_t b = 1; b < rows.size(); ++b)
            in_place = in_place && rows[b] == rows[b - 1] + 1;
        if (in_place) return x_.data() + (count > 0 ? rows[0] * d_ : 0);
        const auto numbers = on_card(rows.data(), rows.size(), "minibatch rows");
        kept = DeviceArray<double>(size(count, d_), "minibatch features", kHint);
        gather_kernel<<<blocks_for(count * d_, kThreads), kThreads, 0, stream()>>>(
            x_.data(), numbers.data(), count, d_, kept.data());
        PREFDYN_CUDA_LAUNCHED("gather_kernel");
        return kept.data();
    }

  private:
    long d_;
    DeviceArray<double> x_;
};

class CudaSoftmax final : public SoftmaxDevice {
  public:
    CudaSoftmax(const Features& train, const Features& held_out, const Vector& head,
                Index vocabulary)
        : train_(train),
          held_out_(held_out),
          vocabulary_(vocabulary),
          dimension_(head.size() / vocabulary),
          head_(on_card(head.data(), static_cast<std::size_t>(head.size()),
                        "the head (vocabulary x dimension)")) {}

    void forward(bool held_out, Rows& rows) override {
        count_ = static_cast<Index>(rows.row.size());
        x_ = (held_out ? held_out_ : train_).rows(rows.row, gathered_);
        log_pi_ =
            DeviceArray<double>(size(count_, vocabulary_), "logits (rows x vocabulary)", kHint);
        chosen_ = on_card(rows.chosen.data(), rows.row.size(), "tokens");
        rejected_ = on_card(rows.rejected.data(), rows.row.size(), "tokens");
        times_transposed(x_, head_.data(), log_pi_.data(), count_, vocabulary_, dimension_);
        DeviceArray<double> logps(size(2, count_), "log-probabilities", kHint);
        log_softmax_kernel<<<static_cast<unsigned>(count_), kThreads, 0, stream()>>>(
            log_pi_.data(), vocabulary_, chosen_.data(), rejected_.data(), logps.data(),
            logps.data() + count_);
        PREFDYN_CUDA_LAUNCHED("log_softmax_kernel");
        Vector host(2 * count_);
        logps.download(host.data(), logps.size());
        wait();
        rows.logp_chosen = host.head(count_);
        rows.logp_rejected = host.tail(count_);
    }

    void backward(const Vector& weight, const Vector& excess) override {
        if (sum_.size() == 0) {
            sum_ = DeviceArray<double>(head_.size(), "gradient of the head", kHint);
            sum_.clear();
        }
        const auto count = static_cast<std::size_t>(count_);
        const auto w = on_card(weight.data(), count, "weights");
        const auto e = on_card(excess.data(), count, "weights");
        logit_gradient_kernel<<<blocks_for(count_ * vocabulary_, kThreads), kThreads, 0,
                                stream()>>>(log_pi_.data(), count_, vocabulary_, chosen_.data(),
                                            rejected_.data(), w.data(), e.data());
        PREFDYN_CUDA_LAUNCHED("logit_gradient_kernel");
        add_transposed_times(log_pi_.data(), x_, sum_.data(), vocabulary_, dimension_, count_);
    }

    Vector sum() const override {
        Vector out(vocabulary_ * dimension_);
        sum_.download(out.data(), sum_.size());
        wait();
        return out;
    }

  private:
    const Features &train_, &held_out_;
    Index vocabulary_, dimension_, count_ = 0;
    DeviceArray<double> head_, sum_, log_pi_, gathered_;
    DeviceArray<std::int32_t> chosen_, rejected_;
    const double* x_ = nullptr;  ///< of the last forward
};

class CudaTwoLayer final : public TwoLayerDevice {
  public:
    CudaTwoLayer(const Features& features, std::span<const Index> rows, const TwoLayerModel& model)
        : count_(static_cast<Index>(rows.size())),
          hidden_(model.embedding.rows()),
          dimension_(model.embedding.cols()),
          x_(features.rows(rows, gathered_)),
          embedding_(on_card(model.embedding.data(), size(hidden_, dimension_), "the embedding")),
          head_(on_card(model.head.data(), static_cast<std::size_t>(hidden_), "the head")),
          g_(size(count_, hidden_), "hidden units (rows x hidden)", kHint),
          slope_(size(count_, hidden_), "hidden units (rows x hidden)", kHint),
          score_(static_cast<std::size_t>(count_), "scores", kHint) {
        times_transposed(x_, embedding_.data(), g_.data(), count_, hidden_, dimension_);
        activate_kernel<<<blocks_for(count_ * hidden_, kThreads), kThreads, 0, stream()>>>(
            model.activation, g_.data(), slope_.data(), count_ * hidden_);
        PREFDYN_CUDA_LAUNCHED("activate_kernel");
        times_vector(g_.data(), head_.data(), score_.data(), count_, hidden_);
    }

    Vector scores() const override {
        Vector out(count_);
        score_.download(out.data(), score_.size());
        wait();
        return out;
    }

    Vector backward(const Vector& weight, bool embedding) override {
        Vector out = Vector::Zero(hidden_ * dimension_ + hidden_);
        const auto w = on_card(weight.data(), static_cast<std::size_t>(count_), "weights");
        DeviceArray<double> h(head_.size(), "gradient of the head", kHint);
        DeviceArray<double> e(embedding ? embedding_.size() : 0, "gradient of the embedding",
                              kHint);
        transposed_times_vector(g_.data(), w.data(), h.data(), count_, hidden_);
        h.download(out.data() + hidden_ * dimension_, h.size());
        if (embedding) {
            weigh_slopes_kernel<<<blocks_for(count_ * hidden_, kThreads), kThreads, 0, stream()>>>(
                slope_.data(), w.data(), head_.data(), count_, hidden_);
            PREFDYN_CUDA_LAUNCHED("weigh_slopes_kernel");
            e.clear();
            add_transposed_times(slope_.data(), x_, e.data(), hidden_, dimension_, count_);
            e.download(out.data(), e.size());
        }
        wait();
        return out;
    }

  private:
    Index count_, hidden_, dimension_;
    DeviceArray<double> gathered_;
    const double* x_;
    DeviceArray<double> embedding_, head_, g_, slope_, score_;
};

class CudaLayers final : public LayerDevice {
  public:
    CudaLayers(const RowMatrix& train, const RowMatrix& held_out)
        : train_(train), held_out_(held_out) {}

    std::unique_ptr<SoftmaxDevice> softmax(const Vector& head, Index vocabulary) const override {
        return std::make_unique<CudaSoftmax>(train_, held_out_, head, vocabulary);
    }
    std::unique_ptr<TwoLayerDevice> two_layer(bool held_out, std::span<const Index> rows,
                                              const TwoLayerModel& model) const override {
        return std::make_unique<CudaTwoLayer>(held_out ? held_out_ : train_, rows, model);
    }

  private:
    Features train_, held_out_;
};

}  // namespace

}  // namespace cuda

std::unique_ptr<LayerDevice> make_layer_device(const RowMatrix& train, const RowMatrix& held_out,
                                               double work, Device device) {
    constexpr double kWorthALaunch = 4e6;
    if (device != Device::kCuda || work < kWorthALaunch) return nullptr;
    return std::make_unique<cuda::CudaLayers>(train, held_out);
}

}  // namespace prefdyn
