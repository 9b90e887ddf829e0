#pragma once
#include <string>

#include "sim/base/types.hpp"

namespace prefdyn::sweep {

struct SlurmOptions {
    std::string spec, out, time = "01:00:00", program;
    Index array = 1, cpus = 1, warn = 120;
    std::string memory;  ///< as --mem takes it
    std::string partition, account, qos, mail, container;
    std::string merged;  ///< file of a job that merges when all tasks have ended; empty: none
};

/// Seconds of a time as sbatch takes it: M, M:S, H:M:S, D-H, D-H:M or D-H:M:S. Throws InputError.
double slurm_seconds(const std::string& time);

/// Text of an sbatch script: an array job, a shard a task. A task that Slurm warns before its time
/// is up stops at a clean point and requeues itself. Throws InputError if the warning would come
/// before the start.
std::string slurm_script(const SlurmOptions& options);

}  // namespace prefdyn::sweep
