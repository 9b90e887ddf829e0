#include <ostream>

#include "experiments/commands/command.hpp"
#include "experiments/commands/sweep_print.hpp"

namespace prefdyn {

namespace {

struct StatusOptions {
    std::string folder;
};

void declare(ParameterTable& t, StatusOptions& o) {
    t.text("folder", &o.folder, "folder of the sweep", true);
    t.positional();
}

int run_status(StatusOptions& options, const ParameterTable&, std::ostream& out) {
    const sweep::Spec spec = sweep::spec_of_folder(options.folder);
    print_shape(out, spec);
    const sweep::FolderState state = sweep::folder_state(options.folder, spec);
    print_state(out, state);
    return state.exit_code();
}

}  // namespace

Command status_command() {
    return make_command("status", "say what a sweep's folder has and lacks", run_status);
}

}  // namespace prefdyn
