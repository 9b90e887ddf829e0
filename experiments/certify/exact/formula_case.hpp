#pragma once
// Claims that are formulas, in exact numbers: the same expression that judges a run in doubles.

#include "experiments/certify/exact/claims.hpp"
#include "theory/formula/formula_claim.hpp"

namespace prefdyn::certify {

/// Why a formula has no certificate: a quantity without an exact counterpart; empty if it has one.
std::string why_not(const theory::FormulaClaim& claim);

std::vector<ExactComparison> formula_comparisons(const theory::FormulaClaim& claim,
                                                 const Told& told, const Walk& walk);

/// What the claim assumes and the exact numbers deny; empty if nothing.
std::string unmet(const theory::FormulaClaim& claim, const Told& told, const Walk& walk);

}  // namespace prefdyn::certify
