#include "sim/lm/model/layer_parts.hpp"

namespace prefdyn::transformer {

namespace {

enum Extent { kNone, kHidden, kHeads, kKvHeads, kFfn };

struct Entry {
    const char* name;
    Extent out, in;
    bool ModelConfig::*present = nullptr;  ///< null: every model has it
};

/// In the order of Part.
constexpr Entry kEntries[kParts] = {
    {"input_layernorm.weight", kHidden, kNone},
    {"self_attn.q_proj.weight", kHeads, kHidden},
    {"self_attn.k_proj.weight", kKvHeads, kHidden},
    {"self_attn.v_proj.weight", kKvHeads, kHidden},
    {"self_attn.o_proj.weight", kHidden, kHeads},
    {"post_attention_layernorm.weight", kHidden, kNone},
    {"mlp.gate_proj.weight", kFfn, kHidden},
    {"mlp.up_proj.weight", kFfn, kHidden},
    {"mlp.down_proj.weight", kHidden, kFfn},
    {"self_attn.q_proj.bias", kHeads, kNone, &ModelConfig::qkv_bias},
    {"self_attn.k_proj.bias", kKvHeads, kNone, &ModelConfig::qkv_bias},
    {"self_attn.v_proj.bias", kKvHeads, kNone, &ModelConfig::qkv_bias},
    {"self_attn.o_proj.bias", kHidden, kNone, &ModelConfig::output_bias},
    {"mlp.gate_proj.bias", kFfn, kNone, &ModelConfig::mlp_bias},
    {"mlp.up_proj.bias", kFfn, kNone, &ModelConfig::mlp_bias},
    {"mlp.down_proj.bias", kHidden, kNone, &ModelConfig::mlp_bias},
};

const Entry& entry_of(Part part) { return kEntries[static_cast<std::size_t>(part)]; }

}  // namespace

Part bias_of(Part projection) {
    const bool attention = projection < Part::kPostNorm;
    const Part first = attention ? Part::kQuery : Part::kGate;
    const Part bias = attention ? Part::kQueryBias : Part::kGateBias;
    return static_cast<Part>(static_cast<int>(bias) + static_cast<int>(projection) -
                             static_cast<int>(first));
}

const char* part_name(Part part) { return entry_of(part).name; }

std::vector<Index> part_shape(const ModelConfig& c, Part part) {
    const Index extents[] = {0, c.hidden, c.heads * c.head_size, c.kv_heads * c.head_size, c.ffn};
    const Entry& entry = entry_of(part);
    if (entry.present && !(c.*entry.present)) return {};
    if (entry.in == kNone) return {extents[entry.out]};
    return {extents[entry.out], extents[entry.in]};
}

}  // namespace prefdyn::transformer
