#pragma once
#include <iosfwd>

#include "sim/data/population.hpp"

namespace prefdyn {

/// One line: name, components, dimension and exact moments.
void print_population(std::ostream& out, const Population& population);

}  // namespace prefdyn
