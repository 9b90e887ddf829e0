#pragma once
#include <iosfwd>
#include <string>
#include <vector>

#include "experiments/program/parameter_table.hpp"
#include "theory/claim.hpp"

namespace prefdyn {

/// Which claims a command is about.
struct ClaimsOption {
    std::string ids;   ///< --claims
    std::string file;  ///< --claim-file
};

/// --claims: ids or prefixes; --claim-file: claims of the user's own.
void declare(ParameterTable& table, ClaimsOption& option);
void declare_claim_file(ParameterTable& table, std::string& file);

/// The claims of a claim file, none for an empty path; its warnings go to `log`. Throws InputError.
std::vector<theory::Claim> own_claims(const std::string& file, std::ostream& log);

/// Throws InputError for ids that no claim has.
std::vector<theory::Claim> chosen_claims(const ClaimsOption& option, std::ostream& log);

}  // namespace prefdyn
