#pragma once
#include "experiments/output_options.hpp"
#include "experiments/prompt_options.hpp"
#include "experiments/run_config.hpp"
#include "sim/transformer/transformer.hpp"

namespace prefdyn {

struct SimulateOptions {
    RunConfig run;
    std::string features, labels;
    OutputOptions output;
};

struct VerifyOptions {
    bool quick = false, full = false;
    std::string claims, embeddings, labels;
    double beta = 0.01;
    Index replicates = 2000;
    std::uint64_t seed = 1;
    OutputOptions output = {.out = "results/verify.h5"};
};

struct FalsifyOptions {
    std::string claim, replay;
    Index budget = 20000;
    double after = 0.0;
    std::uint64_t seed = 1;
    OutputOptions output;
};

struct BenchOptions {
    Index vocabulary = 32000, dimension = 4096, samples = 900, batch = 128, steps = 100;
    Index dense_steps = 2;
    Index large_samples = 32768;
    Index threads = 0;
    bool mixture = false;
    Index behaviours = 128, mixture_samples = 64000, mixture_steps = 200;
    bool transformer = false;
    Index prompts = 96, prompt_tokens = 32;
};

struct TokenizeOptions {
    std::string model, text;
    PromptOptions prompts;
};

struct EmbedCommandOptions {
    std::string model, tokens, cache;
    PromptOptions prompts;
    bool no_shared = false, truncate = false;
    transformer::FinalNorm norm = transformer::FinalNorm::kSingle;
    OutputOptions output;
};

struct InspectOptions {
    std::string model, prompt;
    bool bos = false;
    Index tokens_out = 32, prompts = 1000, prompt_tokens = 50, threads = 0;
};

void declare(ParameterTable& table, SimulateOptions& options);
void declare(ParameterTable& table, VerifyOptions& options);
void declare(ParameterTable& table, FalsifyOptions& options);
void declare(ParameterTable& table, BenchOptions& options);
void declare(ParameterTable& table, TokenizeOptions& options);
void declare(ParameterTable& table, EmbedCommandOptions& options);
void declare(ParameterTable& table, InspectOptions& options);

}  // namespace prefdyn
