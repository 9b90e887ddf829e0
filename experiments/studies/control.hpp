#pragma once
// Negative controls: each breaks one assumption or plants one fault, and the
// claim must come back violated. A verifier that cannot fail proves nothing.

#include <functional>
#include <string>

#include "theory/claim.hpp"

namespace prefdyn {

/// The negative class's features with the wrong sign, as a faulty trainer may see them.
inline Dataset negative_flipped(Dataset data) {
    for (Index i = 0; i < data.samples(); ++i)
        if (data.label[static_cast<std::size_t>(i)] < 0) data.features.row(i) *= -1.0;
    return data;
}

struct Control {
    std::string claim;  ///< id of the claim that must fail
    std::string name;
    std::string fault;  ///< what is wrong, in a sentence
    std::function<theory::Verdict(const theory::Claim&, std::uint64_t seed)> run;
    /// The same fault on the user's features; empty if it needs a geometry of its own.
    std::function<theory::Verdict(const theory::Claim&, const Dataset&, double beta)>
        run_on_features = {};
    std::function<bool(const Dataset&)> shows_on = {};  ///< whether it can show on them
};

struct ControlResult {
    std::string claim, name, fault;
    std::string data;  ///< the behaviour's name; empty: synthetic features
    theory::Verdict verdict;
    bool synthetic() const { return data.empty(); }
    bool caught() const { return verdict.status == theory::Status::kViolated; }
};

}  // namespace prefdyn
