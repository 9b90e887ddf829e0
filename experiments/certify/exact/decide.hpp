#pragma once
// Comparisons of balls, and what they come to.

#include "experiments/certify/certificate.hpp"
#include "experiments/certify/exact/real.hpp"
#include "theory/claim.hpp"

namespace prefdyn::certify {

/// `measured` relation `bound`, both in units of 1 / `divisor`: shares are counted.
struct ExactComparison {
    Index step;
    Real measured, bound;
    theory::Relation relation;
    Real scale = {};  ///< 0: the larger of both sides
    double divisor = 1.0;
};

/// Makes the bound stronger by factor < 1, as theory::strengthened does.
void strengthen(ExactComparison& comparison, double factor);

/// What the comparisons come to at the precision of the thread. Balls that overlap count as equal
/// where what is left open is narrower than 2^(-bits / 2) of the scale; of an inequality only once
/// more bits than the first have not parted them.
Certificate weigh(const std::string& claim, const std::vector<ExactComparison>& comparisons,
                  const Limits& limits);

}  // namespace prefdyn::certify
