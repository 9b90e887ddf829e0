#pragma once
// DPO over logits theta (P, A):
//   L(theta) = (1/N) sum_x sum_{a,b} wins_x(a, b) softplus(-m_ab),
//   m_ab = beta ((theta_a - theta_b) - (log pi_ref(a) - log pi_ref(b))),
// the mean over the N = total comparisons; the log-partition cancels.

#include "sim/tabular/tabular_graph.hpp"

namespace prefdyn {

struct DpoProblem {
    Comparisons data;
    RowMatrix log_reference;  ///< (P, A)
    double beta = 0.1;
    /// The policy class theta = log pi_ref + B x; B is (P A, K), row x A + a. Empty: all logits.
    Matrix basis = {};
};

/// Throws one InputError unless shapes agree and all is finite, beta > 0.
void validate(const DpoProblem& problem);

double dpo_loss(const DpoProblem& problem, const RowMatrix& theta);
RowMatrix dpo_gradient(const DpoProblem& problem, const RowMatrix& theta);
/// The Hessian is block diagonal over prompts: [P] (A, A).
std::vector<Matrix> dpo_hessian(const DpoProblem& problem, const RowMatrix& theta);

struct DpoSolution {
    RowMatrix log_policy;  ///< (P, A), rows normalised; NaN if there is no optimum
    double gradient_norm = 0.0;
    double curvature = 0.0;  ///< least non-zero eigenvalue of the Hessian
    Index iterations = 0;
    bool converged = false;
    Existence existence;
};

/// Newton's method from theta = log pi_ref to gradient norm 1e-12. Where the optimum is not unique,
/// the one that training from the reference finds; where it is at infinity, NaN and the reason.
DpoSolution solve_dpo(const DpoProblem& problem);

/// Gradient descent from theta = log pi_ref over all logits, eta = 1 / kappa, until the gradient
/// norm is at most `tolerance` or `limit` steps are made.
DpoSolution descend_dpo(const DpoProblem& problem, double tolerance, Index limit);

}  // namespace prefdyn
