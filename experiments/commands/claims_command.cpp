#include <iostream>

#include "experiments/commands/claim_page.hpp"
#include "experiments/commands/claims_option.hpp"
#include "experiments/commands/command.hpp"
#include "theory/registry.hpp"

namespace prefdyn {

namespace {

struct ClaimsOptions {
    std::vector<std::string> claims;
    std::string file;
};

void declare(ParameterTable& t, ClaimsOptions& o) {
    t.texts("claim", &o.claims, "ids or prefixes of the claims to print whole; else a line each");
    t.positional();
    declare_claim_file(t, o.file);
}

int run_claims(ClaimsOptions& o, const ParameterTable&, std::ostream& out) {
    for (const auto& claim :
         theory::select_claims(joined(o.claims, ","), own_claims(o.file, std::cerr))) {
        if (o.claims.empty())
            out << claim.id << "  " << claim.title << "\n";
        else
            print_claim(out, claim);
    }
    return 0;
}

}  // namespace

Command claims_command() {
    return make_command("claims", "list the claims; `claims T2b` prints one", run_claims);
}

}  // namespace prefdyn
