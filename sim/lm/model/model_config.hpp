#pragma once
// What config.json says about a model. A key that could change the computation and is not known
// here is an error: a model is run exactly or not at all.

#include <string>
#include <string_view>
#include <vector>

#include "sim/lm/model/rope.hpp"

namespace prefdyn::transformer {

/// d = hidden, h = head_size, H = heads, K = kv_heads (H divisible by K), f = ffn, V = vocabulary.
struct ModelConfig {
    std::string architecture;
    Index hidden = 0, ffn = 0, layers = 0, heads = 0, kv_heads = 0, head_size = 0;
    Index vocabulary = 0, context = 0;
    double norm_epsilon = 1e-6;
    RopeSpec rope;
    bool tied = false;  ///< the head is the token embedding
    bool qkv_bias = false, output_bias = false, mlp_bias = false;
    std::vector<std::string> dropout;  ///< "attention_dropout 0.1": asked for, but never applied
    std::vector<Index> window;  ///< per layer: positions attended to at most, 0 for all before

    Index parameters() const;
};

inline constexpr std::size_t kMaxConfig = std::size_t{1} << 20;  ///< bytes of config.json

/// Throws InputError naming `place` (the path of config.json), key, value and what is allowed.
ModelConfig parse_model_config(std::string_view text, const std::string& place);

}  // namespace prefdyn::transformer
