#pragma once
// Trained models on disk: a folder in Hugging Face layout, or one of an adapter in PEFT's.

#include "sim/lm/train/trainable.hpp"

namespace prefdyn {

/// What fine-tuning made of the model in `base_folder`.
struct TrainedModel {
    std::string base_folder;
    const finetune::Parameters<float>* weights = nullptr;  ///< every block
    const finetune::Trainable<float>* trainable = nullptr;
    finetune::TrainableSpec spec;
    const finetune::Column<float>* theta = nullptr;
    std::string base_hash = {};  ///< of the base; adapters carry it
    std::string tokenizer_folder = base_folder;
};

/// Adapters as adapter_config.json and adapter_model.safetensors; else config.json,
/// model.safetensors in F32 and the tokeniser's files. Each file appears whole or not at all.
void write_model(const std::string& folder, const TrainedModel& model);

/// The weights of such a folder, an adapter merged into those of the base. Throws InputError unless
/// it belongs to the base: same config but for the tie of the head, known keys, shapes that fit,
/// and the base's hash where the adapter carries one.
finetune::Parameters<float> read_model(const std::string& folder,
                                       const transformer::Checkpoint& base,
                                       const finetune::Layout& layout,
                                       const std::string& base_hash = {});

/// Whether there is a config of a model or of an adapter.
bool holds_model(const std::string& folder);
/// Removes what write_model writes, but for the tokeniser.
void remove_model(const std::string& folder);

/// Whether the folder holds a model, or an adapter of the one in `base`, whose head is not the
/// embedding.
bool head_of_its_own(const std::string& folder, const std::string& base);

}  // namespace prefdyn
