// One layer on the processor: its weights in single precision, prompts in batches of a few hundred
// tokens. Batches go to the threads when there are enough of them, else the threads share one.

#include <omp.h>

#include <algorithm>

#include "sim/base/cancel.hpp"
#include "sim/base/freed_memory.hpp"
#include "sim/lm/model/attention.hpp"
#include "sim/lm/model/gemm/gemm.hpp"
#include "sim/lm/model/layer_backend.hpp"
#include "sim/lm/model/norm.hpp"

namespace prefdyn::transformer {

namespace {

constexpr Index kBatchTokens = 192;

/// Whole prompts of together at least kBatchTokens tokens, the last batch excepted.
struct Batch {
    std::size_t begin = 0, end = 0;
    Index first = 0, tokens = 0;
};

std::vector<Batch> cut(const std::vector<Prompt>& prompts) {
    std::vector<Batch> batches;
    for (std::size_t i = 0; i < prompts.size(); ++i) {
        if (batches.empty() || batches.back().tokens >= kBatchTokens)
            batches.push_back({i, i, prompts[i].first, 0});
        batches.back().end = i + 1;
        batches.back().tokens += prompts[i].length;
    }
    return batches;
}

/// A weight vector in single precision; empty if the model has not got it.
std::vector<float> values_of(const Tensor& tensor) {
    if (!tensor.present()) return {};
    std::vector<float> out(static_cast<std::size_t>(tensor.elements()));
    to_float(tensor, 0, tensor.elements(), out.data());
    return out;
}

std::vector<float> stacked(std::initializer_list<const Tensor*> parts) {
    std::vector<float> out;
    for (const Tensor* part : parts) {
        const std::vector<float> each = values_of(*part);
        out.insert(out.end(), each.begin(), each.end());
    }
    return out;
}

void check_weights(const LayerTensors& layer) {
    for (const Tensor* each : layer.all()) require_finite(*each, 0, each->elements());
}

class CpuBackend final : public LayerBackend {
  public:
    CpuBackend(const ModelConfig& config, Index longest)
        : c_(config), rope_(config.rope, config.head_size, longest) {}

    std::string name() const override { return std::string("cpu ") + kernels_.name; }
    void begin(RowsF x, std::vector<Prompt> prompts) override;
    void load(const LayerTensors& layer) override;
    void run(const Tick& tick) override;
    RowsF last_rows() override;

  private:
    void advance(const Batch& batch);
    void normalise(const float* x, const std::vector<float>& w, RowsF& y) const;
    void project(const RowsF& x, const PackedMatrix& w, const std::vector<float>& bias,
                 RowsF& y) const;
    void add_projection(const RowsF& x, const PackedMatrix& w, const std::vector<float>& bias,
                        float* y) const;
    void rotate(RowsF& qkv, const Batch& batch) const;

    const ModelConfig c_;
    const CpuKernels& kernels_ = best_kernels();
    RopeTable rope_;
    RowsF x_;  // (tokens, d)
    std::vector<Prompt> prompts_;
    Index window_ = 0;
    PackedMatrix qkv_, output_, gate_up_, down_;
    std::vector<float> input_norm_, post_norm_, qkv_bias_, output_bias_, gate_up_bias_, down_bias_;
};

void CpuBackend::begin(RowsF x, std::vector<Prompt> prompts) {
    x_ = std::move(x);
    prompts_ = std::move(prompts);
}

void CpuBackend::load(const LayerTensors& t) {
    check_weights(t);
    window_ = c_.window[static_cast<std::size_t>(t.layer)];
    qkv_.pack(std::vector{&t.query, &t.key, &t.value});
    output_.pack(std::vector{&t.output});
    gate_up_.pack(std::vector{&t.gate, &t.up});
    down_.pack(std::vector{&t.down});
    input_norm_ = values_of(t.input_norm);
    post_norm_ = values_of(t.post_norm);
    qkv_bias_ = stacked({&t.query_bias, &t.key_bias, &t.value_bias});
    output_bias_ = values_of(t.output_bias);
    gate_up_bias_ = stacked({&t.gate_bias, &t.up_bias});
    down_bias_ = values_of(t.down_bias);
}

/// y (tokens, d) = norm of the rows of x with weights w.
void CpuBackend::normalise(const float* x, const std::vector<float>& w, RowsF& y) const {
    for (Index i = 0; i < y.rows(); ++i)
        rms_norm(x + i * c_.hidden, w.data(), c_.norm_epsilon, c_.hidden, y.data() + i * c_.hidden);
}

/// y (tokens, out) = x W^T + bias.
void CpuBackend::project(const RowsF& x, const PackedMatrix& w, const std::vector<float>& bias,
                         RowsF& y) const {
    multiply(kernels_, view_of(x), w, y.data(), y.cols(), false);
    if (bias.empty()) return;
    y.rowwise() += Eigen::Map<const Eigen::RowVectorXf>(bias.data(), y.cols());
}

/// y (tokens, d) += x W^T + bias.
void CpuBackend::add_projection(const RowsF& x, const PackedMatrix& w,
                                const std::vector<float>& bias, float* y) const {
    multiply(kernels_, view_of(x), w, y, c_.hidden, true);
    if (bias.empty()) return;
    Eigen::Map<RowsF>(y, x.rows(), c_.hidden).rowwise() +=
        Eigen::Map<const Eigen::RowVectorXf>(bias.data(), c_.hidden);
}

/// Queries and keys are neighbours in a row, H + K heads.
void CpuBackend::rotate(RowsF& qkv, const Batch& batch) const {
    for (std::size_t i = batch.begin; i < batch.end; ++i)
        for (Index p = 0; p < prompts_[i].length; ++p)
            rope_.rotate(qkv.row(prompts_[i].first - batch.first + p).data(),
                         c_.heads + c_.kv_heads, p);
}

/// x += attention(norm(x)), then x += mlp(norm(x)), for the T tokens of a batch.
void CpuBackend::advance(const Batch& batch) {
    const Index tokens = batch.tokens;
    const AttentionShape shape{c_.heads, c_.kv_heads, c_.head_size, window_};
    float* rows = x_.data() + batch.first * c_.hidden;       // (T, d)
    RowsF y(tokens, c_.hidden), qkv(tokens, shape.width());  // (T, d), (T, (H + 2K) h)
    RowsF mixed(tokens, c_.heads * c_.head_size);            // (T, H h)
    normalise(rows, input_norm_, y);
    project(y, qkv_, qkv_bias_, qkv);
    rotate(qkv, batch);
    for (std::size_t i = batch.begin; i < batch.end; ++i) {
        const Index at = prompts_[i].first - batch.first;
        attend(kernels_, shape, qkv.row(at).data(), prompts_[i].length, mixed.row(at).data());
    }
    add_projection(mixed, output_, output_bias_, rows);
    RowsF both(tokens, 2 * c_.ffn), gated(tokens, c_.ffn);  // (T, 2f), (T, f)
    normalise(rows, post_norm_, y);
    project(y, gate_up_, gate_up_bias_, both);
#pragma omp parallel for schedule(static)
    for (Index i = 0; i < tokens; ++i) {
        gated.row(i) = both.row(i).head(c_.ffn);
        kernels_.gate(gated.row(i).data(), both.row(i).data() + c_.ffn, c_.ffn);
    }
    add_projection(gated, down_, down_bias_, rows);
}

void CpuBackend::run(const Tick& tick) {
    const std::vector<Batch> batches = cut(prompts_);
    const bool spread = static_cast<int>(batches.size()) >= 4 * omp_get_max_threads();
#pragma omp parallel for schedule(dynamic, 1) if (spread)
    for (std::size_t b = 0; b < batches.size(); ++b) {
        if (cancel_requested()) continue;
        advance(batches[b]);
#pragma omp critical(prefdyn_transformer_tick)
        if (tick) tick(batches[b].tokens);
    }
    stop_if_requested();
}

RowsF CpuBackend::last_rows() {
    RowsF out(static_cast<Index>(prompts_.size()), c_.hidden);
    for (std::size_t i = 0; i < prompts_.size(); ++i)
        out.row(static_cast<Index>(i)) = x_.row(prompts_[i].first + prompts_[i].length - 1);
    return out;
}

}  // namespace

std::unique_ptr<LayerBackend> make_cpu_backend(const ModelConfig& config, Index longest) {
    keep_freed_memory();
    return std::make_unique<CpuBackend>(config, longest);
}

}  // namespace prefdyn::transformer
