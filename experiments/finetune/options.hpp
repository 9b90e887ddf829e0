#pragma once
// What finetune and misalign are asked.

#include "experiments/program/machine_options.hpp"
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
    std::size_t loss = 0;  ///< of loss_names()
    double beta = 0.01, label_smoothing = 0.0, discopop_tau = 0.05;
    finetune::UpdateKind optimizer = finetune::UpdateKind::kAdamw;
    double learning_rate = 1e-6, weight_decay = 0.0, max_grad_norm = 1.0;
    finetune::ScheduleKind schedule = finetune::ScheduleKind::kConstant;
    Index warmup = 0, batch = 128, epochs = 1, steps = 0;
    double held_out = 0.1;
    SplitKind split = SplitKind::kRandom;
    std::uint64_t seed = 1234;
    Index records = 11, tokens = 4096;
    bool recompute = false;
    transformer::Precision precision = transformer::Precision::kFloat32;
};

/// How several behaviours are trained.
enum class Arrangement { kTogether, kApart, kPairs };

struct FinetuneOptions {
    std::string model, out;
    TrainingOptions training;
    bool flip = false, dry_run = false, force = false;
    Arrangement arrange = Arrangement::kTogether;
    Index pairs = 4, save_every = 0;
    MachineOptions machine;
};

struct MisalignOptions {
    std::string base, aligned, out;
    TrainingOptions training;
    Index seeds = 5;
    double target = 0.0;
    bool dry_run = false, force = false;
    MachineOptions machine;
};

void declare(ParameterTable& table, FinetuneOptions& options);
void declare(ParameterTable& table, MisalignOptions& options);

/// Declares and parses; the preset's numbers are the defaults of everything else.
void parse(ParameterTable& table, FinetuneOptions& options,
           const std::vector<std::string>& arguments);
void parse(ParameterTable& table, MisalignOptions& options,
           const std::vector<std::string>& arguments);

/// The spec of a run on `pairs` training pairs.
finetune::TrainingSpec training_spec(const TrainingOptions& options, std::size_t pairs);

}  // namespace prefdyn
