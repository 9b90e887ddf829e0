#include <ostream>

#include "experiments/commands/command.hpp"
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
    t.integer("warn", &o.warn, 10, 65535, "s", "how long before its time a task is told to stop");
    t.text("program", &o.program, "the prefdyn executable on the nodes; by default this one");
}

}  // namespace sweep

namespace {

int run_slurm(sweep::SlurmOptions& options, const ParameterTable&, std::ostream& out) {
    sweep::read_spec(options.spec);
    if (options.out.empty()) throw InputError("--out is empty", "name the folder of the sweep");
    out << sweep::slurm_script(options);
    return 0;
}

}  // namespace

Command slurm_command() {
    return make_command("slurm", "print an sbatch script for a sweep", run_slurm);
}

}  // namespace prefdyn
