// The card behind the interface of a backend.
#include <omp.h>

#include <algorithm>
#include <cstring>

#include "sim/base/failure.hpp"
#include "sim/cuda/device.hpp"
#include "sim/lm/model/cuda_checks.hpp"
#include "sim/lm/model/cuda_layer.hpp"
#include "sim/lm/model/layer_backend.hpp"

namespace prefdyn::transformer {

namespace {

card::Shape shape_of(const ModelConfig& c) {
    return {c.hidden, c.ffn, c.heads, c.kv_heads, c.head_size, c.norm_epsilon};
}

/// memcpy by all threads: one alone is slower than the bus.
void copy_threaded(void* to, const void* from, std::size_t bytes) {
    constexpr std::size_t kBlock = std::size_t{1} << 20;
    const auto blocks = static_cast<Index>((bytes + kBlock - 1) / kBlock);
#pragma omp parallel for schedule(static) if (blocks > 1)
    for (Index b = 0; b < blocks; ++b) {
        const std::size_t at = static_cast<std::size_t>(b) * kBlock;
        std::memcpy(static_cast<std::byte*>(to) + at, static_cast<const std::byte*>(from) + at,
                    std::min(kBlock, bytes - at));
    }
}

card::Settings settings_of(Precision precision, const CardPlan& plan) {
    return {precision, plan.slot_bytes, plan.workspace_bytes, plan.batch_tokens, copy_threaded};
}

card::Source source_of(const Tensor& tensor) {
    if (!tensor.present()) return {};
    const card::Number type = tensor.dtype == Dtype::kF32   ? card::Number::kF32
                              : tensor.dtype == Dtype::kF16 ? card::Number::kF16
                                                            : card::Number::kBF16;
    return {tensor.bytes.data(), tensor.elements(), type};
}

/// In the order of card::Part.
std::vector<const Tensor*> parts_of(const LayerTensors& t) {
    return {&t.input_norm,  &t.query,     &t.key,     &t.value,      &t.output,   &t.post_norm,
            &t.gate,        &t.up,        &t.down,    &t.query_bias, &t.key_bias, &t.value_bias,
            &t.output_bias, &t.gate_bias, &t.up_bias, &t.down_bias};
}

class CudaBackend final : public LayerBackend {
  public:
    CudaBackend(const ModelConfig& config, Index longest, Precision precision, std::size_t budget)
        : c_(config), name_(arithmetic_name(precision)) {
        const RopeTable rope(config.rope, config.head_size, longest);
        const CardPlan plan = plan_card(config, precision, longest, budget);
        layers_ = card::make_layers(shape_of(config), settings_of(precision, plan),
                                    {rope.cos.data(), rope.sin.data(), rope.cos.rows()});
    }

    std::string name() const override { return name_; }
    void begin(RowsF x, std::vector<Prompt> prompts) override {
        std::vector<card::Span> spans;
        for (const Prompt& prompt : prompts) spans.push_back({prompt.first, prompt.length});
        layers_->begin(x.data(), spans);
        prompts_ = static_cast<Index>(prompts.size());
    }
    void prefetch(const LayerTensors& layer) override { layers_->prefetch(source(layer)); }
    void load(const LayerTensors& layer) override {
        const int bad = layers_->load(source(layer));
        if (bad < 0) return;
        const Tensor& tensor = *parts_of(layer)[static_cast<std::size_t>(bad)];
        require_finite(tensor, 0, tensor.elements());
        throw std::logic_error(tensor.name + ": the card met a value that is not finite");
    }
    void run(const Tick& tick) override { layers_->run(tick); }
    RowsF last_rows() override {
        RowsF out(prompts_, c_.hidden);
        layers_->last_rows(out.data());
        return out;
    }

  private:
    card::LayerSource source(const LayerTensors& layer) const {
        card::LayerSource out;
        out.layer = layer.layer;
        out.window = c_.window[static_cast<std::size_t>(layer.layer)];
        const auto parts = parts_of(layer);
        for (std::size_t k = 0; k < parts.size(); ++k) out.part[k] = source_of(*parts[k]);
        return out;
    }

    const ModelConfig c_;
    std::string name_;
    std::unique_ptr<card::Layers> layers_;
    Index prompts_ = 0;
};

/// A little stays free: what is asked for is rounded up on the card.
std::size_t default_budget() {
    const std::size_t available = card::available_memory();
    return available - available / 20;
}

}  // namespace

std::unique_ptr<LayerBackend> make_cuda_backend(const ModelConfig& config, Index longest,
                                                Precision precision, std::size_t budget) {
    return std::make_unique<CudaBackend>(config, longest, precision, budget);
}

std::unique_ptr<LayerBackend> make_cuda_backend(const ModelConfig& config, Index longest,
                                                Precision precision) {
    return make_cuda_backend(config, longest, precision, default_budget());
}

CardPlan cuda_plan(const ModelConfig& config, Precision precision, Index longest) {
    return plan_card(config, precision, longest, default_budget());
}

#ifndef PREFDYN_CUDA
namespace card {

namespace {
[[noreturn]] void refuse() { throw std::logic_error("this prefdyn was built without CUDA"); }
}  // namespace

std::unique_ptr<Layers> make_layers(const Shape&, const Settings&, const Angles&) { refuse(); }
std::size_t available_memory() { refuse(); }
double matrix_rate(Precision, long) { refuse(); }

namespace checks {
void rms_norm(Precision, const float*, const float*, double, long, long, float*) { refuse(); }
void rotate(Precision, const Turn&, long, float*) { refuse(); }
void attend(Precision, const Shape&, long, const std::vector<Span>&, const float*, float*) {
    refuse();
}
void gate(Precision, const float*, const float*, long, long, float*) { refuse(); }
bool convert(Precision, Number, const void*, long, float*) { refuse(); }
}  // namespace checks

}  // namespace card
#endif

}  // namespace prefdyn::transformer
