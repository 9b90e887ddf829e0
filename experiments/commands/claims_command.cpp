#include <ostream>

#include "experiments/commands/claim_page.hpp"
#include "experiments/commands/command.hpp"
#include "sim/base/failure.hpp"
#include "theory/registry.hpp"

namespace prefdyn {

namespace {

int run_claims(const std::vector<std::string>& arguments, std::ostream& out) {
    if (arguments.size() > 1) throw InputError("claims: give at most one claim id or prefix");
    for (const auto& claim : theory::select_claims(arguments.empty() ? "" : arguments[0])) {
        if (arguments.empty())
            out << claim.id << "  " << claim.title << "\n";
        else
            print_claim(out, claim);
    }
    return 0;
}

}  // namespace

Command claims_command() {
    return {"claims", "list the claims; `claims T2b` prints one", run_claims};
}

}  // namespace prefdyn
