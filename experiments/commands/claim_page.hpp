#pragma once
#include <iosfwd>

#include "theory/claim.hpp"

namespace prefdyn {

/// What `prefdyn claims ID` prints of a claim: what it says, and how it is checked, read off the
/// registries of suite, studies, controls and search spaces.
void print_claim(std::ostream& out, const theory::Claim& claim);

}  // namespace prefdyn
