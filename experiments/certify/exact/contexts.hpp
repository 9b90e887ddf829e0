#pragma once
// T12b to T12e in exact numbers: a linear head trained on contexts, and what happens to the
// probabilities of its tokens.

#include <functional>

#include "experiments/certify/exact/decide.hpp"
#include "experiments/certify/exact/rows.hpp"
#include "theory/influence.hpp"

namespace prefdyn::certify {

/// log pi at each observed context (m of V).
using LogPolicy = std::vector<RealVector>;

/// A head trained by what the facts claim (or by what others do), measured at their step sizes.
struct ExactContexts {
    const theory::InfluenceFacts& told;
    std::vector<LogPolicy> single, path;

    ExactContexts(const theory::InfluenceFacts& told, const theory::InfluenceFacts& trained,
                  double eta_factor);
};

using ContextClaim = std::vector<ExactComparison> (*)(const ExactContexts&);

/// Null for a claim that is not covered.
ContextClaim context_claim(const std::string& id);

}  // namespace prefdyn::certify
