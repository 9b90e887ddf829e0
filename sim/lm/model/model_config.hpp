#pragma once
// What config.json says about a model: one description of a layer for every architecture. A key
// that could change the computation and is not known here is an error: a model is run exactly or
// not at all.

#include <string>
#include <string_view>
#include <vector>

#include "sim/lm/model/activation.hpp"
#include "sim/lm/model/rope.hpp"

namespace prefdyn::transformer {

enum class NormKind {
    kRms,    ///< w x / sqrt(mean x^2 + epsilon)
    kLayer,  ///< w (x - mean x) / sqrt(var x + epsilon) + b
};
/// w is what the file holds plus `offset`.
struct NormSpec {
    NormKind kind = NormKind::kRms;
    double epsilon = 1e-6, offset = 0.0;
};

/// Norms of queries and keys before they are rotated: of every head, or of all heads together.
enum class QueryKeyNorm { kNone, kHead, kAll };

/// Where the weights of queries, keys and values lie.
enum class Qkv {
    kApart,
    kStacked,  ///< one weight: all queries, all keys, all values
    kByHead,   ///< one weight: query, key and value of a head after another
};

/// How weights are called, see layer_parts.cpp.
enum class Naming { kLlama, kGemma, kOlmo2, kNeox, kGpt2 };

/// d = hidden, h = head_size, H = heads, K = kv_heads (H divisible by K), f = ffn, V = vocabulary.
struct ModelConfig {
    std::string architecture;
    Index hidden = 0, ffn = 0, layers = 0, heads = 0, kv_heads = 0, head_size = 0;
    Index vocabulary = 0, context = 0;
    Naming naming = Naming::kLlama;
    bool transposed = false;  ///< projections lie in the file as (in, out)

    NormSpec norm;
    bool norms_before = true;  ///< of what attention and feed-forward read
    bool norms_after = false;  ///< of what they give
    QueryKeyNorm query_key_norm = QueryKeyNorm::kNone;
    Qkv qkv = Qkv::kApart;
    bool gated = true;           ///< feed-forward: act(gate) up, else act(up)
    bool fused_gate_up = false;  ///< one weight: gate, then up
    Activation activation = Activation::kSilu;
    bool parallel = false;  ///< attention and feed-forward both read the layer's input
    bool qkv_bias = false, output_bias = false, mlp_bias = false;

    double attention_scale = 0.0;  ///< of q . k; 0: 1 / sqrt(h)
    double attention_cap = 0.0;    ///< c of c tanh(score / c); 0: none
    double embedding_scale = 1.0, residual_scale = 1.0;
    double logit_scale = 1.0, logit_cap = 0.0;  ///< cap tanh(scale z / cap); 0: no cap
    bool learned_positions = false;             ///< a vector of each position is added

    std::vector<RopeSpec> ropes = {RopeSpec{}};
    std::vector<int> rope_of_layer;    ///< index into ropes, -1: no rotation; empty: 0 everywhere
    bool tied = false;                 ///< the head is the token embedding
    bool nested = false;               ///< the text part of a model that also reads images
    Index image_token = -1;            ///< of those, what stands for an image; -1: none
    std::vector<std::string> dropout;  ///< "attention_dropout 0.1": asked for, but never applied
    std::vector<Index> window;  ///< per layer: positions attended to at most, 0 for all before

    Index query_columns() const { return heads * head_size; }
    Index key_columns() const { return kv_heads * head_size; }
    /// Null: the layer does not rotate.
    const RopeSpec* rope(Index layer) const {
        const int which =
            rope_of_layer.empty() ? 0 : rope_of_layer[static_cast<std::size_t>(layer)];
        return which < 0 ? nullptr : &ropes[static_cast<std::size_t>(which)];
    }
    Index parameters() const;
};

inline constexpr std::size_t kMaxConfig = std::size_t{1} << 20;  ///< bytes of config.json

/// Throws InputError naming `place` (the path of config.json), key, value and what is allowed.
ModelConfig parse_model_config(std::string_view text, const std::string& place);

}  // namespace prefdyn::transformer
