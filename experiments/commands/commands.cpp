#include "experiments/commands/commands.hpp"

#include <map>
#include <ostream>

#include "experiments/commands/command.hpp"
#include "experiments/program/guard.hpp"
#include "sim/base/failure.hpp"
#include "sim/base/nearest.hpp"

namespace prefdyn {

Command certify_command();
Command claims_command();
Command dialogues_command();
Command docs_command();
Command embed_command();
Command falsify_command();
Command finetune_command();
Command inspect_command();
Command judge_command();
Command merge_command();
Command misalign_command();
Command quantities_command();
Command scaled_command();
Command simulate_command();
Command slurm_command();
Command status_command();
Command sweep_command();
Command tokenize_command();
Command verify_command();

namespace {

const std::map<std::string, Command>& commands() {
    static const auto all = [] {
        std::map<std::string, Command> out;
        for (const Command& each :
             {certify_command(), claims_command(), dialogues_command(), docs_command(),
              embed_command(), falsify_command(), finetune_command(), inspect_command(),
              judge_command(), merge_command(), misalign_command(), quantities_command(),
              scaled_command(), simulate_command(), slurm_command(), status_command(),
              sweep_command(), tokenize_command(), verify_command()})
            out.emplace(each.name, each);
        return out;
    }();
    return all;
}

void print_usage(std::ostream& out) {
    out << "usage: prefdyn COMMAND [options]\n\n";
    for (const auto& [name, command] : commands())
        out << "  " << name << std::string(12 - name.size(), ' ') << command.summary << "\n";
    out << "\n`prefdyn COMMAND --help` lists the options of a command.\n";
}

InputError unknown_command(const std::string& name) {
    std::vector<std::string> names;
    for (const auto& entry : commands()) names.push_back(entry.first);
    const std::string near = nearest(name, names);
    return InputError("unknown command '" + name + "'",
                      name == "bench" ? "timings are a program of their own: prefdyn-bench"
                      : near.empty()  ? "prefdyn --help lists them"
                                      : "did you mean '" + near + "'?");
}

int dispatch(const std::vector<std::string>& arguments, std::ostream& out) {
    if (arguments.empty()) throw InputError("no command given", "prefdyn --help lists them");
    if (arguments[0] == "--help" || arguments[0] == "help") return print_usage(out), 0;
    const auto found = commands().find(arguments[0]);
    if (found == commands().end()) throw unknown_command(arguments[0]);
    const std::vector<std::string> rest(arguments.begin() + 1, arguments.end());
    for (const auto& argument : rest)
        if (argument == "--help") {
            out << "usage: prefdyn " << found->first << " [options]: " << found->second.summary
                << "\n\n"
                << (found->second.options ? found->second.options(false) : "");
            return 0;
        }
    return found->second.run(rest, out);
}

}  // namespace

int run_command(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err) {
    const int code = guarded("prefdyn", err, [&] { return dispatch(arguments, out); });
    return checked_output("prefdyn", out, err, code);
}

std::string options_page() {
    std::string page =
        "# Options\n\nPrinted by `prefdyn docs options`; a test compares the two. Every command "
        "also takes `--config FILE`\nwith `name = value` lines (the command line wins) and "
        "`--help`.\n";
    for (const auto& [name, command] : commands())
        if (command.options) page += "\n## prefdyn " + name + "\n\n" + command.options(true);
    return page;
}

}  // namespace prefdyn
