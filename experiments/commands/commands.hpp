#pragma once
#include <iosfwd>
#include <map>
#include <string>
#include <vector>

#include "experiments/program/parameter_table.hpp"

namespace prefdyn {

/// Runs one command line (without the program name). Returns the exit code: 0 all as expected, 1 a
/// claim violated or a control not caught, 2 bad input, 3 the machine failed, 130 interrupted.
/// Failures go to `err`.
int run_command(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err);

/// Markdown of the options of every command, docs/options.md.
std::string options_page();

/// Markdown table of the language models that are run, in docs/scaled.md.
std::string architectures_table();

/// The options of every command as JSON: {"program", "commands": {NAME: {"summary", "options"}}}.
std::string options_json();
std::map<std::string, std::vector<Parameter>> all_parameters();

/// Markdown of every dataset of a result file, docs/file-format.md.
std::string file_format_page();

}  // namespace prefdyn
