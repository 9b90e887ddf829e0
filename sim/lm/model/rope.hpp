#pragma once
// Rotary position embedding. For a head of size h, pair c < h/2 of position p is rotated by the
// angle p f_c; f_c = theta^(-2c/h), changed by the scaling. Frequencies and angles are rounded to
// single precision as in the reference implementation the models were trained with.

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "sim/lm/model/tensor.hpp"

namespace prefdyn::transformer {

enum class RopeKind {
    kDefault,
    kLinear,   ///< f / factor
    kDynamic,  ///< kDefault within max_position_embeddings; longer prompts are refused
    kLlama3,   ///< long wavelengths divided by factor, a ramp in between
};

struct RopeSpec {
    RopeKind kind = RopeKind::kDefault;
    double theta = 10000.0, factor = 1.0;
    double low_freq_factor = 1.0, high_freq_factor = 4.0, original_context = 8192.0;  ///< kLlama3
};

/// From the keys rope_theta, rope_scaling (4.x) and rope_parameters (5.x) of a config.
RopeSpec parse_rope(const nlohmann::json& config, const std::string& place);

/// f (head_size / 2).
std::vector<float> rope_frequencies(const RopeSpec& spec, Index head_size);

/// cos and sin (positions, head_size / 2).
struct RopeTable {
    RopeTable(const RopeSpec& spec, Index head_size, Index positions);
    RowsF cos, sin;
};

}  // namespace prefdyn::transformer
