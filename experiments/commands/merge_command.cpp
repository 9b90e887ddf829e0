#include <ostream>

#include "experiments/commands/command.hpp"
#include "experiments/commands/sweep_print.hpp"
#include "experiments/results/result_writer.hpp"

namespace prefdyn {

namespace {

struct MergeOptions {
    std::string folder, out;
    bool force = false;
};

void declare(ParameterTable& t, MergeOptions& o) {
    t.text("folder", &o.folder, "folder of the sweep", true);
    t.positional();
    t.text("out", &o.out, "merged file (HDF5)", true);
    t.flag("force", &o.force, "replace an existing file");
}

int run_merge(MergeOptions& options, const ParameterTable&, std::ostream& out) {
    const sweep::Spec spec = sweep::spec_of_folder(options.folder);
    require_writable(options.out, options.force);
    const sweep::FolderState state = sweep::merge(options.folder, spec, options.out);
    print_state(out, state);
    out << "wrote " << options.out << "\n";
    return state.exit_code();
}

}  // namespace

Command merge_command() {
    return make_command("merge", "make one file of a sweep's folder", run_merge);
}

}  // namespace prefdyn
