// One layer on the card: products by cuBLAS, what lies between them in one kernel each. The
// residual stream x stays in single precision on the card from the first layer to the last.
#include <algorithm>
#include <vector>

#include "sim/base/cancel.hpp"
#include "sim/lm/model/cuda_layer.hpp"
#include "sim/lm/model/cuda_weights.cuh"

namespace prefdyn::transformer::card {

namespace {

using ::prefdyn::cuda::DeviceArray;

template <class T>
struct NumberType;
template <>
struct NumberType<float> {
    static constexpr cudaDataType_t kType = CUDA_R_32F;
};
template <>
struct NumberType<Bf16> {
    static constexpr cudaDataType_t kType = CUDA_R_16BF;
};

/// Whole prompts; tiles [tile, tile + tiles) are their queries.
struct Batch {
    long first = 0, tokens = 0, tile = 0, tiles = 0;
};

/// Prompts cut into batches of at most `most` tokens, or of one prompt that is longer.
struct Layout {
    std::vector<Batch> batches;
    std::vector<Tile> tiles;     ///< `first` counts from the start of the batch
    std::vector<int> positions;  ///< of every token in its prompt
    std::vector<int> last;       ///< every prompt's last token
    long tokens = 0;

    Layout(const std::vector<Span>& prompts, long most) {
        for (const Span& prompt : prompts) {
            if (batches.empty() || batches.back().tokens + prompt.length > most)
                batches.push_back({prompt.first, 0, static_cast<long>(tiles.size()), 0});
            add(batches.back(), prompt);
        }
    }
    void add(Batch& batch, const Span& prompt) {
        for (long query = 0; query < prompt.length; query += kTile, ++batch.tiles)
            tiles.push_back({static_cast<int>(prompt.first - batch.first),
                             static_cast<int>(prompt.length), static_cast<int>(query)});
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

/// What a batch of T tokens needs between the products: attention and feed-forward take turns.
template <class T>
struct Work {
    T *normed, *qkv, *mixed, *both, *gated;  // (T, d), (T, (H + 2K) h), (T, H h), (T, 2f), (T, f)
    DeviceArray<T> memory;

    Work() = default;
    Work(const Shape& s, long tokens) {
        const long turn = std::max(s.width() + s.mixed(), 3 * s.ffn), pad = 128;
        const auto rounded = [&](long count) { return (count + pad - 1) / pad * pad; };
        const long first = rounded(tokens * s.hidden);
        memory = DeviceArray<T>(
            static_cast<std::size_t>(first + rounded(tokens * turn) + 2 * pad),
            "the intermediate values of a batch of tokens",
            sizeof(T) == 4 ? "--precision bfloat16 halves it; --device cpu" : "--device cpu");
        normed = memory.data();
        qkv = both = normed + first;
        mixed = qkv + rounded(tokens * s.width());
        gated = both + rounded(tokens * 2 * s.ffn);
    }
};

template <class T>
class CardLayers final : public Layers {
  public:
    CardLayers(const Shape& shape, const Settings& settings, const Angles& angles)
        : s_(shape),
          settings_(settings),
          compute_(compute_type(settings.precision)),
          products_(settings.workspace_bytes),
          weights_(shape, settings) {
        const auto count = static_cast<std::size_t>(angles.positions * shape.head_size / 2);
        cosine_ = DeviceArray<float>(count, "the angles of positions");
        sine_ = DeviceArray<float>(count, "the angles of positions");
        cosine_.upload(angles.cosine, count);
        sine_.upload(angles.sine, count);
        ::prefdyn::cuda::wait();
    }
    ~CardLayers() override { cudaStreamSynchronize(::prefdyn::cuda::stream()); }

    void begin(const float* x, const std::vector<Span>& prompts) override;
    void prefetch(const LayerSource& layer) override { weights_.fetch(layer); }
    int load(const LayerSource& layer) override { return weights_.hold(layer); }
    void run(const std::function<void(long)>& tick) override;
    void last_rows(float* out) override;

  private:
    struct Asked {
        long tokens;
        Event done;
    };
    void advance(const Batch& batch);
    void attention(const Batch& batch, float* x);
    void feed_forward(const Batch& batch, float* x);
    void project(const T* x, const T* w, long rows, long in, long out, T* y) const;
    void add_projection(const T* x, const T* w, const float* bias, long rows, long in,
                        float* y) const;
    void settle();

    Shape s_;
    Settings settings_;
    cublasComputeType_t compute_;
    Products products_;
    Weights<T> weights_;
    DeviceArray<float> cosine_, sine_;  // (positions, h / 2)
    std::vector<Batch> batches_;
    DeviceArray<float> x_;  // (tokens, d)
    DeviceArray<Tile> tiles_;
    DeviceArray<int> positions_, last_;
    Work<T> work_;
    std::vector<Asked> asked_;
    std::function<void(long)> tick_;
};

template <class T>
void CardLayers<T>::begin(const float* x, const std::vector<Span>& prompts) {
    const Layout layout(prompts, settings_.batch_tokens);
    batches_ = layout.batches;
    tiles_ = on_card(layout.tiles, "the tiles of attention");
    positions_ = on_card(layout.positions, "the positions of tokens");
    last_ = on_card(layout.last, "the last tokens");
    x_ = DeviceArray<float>(static_cast<std::size_t>(layout.tokens * s_.hidden),
                            "the hidden states of all tokens", "--device cpu");
    work_ = Work<T>(s_, layout.largest());
    ::prefdyn::cuda::wait();
    weights_.bring(x, layout.tokens * s_.hidden, x_.data());
}

/// y (rows, out) = x (rows, in) W^T.
template <class T>
void CardLayers<T>::project(const T* x, const T* w, long rows, long in, long out, T* y) const {
    products_.multiply(w, x, NumberType<T>::kType, rows, in, out, y, NumberType<T>::kType, 0.0f,
                       compute_);
}

/// y (rows, d) += x (rows, in) W^T + bias.
template <class T>
void CardLayers<T>::add_projection(const T* x, const T* w, const float* bias, long rows, long in,
                                   float* y) const {
    products_.multiply(w, x, NumberType<T>::kType, rows, in, s_.hidden, y, CUDA_R_32F, 1.0f,
                       compute_);
    if (bias) add_bias(::prefdyn::cuda::stream(), bias, rows, s_.hidden, y);
}

/// x (T, d) += attention(norm(x)).
template <class T>
void CardLayers<T>::attention(const Batch& batch, float* x) {
    const LayerWeights<T>& w = weights_.held();
    const cudaStream_t stream = ::prefdyn::cuda::stream();
    const int heads = static_cast<int>(s_.heads), kv_heads = static_cast<int>(s_.kv_heads),
              size = static_cast<int>(s_.head_size);
    rms_norm(stream, x, w.input_norm, s_.epsilon, batch.tokens, s_.hidden, work_.normed);
    project(work_.normed, w.qkv, batch.tokens, s_.hidden, s_.width(), work_.qkv);
    rotate(stream,
           Rotation{w.qkv_bias, cosine_.data(), sine_.data(), positions_.data() + batch.first,
                    heads, kv_heads, size},
           batch.tokens, work_.qkv);
    attend(stream, Heads{heads, kv_heads, size, static_cast<int>(w.window)},
           tiles_.data() + batch.tile, batch.tiles, work_.qkv, work_.mixed);
    add_projection(work_.mixed, w.output, w.output_bias, batch.tokens, s_.mixed(), x);
}

/// x (T, d) += mlp(norm(x)).
template <class T>
void CardLayers<T>::feed_forward(const Batch& batch, float* x) {
    const LayerWeights<T>& w = weights_.held();
    const cudaStream_t stream = ::prefdyn::cuda::stream();
    rms_norm(stream, x, w.post_norm, s_.epsilon, batch.tokens, s_.hidden, work_.normed);
    project(work_.normed, w.gate_up, batch.tokens, s_.hidden, 2 * s_.ffn, work_.both);
    gate(stream, work_.both, w.gate_up_bias, batch.tokens, s_.ffn, work_.gated);
    add_projection(work_.gated, w.down, w.down_bias, batch.tokens, s_.ffn, x);
}

template <class T>
void CardLayers<T>::advance(const Batch& batch) {
    float* x = x_.data() + batch.first * s_.hidden;
    attention(batch, x);
    feed_forward(batch, x);
}

/// Waits for what was asked for and ticks it off. An error of a kernel shows here.
template <class T>
void CardLayers<T>::settle() {
    for (const Asked& each : asked_) {
        each.done.wait();
        if (tick_) tick_(each.tokens);
    }
    asked_.clear();
    stop_if_requested();
}

/// Only asks: the host goes on to fetch the next layer while the card computes.
template <class T>
void CardLayers<T>::run(const std::function<void(long)>& tick) {
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
void CardLayers<T>::last_rows(float* out) {
    settle();
    const auto n = static_cast<long>(last_.size());
    DeviceArray<float> rows(static_cast<std::size_t>(n * s_.hidden), "the embeddings");
    gather(::prefdyn::cuda::stream(), x_.data(), last_.data(), n, s_.hidden, rows.data());
    rows.download(out, rows.size());
    ::prefdyn::cuda::wait();
}

}  // namespace

std::unique_ptr<Layers> make_layers(const Shape& shape, const Settings& settings,
                                    const Angles& angles) {
    if (shape.head_size > kMaxHead)
        throw InputError("head size " + std::to_string(shape.head_size) +
                             ": the card knows heads of up to " + std::to_string(kMaxHead),
                         "--device cpu");
    if (settings.precision == Precision::kBfloat16)
        return std::make_unique<CardLayers<Bf16>>(shape, settings, angles);
    return std::make_unique<CardLayers<float>>(shape, settings, angles);
}

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

}  // namespace prefdyn::transformer::card
