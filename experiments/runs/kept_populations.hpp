#pragma once
// Populations of the user's own, read once and known by file name and contents: "pop.h5 @ UUID".

#include <memory>
#include <string>

#include "sim/data/population.hpp"

namespace prefdyn {

/// Reads the population that `text` names, a path, and keeps it; returns its known name. A known
/// name stays as it is. Throws InputError like read_population.
std::string known_population(const std::string& text);

/// The UUID in a known name; empty if it is none.
std::string hash_in(const std::string& known);

/// Of a path or a known name, from any thread. Throws InputError if what lies in the file is not
/// what the known name says.
std::shared_ptr<const Population> population_of(const std::string& text);

}  // namespace prefdyn
