#pragma once
// Rotary position embedding. Of a head the first r = share h columns are rotated: pair c < r/2 of
// position p by the angle p f_c; f_c = theta^(-2c/r), changed by the scaling. Frequencies and
// angles are rounded to single precision as in the reference implementation the models were
// trained with.

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "sim/lm/model/tensor.hpp"

namespace prefdyn::transformer {

enum class RopeKind {
    kDefault,
    kLinear,    ///< f / factor
    kDynamic,   ///< kDefault within max_position_embeddings; longer prompts are refused
    kLlama3,    ///< long wavelengths divided by factor, a ramp in between
    kYarn,      ///< f / factor for c from the ramp's end on, f before its begin
    kLongrope,  ///< f_c / short_factor_c, in sequences beyond original_context f_c / long_factor_c
};
inline std::vector<std::string> rope_names() {
    return {"default", "linear", "dynamic", "llama3", "yarn", "longrope"};
}

struct RopeSpec {
    RopeKind kind = RopeKind::kDefault;
    double theta = 10000.0, factor = 1.0;
    double share = 1.0;                                    ///< of a head's columns
    double attention_factor = 1.0;                         ///< of cos and sin
    double original_context = 8192.0;                      ///< kLlama3, kYarn, kLongrope
    double low_freq_factor = 1.0, high_freq_factor = 4.0;  ///< kLlama3
    double beta_fast = 32.0, beta_slow = 1.0;       ///< kYarn: turns where the ramp begins, ends
    bool truncate = true;                           ///< kYarn: the ramp's ends are rounded
    std::vector<double> short_factor, long_factor;  ///< kLongrope

    bool operator==(const RopeSpec&) const = default;
    /// Columns of a head that are rotated.
    Index columns(Index head_size) const {
        return static_cast<Index>(static_cast<double>(head_size) * share);
    }
};

/// What a family calls its keys and leaves unsaid.
struct RopeKeys {
    const char* theta = "rope_theta";
    const char* share = nullptr;  ///< null: all columns are rotated
    double default_theta = 10000.0, default_share = 1.0;
    bool all_scaling_is_longrope = false;   ///< "su" and "yarn" mean longrope
    std::vector<std::string> ignored = {};  ///< keys of the scaling
};

/// From the keys rope_theta, rope_scaling (4.x) and rope_parameters (5.x) of a config.
RopeSpec parse_rope(const nlohmann::json& config, const std::string& place,
                    const RopeKeys& keys = {});

/// f (columns / 2); `beyond`: of sequences longer than original_context.
std::vector<float> rope_frequencies(const RopeSpec& spec, Index head_size, bool beyond = false);

/// cos and sin (positions, columns / 2), times the attention factor.
struct RopeTable {
    RopeTable(const RopeSpec& spec, Index head_size, Index positions);
    RowsF cos, sin;
    Index head_size;
    /// Of sequences longer than `most`, where those have frequencies of their own; else empty.
    RowsF far_cos, far_sin;
    Index most = 0;
};

}  // namespace prefdyn::transformer
