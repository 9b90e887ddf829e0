#include "experiments/sweep/slurm.hpp"

#include <boost/algorithm/string/replace.hpp>
#include <filesystem>
#include <sstream>

namespace prefdyn::sweep {

namespace {

/// In single quotes, as a shell reads it back.
std::string quoted(const std::string& text) {
    return "'" + boost::algorithm::replace_all_copy(text, "'", "'\\''") + "'";
}

std::string absolute(const std::string& path) {
    return quoted(std::filesystem::absolute(path).string());
}

/// A bare name is looked up on the node.
std::string program(const std::string& name) {
    if (name.empty()) return quoted(std::filesystem::read_symlink("/proc/self/exe").string());
    return name.find('/') == std::string::npos ? quoted(name) : absolute(name);
}

/// What every script does; it needs program, spec, out and shards.
const char* const kBody = R"sh(
segments() { find "$out/segments" -name "$SLURM_ARRAY_TASK_ID-*.h5" 2>/dev/null | wc -l; }
before=$(segments)
warned=
# When its time is nearly up Slurm signals this script alone; when it ends a task, the worker too.
trap 'warned=yes; kill -USR1 "$worker"' USR1
trap : TERM
"$program" sweep "$spec" --out "$out" --shard "$SLURM_ARRAY_TASK_ID/$shards" \
    --threads "$SLURM_CPUS_PER_TASK" &
worker=$!
while kill -0 "$worker" 2>/dev/null; do wait "$worker"; done # a trap ends wait, not the worker
wait "$worker"
code=$?
if [ "$warned" ] && [ "$code" = 130 ]; then
    if [ "$(segments)" -gt "$before" ]; then
        scontrol requeue "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID"
    else
        echo "not requeued: this time was too short for one point"
    fi
fi
exit "$code"
)sh";

}  // namespace

std::string slurm_script(const SlurmOptions& o) {
    std::ostringstream out;
    out << "#!/bin/bash\n"
        << "#SBATCH --job-name=prefdyn\n"
        << "#SBATCH --array=1-" << o.array << "\n"
        << "#SBATCH --time=" << o.time << "\n"
        << "#SBATCH --cpus-per-task=" << o.cpus << "\n"
        << "#SBATCH --requeue\n"
        << "#SBATCH --signal=B:USR1@" << o.warn << "\n"
        << "#SBATCH --open-mode=append\n"
        << "#SBATCH --output=prefdyn-%A_%a.log\n"
        << "# ---- this cluster: partition, account, modules ----\n"
        << "##SBATCH --partition=\n"
        << "##SBATCH --account=\n"
        << "# module load ...\n"
        << "# ---------------------------------------------------\n"
        << "export HDF5_USE_FILE_LOCKING=FALSE\n"
        << "program=" << program(o.program) << "\n"
        << "spec=" << absolute(o.spec) << "\n"
        << "out=" << absolute(o.out) << "\n"
        << "shards=" << o.array << "\n"
        << kBody;
    return out.str();
}

}  // namespace prefdyn::sweep
