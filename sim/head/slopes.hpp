#pragma once
// How fast each behaviour of a mixture starts to move, measured on an engine.

#include "sim/head/engine.hpp"

namespace prefdyn {

/// Time derivatives along the gradient flow at one point, (K) each.
struct BehaviourSlopes {
    Vector margin;  ///< M_k', M_k the mean margin of behaviour k
    Vector loss;    ///< L_k', L_k the mean loss of behaviour k
};

/// At the reference head. M_k is linear in the head, so M_k' is M_k one unit of time along the
/// initial direction, without a difference quotient; L_k' = -<grad L_k, grad L>, each gradient from
/// the engine. The training rows name their behaviours.
BehaviourSlopes initial_slopes(const PolicyEngine& engine);

}  // namespace prefdyn
