#pragma once
// A command of the program. Its file holds what it is asked, the declaration of that, and what it
// does, and exports one Command.

#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

#include "experiments/program/parameter_table.hpp"

namespace prefdyn {

struct Command {
    std::string name, summary;
    /// Returns the exit code; throws InputError, MachineError and Interrupted.
    std::function<int(const std::vector<std::string>& arguments, std::ostream& out)> run;
    std::function<std::string(bool markdown)> options =
        {};  ///< help, or a table; empty: no options
};

/// Declares and parses; options whose defaults depend on a preset have an overload of their own.
template <class Options>
void parse(ParameterTable& table, Options& options, const std::vector<std::string>& arguments) {
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
            [](bool markdown) {
                Options options;
                ParameterTable table;
                declare(table, options);
                return markdown ? table.markdown() : table.help();
            }};
}

}  // namespace prefdyn
