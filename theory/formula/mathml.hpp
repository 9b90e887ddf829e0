#pragma once
#include <string>

#include "theory/formula/formula_claim.hpp"

namespace prefdyn::theory {

/// The statements of a claim as presentation MathML, one <math> each; symbols are those of
/// theory.md.
std::string mathml_of(const FormulaClaim& claim);

/// A statement in words: its formulas as MathML between the words, which are escaped.
std::string mathml_of(const std::string& statement);

/// Whichever the claim has.
std::string mathml_of(const Claim& claim);

}  // namespace prefdyn::theory
