#pragma once
// A command of the program. Its file holds what it is asked, the declaration of that, and what it
// does, and exports one Command.

#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

#include "experiments/program/parameter_table.hpp"
#include "sim/base/failure.hpp"

namespace prefdyn {

struct Command {
    std::string name, summary;
    /// Returns the exit code; throws InputError, MachineError and Interrupted.
    std::function<int(const std::vector<std::string>& arguments, std::ostream& out)> run;
    /// What it is asked; `set` and `get` of these are not to be called.
    std::function<std::vector<Parameter>()> parameters;
};

/// Declares and parses. Where one option is a preset, `take_preset(options, first)` takes the one
/// that `first` was given and puts its numbers into `options`: they are the defaults of what the
/// arguments leave open.
template <class Options>
void parse(ParameterTable& table, Options& options, const std::vector<std::string>& arguments) {
    if constexpr (requires(const Options& first) { take_preset(options, first); }) {
        Options first;
        ParameterTable finds_preset;
        declare(finds_preset, first);
        // What depends on the preset is wrong or right only once its numbers are in place.
        try {
            finds_preset.parse(arguments);
        } catch (const InputError&) {
        }
        take_preset(options, first);
    }
    declare(table, options);
    table.parse(arguments);
}

/// A command on options that `declare(table, options)` declares.
template <class Options>
Command make_command(const std::string& name, const std::string& summary,
                     int (*run)(Options& options, const ParameterTable& table, std::ostream& out)) {
    return {name, summary,
            [run](const std::vector<std::string>& arguments, std::ostream& out) {
                Options options;
                ParameterTable table;
                parse(table, options, arguments);
                return run(options, table, out);
            },
            [] {
                Options options;
                ParameterTable table;
                declare(table, options);
                return table.parameters();
            }};
}

}  // namespace prefdyn
