#pragma once
// The published panels on the squeezing effect (one embedding x in R^4, 50 tokens, one update),
// redrawn from their seed.

#include <string>
#include <vector>

#include "experiments/studies/probabilities/context_cases.hpp"

namespace prefdyn {

struct SqueezingPanel {
    std::string name;
    Objective objective;
    Index chosen, rejected;  ///< tokens that are pulled and pushed, where the objective does either
    double eta;
    theory::InfluenceFacts facts;  ///< with the update as its path; W is (50, 4), contexts x, x
    Vector before, after;          ///< pi(. | x) (50)
};

/// A, B, C, D as committed, and D pure. The committed D also pulls token 25 with the strength it
/// pushes token 42 with: the pi terms of the two gradients cancel, so that only the logits of 25
/// and 42 move and nothing is squeezed.
std::vector<SqueezingPanel> squeezing_panels();

}  // namespace prefdyn
