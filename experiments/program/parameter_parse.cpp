#include <algorithm>
#include <boost/program_options.hpp>
#include <filesystem>
#include <fstream>
#include <set>

#include "experiments/program/parameter_table.hpp"
#include "sim/base/failure.hpp"
#include "sim/base/nearest.hpp"

namespace prefdyn {

namespace {

namespace po = boost::program_options;

const std::string kCommandLine = "command line";

/// Applies sources one after the other, the first to name a parameter winning, and collects
/// everything that is wrong.
class Parser {
  public:
    explicit Parser(std::vector<Parameter>& parameters) : parameters_(parameters) {
        for (const Parameter& p : parameters_) {
            auto* value = po::value<std::vector<std::string>>();
            if (p.type == ParameterType::kFlag) value->implicit_value({"true"}, "true");
            if (p.type == ParameterType::kTexts) value->multitoken();
            description_.add_options()(p.name.c_str(), value);
        }
        description_.add_options()("config", po::value<std::vector<std::string>>());
    }

    /// `-o FILE` is --out FILE.
    void command_line(std::vector<std::string> arguments) {
        if (std::ranges::count(parameters_, "out", &Parameter::name) > 0)
            std::ranges::replace(arguments, std::string("-o"), std::string("--out"));
        read(kCommandLine, [&] {
            namespace style = po::command_line_style;
            return po::command_line_parser(arguments)
                .options(description_)
                .style(style::unix_style & ~style::allow_guessing & ~style::allow_short)
                .allow_unregistered()
                .run();
        });
    }

    /// The file that the command line named, if any.
    void config_file() {
        if (config_path_.empty()) return;
        std::ifstream in(config_path_);
        if (in && std::filesystem::is_regular_file(config_path_)) {
            read(config_path_, [&] { return po::parse_config_file(in, description_, true); });
        } else {
            readable_ = false;
            complain(config_path_, "config file cannot be read");
        }
    }

    /// Nothing if `problem` is empty.
    void add(const std::string& problem) {
        if (!problem.empty()) problems_ += (problems_.empty() ? "" : "\n") + problem;
    }

    void finish() {
        for (const Parameter& p : parameters_)
            if (readable_ && p.required && !done_.contains(p.name))
                add("missing option --" + p.name + " (" + p.help + ")");
        if (!problems_.empty())
            throw InputError(problems_, "--help lists every option with its range and default");
    }

  private:
    void complain(const std::string& origin, const std::string& text) { add(origin + ": " + text); }

    template <class Read>
    void read(const std::string& origin, Read parsed) {
        try {
            std::set<std::string> seen;
            for (const auto& option : parsed().options) apply(option, origin, seen);
            done_.merge(seen);
        } catch (const po::error& error) {
            readable_ = false;
            complain(origin, error.what());
        }
    }

    void apply(const po::option& option, const std::string& origin, std::set<std::string>& seen) {
        const std::string& key = option.string_key;
        const auto found = std::ranges::find(parameters_, key, &Parameter::name);
        if (key == "config" && origin == kCommandLine) {
            if (!config_path_.empty()) complain(origin, "--config is given more than once");
            config_path_ = option.value.empty() ? "" : option.value.back();
        } else if (key.empty() && bare() &&
                   (bare()->type == ParameterType::kTexts || !seen.contains(bare()->name))) {
            seen.insert(bare()->name);
            set(*bare(), option, origin);
        } else if (key.empty()) {
            complain(origin,
                     "argument '" + option.original_tokens.at(0) + "' belongs to no option");
        } else if (option.unregistered || found == parameters_.end()) {
            complain(origin, "unknown option " + unknown(key));
        } else if (seen.contains(key)) {
            complain(origin, "--" + key + " is given more than once");
        } else if (!done_.contains(key)) {
            seen.insert(key);
            set(*found, option, origin);
        }
    }

    Parameter* bare() {
        const auto found = std::ranges::find(parameters_, true, &Parameter::positional);
        return found == parameters_.end() ? nullptr : &*found;
    }

    void set(Parameter& parameter, const po::option& option, const std::string& origin) {
        const std::string bare = parameter.type == ParameterType::kFlag ? "true" : "";
        const std::string value = option.value.empty() ? bare : option.value.back();
        parameter.origin = origin;
        if (parameter.type == ParameterType::kTexts)
            for (std::size_t k = 0; k + 1 < option.value.size(); ++k)
                parameter.set(option.value[k]);
        const std::string wrong = parameter.set(value);
        if (!wrong.empty())
            complain(origin, "--" + parameter.name + " = '" + value + "' " + wrong +
                                 ", allowed: " + parameter.range);
    }

    /// `--key`, with the parameter that may have been meant.
    std::string unknown(const std::string& key) const {
        std::vector<std::string> known;
        for (const Parameter& p : parameters_) known.push_back(p.name);
        const std::string near =
            nearest(key.substr(std::min(key.find_first_not_of('-'), key.size())), known);
        return (key.starts_with("-") ? "" : "--") + key +
               (near.empty() ? "" : ", did you mean --" + near + "?");
    }

    std::vector<Parameter>& parameters_;
    po::options_description description_;
    std::string config_path_, problems_;
    std::set<std::string> done_;
    bool readable_ = true;  ///< what could not be read cannot be said to be missing
};

}  // namespace

void ParameterTable::parse(const std::vector<std::string>& arguments) {
    Parser parser(parameters_);
    parser.command_line(arguments);
    parser.config_file();
    for (const auto& rule : rules_) parser.add(rule(*this));
    parser.finish();
}

}  // namespace prefdyn
