#pragma once
// Claim files: theorems as text (docs/adding-a-claim.md).
//
//   [X1]
//   title   = mean margin, upper bound
//   source  = own note, 2026-12
//   needs   = loss sigmoid; from reference
//   claim   = mean(m) <= 2 * R0 * head_change
//
// `claim` may be given several times; `needs`, `control` hold several things apart by semicolons;
// further keys are experiment (run, priority), origin, and below a claim scale and trivial
// (theory::Worth).

#include <string>
#include <vector>

#include "theory/claim.hpp"

namespace prefdyn::theory {

struct ClaimFile {
    std::vector<Claim> claims;
    std::vector<std::string> warnings;  ///< units that do not add up
    std::string canonical;              ///< equal texts mean equal claims
};

/// Throws one InputError with everything that is wrong, line by line and with the column; `place`
/// names the file. Names of built-in claims are refused unless `built_in`.
ClaimFile parse_claims(const std::string& text, const std::string& place, bool built_in = false);

ClaimFile read_claim_file(const std::string& path);

/// Names that `control` takes, with the fault that each plants.
struct NamedFault {
    const char* name;
    PlantedFault fault;
};
const std::vector<NamedFault>& named_faults();

}  // namespace prefdyn::theory
