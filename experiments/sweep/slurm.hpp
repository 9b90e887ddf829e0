#pragma once
#include <string>

#include "sim/base/types.hpp"

namespace prefdyn::sweep {

struct SlurmOptions {
    std::string spec, out, time = "01:00:00", program;
    Index array = 1, cpus = 1, warn = 120;
};

/// Text of an sbatch script: an array job, a shard a task. A task that Slurm warns before its time
/// is up stops at a clean point and requeues itself.
std::string slurm_script(const SlurmOptions& options);

}  // namespace prefdyn::sweep
