#pragma once
// Negative controls of the claims about probabilities.

#include <vector>

#include "experiments/studies/control.hpp"
#include "theory/influence.hpp"

namespace prefdyn {

/// Borrows the facts.
theory::Evidence evidence_of(const theory::InfluenceFacts& facts);

std::vector<Control> probability_controls();

}  // namespace prefdyn
