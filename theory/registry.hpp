#pragma once
#include "theory/claim.hpp"

namespace prefdyn::theory {

/// Every claim, in the order of theory.md.
const std::vector<Claim>& claims();

/// The claims whose id starts with one of the comma-separated `selection` entries ("T2" takes T2a
/// and T2b; T1, being an id itself, takes no T11); an empty selection takes all. Throws InputError
/// for an entry that matches nothing.
std::vector<Claim> select_claims(const std::string& selection);

}  // namespace prefdyn::theory
