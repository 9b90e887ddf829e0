#pragma once
#include "experiments/program/parameter_table.hpp"

namespace prefdyn {

/// --claims: ids or prefixes, refused where the registry knows none of that name.
void declare_claims(ParameterTable& table, std::string& claims);

}  // namespace prefdyn
