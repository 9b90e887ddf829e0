#include "experiments/commands/claims_option.hpp"

#include <ostream>

#include "sim/base/failure.hpp"
#include "theory/formula/claim_file.hpp"
#include "theory/registry.hpp"

namespace prefdyn {

void declare_claim_file(ParameterTable& t, std::string& file) {
    t.text("claim-file", &file, "claims of your own, as formulas (docs/adding-a-claim.md)");
    t.place();
}

namespace {

void declare_with(ParameterTable& t, ClaimsOption& o, const std::string& words) {
    t.text("claims", &o.ids, words);
    declare_claim_file(t, o.file);
    // Ids beside a claim file are looked at once it is read.
    t.rule([&o](const ParameterTable&) -> std::string {
        try {
            if (o.file.empty()) theory::select_claims(o.ids);
            return {};
        } catch (const InputError& error) {
            return std::string("--") + error.what() + "; " + error.hint();
        }
    });
}

}  // namespace

void declare(ParameterTable& t, ClaimsOption& o) {
    declare_with(t, o,
                 "comma-separated claim ids or prefixes (T2 takes T2a and T2b); else all, with "
                 "--claim-file those of the file");
}

void declare_for_transformers(ParameterTable& t, ClaimsOption& o) {
    declare_with(
        t, o,
        "comma-separated claim ids or prefixes to judge on every run, such as T15,T6b; else "
        "none, with --claim-file those of the file");
}

std::vector<theory::Claim> claims_for_transformers(const ClaimsOption& o, std::ostream& log) {
    return o.ids.empty() ? own_claims(o.file, log) : chosen_claims(o, log);
}

std::vector<theory::Claim> own_claims(const std::string& file, std::ostream& log) {
    if (file.empty()) return {};
    theory::ClaimFile read = theory::read_claim_file(file);
    for (const std::string& warning : read.warnings) log << "warning: " << warning << "\n";
    return std::move(read.claims);
}

std::vector<theory::Claim> chosen_claims(const ClaimsOption& option, std::ostream& log) {
    return theory::select_claims(option.ids, own_claims(option.file, log));
}

}  // namespace prefdyn
