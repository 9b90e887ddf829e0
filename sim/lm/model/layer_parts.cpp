#include "sim/lm/model/layer_parts.hpp"

#include <array>

namespace prefdyn::transformer {

namespace {

/// Modules of a layer in the order of Part, below `layers` and the layer's number.
struct Names {
    const char *embedding, *positions, *layers, *final_norm, *final_norm_bias, *head;
    std::array<const char*, kWeights> module;
};

constexpr std::array<const char*, kWeights> kLlama = {
    "input_layernorm",          "self_attn.q_proj",   "self_attn.k_proj",
    "self_attn.v_proj",         "self_attn.qkv_proj", "self_attn.q_norm",
    "self_attn.k_norm",         "self_attn.o_proj",   nullptr,
    "post_attention_layernorm", "mlp.gate_proj",      "mlp.up_proj",
    "mlp.gate_up_proj",         "mlp.down_proj",      nullptr,
};

/// The same with norms after attention and feed-forward.
constexpr std::array<const char*, kWeights> sandwich(const char* before_mlp) {
    auto out = kLlama;
    out[static_cast<std::size_t>(Part::kAttentionEndNorm)] = "post_attention_layernorm";
    out[static_cast<std::size_t>(Part::kMlpNorm)] = before_mlp;
    out[static_cast<std::size_t>(Part::kMlpEndNorm)] = "post_feedforward_layernorm";
    return out;
}

constexpr std::array<const char*, kWeights> few(const char* input_norm, const char* qkv,
                                                const char* output, const char* mlp_norm,
                                                const char* up, const char* down) {
    std::array<const char*, kWeights> out = {};
    out[static_cast<std::size_t>(Part::kInputNorm)] = input_norm;
    out[static_cast<std::size_t>(Part::kQkv)] = qkv;
    out[static_cast<std::size_t>(Part::kOutput)] = output;
    out[static_cast<std::size_t>(Part::kMlpNorm)] = mlp_norm;
    out[static_cast<std::size_t>(Part::kUp)] = up;
    out[static_cast<std::size_t>(Part::kDown)] = down;
    return out;
}

constexpr Names llama_like(const std::array<const char*, kWeights>& module) {
    return {"model.embed_tokens.weight", nullptr,          "model.layers.", "model.norm.weight",
            "model.norm.bias",           "lm_head.weight", module};
}

/// In the order of Naming.
constexpr Names kNames[] = {
    llama_like(kLlama),
    llama_like(sandwich("pre_feedforward_layernorm")),
    llama_like(sandwich(nullptr)),
    {"gpt_neox.embed_in.weight", nullptr, "gpt_neox.layers.", "gpt_neox.final_layer_norm.weight",
     "gpt_neox.final_layer_norm.bias", "embed_out.weight",
     few("input_layernorm", "attention.query_key_value", "attention.dense",
         "post_attention_layernorm", "mlp.dense_h_to_4h", "mlp.dense_4h_to_h")},
    {"transformer.wte.weight", "transformer.wpe.weight", "transformer.h.",
     "transformer.ln_f.weight", "transformer.ln_f.bias", "lm_head.weight",
     few("ln_1", "attn.c_attn", "attn.c_proj", "ln_2", "mlp.c_fc", "mlp.c_proj")},
};

const Names& names_of(const ModelConfig& c) { return kNames[static_cast<std::size_t>(c.naming)]; }

bool is_bias(Part part) { return static_cast<std::size_t>(part) >= kWeights; }

Part weight_of_bias(Part part) {
    return static_cast<Part>(static_cast<std::size_t>(part) - kWeights);
}

bool has_bias(const ModelConfig& c, Part weight) {
    switch (weight) {
        case Part::kQuery:
        case Part::kKey:
        case Part::kValue:
        case Part::kQkv:
            return c.qkv_bias;
        case Part::kOutput:
            return c.output_bias;
        case Part::kGate:
        case Part::kUp:
        case Part::kGateUp:
        case Part::kDown:
            return c.mlp_bias;
        case Part::kQueryNorm:
        case Part::kKeyNorm:
            return false;
        default:
            return c.norm.kind == NormKind::kLayer;
    }
}

std::vector<Index> weight_shape(const ModelConfig& c, Part weight) {
    using Shape = std::vector<Index>;
    const Index d = c.hidden, q = c.query_columns(), kv = c.key_columns();
    const auto only = [](bool there, Shape shape) { return there ? shape : Shape{}; };
    const bool per_head = c.query_key_norm == QueryKeyNorm::kHead;
    const bool normed = c.query_key_norm != QueryKeyNorm::kNone;
    switch (weight) {
        case Part::kQuery:
            return only(c.qkv == Qkv::kApart, {q, d});
        case Part::kKey:
        case Part::kValue:
            return only(c.qkv == Qkv::kApart, {kv, d});
        case Part::kQkv:
            return only(c.qkv != Qkv::kApart, {q + 2 * kv, d});
        case Part::kQueryNorm:
            return only(normed, {per_head ? c.head_size : q});
        case Part::kKeyNorm:
            return only(normed, {per_head ? c.head_size : kv});
        case Part::kOutput:
            return {d, q};
        case Part::kGate:
            return only(c.gated && !c.fused_gate_up, {c.ffn, d});
        case Part::kUp:
            return only(!c.fused_gate_up, {c.ffn, d});
        case Part::kGateUp:
            return only(c.fused_gate_up, {2 * c.ffn, d});
        case Part::kDown:
            return {d, c.ffn};
        case Part::kInputNorm:
        case Part::kMlpNorm:
            return only(c.norms_before, {d});
        default:
            return only(c.norms_after, {d});
    }
}

}  // namespace

std::string part_name(const ModelConfig& c, Index layer, Part part) {
    const bool bias = is_bias(part);
    const Part weight = bias ? weight_of_bias(part) : part;
    std::string out = names_of(c).layers + std::to_string(layer);
    out.append(".").append(names_of(c).module[static_cast<std::size_t>(weight)]);
    return out.append(bias ? ".bias" : ".weight");
}

std::vector<Index> part_shape(const ModelConfig& c, Part part) {
    if (!is_bias(part)) return weight_shape(c, part);
    const Part weight = weight_of_bias(part);
    std::vector<Index> shape = weight_shape(c, weight);
    if (shape.empty() || !has_bias(c, weight)) return {};
    return {shape.front()};
}

bool lies_transposed(const ModelConfig& c, Part part) {
    return c.transposed && part_shape(c, part).size() == 2;
}

OuterNames outer_names(const ModelConfig& c) {
    const Names& names = names_of(c);
    const bool layer_norm = c.norm.kind == NormKind::kLayer;
    return {names.embedding, c.learned_positions ? names.positions : nullptr, names.final_norm,
            layer_norm ? names.final_norm_bias : nullptr, names.head};
}

std::string text_name(const std::string& name) {
    for (const char* part : {"vision_tower.", "multi_modal_projector.", "model.vision_tower.",
                             "model.multi_modal_projector."})
        if (name.starts_with(part)) return {};
    for (const char* part : {"language_model.model.", "model.language_model."})
        if (name.starts_with(part)) return "model." + name.substr(std::string(part).size());
    const std::string head = "language_model.lm_head.";
    return name.starts_with(head) ? "lm_head." + name.substr(head.size()) : name;
}

std::string memory_name(const ModelConfig& c, const std::string& name) {
    const std::string outer = c.nested ? "model." : "embed_out.";
    if (!name.starts_with(outer) || !(c.nested || c.naming == Naming::kNeox)) return name;
    return (c.nested ? "model.language_model." : "lm_head.") + name.substr(outer.size());
}

std::string name_prefix(const ModelConfig& c) {
    const std::string name = names_of(c).embedding;
    return name.substr(0, name.find('.') + 1);
}

}  // namespace prefdyn::transformer
