#pragma once
#include "theory/claim.hpp"

namespace prefdyn::theory {

/// Every claim, in the order of theory.md.
const std::vector<Claim>& claims();

/// The claims whose id starts with one of the comma-separated `selection` entries ("T2" takes T2a
/// and T2b; T1, being an id itself, takes no T11); an empty selection takes all. Throws InputError
/// for an entry that matches nothing.
/// `own` are looked through as well; where there are any, an empty selection takes these alone.
std::vector<Claim> select_claims(const std::string& selection, const std::vector<Claim>& own = {});

/// Of a built-in claim.
bool is_claim_id(const std::string& id);

/// What the runs of claims must leave behind.
Kept kept_for(const std::vector<Claim>& claims);

}  // namespace prefdyn::theory
