#pragma once
// Small checkpoints of models that also read images: a Mistral within Mistral3.

#include <nlohmann/json.hpp>

#include "tests/support/transformer_support.hpp"

namespace prefdyn::test {

inline constexpr int kImageToken = 36;

inline nlohmann::json nested_config(const SmallModel& m) {
    nlohmann::json text = nlohmann::json::parse(m.config());
    text.erase("architectures");
    text["model_type"] = "mistral";
    text["sliding_window"] = nullptr;
    text["tie_word_embeddings"] = !m.tied;  // not what counts
    return {{"architectures", {"Mistral3ForConditionalGeneration"}},
            {"model_type", "mistral3"},
            {"image_token_index", kImageToken},
            {"tie_word_embeddings", m.tied},
            {"vision_config", {{"hidden_size", 3}}},
            {"text_config", text}};
}

/// The text part under the names of files or of the model in memory, and beside it a tensor of the
/// vision tower and one of the projector.
inline Weights nested_weights(const Weights& weights, bool in_memory = false) {
    Weights out;
    for (const auto& [name, weight] : weights) {
        const bool head = name.starts_with("lm_head");
        const std::string file = "language_model." + name;
        const std::string memory = head ? name : "model.language_model." + name.substr(6);
        out[in_memory ? memory : file] = weight;
    }
    const std::string before = in_memory ? "model." : "";
    out[before + "vision_tower.patch_conv.weight"] = random_weight({3, 2}, 0.0, 1.0, 5);
    out[before + "multi_modal_projector.norm.weight"] = random_weight({3}, 0.0, 1.0, 6);
    return out;
}

inline void write_nested(const std::string& folder, const SmallModel& m, const Weights& weights,
                         bool in_memory = false) {
    std::filesystem::create_directories(folder);
    write_bytes(folder + "/config.json", nested_config(m).dump());
    write_bytes(folder + "/model.safetensors",
                safetensors(nested_weights(weights, in_memory), "F32"));
}

}  // namespace prefdyn::test
