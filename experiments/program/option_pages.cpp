#include "experiments/program/option_pages.hpp"

#include <iomanip>
#include <nlohmann/json.hpp>
#include <sstream>

namespace prefdyn {

namespace {

const char* type_name(ParameterType type) {
    switch (type) {
        case ParameterType::kReal:
            return "real";
        case ParameterType::kInteger:
            return "integer";
        case ParameterType::kChoice:
            return "choice";
        case ParameterType::kText:
            return "text";
        case ParameterType::kTexts:
            return "texts";
        case ParameterType::kFlag:
            return "flag";
    }
    return "text";
}

/// `compgen` of words, as one line of a shell's case.
std::string complete_with(const std::vector<std::string>& words) {
    return "COMPREPLY=($(compgen -W '" + joined(words, " ") + "' -- \"$word\"))";
}

std::vector<std::string> option_words(const std::vector<Parameter>& parameters) {
    std::vector<std::string> out;
    for (const Parameter& p : parameters) out.push_back("--" + p.name);
    out.insert(out.end(), {"--config", "--help"});
    return out;
}

}  // namespace

std::string options_help(const std::vector<Parameter>& parameters) {
    std::ostringstream out;
    out << std::left;
    for (const Parameter& p : parameters) {
        out << "  " << std::setw(25) << "--" + p.name << " " << p.help;
        if (!p.unit.empty()) out << " [" << p.unit << "]";
        out << "\n" << std::string(28, ' ') << p.range;
        if (p.required) out << "; required";
        if (!p.default_text.empty()) out << "; default " << p.default_text;
        out << "\n";
    }
    out << "  " << std::setw(25) << "--config"
        << " file of `name = value` lines; the command line wins\n";
    return out.str();
}

std::string options_markdown(const std::vector<Parameter>& parameters) {
    std::ostringstream out;
    out << "| option | range | default | unit | meaning |\n|---|---|---|---|---|\n";
    for (const Parameter& p : parameters)
        out << "| `--" << p.name << "` | " << markdown_cell(p.range) << " | " << p.default_text
            << " | " << p.unit << " | " << markdown_cell(p.help) << " |\n";
    return out.str();
}

std::string options_json(const std::vector<Parameter>& parameters) {
    nlohmann::ordered_json out = nlohmann::ordered_json::array();
    for (const Parameter& p : parameters)
        out.push_back({{"name", p.name},
                       {"type", type_name(p.type)},
                       {"range", p.range},
                       {"choices", p.choices},
                       {"default", p.default_text},
                       {"unit", p.unit},
                       {"help", p.help},
                       {"required", p.required},
                       {"positional", p.positional}});
    return out.dump();
}

std::string completion_script(Shell shell,
                              const std::map<std::string, std::vector<Parameter>>& commands) {
    std::vector<std::string> names;
    std::string values, options;
    for (const auto& [name, parameters] : commands) {
        names.push_back(name);
        options += "        " + name + ") " + complete_with(option_words(parameters)) + " ;;\n";
        for (const Parameter& p : parameters) {
            if (p.choices.empty()) continue;
            values += "        '" + name + " --" + p.name + "'" +
                      (p.positional ? "|'" + name + " " + name + "'" : "") + ") " +
                      complete_with(p.choices) + "; return ;;\n";
        }
    }
    options += "        help) " + complete_with(names) + " ;;\n";
    std::vector<std::string> first = names;
    first.insert(first.end(), {"help", "--help", "--version"});
    std::string out;
    if (shell == Shell::kZsh)
        out += "autoload -U +X compinit && compinit\nautoload -U +X bashcompinit && bashcompinit\n";
    out +=
        "_prefdyn() {\n"
        "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
        "    local command=${COMP_WORDS[1]}\n"
        "    if [ \"$COMP_CWORD\" = 1 ]; then\n        " +
        complete_with(first) +
        "\n        return\n    fi\n"
        "    case \"$command $before\" in\n" +
        values +
        "    esac\n"
        "    case $command.$word in\n        help.*|*.-*) ;;\n        *) COMPREPLY=($(compgen -f "
        "-- \"$word\")); "
        "return ;;\n    esac\n"
        "    case $command in\n" +
        options +
        "    esac\n"
        "}\n"
        "complete -o filenames -F _prefdyn prefdyn\n";
    return out;
}

}  // namespace prefdyn
