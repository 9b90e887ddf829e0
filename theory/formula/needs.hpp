#pragma once
// What claims of a file may assume, by name.

#include <optional>
#include <string>
#include <vector>

#include "theory/claim.hpp"

namespace prefdyn::theory {

struct KnownNeed {
    std::string name;  ///< with `X` where a number or a name follows
    std::string words;
    bool about_path = false;  ///< full gradients: the claim is about the exact training
    bool from_reference = false;
};
const std::vector<KnownNeed>& known_needs();

struct FoundNeed {
    Assumption assumption;
    const KnownNeed* known;
    double eta_kappa = 0.0;  ///< the largest it admits; 0: any
};

/// The assumption of that name; none if there is no such name. Throws InputError for an argument
/// that it does not take.
std::optional<FoundNeed> find_need(const std::string& text);

}  // namespace prefdyn::theory
