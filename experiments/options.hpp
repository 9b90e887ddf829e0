#pragma once
#include "experiments/embed_job.hpp"
#include "experiments/run_config.hpp"
#include "experiments/scaled.hpp"

namespace prefdyn {

struct SimulateOptions {
    RunConfig run;
    std::string features, labels;
    OutputOptions output;
};

struct VerifyOptions {
    bool quick = false, full = false;
    std::string claims, embeddings, labels, gram, weights;
    double beta = 0.01;
    Index replicates = 2000;
    std::uint64_t seed = 1;
    OutputOptions output;
};

struct FalsifyOptions {
    std::string claim, replay;
    Index budget = 20000;
    double after = 0.0;
    std::uint64_t seed = 1;
    OutputOptions output;
};

/// kAuto: bfloat16 on a card, float32 on the processor.
enum class BenchPrecision { kAuto, kFloat32, kTf32, kBfloat16 };

struct BenchOptions {
    Index vocabulary = 32000, dimension = 4096, samples = 900, batch = 128, steps = 100;
    Index dense_steps = 2;
    Index large_samples = 32768;
    MachineOptions machine;
    bool many_heads = false;
    Index heads = 100000, heads_steps = 200;
    bool mixture = false;
    Index behaviours = 128, mixture_samples = 64000, mixture_steps = 200;
    bool transformer = false;
    Index prompts = 0, prompt_tokens = 0, layers = 0;
    bool finetune = false;
    Index pairs = 0, pair_tokens = 0;
    BenchPrecision precision = BenchPrecision::kAuto;
    std::string folder;
    bool keep = false;
};

struct DialoguesOptions {
    std::string in, out;
    bool skip_bad = false, force = false;
};

struct TokenizeOptions {
    std::string model, text;
    PromptOptions prompts;
};

struct EmbedCommandOptions {
    EmbedSource source;
    OutputOptions output;
};

/// Im & Li's last-layer script, or that of the later paper on diverse values.
enum class ScaledPreset { kImLi, kDiverse };

struct ScaledOptions {
    EmbedSource source;
    ScaledPreset preset = ScaledPreset::kImLi;
    ScaledPlan plan = {.verify = {.seed = 1234}};
    std::string claims;
    OutputOptions output;
};

struct InspectOptions {
    std::string model, prompt;
    bool bos = false;
    transformer::Precision precision = transformer::Precision::kFloat32;
    Index tokens_out = 32, prompts = 1000, prompt_tokens = 50;
    MachineOptions machine;
};

struct SweepOptions {
    std::string spec, out, shard = "1/1";
    bool dry_run = false, yes = false;
    MachineOptions machine;
};

struct MergeOptions {
    std::string folder, out;
    bool force = false;
};

struct SlurmOptions {
    std::string spec, out, time = "01:00:00", program;
    Index array = 1, cpus = 1, warn = 120;
};

void declare(ParameterTable& table, SimulateOptions& options);
void declare(ParameterTable& table, VerifyOptions& options);
void declare(ParameterTable& table, FalsifyOptions& options);
void declare(ParameterTable& table, BenchOptions& options);
void declare(ParameterTable& table, DialoguesOptions& options);
void declare(ParameterTable& table, TokenizeOptions& options);
void declare(ParameterTable& table, EmbedCommandOptions& options);
void declare(ParameterTable& table, ScaledOptions& options);
void declare(ParameterTable& table, InspectOptions& options);
void declare(ParameterTable& table, SweepOptions& options);
void declare(ParameterTable& table, MergeOptions& options);
void declare(ParameterTable& table, SlurmOptions& options);
void declare_status(ParameterTable& table, std::string& folder);

}  // namespace prefdyn
