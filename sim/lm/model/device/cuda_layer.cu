// One layer on the card: products by cuBLAS, what lies between them in one kernel each. The
// residual stream x stays in single precision on the card from the first layer to the last.
#include <algorithm>
#include <vector>

#include "sim/base/cancel.hpp"
#include "sim/lm/model/device/cuda_layer.hpp"
#include "sim/lm/model/device/cuda_machine.cuh"
#include "sim/lm/model/device/cuda_weights.cuh"
#include "sim/lm/model/layer_backend.hpp"

namespace prefdyn::transformer::device {

namespace {

using ::prefdyn::cuda::DeviceArray;

/// Whole prompts; tiles [tile, tile + tiles) are their queries.
struct Batch {
    long first = 0, tokens = 0, tile = 0, tiles = 0;
};

/// Prompts cut into batches of at most `most` tokens, or of one prompt that is longer.
struct Arrangement {
    std::vector<Batch> batches;
    std::vector<Tile> tiles;     ///< `first` counts from the start of the batch
    std::vector<int> positions;  ///< of every token in its prompt
    std::vector<int> last;       ///< every prompt's last token
    long tokens = 0;

    Arrangement(const std::vector<Prompt>& prompts, long most) {
        for (const Prompt& prompt : prompts) {
            if (batches.empty() || batches.back().tokens + prompt.length > most)
                batches.push_back({prompt.first, 0, static_cast<long>(tiles.size()), 0});
            add(batches.back(), prompt);
        }
    }
    void add(Batch& batch, const Prompt& prompt) {
        add_tiles({prompt.first - batch.first, prompt.length}, kTile, tiles);
        batch.tiles = static_cast<long>(tiles.size()) - batch.tile;
        for (long p = 0; p < prompt.length; ++p) positions.push_back(static_cast<int>(p));
        last.push_back(static_cast<int>(prompt.first + prompt.length - 1));
        batch.tokens += prompt.length;
        tokens = prompt.first + prompt.length;
    }
    long largest() const {
        long tokens_of_it = 0;
        for (const Batch& batch : batches) tokens_of_it = std::max(tokens_of_it, batch.tokens);
        return tokens_of_it;
    }
};

template <class X>
DeviceArray<X> on_card(const std::vector<X>& values, const char* purpose) {
    DeviceArray<X> out(values.size(), purpose);
    out.upload(values.data(), values.size());
    return out;
}

template <class T>
class CudaBackend final : public LayerBackend {
  public:
    CudaBackend(const ModelConfig& config, Index longest, Precision precision, const CardPlan& plan)
        : c_(config),
          batch_tokens_(plan.batch_tokens),
          machine_(precision, plan.workspace_bytes),
          weights_(c_, plan.slot_bytes) {
        const RopeTable rope(config.ropes[0], config.head_size, longest);
        const auto count = static_cast<std::size_t>(rope.cos.size());
        cosine_ = DeviceArray<float>(count, "the angles of positions");
        sine_ = DeviceArray<float>(count, "the angles of positions");
        cosine_.upload(rope.cos.data(), count);
        sine_.upload(rope.sin.data(), count);
        ::prefdyn::cuda::wait();
    }
    ~CudaBackend() override { cudaStreamSynchronize(::prefdyn::cuda::stream()); }

    void begin(RowsF x, std::vector<Prompt> prompts) override;
    void prefetch(const LayerTensors& layer) override { weights_.fetch(layer); }
    void load(const LayerTensors& layer) override {
        const int bad = weights_.load(layer);
        if (bad < 0) return;
        const Tensor& tensor = layer.parts[static_cast<std::size_t>(bad)];
        require_finite(tensor, 0, tensor.elements());
        throw std::logic_error(tensor.name + ": the card met a value that is not finite");
    }
    void run(const Tick& tick) override;
    RowsF last_rows() override;

  private:
    struct Asked {
        long tokens;
        Event done;
    };
    long mixed() const { return c_.heads * c_.head_size; }
    long width() const { return mixed() + 2 * c_.kv_heads * c_.head_size; }
    void advance(const Batch& batch);
    void attention(const Batch& batch, float* x);
    void feed_forward(const Batch& batch, float* x);
    void add_projection(const T* x, const T* w, const float* bias, long rows, long in,
                        float* y) const;
    void settle();

    const ModelConfig c_;
    long batch_tokens_;
    CudaMachine machine_;
    CudaWeights<T> weights_;
    DeviceArray<float> cosine_, sine_;  // (positions, h / 2)
    std::vector<Batch> batches_;
    DeviceArray<float> x_;  // (tokens, d)
    DeviceArray<Tile> tiles_;
    DeviceArray<int> positions_, last_;
    BatchValues<T> work_;
    DeviceArray<unsigned char> work_memory_;
    std::vector<Asked> asked_;
    Tick tick_;
};

template <class T>
void CudaBackend<T>::begin(RowsF x, std::vector<Prompt> prompts) {
    const Arrangement layout(prompts, batch_tokens_);
    batches_ = layout.batches;
    tiles_ = on_card(layout.tiles, "the tiles of attention");
    positions_ = on_card(layout.positions, "the positions of tokens");
    last_ = on_card(layout.last, "the last tokens");
    x_ = DeviceArray<float>(static_cast<std::size_t>(x.size()), "the hidden states of all tokens",
                            "--device cpu");
    work_memory_ = DeviceArray<unsigned char>(
        placed_bytes<BatchValues<T>>(c_, layout.largest()),
        "the intermediate values of a batch of tokens",
        sizeof(T) == 4 ? "--precision bfloat16 halves it; --device cpu" : "--device cpu");
    Cutter cut(work_memory_.data());
    work_.place(c_, layout.largest(), cut);
    ::prefdyn::cuda::wait();
    weights_.bring(x.data(), x.size(), x_.data());
}

/// y (rows, d) += x (rows, in) W^T + bias.
template <class T>
void CudaBackend<T>::add_projection(const T* x, const T* w, const float* bias, long rows, long in,
                                    float* y) const {
    machine_.multiply(Times::kForward, rows, c_.hidden, in, x, w, 1.0f, y);
    if (bias) machine_.each(rows * c_.hidden, AddBias<float, float>{bias, c_.hidden, y});
}

/// x (T, d) += attention(norm(x)).
template <class T>
void CudaBackend<T>::attention(const Batch& batch, float* x) {
    const StackedWeights<T>& w = weights_.current();
    const cudaStream_t stream = ::prefdyn::cuda::stream();
    const int heads = static_cast<int>(c_.heads), kv_heads = static_cast<int>(c_.kv_heads),
              size = static_cast<int>(c_.head_size);
    rms_norm(stream, x, w.input_norm, c_.norm.epsilon, batch.tokens, c_.hidden, work_.normed);
    machine_.multiply(Times::kForward, batch.tokens, width(), c_.hidden, work_.normed, w.qkv, 0.0f,
                      work_.qkv);
    rotate(stream,
           Rotation{w.qkv_bias, cosine_.data(), sine_.data(), positions_.data() + batch.first,
                    heads, kv_heads, size},
           batch.tokens, work_.qkv);
    attend(stream, Heads{c_.heads, c_.kv_heads, c_.head_size, w.window}, tiles_.data() + batch.tile,
           batch.tiles, work_.qkv, work_.mixed);
    add_projection(work_.mixed, w.output, w.output_bias, batch.tokens, mixed(), x);
}

/// x (T, d) += mlp(norm(x)).
template <class T>
void CudaBackend<T>::feed_forward(const Batch& batch, float* x) {
    const StackedWeights<T>& w = weights_.current();
    const cudaStream_t stream = ::prefdyn::cuda::stream();
    rms_norm(stream, x, w.post_norm, c_.norm.epsilon, batch.tokens, c_.hidden, work_.normed);
    machine_.multiply(Times::kForward, batch.tokens, 2 * c_.ffn, c_.hidden, work_.normed, w.gate_up,
                      0.0f, work_.both);
    gate(stream, work_.both, w.gate_up_bias, batch.tokens, c_.ffn, work_.gated);
    add_projection(work_.gated, w.down, w.down_bias, batch.tokens, c_.ffn, x);
}

template <class T>
void CudaBackend<T>::advance(const Batch& batch) {
    float* x = x_.data() + batch.first * c_.hidden;
    attention(batch, x);
    feed_forward(batch, x);
}

/// Waits for what was asked for and ticks it off. An error of a kernel shows here.
template <class T>
void CudaBackend<T>::settle() {
    for (const Asked& each : asked_) {
        each.done.wait();
        if (tick_) tick_(each.tokens);
    }
    asked_.clear();
    stop_if_requested();
}

/// Only asks: the host goes on to fetch the next layer while the card computes.
template <class T>
void CudaBackend<T>::run(const Tick& tick) {
    settle();
    tick_ = tick;
    for (const Batch& batch : batches_) {
        stop_if_requested();
        advance(batch);
        asked_.push_back({batch.tokens, Event()});
        asked_.back().done.record(::prefdyn::cuda::stream());
    }
    weights_.ran();
}

template <class T>
RowsF CudaBackend<T>::last_rows() {
    settle();
    RowsF out(static_cast<Index>(last_.size()), c_.hidden);
    DeviceArray<float> rows(static_cast<std::size_t>(out.size()), "the embeddings");
    machine_.each(out.size(), Gather{x_.data(), last_.data(), c_.hidden, rows.data()});
    rows.download(out.data(), rows.size());
    ::prefdyn::cuda::wait();
    return out;
}

}  // namespace

/// Free, or kept by the process for its next allocation.
std::size_t available_memory() {
    std::size_t free = 0, total = 0;
    PREFDYN_CUDA_CHECK(cudaMemGetInfo(&free, &total));
    cudaMemPool_t pool = nullptr;
    std::uint64_t reserved = 0, used = 0;
    PREFDYN_CUDA_CHECK(cudaDeviceGetDefaultMemPool(&pool, 0));
    PREFDYN_CUDA_CHECK(cudaMemPoolGetAttribute(pool, cudaMemPoolAttrReservedMemCurrent, &reserved));
    PREFDYN_CUDA_CHECK(cudaMemPoolGetAttribute(pool, cudaMemPoolAttrUsedMemCurrent, &used));
    return free + static_cast<std::size_t>(reserved - used);
}

}  // namespace prefdyn::transformer::device

namespace prefdyn::transformer {

std::unique_ptr<LayerBackend> make_cuda_backend(const ModelConfig& config, Index longest,
                                                Precision precision, std::size_t budget) {
    require_card_layers(config);
    const CardPlan plan = plan_card(config, precision, longest, budget);
    if (precision == Precision::kBfloat16)
        return std::make_unique<device::CudaBackend<device::Bfloat16>>(config, longest, precision,
                                                                       plan);
    return std::make_unique<device::CudaBackend<float>>(config, longest, precision, plan);
}

}  // namespace prefdyn::transformer
