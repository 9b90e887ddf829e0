#pragma once
#include "experiments/program/machine_options.hpp"
#include "sim/lm/model/precision.hpp"

namespace prefdyn::bench {

/// kAuto: bfloat16 on a card, float32 on the processor; then those of the transformer.
enum class BenchPrecision { kAuto, kFloat32, kTf32, kBfloat16 };

struct BenchOptions {
    Index vocabulary = 32000, dimension = 4096, samples = 900, batch = 128, steps = 100;
    Index dense_steps = 2;
    Index large_samples = 32768;
    MachineOptions machine;
    Device device = Device::kCpu;  ///< that they came out as
    bool many_heads = false;
    Index heads = 100000, heads_steps = 200;
    bool mixture = false;
    Index behaviours = 128, mixture_samples = 64000, mixture_steps = 200;
    bool claims = false;
    bool sweep = false;
    Index sweep_points = 200;
    std::string python = "python3", peers = "tests/oracle/time_sweep.py";
    bool transformer = false;
    Index prompts = 0, prompt_tokens = 0, layers = 0;
    bool finetune = false;
    Index pairs = 0, pair_tokens = 0;
    BenchPrecision precision = BenchPrecision::kAuto;
    std::string folder;
    bool keep = false;
    bool list = false, strict = false;
};

void declare(ParameterTable& table, BenchOptions& options);

}  // namespace prefdyn::bench
