// Which backend runs, and what may differ by it.
#include <omp.h>

#include <algorithm>

#include "sim/base/failure.hpp"
#include "sim/lm/model/gemm/gemm.hpp"
#include "sim/lm/model/layer_backend.hpp"

namespace prefdyn::transformer {

namespace {

std::string name_of(Precision precision) {
    return precision_names()[static_cast<std::size_t>(precision)];
}

}  // namespace

void require_precision(const Arithmetic& a) {
    if (a.precision != Precision::kFloat32 && a.device == Device::kCpu)
        throw InputError(
            "--precision " + name_of(a.precision) + ": the processor computes in float32 alone",
            "leave it away, or give --device cuda");
}

namespace {

void require_card_heads(const ModelConfig& config) {
    constexpr Index kMost = 256;
    if (config.head_size > kMost)
        throw InputError("head size " + std::to_string(config.head_size) +
                             ": the card knows heads of up to " + std::to_string(kMost),
                         "--device cpu");
}

}  // namespace

void require_card_layers(const ModelConfig& c) {
    const std::pair<bool, const char*> other[] = {
        {c.norm.kind != NormKind::kRms || c.norm.offset != 0.0,
         "norms that are no plain RMS norms"},
        {c.norms_after || !c.norms_before, "norms after attention and feed-forward"},
        {c.query_key_norm != QueryKeyNorm::kNone, "norms of queries and keys"},
        {c.qkv != Qkv::kApart || c.fused_gate_up, "fused projections"},
        {!c.gated || c.activation != Activation::kSilu, "a feed-forward layer other than SwiGLU"},
        {c.parallel, "attention and feed-forward in parallel"},
        {c.attention_scale > 0.0, "a scale of attention of its own"},
        {c.attention_cap > 0.0 || c.logit_cap > 0.0, "capped scores or logits"},
        {c.embedding_scale != 1.0 || c.residual_scale != 1.0 || c.logit_scale != 1.0,
         "multipliers of embedding, residual stream or logits"},
        {c.learned_positions, "learned positions"},
        {c.ropes.size() != 1 || !c.rope_of_layer.empty(), "layers that differ in their rotation"},
        {c.ropes.size() == 1 && (c.ropes[0].share != 1.0 || c.ropes[0].kind == RopeKind::kLongrope),
         "a rotation of a part of each head, or one that depends on the prompt's length"},
    };
    for (const auto& [there, what] : other)
        if (there)
            throw InputError(c.architecture + " has " + what + ": the card does not run that yet",
                             "--device cpu");
    require_card_heads(c);
}

std::unique_ptr<LayerBackend> make_backend(const ModelConfig& config, Index longest,
                                           const Arithmetic& a) {
    require_precision(a);
    return a.device == Device::kCuda ? make_cuda_backend(config, longest, a.precision)
                                     : make_cpu_backend(config, longest);
}

Index preferred_tokens(const ModelConfig& config, const Arithmetic& a) {
    if (a.device == Device::kCuda) return cuda_plan(config, a.precision, 0).chunk_tokens;
    // Large enough that reading the weights of a large model costs little beside the arithmetic,
    // and that every thread has batches of its own.
    constexpr Index kTokens = 8192, kThreadTokens = 1024;
    return std::max(kTokens, kThreadTokens * omp_get_max_threads());
}

std::string arithmetic_name(const Arithmetic& a) {
    if (a.device == Device::kCpu) return best_kernels().fused ? "fused" : "plain";
    static const GpuInfo card = probe_gpu().info;
    return "cuda " + std::to_string(card.major) + "." + std::to_string(card.minor) + " " +
           name_of(a.precision);
}

}  // namespace prefdyn::transformer
