#include "experiments/commands/commands.hpp"

#include <functional>
#include <map>
#include <new>
#include <ostream>

#include "bench/bench_command.hpp"
#include "bench/bench_options.hpp"
#include "experiments/commands/claim_page.hpp"
#include "experiments/commands/options.hpp"
#include "experiments/commands/result_fields.hpp"
#include "experiments/finetune/options.hpp"
#include "experiments/sweep/slurm.hpp"
#include "sim/base/failure.hpp"
#include "sim/base/nearest.hpp"
#include "sim/cuda/device.hpp"
#include "theory/registry.hpp"

namespace prefdyn {

namespace {

struct Command {
    std::string summary;
    std::function<int(const std::vector<std::string>&, std::ostream&)> run;
    std::function<std::string(bool)> options;  ///< help text, or Markdown if true
};

template <class Options>
std::string option_text(bool markdown) {
    Options options;
    ParameterTable table;
    declare(table, options);
    return markdown ? table.markdown() : table.help();
}

std::string status_options(bool markdown) {
    std::string folder;
    ParameterTable table;
    declare_status(table, folder);
    return markdown ? table.markdown() : table.help();
}

int claims_command(const std::vector<std::string>& arguments, std::ostream& out) {
    if (arguments.size() > 1) throw InputError("claims: give at most one claim id or prefix");
    for (const auto& claim : theory::select_claims(arguments.empty() ? "" : arguments[0])) {
        if (arguments.empty())
            out << claim.id << "  " << claim.title << "\n";
        else
            print_claim(out, claim);
    }
    return 0;
}

int docs_command(const std::vector<std::string>& arguments, std::ostream& out) {
    const std::string page = arguments.size() == 1 ? arguments[0] : "";
    if (page == "file-format")
        out << file_format_page();
    else if (page == "options")
        out << options_page();
    else
        throw InputError("docs: give one page", "known: file-format, options");
    return 0;
}

const std::map<std::string, Command>& commands() {
    static const std::map<std::string, Command> all = {
        {"simulate",
         {"train one head on one synthetic dataset and judge it", simulate_command,
          option_text<SimulateOptions>}},
        {"verify",
         {"hold every claim against the suite and its negative controls", verify_command,
          option_text<VerifyOptions>}},
        {"falsify",
         {"search for the dataset and setting that come nearest to breaking a claim",
          falsify_command, option_text<FalsifyOptions>}},
        {"bench",
         {"time the engines against each other and against the memory", bench_command,
          option_text<BenchOptions>}},
        {"dialogues",
         {"make prompt, chosen, rejected of the published two-column form of dialogues",
          dialogues_command, option_text<DialoguesOptions>}},
        {"tokenize",
         {"show the token ids of a text, or of the prompts of preference data", tokenize_command,
          option_text<TokenizeOptions>}},
        {"embed",
         {"embed preference data with a language model: a feature file for verify and simulate",
          embed_command, option_text<EmbedCommandOptions>}},
        {"scaled",
         {"the experiments of the paper on a language model: embed, train its last layer, judge",
          scaled_command, option_text<ScaledOptions>}},
        {"finetune",
         {"train a whole language model on preferences, or adapters of it; measure and save it",
          finetune_command, option_text<FinetuneOptions>}},
        {"misalign",
         {"train base and aligned model on flipped labels: which forgets faster?", misalign_command,
          option_text<MisalignOptions>}},
        {"sweep",
         {"run a grid or a design of points, here or a shard of it; goes on where it stopped",
          sweep_command, option_text<SweepOptions>}},
        {"merge", {"make one file of a sweep's folder", merge_command, option_text<MergeOptions>}},
        {"status", {"say what a sweep's folder has and lacks", status_command, status_options}},
        {"slurm",
         {"print an sbatch script for a sweep", slurm_command, option_text<sweep::SlurmOptions>}},
        {"inspect",
         {"show what a model folder holds, the memory it needs, and how it goes on",
          inspect_command, option_text<InspectOptions>}},
        {"claims", {"list the claims; `claims T2b` prints one", claims_command, {}}},
        {"docs", {"print a generated page: file-format, options", docs_command, {}}},
    };
    return all;
}

void print_usage(std::ostream& out) {
    out << "usage: prefdyn COMMAND [options]\n\n";
    for (const auto& [name, command] : commands())
        out << "  " << name << std::string(12 - name.size(), ' ') << command.summary << "\n";
    out << "\n`prefdyn COMMAND --help` lists the options of a command.\n";
}

int dispatch(const std::vector<std::string>& arguments, std::ostream& out) {
    if (arguments.empty()) throw InputError("no command given", "prefdyn --help lists them");
    if (arguments[0] == "--help" || arguments[0] == "help") return print_usage(out), 0;
    const auto found = commands().find(arguments[0]);
    if (found == commands().end()) {
        std::vector<std::string> names;
        for (const auto& entry : commands()) names.push_back(entry.first);
        const std::string near = nearest(arguments[0], names);
        throw InputError(
            "unknown command '" + arguments[0] + "'",
            near.empty() ? "prefdyn --help lists them" : "did you mean '" + near + "'?");
    }
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

/// Says what failed; returns `code`.
int report(std::ostream& err, const Failure& failure, int code) {
    err << "prefdyn: " << failure.what() << "\n";
    if (!failure.hint().empty()) err << "hint: " << failure.hint() << "\n";
    return code;
}

}  // namespace

int run_command(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err) {
    try {
        return dispatch(arguments, out);
    } catch (const InputError& error) {
        return report(err, error, 2);
    } catch (const MachineError& error) {
        return report(err, error, 3);
    } catch (const std::bad_alloc&) {
        return report(err, MachineError("out of memory", "lower samples, dimension or vocabulary"),
                      3);
    } catch (const Interrupted&) {
        err << "prefdyn: interrupted, nothing written\n";
        return 130;
    } catch (const std::exception& error) {
        err << "prefdyn: failed: " << error.what() << "\n";
        return 3;
    }
}

std::string options_page() {
    std::string page =
        "# Options\n\nPrinted by `prefdyn docs options`; a test compares the two. Every command "
        "also "
        "takes `--config FILE`\nwith `name = value` lines (the command line wins) and `--help`.\n";
    for (const auto& [name, command] : commands())
        if (command.options) page += "\n## prefdyn " + name + "\n\n" + command.options(true);
    return page;
}

}  // namespace prefdyn
