#pragma once
#include "theory/claim.hpp"

namespace prefdyn::theory {

/// A file of theory/formula that is compiled in.
struct ClaimText {
    const char *name, *text;
};
extern const ClaimText kClaimTexts[];
extern const std::size_t kClaimTextCount;

/// The claim of that id in one of them. Throws std::logic_error if there is none.
Claim built_in_formula(const std::string& id);

}  // namespace prefdyn::theory
