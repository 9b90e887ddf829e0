#pragma once
#include <string>

#include "experiments/options.hpp"

namespace prefdyn::sweep {

/// Text of an sbatch script: an array job, a shard a task. A task that Slurm warns before its time
/// is up stops at a clean point and requeues itself.
std::string slurm_script(const SlurmOptions& options);

}  // namespace prefdyn::sweep
