#pragma once
// Presets: one option's value changes the defaults of all others.

#include "experiments/program/parameter_table.hpp"
#include "sim/base/failure.hpp"

namespace prefdyn {

/// Declares and parses. `take(options, first)` takes the preset that `first` was given and puts its
/// numbers into `options`; they are the defaults of what the arguments leave open.
template <class Options, class Take>
void parse_with_preset(ParameterTable& table, Options& options,
                       const std::vector<std::string>& arguments, Take take) {
    Options first;
    ParameterTable finds_preset;
    declare(finds_preset, first);
    // What depends on the preset is wrong or right only once its numbers are in place.
    try {
        finds_preset.parse(arguments);
    } catch (const InputError&) {
    }
    take(options, first);
    declare(table, options);
    table.parse(arguments);
}

}  // namespace prefdyn
