#pragma once
// RLHF on its own: a reward fitted by maximum likelihood, then a policy that ascends
//   J(pi) = sum_x weight_x ( sum_a pi(a) r(a) - beta KL(pi || pi_ref) )
// by its exact gradient over softmax logits. Nothing here knows DPO.

#include "sim/tabular/tabular_graph.hpp"

namespace prefdyn {

struct RewardFit {
    RowMatrix reward;  ///< (P, A); NaN if there is no optimum
    double gradient_norm = 0.0;
    double curvature = 0.0;  ///< least eigenvalue of the Hessian with the anchors held
    bool converged = false;
    Existence existence;
};

/// Bradley-Terry maximum likelihood, mean over the comparisons. The first response of every
/// component of the comparison graph is an anchor: it keeps its value in `start` (P, A).
RewardFit fit_reward(const Comparisons& data, const RowMatrix& start);

struct RlhfProblem {
    Vector weight;            ///< (P)
    RowMatrix log_reference;  ///< (P, A)
    RowMatrix reward;         ///< (P, A)
    double beta = 0.1;
    Matrix basis = {};  ///< policy class as in DpoProblem; empty: all logits
};

double regularised_reward(const RlhfProblem& problem, const RowMatrix& theta);
/// dJ / dtheta (P, A)
RowMatrix policy_gradient(const RlhfProblem& problem, const RowMatrix& theta);

enum class Geometry { kPlain, kNatural };

struct AscentSpec {
    Geometry geometry = Geometry::kNatural;
    double step = 0.5;         ///< first trial step, in units of 1 / beta; halved while J falls
    double tolerance = 1e-13;  ///< on the largest entry of the direction, relative to the reward's
    Index limit = 100000;
};

struct Ascent {
    RowMatrix log_policy;  ///< (P, A), rows normalised
    /// Largest entry of the natural gradient in the logits; over all logits that is
    /// max |q - E_pi q|, q = r - beta log(pi / pi_ref). 0 at the optimum of the class.
    double residual = 0.0;
    Index iterations = 0;
    bool converged = false;
};

/// Gradient ascent on J from the reference.
Ascent ascend(const RlhfProblem& problem, const AscentSpec& spec = {});

}  // namespace prefdyn
