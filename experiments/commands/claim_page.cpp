#include "experiments/commands/claim_page.hpp"

#include <algorithm>
#include <ostream>

#include "experiments/falsify/falsify.hpp"
#include "experiments/studies/study.hpp"
#include "experiments/sweep/model.hpp"
#include "experiments/verify/controls.hpp"
#include "experiments/verify/studies.hpp"

namespace prefdyn {

namespace {

using theory::Claim;
using theory::ClaimKind;

std::string kind_of(const Claim& claim) {
    switch (claim.kind) {
        case ClaimKind::kRigorous:
            return "rigorous: every comparison must come out, up to rounding";
        case ClaimKind::kPrediction:
            return "prediction: exact in a limit, compared within a tolerance or for convergence";
        case ClaimKind::kProbabilistic:
            return "probabilistic: an exact binomial test over the cases";
        case ClaimKind::kFit:
            return "fit: a constant is fitted and reported, never passed or failed";
    }
    return "";
}

std::vector<std::string> grounds_of(const Claim& claim) {
    std::vector<std::string> out;
    if (claim.scope == theory::Scope::kRun)
        out.push_back("every run of the suite that meets the assumptions, " +
                      std::to_string(synthetic_suite(Profile::kDefault, 1).size()) +
                      " by default; one run: `prefdyn simulate`");
    for (const Study& study : studies())
        if (std::ranges::count(study.claims, claim.id) > 0)
            out.push_back("study \"" + study.name + "\"" +
                          (study.run_on_features ? ", of your own features too" : ""));
    for (const sweep::Experiment& e : sweep::experiments())
        if (std::ranges::count(e.claims, claim.id) > 0)
            out.push_back("points of a sweep with experiment = " + e.name);
    return out;
}

}  // namespace

void print_claim(std::ostream& out, const Claim& claim) {
    out << claim.id << "  " << claim.title << "\n  statement: " << claim.statement
        << "\n  source: " << claim.source << "\n  origin: " << origin_text(claim.origin)
        << "\n  assumptions:\n";
    for (const auto& assumption : claim.assumptions) out << "    - " << assumption.text << "\n";
    out << "  how it is checked (`prefdyn verify --claims " << claim.id << "`):\n    "
        << kind_of(claim) << "\n    judged on:\n";
    for (const std::string& ground : grounds_of(claim)) out << "    - " << ground << "\n";
    out << "    negative controls, each of which must come back violated:\n";
    for (const Control& control : controls({claim}))
        if (control.claim == claim.id)
            out << "    - " << control.name << ": " << control.fault << "\n";
    out << "    search for a counterexample: ";
    if (has_search_space(claim))
        out << "`prefdyn falsify --claim " << claim.id << "`\n";
    else
        out << "none, it is " << why_not_searched(claim) << "\n";
}

}  // namespace prefdyn
