#include "experiments/commands/commands.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <ostream>

#include "experiments/commands/command.hpp"
#include "experiments/program/guard.hpp"
#include "experiments/program/option_pages.hpp"
#include "experiments/results/provenance.hpp"
#include "sim/base/failure.hpp"
#include "sim/base/nearest.hpp"

namespace prefdyn {

Command certify_command();
Command claims_command();
Command completion_command();
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
             {certify_command(),    claims_command(), completion_command(), dialogues_command(),
              docs_command(),       embed_command(),  falsify_command(),    finetune_command(),
              inspect_command(),    judge_command(),  merge_command(),      misalign_command(),
              quantities_command(), scaled_command(), simulate_command(),   slurm_command(),
              status_command(),     sweep_command(),  tokenize_command(),   verify_command()})
            out.emplace(each.name, each);
        return out;
    }();
    return all;
}

void print_usage(std::ostream& out) {
    out << "usage: prefdyn COMMAND [options]\n\n";
    for (const auto& [name, command] : commands())
        out << "  " << name << std::string(12 - name.size(), ' ') << command.summary << "\n";
    out << "\n`prefdyn help COMMAND` lists the options of a command, `prefdyn --version` says "
           "which "
           "program this is.\n";
}

void print_help(const Command& command, std::ostream& out) {
    out << "usage: prefdyn " << command.name << " [options]: " << command.summary << "\n\n"
        << options_help(command.parameters());
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

bool asks_help(const std::string& argument) { return argument == "--help" || argument == "-h"; }

const Command& command_named(const std::string& name) {
    const auto found = commands().find(name);
    if (found == commands().end()) throw unknown_command(name);
    return found->second;
}

int dispatch(const std::vector<std::string>& arguments, std::ostream& out) {
    if (arguments.empty()) throw InputError("no command given", "prefdyn --help lists them");
    const std::string& first = arguments[0];
    if (first == "--version") return out << "prefdyn " << program_name() << "\n", 0;
    if (asks_help(first) || (first == "help" && arguments.size() == 1)) return print_usage(out), 0;
    if (first == "help") return print_help(command_named(arguments[1]), out), 0;
    const Command& command = command_named(first);
    const std::vector<std::string> rest(arguments.begin() + 1, arguments.end());
    if (std::ranges::any_of(rest, asks_help)) return print_help(command, out), 0;
    return command.run(rest, out);
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
        page += "\n## prefdyn " + name + "\n\n" + options_markdown(command.parameters());
    return page;
}

std::string options_json() {
    std::string out =
        "{\"program\": " + nlohmann::json(program_name()).dump() + ", \"commands\": {";
    for (const auto& [name, command] : commands()) {
        if (name != commands().begin()->first) out += ",";
        out.append("\n\"").append(name).append("\": {\"summary\": ");
        out.append(nlohmann::json(command.summary).dump()).append(", \"options\": ");
        out.append(options_json(command.parameters())).append("}");
    }
    return out + "}}\n";
}

std::map<std::string, std::vector<Parameter>> all_parameters() {
    std::map<std::string, std::vector<Parameter>> out;
    for (const auto& [name, command] : commands()) out.emplace(name, command.parameters());
    return out;
}

}  // namespace prefdyn
