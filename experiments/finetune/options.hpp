#pragma once
// What finetune and misalign are asked alike.

#include "experiments/program/prompt_options.hpp"
#include "sim/data/split.hpp"
#include "sim/lm/train/training.hpp"

namespace prefdyn {

/// Numbers of a published script, the defaults of everything else.
enum class FinetunePreset { kFull, kLora };

/// Data, objective and optimiser of a training run.
struct TrainingOptions {
    PromptOptions prompts;
    bool eos = false, one_token = false, truncate = false;
    FinetunePreset preset = FinetunePreset::kFull;
    finetune::TrainedPart method = finetune::TrainedPart::kFull;
    Index rank = 8;
    double alpha = 32.0;
    std::string targets = "q,v";
    std::string loss = "sigmoid";  ///< see Objective
    double ld_alpha = 1.0;
    finetune::Divergence divergence;
    Index max_length = 0;
    double beta = 0.01, label_smoothing = 0.0, discopop_tau = 0.05;
    finetune::UpdateKind optimizer = finetune::UpdateKind::kAdamw;
    double learning_rate = 1e-6, weight_decay = 0.0, max_grad_norm = 1.0;
    finetune::ScheduleKind schedule = finetune::ScheduleKind::kConstant;
    Index warmup = 0, batch = 128, epochs = 1, steps = 0;
    double held_out = 0.1;
    SplitKind split = SplitKind::kRandom;
    bool decay_vectors = false;
    std::uint64_t seed = 1234;
    Index records = 11, tokens = 4096;
    bool recompute = false;
    transformer::Arithmetic arithmetic;  ///< the device is chosen by the command
};

void declare_training(ParameterTable& table, TrainingOptions& options);

/// How it is done and what is replaced: no part of a run's identity.
void declare_modes(ParameterTable& table, TrainingOptions& options, bool& dry_run, bool& force);

/// Puts the numbers of `options.preset` in place.
void apply_preset(TrainingOptions& options);

/// The spec of a run on `pairs` training pairs.
finetune::TrainingSpec training_spec(const TrainingOptions& options, std::size_t pairs);

}  // namespace prefdyn
