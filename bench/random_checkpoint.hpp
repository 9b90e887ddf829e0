#pragma once
#include <string>

#include "sim/lm/model/model_config.hpp"

namespace prefdyn::bench {

/// Writes a Llama of these extents (tied head, BF16, random weights) to a folder that exists.
void write_random_llama(const std::string& folder, const transformer::ModelConfig& extents,
                        std::uint64_t seed);

}  // namespace prefdyn::bench
