#pragma once
#include "experiments/embed/embed_job.hpp"
#include "experiments/runs/run_config.hpp"
#include "experiments/scaled/scaled.hpp"

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

void declare(ParameterTable& table, SimulateOptions& options);
void declare(ParameterTable& table, VerifyOptions& options);
void declare(ParameterTable& table, FalsifyOptions& options);
void declare(ParameterTable& table, DialoguesOptions& options);
void declare(ParameterTable& table, TokenizeOptions& options);
void declare(ParameterTable& table, EmbedCommandOptions& options);
void declare(ParameterTable& table, ScaledOptions& options);
void declare(ParameterTable& table, InspectOptions& options);
void declare(ParameterTable& table, SweepOptions& options);
void declare(ParameterTable& table, MergeOptions& options);
void declare_status(ParameterTable& table, std::string& folder);

}  // namespace prefdyn
