// The processor: one layer's weights in single precision, prompts in batches of a few hundred
// tokens. Batches go to the threads when there are enough of them, else the threads share one.

#include <omp.h>

#include "sim/base/cancel.hpp"
#include "sim/base/freed_memory.hpp"
#include "sim/lm/model/layer.hpp"
#include "sim/lm/model/layer_backend.hpp"

namespace prefdyn::transformer {

namespace {

/// Whole prompts of together at least kBatchTokens tokens, the last batch excepted.
struct Batch {
    Index first = 0, tokens = 0;
    std::vector<Prompt> prompts;  ///< counted from `first`
};

std::vector<Batch> cut(const std::vector<Prompt>& prompts) {
    std::vector<Batch> batches;
    for (const Prompt& prompt : prompts) {
        if (batches.empty() || batches.back().tokens >= kBatchTokens)
            batches.push_back({prompt.first, 0, {}});
        batches.back().prompts.push_back({prompt.first - batches.back().first, prompt.length});
        batches.back().tokens += prompt.length;
    }
    return batches;
}

/// One layer's weights: matrices packed, vectors as they are.
class LoadedLayer {
  public:
    /// Throws InputError if a weight is not finite.
    void load(const LayerTensors& tensors) {
        for (const Tensor& each : tensors.parts)
            if (each.present()) require_finite(each, 0, each.elements());
        layer_ = tensors.layer;
        weights_ = {};
        for (std::size_t p = 0; p < kParts; ++p) {
            const Tensor& tensor = tensors.parts[p];
            if (!tensor.present()) continue;
            if (tensor.shape.size() == 2) {
                matrices_[p].pack(tensor);
                weights_.parts[p] = {nullptr, tensor.shape[0], tensor.shape[1], &matrices_[p]};
                continue;
            }
            vectors_[p].resize(tensor.elements());
            to_float(tensor, 0, tensor.elements(), vectors_[p].data());
            weights_.parts[p] = {vectors_[p].data(), 1, tensor.elements()};
        }
    }
    Index layer() const { return layer_; }
    const LayerWeights<float>& weights() const { return weights_; }

  private:
    Index layer_ = 0;
    std::array<PackedMatrix, kParts> matrices_;
    std::array<Column<float>, kParts> vectors_;
    LayerWeights<float> weights_;
};

class CpuBackend final : public LayerBackend {
  public:
    CpuBackend(const ModelConfig& config, Index longest) : c_(config), ropes_(config, longest) {}

    void begin(RowsF x, std::vector<Prompt> prompts) override {
        x_ = std::move(x);
        prompts_ = std::move(prompts);
        batches_ = cut(prompts_);
    }
    void load(const LayerTensors& layer) override { loaded_.load(layer); }
    void run(const Tick& tick) override;
    RowsF last_rows() override;

  private:
    void advance(const Batch& batch) {
        const Layer<float> layer(c_, loaded_.weights(), loaded_.layer(), ropes_[loaded_.layer()],
                                 batch.prompts);
        LayerTape<float> tape;
        tape.x = x_.middleRows(batch.first, batch.tokens);
        x_.middleRows(batch.first, batch.tokens) = layer.forward(tape, Keep::kNothing);
    }

    const ModelConfig c_;
    LayerRopes ropes_;
    RowsF x_;  // (tokens, d)
    std::vector<Prompt> prompts_;
    std::vector<Batch> batches_;
    LoadedLayer loaded_;
};

void CpuBackend::run(const Tick& tick) {
    const bool spread = static_cast<int>(batches_.size()) >= 4 * omp_get_max_threads();
#pragma omp parallel for schedule(dynamic, 1) if (spread)
    for (std::size_t b = 0; b < batches_.size(); ++b) {
        if (cancel_requested()) continue;
        advance(batches_[b]);
#pragma omp critical(prefdyn_transformer_tick)
        if (tick) tick(batches_[b].tokens);
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
