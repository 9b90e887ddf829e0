#pragma once
// The weights of one layer of the transformer: their names and shapes in a checkpoint.

#include "sim/lm/model/model_config.hpp"

namespace prefdyn::transformer {

/// No model has all of them. Every bias follows its weight's place by kWeights.
enum class Part {
    kInputNorm,
    kQuery,
    kKey,
    kValue,
    kQkv,
    kQueryNorm,
    kKeyNorm,
    kOutput,
    kAttentionEndNorm,
    kMlpNorm,
    kGate,
    kUp,
    kGateUp,
    kDown,
    kMlpEndNorm,
    kInputNormBias,
    kQueryBias,
    kKeyBias,
    kValueBias,
    kQkvBias,
    kQueryNormBias,
    kKeyNormBias,
    kOutputBias,
    kAttentionEndNormBias,
    kMlpNormBias,
    kGateBias,
    kUpBias,
    kGateUpBias,
    kDownBias,
    kMlpEndNormBias,
};
inline constexpr std::size_t kWeights = 15, kParts = 2 * kWeights;

/// The bias of a projection or a norm.
inline Part bias_of(Part weight) {
    return static_cast<Part>(static_cast<std::size_t>(weight) + kWeights);
}

/// The name of a layer's tensor, e.g. "model.layers.3.self_attn.q_proj.weight".
std::string part_name(const ModelConfig& config, Index layer, Part part);

/// (out, in) of a projection, (n) of a norm or a bias; empty if the model has not got it.
std::vector<Index> part_shape(const ModelConfig& config, Part part);

/// Whether it is a projection that lies in the file as (in, out).
bool lies_transposed(const ModelConfig& config, Part part);

/// Tensors outside the layers; null: there is none.
struct OuterNames {
    const char *embedding, *positions, *final_norm, *final_norm_bias, *head;
};
OuterNames outer_names(const ModelConfig& config);

/// Of a model that also reads images: the name of a tensor of its text part as that part alone has
/// it, empty for tensors of other parts. Files say language_model.model or model.language_model.
std::string text_name(const std::string& name);
/// The name a tensor has in memory where transformers runs the model, and so in adapters.
std::string memory_name(const ModelConfig& config, const std::string& name);

/// "model." where a checkpoint's names begin so; files of the bare model leave it away.
std::string name_prefix(const ModelConfig& config);

}  // namespace prefdyn::transformer
