#pragma once
// Whether the units of a formula add up.

#include <string>
#include <vector>

#include "sim/base/formula.hpp"

namespace prefdyn::theory {

struct Warning {
    std::size_t column;
    std::string text;
};
/// Where units do not add up, in powers of the features' unit.
std::vector<Warning> unit_warnings(const formula::Node& node);

}  // namespace prefdyn::theory
