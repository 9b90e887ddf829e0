#pragma once
// Negative controls (theory.md section 8): each breaks one assumption or plants one fault, and the
// claim must come back violated. A verifier that cannot fail proves nothing.

#include <functional>
#include <string>
#include <vector>

#include "theory/claim.hpp"

namespace prefdyn {

struct Control {
    std::string claim;  ///< id of the claim that must fail
    std::string name;
    std::string fault;  ///< what is wrong, in a sentence
    std::function<theory::Verdict(const theory::Claim&, std::uint64_t seed)> run;
};

struct ControlResult {
    std::string claim, name, fault;
    theory::Verdict verdict;
    bool caught() const { return verdict.status == theory::Status::kViolated; }
};

/// The controls of the claims about single runs and of T5; a study brings its own.
const std::vector<Control>& controls();

/// Every control of the given claims, those of the studies too.
std::vector<ControlResult> run_controls(const std::vector<theory::Claim>& claims,
                                        std::uint64_t seed);

}  // namespace prefdyn
