#pragma once
// The architectures that are run: what of config.json makes each out of the one description of a
// layer.

#include <span>

#include "sim/lm/model/config_reader.hpp"
#include "sim/lm/model/model_config.hpp"

namespace prefdyn::transformer {

struct Architecture {
    const char* name;        ///< of 'architectures'
    const char* model_type;  ///< of 'model_type'
    const char* models;      ///< families whose checkpoints are such
    const char* differs;     ///< from Llama
    /// All but what every config has in common. Throws InputError.
    void (*read)(ConfigReader& read, ModelConfig& config);
};

std::span<const Architecture> architectures();

inline constexpr const char* kTextConfig = "text_config";  ///< of models that also read images

}  // namespace prefdyn::transformer
