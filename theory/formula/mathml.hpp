#pragma once
#include <string>

#include "theory/formula/formula_claim.hpp"

namespace prefdyn::theory {

/// The statements of a claim as presentation MathML, one <math> each; symbols are those of
/// theory.md.
std::string mathml_of(const FormulaClaim& claim);

}  // namespace prefdyn::theory
