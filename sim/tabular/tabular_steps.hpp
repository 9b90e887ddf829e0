#pragma once
// Gradient descent on the tabular DPO loss in steps of a given length, and the flow that it
// follows: theta' = -grad (L + (c / 4) ||grad L||^2) = -(I + (c / 2) H) grad L, H the Hessian
// (Barrett & Dherin, ICLR 2021; c = h for steps of length h, c = 0 for the plain flow).

#include "sim/tabular/tabular_dpo.hpp"

namespace prefdyn {

/// theta (P, A) after `count` steps of length `step` from theta = log pi_ref.
RowMatrix descended(const DpoProblem& problem, double step, Index count);

struct FlowEnd {
    RowMatrix theta;  ///< (P, A)
    double error;     ///< of theta, Frobenius: the difference to half as many steps
};
/// The flow from theta = log pi_ref: classical Runge-Kutta in 2 `steps` steps.
FlowEnd modified_flow(const DpoProblem& problem, double correction, double duration, Index steps);

}  // namespace prefdyn
