#include "experiments/sweep/slurm.hpp"

#include <filesystem>
#include <sstream>

namespace prefdyn::sweep {

namespace {

/// In single quotes, as a shell reads it back.
std::string quoted(const std::string& text) {
    std::string out = "'";
    for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return out + "'";
}

std::string absolute(const std::string& path) {
    return quoted(std::filesystem::absolute(path).lexically_normal().string());
}

}  // namespace

std::string slurm_script(const SlurmOptions& o) {
    const std::string tasks = std::to_string(o.array);
    std::ostringstream out;
    out << "#!/bin/bash\n"
           "#SBATCH --job-name=prefdyn\n"
           "#SBATCH --array=1-"
        << tasks << "\n#SBATCH --time=" << o.time << "\n#SBATCH --cpus-per-task=" << o.cpus
        << "\n#SBATCH --requeue\n"
           "#SBATCH --signal=B:USR1@"
        << o.warn
        << "\n#SBATCH --open-mode=append\n"
           "#SBATCH --output=prefdyn-%A_%a.log\n"
           "# ---- this cluster: partition, account, modules ----\n"
           "##SBATCH --partition=\n"
           "##SBATCH --account=\n"
           "# module load ...\n"
           "# ---------------------------------------------------\n"
           "export HDF5_USE_FILE_LOCKING=FALSE\n\n"
        << absolute(o.program) << " sweep " << absolute(o.spec) << " --out " << absolute(o.out)
        << " --shard \"$SLURM_ARRAY_TASK_ID/" << tasks
        << "\" --threads \"$SLURM_CPUS_PER_TASK\" &\n"
           "worker=$!\n"
           "trap 'kill -USR1 \"$worker\"' USR1 TERM\n"
           "# wait returns early when a trap ran; the worker then publishes what it has.\n"
           "while kill -0 \"$worker\" 2>/dev/null; do wait \"$worker\"; code=$?; done\n"
           "if [ \"$code\" = 130 ]; then\n"
           "    scontrol requeue \"${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}\"\n"
           "    sleep 60\n"
           "fi\n"
           "exit \"$code\"\n";
    return out.str();
}

}  // namespace prefdyn::sweep
