#include <ostream>

#include "experiments/commands/command.hpp"
#include "experiments/commands/commands.hpp"
#include "experiments/program/option_pages.hpp"

namespace prefdyn {

namespace {

struct CompletionOptions {
    Shell shell = Shell::kBash;
};

void declare(ParameterTable& t, CompletionOptions& o) {
    t.choice("shell", &o.shell, {"bash", "zsh"},
             "the shell, which reads the script: source <(prefdyn completion bash)");
    t.positional();
}

int run_completion(CompletionOptions& o, const ParameterTable&, std::ostream& out) {
    out << completion_script(o.shell, all_parameters());
    return 0;
}

}  // namespace

Command completion_command() {
    return make_command("completion", "print what a shell needs to complete commands and options",
                        run_completion);
}

}  // namespace prefdyn
