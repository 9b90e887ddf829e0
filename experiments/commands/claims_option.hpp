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

/// The same where a transformer is trained: no claim is judged unless it is asked for.
void declare_for_transformers(ParameterTable& table, ClaimsOption& option);
std::vector<theory::Claim> claims_for_transformers(const ClaimsOption& option, std::ostream& log);

/// The claims of a claim file, none for an empty path; its warnings go to `log`. Throws InputError.
std::vector<theory::Claim> own_claims(const std::string& file, std::ostream& log);

/// Throws InputError for ids that no claim has.
std::vector<theory::Claim> chosen_claims(const ClaimsOption& option, std::ostream& log);

}  // namespace prefdyn
