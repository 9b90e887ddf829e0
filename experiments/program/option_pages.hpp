#pragma once
// What a table of parameters says of itself: help, a page, data for other programs, completion.

#include <map>
#include <string>
#include <vector>

#include "experiments/program/parameter_table.hpp"

namespace prefdyn {

/// For --help.
std::string options_help(const std::vector<Parameter>& parameters);
/// A Markdown table.
std::string options_markdown(const std::vector<Parameter>& parameters);
/// A JSON array, one object a parameter: name, type, range, choices, default, unit, help, required,
/// positional.
std::string options_json(const std::vector<Parameter>& parameters);

enum class Shell { kBash, kZsh };
/// A script for the shell to read: completes commands, their options and the values of choices.
std::string completion_script(Shell shell,
                              const std::map<std::string, std::vector<Parameter>>& commands);

}  // namespace prefdyn
