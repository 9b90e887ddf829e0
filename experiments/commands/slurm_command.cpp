#include <algorithm>
#include <cmath>
#include <ostream>

#include "experiments/commands/command.hpp"
#include "experiments/sweep/runner.hpp"
#include "experiments/sweep/slurm.hpp"
#include "experiments/sweep/spec.hpp"
#include "sim/base/failure.hpp"

namespace prefdyn {

namespace sweep {

void declare(ParameterTable& t, SlurmOptions& o) {
    t.text("spec", &o.spec, "what is varied (docs/sweeps.md)", true);
    t.positional();
    t.text("out", &o.out, "folder of the sweep, seen by every node", true);
    t.integer("array", &o.array, 1, 1000000, "tasks", "shards, one an array task");
    t.text("time", &o.time, "time limit of a task, as sbatch takes it; tasks requeue themselves");
    t.integer("cpus", &o.cpus, 1, 4096, "", "cores of a task");
    t.text("mem", &o.memory,
           "memory of a task, as sbatch takes it; by default what its points need");
    t.integer("warn", &o.warn, 10, 65535, "s", "how long before its time a task is told to stop");
    t.text("partition", &o.partition, "of the job");
    t.text("account", &o.account, "of the job");
    t.text("qos", &o.qos, "of the job");
    t.text("mail", &o.mail, "address that hears of the end and of failures");
    t.text("merge", &o.merged, "file (HDF5) that a further job merges when all tasks have ended");
    t.text("program", &o.program,
           "the prefdyn executable on the nodes, or in the container; by default this one, or the "
           "container's prefdyn");
    t.text("container", &o.container, "image that apptainer or singularity runs the program in");
}

}  // namespace sweep

namespace {

/// What a task holds at most, from points spread over the sweep, in MiB and with a reserve.
std::string memory_of(const sweep::Spec& spec, Index cpus) {
    constexpr std::size_t kTried = 64;
    constexpr double kProgram = 512.0, kReserve = 1.5;
    const sweep::PointRunner run(spec, Device::kCpu);
    double most = 0.0;
    const std::size_t count = std::min(spec.size(), kTried);
    for (std::size_t k = 0; k < count; ++k)
        most = std::max(most, run.bytes(count < 2 ? 0 : (spec.size() - 1) / (count - 1) * k));
    most = std::max(most, run.bytes(spec.size() - 1));
    const double mib = kProgram + kReserve * static_cast<double>(cpus) * most / 1048576.0;
    return std::to_string(static_cast<Index>(std::ceil(mib))) + "M";
}

int run_slurm(sweep::SlurmOptions& options, const ParameterTable&, std::ostream& out) {
    const sweep::Spec spec = sweep::read_spec(options.spec);
    if (options.out.empty()) throw InputError("--out is empty", "name the folder of the sweep");
    if (options.memory.empty()) options.memory = memory_of(spec, options.cpus);
    out << sweep::slurm_script(options);
    return 0;
}

}  // namespace

Command slurm_command() {
    return make_command("slurm", "print an sbatch script for a sweep", run_slurm);
}

}  // namespace prefdyn
