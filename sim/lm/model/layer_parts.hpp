#pragma once
// The weights of one layer of the transformer: their names and shapes in a checkpoint.

#include "sim/lm/model/model_config.hpp"

namespace prefdyn::transformer {

enum class Part {
    kInputNorm,
    kQuery,
    kKey,
    kValue,
    kOutput,
    kPostNorm,
    kGate,
    kUp,
    kDown,
    kQueryBias,
    kKeyBias,
    kValueBias,
    kOutputBias,
    kGateBias,
    kUpBias,
    kDownBias,
};
inline constexpr std::size_t kParts = 16;

/// The bias of a projection.
Part bias_of(Part projection);

/// The name below "model.layers.N.", e.g. "self_attn.q_proj.weight".
const char* part_name(Part part);

/// (out, in) of a projection, (n) of a norm or a bias; empty if the model has not got it.
std::vector<Index> part_shape(const ModelConfig& config, Part part);

}  // namespace prefdyn::transformer
