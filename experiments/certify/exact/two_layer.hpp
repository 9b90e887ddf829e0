#pragma once
// T9a, T9bp and T9d in exact numbers: a linear embedding E trained with its head a by gradient
// descent, E_{k+1} = E_k + eta beta a q^T and a_{k+1} = a_k + 2 eta beta E q, q = mean sigma(-m_i)
// z_i, m_i = beta z_i . (E^T a - E_0^T a_0).

#include "experiments/certify/exact/decide.hpp"
#include "experiments/certify/exact/rows.hpp"
#include "experiments/certify/subject.hpp"

namespace prefdyn::certify {

/// What was measured and what is said of it, step by step.
struct TwoLayerPoint {
    Real distinguishability, condition;  ///< D and S
    Real balance, unit_balance;          ///< ||B - B_0||_F and that of the diagonal
    Real drift, unit_drift;              ///< the same of the sum of changes
};

struct ExactTwoLayer {
    Real told_eta, beta;
    Real squared_rate, told_rate;  ///< -L'(0), of the gradient and as T9a has it
    std::vector<TwoLayerPoint> points;

    explicit ExactTwoLayer(const TwoLayerSubject& subject);
};

using TwoLayerExactClaim = std::vector<ExactComparison> (*)(const ExactTwoLayer&);

/// Null for a claim that is not covered.
TwoLayerExactClaim two_layer_claim(const std::string& id);

}  // namespace prefdyn::certify
